//! What was signed of the chain, wherever it was kept: on this machine, in the archive, in the stream.

use sealtrail_chain::Checkpoint;
use sealtrail_chain::segment::{Ranges, parse_checkpoint_key, range_key};
use tracing::warn;

use super::walk::{Object, Signed};
use super::{Legs, Lineage, Refusal};
use crate::archive::listing::CheckpointObject;

impl Legs<'_> {
    /// What this machine has kept of what was signed.
    pub(super) fn local(&self) -> Result<Signed, Refusal> {
        let mut signed = Signed::default();
        let dir = self.config.wal_dir().join("checkpoints");
        let kept = self.checkpoints.load().map_err(|error| Refusal::Local { problem: error.to_string() })?;
        for kept in kept {
            signed.add(kept.size, kept.root, || format!("kept in {}", dir.display()));
            if kept.is_object() {
                let (root, unix_seconds) = (kept.root, kept.unix_seconds);
                signed.add_object(kept.size, Object { root, unix_seconds, note: kept.note, ranges: kept.ranges });
            }
        }
        Ok(signed)
    }

    pub(super) async fn add_stored(
        &self,
        signed: &mut Signed,
        stored: &CheckpointObject,
        lineage: &Lineage,
    ) -> Result<(), Refusal> {
        let CheckpointObject { size, unix_seconds, key } = stored;
        let problem = |problem| Refusal::Checkpoint { key: key.clone(), problem };
        let note = self.text(key).await?.ok_or_else(|| problem("it is gone"))?;
        let range = parse_checkpoint_key(key).map(|(chain, ..)| range_key(&chain, *size, *unix_seconds));
        let ranges = self.text(&range.unwrap_or_default()).await?;
        let ranges = ranges.ok_or_else(|| problem("the ranges beside it are missing"))?;
        let checked = self.verified(&note, lineage).ok_or_else(|| problem("this chain's keys have not signed it"))?;
        if checked.checkpoint.size != *size || checked.cosigned != Some(*unix_seconds) {
            return Err(problem("its name says something else than its text"));
        }
        let root = checked.checkpoint.root;
        let whole = Ranges::from_text(*size, &ranges).ok();
        if whole.is_none_or(|ranges| ranges.whole.root() != root) {
            return Err(problem("the ranges beside it have another root"));
        }
        signed.add(*size, root, || key.clone());
        signed.add_object(*size, Object { root, unix_seconds: *unix_seconds, note, ranges: Some(ranges) });
        Ok(())
    }

    /// Checkpoints that the stream holds. A note that our keys have not signed is none of the chain's, whoever put it there.
    pub(super) fn add_streamed(&self, signed: &mut Signed, lineage: &Lineage) -> Result<(), Refusal> {
        let mut foreign = 0_u64;
        let read = self.contents.checkpoints(&mut |stored| {
            let Some(checked) = self.verified(&stored.note, lineage) else {
                foreign += 1;
                return;
            };
            let Checkpoint { size, root, .. } = checked.checkpoint;
            signed.add(size, root, || "in the stream's topic of checkpoints".to_owned());
            if let Some(unix_seconds) = checked.cosigned {
                signed.add_object(size, Object { root, unix_seconds, note: stored.note, ranges: None });
            }
        });
        read.map_err(|error| Refusal::Stream { source: error.into() })?;
        if foreign > 0 {
            warn!(
                notes = foreign,
                "the stream's topic of checkpoints holds notes that this chain's keys have not signed"
            );
        }
        Ok(())
    }

    fn verified(&self, note: &str, lineage: &Lineage) -> Option<Checked> {
        let next = self.keys.next.as_ref().map(|(_, next)| [next.ed25519.vkey(), next.ml_dsa_44.vkey()]);
        let keys: Vec<_> = lineage.keys().into_iter().chain(next.into_iter().flatten().cloned()).collect();
        let (signed, signatures) = Checkpoint::verify(note, &keys).ok()?;
        let checkpoint = signed.statement().clone();
        let speaks = |key| lineage.speaks(key, checkpoint.size) || next.is_some_and(|[next, _]| next == key);
        let ours = checkpoint.origin == self.keys.origin && signatures.held.iter().any(speaks);
        ours.then_some(Checked { checkpoint, cosigned: signatures.cosigned })
    }
}

/// A checkpoint that the chain's keys have signed.
struct Checked {
    checkpoint: Checkpoint,
    cosigned: Option<u64>,
}
