//! What the stream holds behind the archive's end: looked at before it is ours, then written into files of the log.

use std::ops::ControlFlow;

use sealtrail_chain::content::{Content, Tail, Value};
use sealtrail_chain::{Head, Link, Sequence, UnixNanos};

use super::walk::{Stumble, Walk};
use super::{Ahead, Legs, Refusal, StartError};
use crate::stream::Streamed;
use crate::wal::{Confirmed, Rebuild, RebuildError};

impl Legs<'_> {
    /// The note that record 0 carries in the stream.
    pub(super) fn first_note(&self) -> Result<String, Refusal> {
        let mut first = None;
        self.contents.records(Sequence::ZERO, UnixNanos(0), &mut |streamed| {
            let attributes = streamed.record.log.attributes;
            let note = attributes.into_iter().find(|attribute| attribute.key == "sealtrail.genesis");
            let note = note.and_then(|attribute| match attribute.value {
                Value::String(note) => Some(note.into_owned()),
                _ => None,
            });
            first = Some((streamed.link.sequence, note));
            ControlFlow::Break(())
        })?;
        match first {
            None => Err(Refusal::NoChain { chain: self.config.chain.clone() }),
            Some((Sequence::ZERO, note)) => {
                note.ok_or_else(|| Refusal::Genesis { problem: "record 0 carries none".to_owned() })
            }
            Some((stream, _)) => Err(Refusal::Hole { archive: Sequence::ZERO, stream }),
        }
    }

    /// Whether the stream's records can follow the archive's, before anybody is shut out.
    pub(super) fn peek(&self, ahead: &Ahead) -> Result<(), Refusal> {
        let (mut joint, head) = (Joint::new(ahead), ahead.walk.head());
        let mut outcome = Ok(());
        self.contents.records(head.next(), head.observed(), &mut |streamed| {
            let seen = joint.take(&streamed.link).and_then(|new| {
                if new {
                    let text = content(&streamed);
                    let followed = head.clone().follow(&streamed.link, text.as_str());
                    let sequence = streamed.link.sequence;
                    followed.map_err(|source| Refusal::StreamBreak { sequence, source })?;
                }
                Ok(new)
            });
            match seen {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => ControlFlow::Break(()),
                Err(refusal) => {
                    outcome = Err(refusal);
                    ControlFlow::Break(())
                }
            }
        })?;
        outcome
    }

    pub(super) fn read_stream(&self, rebuild: &mut Rebuild, ahead: &mut Ahead, head: &Head) -> Result<(), StartError> {
        let mut joint = Joint::new(ahead);
        let walk = &mut ahead.walk;
        let mut outcome: Result<(), StartError> = Ok(());
        let read = self.contents.records(head.next(), head.observed(), &mut |streamed| {
            let taken = joint.take(&streamed.link).map_err(StartError::from).and_then(|new| {
                if new {
                    let text = content(&streamed);
                    take(walk, rebuild, &streamed.link, text.as_str())?;
                }
                Ok(())
            });
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            }
        });
        read.map_err(Refusal::from)?;
        outcome
    }
}

/// The canonical text of a record as the stream holds it.
fn content(streamed: &Streamed<'_>) -> Content {
    Content::write(&streamed.record.log, &Tail::write(&streamed.record.context))
}

/// Where the stream's records meet the archive's.
struct Joint {
    archived: Option<Confirmed>,
    next: Sequence,
    begun: bool,
}

impl Joint {
    fn new(ahead: &Ahead) -> Self {
        Self { archived: ahead.archived, next: ahead.walk.next(), begun: false }
    }

    /// Whether the record lies behind the archive's end; the last one before that must be the same in both.
    fn take(&mut self, link: &Link) -> Result<bool, Refusal> {
        let sequence = link.sequence;
        if sequence < self.next {
            self.begun = true;
            return match self.archived {
                Some(Confirmed { last, hash }) if last == sequence && hash != link.hash => {
                    Err(Refusal::Disagree { sequence, archive: hash, stream: link.hash })
                }
                _ => Ok(false),
            };
        }
        if !std::mem::replace(&mut self.begun, true) {
            if sequence > self.next {
                return Err(Refusal::Hole { archive: self.next, stream: sequence });
            }
            if let Some(Confirmed { last, hash }) = self.archived.filter(|archived| archived.hash != link.previous) {
                return Err(Refusal::Disagree { sequence: last, archive: hash, stream: link.previous });
            }
        }
        Ok(true)
    }
}

fn take(walk: &mut Walk, rebuild: &mut Rebuild, link: &Link, content: &str) -> Result<(), StartError> {
    let sequence = link.sequence;
    walk.follow(link, content).map_err(|stumble| match stumble {
        Stumble::Break(source) => Refusal::StreamBreak { sequence, source },
        Stumble::Contradiction { size, place } => Refusal::Contradiction { size, place },
    })?;
    rebuild.push(link, content).map_err(|error| match error {
        RebuildError::Break { sequence, source } => Refusal::StreamBreak { sequence, source }.into(),
        RebuildError::Wal(error) => error.into(),
    })
}
