//! PIN blocks (ISO 9564): hexadecimal digits of a fixed number behind their key, of which the decimal ones may stand anywhere.

use super::iso8583::{self, data_element};
use super::number::Group;
use super::{Finding, Scan, Shape, Token};
use crate::mask::rules::Class;

/// Hexadecimal digits of a PIN block, and of one that AES enciphered (ISO 9564 format 4).
pub(super) const BLOCK: usize = 16;
const LONG_BLOCK: usize = 32;
/// Digits of a group that a block may be written in.
pub(super) const FOUR: usize = 4;

impl Scan<'_, '_> {
    /// The token around a group when it is a block of 16 hexadecimal digits (a PIN block), wherever its decimal digits are; or
    /// what follows a key that is written together with its block (`epb0412AC89ABCDEF67`).
    #[inline]
    pub(super) fn keyed_token(&mut self, group: Group) {
        if group.len() == BLOCK || !self.is_alone(group) {
            self.keyed_block(group);
        }
    }

    // Apart, so that the question before it costs no call: most groups are neither.
    #[inline(never)]
    fn keyed_block(&mut self, group: Group) {
        const PREFIXED: usize = BLOCK + 2;
        let token = self.token_at(group.start);
        if token.end - token.start == LONG_BLOCK {
            return self.keyed_long_block(token);
        }
        if token.end - token.start == FOUR && self.may_be_keyed(token.start) {
            self.block_in_fours(token.start);
        }
        // A block may have a `0x` before it.
        if !matches!(token.end - token.start, BLOCK | PREFIXED) && token.end - group.start != BLOCK {
            return;
        }
        let start = token.start + if self.is_prefixed(token) { 2 } else { 0 };
        let is_block = |start: usize| {
            let signs = self.bytes.get(start..token.end).unwrap_or_default();
            signs.len() == BLOCK && signs.iter().all(u8::is_ascii_hexdigit)
        };
        if is_block(start) {
            if !token.judged && self.may_be_keyed(token.start) {
                self.token.judged = true;
                self.keyed_hit(token.start, start, token.end);
            }
            if self.found.last().is_none_or(|found| found.start != start)
                && (data_element(self.bytes, token.start) == Some(iso8583::PIN)
                    || iso8583::is_entry(self.bytes, token.start, b"52"))
                && let Some(rule) = self.rules.of_class(self.active, Class::SadPin)
            {
                self.found.push(Finding { start, end: token.end, rule, view: self.view, shape: Shape::Whole });
            }
            // Fewer than three decimal digits in a row are no number that a table would be asked about.
            if self.found.last().is_none_or(|found| found.start != start) {
                self.table(token.start);
            }
        } else if is_block(group.start) && self.may_be_keyed(group.start) {
            self.keyed_hit(group.start, group.start, token.end);
        }
    }

    /// A trace id looks like such a block, so nothing may stand between it and its key.
    fn keyed_long_block(&mut self, token: Token) {
        if token.judged || !self.may_be_keyed(token.start) {
            return;
        }
        self.token.judged = true;
        if self.bytes.get(token.start..token.end).is_some_and(|signs| signs.iter().all(u8::is_ascii_hexdigit)) {
            self.keyed_hit(token.start, token.start, token.end);
        }
    }
}
