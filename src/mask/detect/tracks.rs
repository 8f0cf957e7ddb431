//! Tracks and EMV tags of a view: what `track` reads, and what the words before a card number say of it.

use super::pan::{self, Fit};
use super::track::{self, Tag};
use super::words::Words;
use super::{Finding, Scan, Shape};
use crate::mask::rules::{Class, Validator};

impl Scan<'_, '_> {
    /// Track data from the card number `start..end` on.
    pub(super) fn track(&mut self, start: usize, end: usize) -> bool {
        let Some(rule) = self.first(self.with(Validator::Track)) else { return false };
        if let Some(last) = track::end(self.bytes, start, end) {
            self.hit(track::start(self.bytes, start), last, rule);
            return true;
        }
        if let Some(last) = track::dated_end(self.bytes, end)
            && self.is_short_track(start, end)
        {
            self.hit(track::start(self.bytes, start), last, rule);
            return true;
        }
        // ISO 8583, element 35: two digits that tell the length of the track, 37 at most, may stand before it.
        let [b'1'..=b'3', _, number @ ..] = self.bytes.get(start..end).unwrap_or_default() else { return false };
        if pan::fit(number, pan::Brands::ALL) != Fit::Strong || !pan::luhn(number) {
            return false;
        }
        let Some(last) = track::end(self.bytes, start + 2, end) else { return false };
        self.hit(start + 2, last, rule);
        true
    }

    /// Whether a sound card number with no more than a date behind it is a track: by a capital between them, which stands in no sum, or
    /// by the word before it.
    fn is_short_track(&mut self, start: usize, end: usize) -> bool {
        const REACH: usize = 32;
        let digits = self.bytes.get(start..end).unwrap_or_default();
        pan::luhn(digits) && pan::fit(digits, pan::Brands::ALL) == Fit::Strong && {
            let mut words = Words { low: start.saturating_sub(REACH), end: start };
            let name = words.next(self.bytes).and_then(|(from, to)| self.bytes.get(from..to));
            let named = name.map_or(0, |name| self.keys.facts(self.rules, name).keyed & self.active);
            self.byte_at(end) == b'D' || self.rules.of_class(named, Class::SadTrack).is_some()
        }
    }

    /// The same, where blanks part it, or its card number is in groups: `4242 4242 4242 4242 = 3012 101 0000012345678`.
    pub(super) fn parted_track(&mut self, start: usize, end: usize, digits: &[u8]) -> bool {
        let Some(rule) = self.first(self.with(Validator::Track)) else { return false };
        let Some(last) = track::parted_end(self.bytes, end).filter(|_| pan::luhn(digits)) else { return false };
        self.hit(track::start(self.bytes, start), last, rule);
        true
    }

    /// The EMV tags of one token of hexadecimal digits.
    pub(super) fn emv(&mut self, start: usize, end: usize) {
        let (pan, track2) = (self.first(self.with(Validator::Pan)), self.first(self.with(Validator::Track)));
        if self.emv_until >= end {
            return;
        }
        self.emv_until = end;
        let (view, found) = (self.view, &mut *self.found);
        track::emv(self.bytes.get(start..end).unwrap_or_default(), &mut |tag, from, to| {
            let rule = if tag == Tag::Pan { pan } else { track2 };
            if let Some(rule) = rule {
                found.push(Finding { start: start + from, end: start + to, rule, view, shape: Shape::Signs });
            }
        });
    }
}
