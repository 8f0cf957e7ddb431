//! What an archive holds of one chain, by the names of its objects.

use sealtrail_chain::segment::{parse_checkpoint_key, parse_object_key};
use sealtrail_chain::{ChainName, Sequence};

use super::{Error, Objects};

/// A segment's object, by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentObject {
    pub first: Sequence,
    pub key: String,
}

/// A checkpoint's object, by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckpointObject {
    pub size: u64,
    pub unix_seconds: u64,
    pub key: String,
}

/// The segments of a chain, in its order. Names that are none of the format's are passed over: `verify` finds them.
pub async fn segments(archive: &impl Objects, chain: &ChainName) -> Result<Vec<SegmentObject>, Error> {
    let listed = archive.list(&format!("audit-logs/chain={chain}/")).await?;
    let mut segments: Vec<SegmentObject> = listed
        .into_iter()
        .filter_map(|object| {
            let first = parse_object_key(&object.key).filter(|key| key.chain == *chain)?.first;
            Some(SegmentObject { first, key: object.key })
        })
        .collect();
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// The checkpoints of a chain, smallest first.
pub async fn checkpoints(archive: &impl Objects, chain: &ChainName) -> Result<Vec<CheckpointObject>, Error> {
    let listed = archive.list(&format!("audit-checkpoints/chain={chain}/")).await?;
    let mut checkpoints: Vec<CheckpointObject> = listed
        .into_iter()
        .filter_map(|object| {
            let (_, size, unix_seconds) = parse_checkpoint_key(&object.key).filter(|(found, ..)| found == chain)?;
            Some(CheckpointObject { size, unix_seconds, key: object.key })
        })
        .collect();
    checkpoints.sort_by_key(|checkpoint| (checkpoint.size, checkpoint.unix_seconds));
    Ok(checkpoints)
}
