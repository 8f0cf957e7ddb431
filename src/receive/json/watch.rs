//! What a request is watched for on the way, and where in a record the reader stands: fields that nobody knows are counted,
//! nesting and the number of values are bounded.

use std::cell::Cell;

use sealtrail_chain::content::MAX_DEPTH;
use sealtrail_chain::content::otlp::{MAX_VALUES, Malformed};
use serde::de::{IgnoredAny, MapAccess};

/// What is noticed on the way that the result doesn't show.
#[derive(Default)]
pub(super) struct Watch {
    unknown: Cell<u64>,
    deep: Cell<bool>,
    many: Cell<bool>,
    elements: Cell<u32>,
}

impl Watch {
    /// Fields that no message here has.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown.get()
    }

    /// Why the message failed that was just read.
    pub(super) fn malformed(&self) -> Malformed {
        match (self.deep.take(), self.many.take()) {
            (true, _) => Malformed::TooDeep,
            (_, true) => Malformed::TooMany,
            _ => Malformed::WireType,
        }
    }

    /// Another record begins.
    pub(super) fn next(&self) {
        self.elements.set(0);
    }

    pub(super) fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.elements.set(self.elements.get() + 1);
        if self.elements.get() <= MAX_VALUES {
            return Ok(());
        }
        self.many.set(true);
        Err(E::custom("too many"))
    }

    pub(super) fn skip<'a, A: MapAccess<'a>>(&self, map: &mut A) -> Result<(), A::Error> {
        self.unknown.set(self.unknown.get() + 1);
        map.next_value::<IgnoredAny>().map(|_| ())
    }
}

/// Where in a record a message stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'w> {
    pub(super) watch: &'w Watch,
    /// Values around this message.
    depth: usize,
}

impl<'w> Place<'w> {
    pub(super) fn top(watch: &'w Watch) -> Self {
        Self { watch, depth: 0 }
    }

    /// The place of a value in here.
    pub(super) fn value<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            self.watch.deep.set(true);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}
