//! What a segment's object proves, rather than claims.

use std::ops::ControlFlow;

use sealtrail_chain::{Head, Link, Run, UnixNanos};

use super::{Error, Footer, Links, Reader};

/// Its links, if every record follows the one before from the first that its footer names to the last; else what is wrong.
/// The outer error: it can't be read.
pub(super) fn follow(mut reader: Reader) -> Result<Result<Links, &'static str>, Error> {
    let Footer { segment, range_before, .. } = reader.footer().clone();
    let links = Links::from(&segment);
    let mut run = Run::behind(Head::resume(segment.chain, segment.first, UnixNanos(0), segment.before, range_before));
    let mut follows = true;
    reader.rows(&mut |row| {
        let (previous, hash) = (run.hash(), row.hash);
        let link = Link { sequence: row.sequence, observed: row.observed, previous, checksum: row.checksum, hash };
        follows = run.follow(&link, row.content).is_ok();
        if follows { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(match follows && (run.next(), run.hash()) == (links.last.next(), links.after) {
        true => Ok(links),
        false => Err("its records are not those that its footer names"),
    })
}
