//! What was signed of the chain, wherever it was kept: on this machine, in the archive, in the stream.

use sealtrail_chain::Checkpoint;
use sealtrail_chain::segment::{Ranges, parse_checkpoint_key, range_key};
use tracing::warn;

use super::walk::{Object, Signed};
use super::{Legs, Refusal};
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

    pub(super) async fn add_stored(&self, signed: &mut Signed, stored: &CheckpointObject) -> Result<(), Refusal> {
        let CheckpointObject { size, unix_seconds, key } = stored;
        let problem = |problem| Refusal::Checkpoint { key: key.clone(), problem };
        let note = self.text(key).await?.ok_or_else(|| problem("it is gone"))?;
        let range = parse_checkpoint_key(key).map(|(chain, ..)| range_key(&chain, *size, *unix_seconds));
        let ranges = self.text(&range.unwrap_or_default()).await?;
        let ranges = ranges.ok_or_else(|| problem("the ranges beside it are missing"))?;
        let checked = self.verified(&note).ok_or_else(|| problem("this chain's keys have not signed it"))?;
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
    pub(super) fn add_streamed(&self, signed: &mut Signed) -> Result<(), Refusal> {
        let mut foreign = 0_u64;
        let read = self.contents.checkpoints(&mut |stored| {
            let Some(checked) = self.verified(&stored.note) else {
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

    fn verified(&self, note: &str) -> Option<Checked> {
        let ed25519 = self.keys.ed25519();
        let keys = [ed25519.as_slice(), &[self.keys.pair.ml_dsa_44.vkey().clone()]].concat();
        let (signed, signatures) = Checkpoint::verify(note, &keys).ok()?;
        let checkpoint = signed.statement().clone();
        let ours = checkpoint.origin == self.keys.origin && ed25519.iter().any(|key| signatures.held.contains(key));
        ours.then_some(Checked { checkpoint, cosigned: signatures.cosigned })
    }
}

/// A checkpoint that our keys have signed.
struct Checked {
    checkpoint: Checkpoint,
    cosigned: Option<u64>,
}
