//! Room for the passes over one text, which the next text can use.

use super::detect::{Encoded, Finding, Kept, Scan, Token, shapes};
use super::fold::{MAX_STEPS, View};
use super::keys::KeyCache;
use super::rules::RuleSet;
use super::signs::Signs;

/// Views of one text: as it is or folded, then one for each step of unescaping; and what is needed to make them.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) views: [View; MAX_STEPS + 1],
    pub(super) raw: View,
    /// Room for a view without its colour codes.
    pub(super) plain: View,
    pub(super) seen: Seen,
    pub(super) spans: Vec<Span>,
}

/// What the passes over the views of one text gather.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) signs: Signs,
    pub(super) found: Vec<Finding>,
    pub(super) kept: Vec<Kept>,
    pub(super) encoded: Vec<Encoded>,
    /// Reads like quoted-printable.
    pub(super) quoted: bool,
    /// Holds control characters as rsyslog escapes them.
    pub(super) logged: bool,
    /// The last view holds colour codes.
    pub(super) coloured: bool,
}

impl Seen {
    /// A pass over a view whose signs are read.
    pub(super) fn scan<'s, 'v>(
        &'s mut self,
        rules: &'s RuleSet,
        keys: &'s mut KeyCache,
        view: shapes::Text<'v>,
    ) -> Scan<'s, 'v> {
        Scan {
            rules,
            keys,
            active: view.active,
            key: view.key,
            bytes: view.bytes,
            signs: &mut self.signs,
            view: view.view,
            found: &mut self.found,
            kept: &mut self.kept,
            encoded: &mut self.encoded,
            token: Token::default(),
            emv_until: 0,
            key_ends: Default::default(),
            tables_until: 0,
            id_cells: Vec::new(),
            rows_until: 0,
            quoted: false,
            logged: false,
            coloured: false,
        }
    }
}

impl Scratch {
    /// Whether it is worth keeping for the next request: one large text must not hold memory for good.
    pub(super) fn is_small(&self) -> bool {
        const SMALL: usize = 1 << 16;
        let Seen { signs, found, kept, encoded, .. } = &self.seen;
        self.views.iter().chain([&self.raw, &self.plain]).all(|view| view.capacity() <= SMALL)
            && signs.capacity() <= SMALL
            && found.capacity() <= SMALL / 64
            && kept.capacity() <= SMALL / 64
            && encoded.capacity() <= SMALL / 64
            && self.spans.capacity() <= SMALL / 64
    }
}

/// A finding on the original bytes.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) finding: Finding,
}
