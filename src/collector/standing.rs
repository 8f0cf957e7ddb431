//! Where the chain stands when its collector starts: what this machine knows of it, what the legs say, and how the stream
//! becomes ours.

use std::time::Duration;

use sealtrail_chain::segment::genesis_key;
use sealtrail_chain::{ChainName, Head, Sequence};
use tracing::warn;

use super::StartError;
use crate::archive::{self, Objects as _};
use crate::deliver::{self, Attach, Known, Store};
use crate::stream::{End, Stream, StreamLeg, Tail};
use crate::wal::{self, Leg};

/// Whether the archive holds the chain's beginning.
pub(super) async fn holds(archive: &archive::Target, chain: &ChainName) -> Result<bool, StartError> {
    let note = archive.note(&genesis_key(chain)).await;
    note.map(|note| note.is_some()).map_err(|source| StartError::ArchiveAway { chain: chain.clone(), source })
}

/// What this machine knows of the chain, before the stream's word is weighed against it.
pub(super) fn known(recovered: &wal::Recovered, checkpoints: &Store) -> Result<Known, StartError> {
    let next = recovered.head().map_or(Sequence::ZERO, Head::next);
    Ok(Known {
        confirmed: recovered.legs().confirmed(Leg::Stream).map(end_of),
        signed: checkpoints.newest()?.map_or(0, |(size, _)| size),
        oldest: recovered.files().first().map_or(next, |file| file.first),
        next,
    })
}

/// Whether a leg holds a record of the chain: its genesis note is safe from the loss of this machine.
pub(super) fn has_begun(recovered: &wal::Recovered) -> bool {
    [Leg::Stream, Leg::Archive].into_iter().any(|leg| recovered.legs().confirmed(leg).is_some())
}

/// Where the stream ends. One that doesn't answer holds up only a chain that has not begun: for all others the write-ahead
/// log takes what comes.
pub(super) async fn ask(stream: &mut Stream, begun: bool) -> Result<Option<Tail>, StartError> {
    match stream.end().await {
        Ok(tail) => Ok(Some(tail)),
        Err(error) if begun && error.is_absence() => {
            warn!(%error, "the stream is not there; until it is, records stay in the write-ahead log");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the stream ours, if it answers and nobody else has gone on with the chain.
pub(super) async fn attach(
    stream: &mut Stream,
    tail: Option<Tail>,
    known: &Known,
    recovered: &wal::Recovered,
    begun: bool,
) -> Result<Attach, StartError> {
    let later = Attach::Later { confirmed: known.confirmed };
    let Some(tail) = tail else { return Ok(later) };
    let hash_at = |sequence| recovered.find(sequence).map_err(StartError::from);
    match deliver::take_over(stream, tail, known, hash_at).await {
        Ok(resume) => Ok(Attach::Done(resume)),
        Err(StartError::Stream(error)) if begun && error.is_absence() => {
            warn!(%error, "the stream went away; until it is back, records stay in the write-ahead log");
            Ok(later)
        }
        Err(error) => Err(error),
    }
}

/// Waits until the stream holds the chain's first record, and with it the genesis note, at most for `within`.
pub(super) async fn first_kept(legs: &deliver::Handle, within: Duration) -> Result<(), StartError> {
    let mut committed = legs.committed();
    let kept = committed.wait_for(|committed| committed.next > Sequence::ZERO);
    match tokio::time::timeout(within, kept).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(StartError::FirstNotKept),
    }
}

pub(super) fn end_of(confirmed: wal::Confirmed) -> End {
    End { last: confirmed.last, hash: confirmed.hash }
}
