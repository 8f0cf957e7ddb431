//! Lists of numbers: what the word before the first one says is said of all of them: `orders: A, B`, `IN ('A', 'B')`, `tel. A / B`.
//!
//! Asked only of a number of which no word of its own tells what it is. The items have as many digits as it has, or nearly so:
//! behind an order's number of another length, a card number may stand.

use super::Scan;
use super::joins::{Ends, blank, sign_of, word_of};
use super::number::MAX_DIGITS;
use super::series::unquoted;
use super::wrapped::area_code;

/// Items of a list that are passed over.
const MAX_ITEMS: usize = 16;
/// What joins telephones, and ids: `|`, `;` and `&` part one field from the next.
pub(super) const OF_TELEPHONES: Ends = Ends::of(&[",", "、", "，", "->", "→", "=>", "/", ";", "；", "|", "&"]);
pub(super) const OF_IDS: Ends = Ends::of(&[",", "->", "→", "=>"]);
const WORDS: Ends = Ends::of(&["or", "and", "vs", "to", "of", "oder", "und"]);

impl Scan<'_, '_> {
    /// Where the list begins in which the number at `at` is not the first item.
    #[inline(never)]
    pub(super) fn head_of_list(&self, at: usize, joints: &Ends) -> Option<usize> {
        let number = digits_ahead(self.bytes.get(at..)?);
        let mut head = area_code(self.bytes, at);
        let at = head;
        for _ in 0..MAX_ITEMS {
            match earlier(self.bytes.get(..head)?, number, joints) {
                Some(item) => head = item,
                None => break,
            }
        }
        (head < at).then_some(head)
    }
}

/// Digits of a number that `rest` begins with, single signs between them passed over.
fn digits_ahead(rest: &[u8]) -> usize {
    let mut digits = 0;
    let mut parted = true;
    for sign in rest {
        match sign {
            b'0'..=b'9' => (digits, parted) = (digits + 1, false),
            b'-' | b'.' | b' ' if !parted => parted = true,
            b')' if !parted => {}
            _ => break,
        }
        if digits > MAX_DIGITS {
            break;
        }
    }
    digits
}

/// Where the item begins that stands before the one behind `before`, which has so many `digits`.
fn earlier(before: &[u8], digits: usize, joints: &Ends) -> Option<usize> {
    let joint = blank(unquoted(before));
    let left = sign_of(joint, joints).or_else(|| word_of(joint, &WORDS))?;
    let item = unquoted(blank(left));
    // In groups it may have a digit more or less, as national telephones have.
    let grouped = |digits| {
        begins(item, digits).filter(|at| item.get(*at..).is_some_and(|item| !item.iter().all(u8::is_ascii_digit)))
    };
    begins(item, digits).or_else(|| grouped(digits + 1)).or_else(|| grouped(digits.checked_sub(1)?))
}

/// Where the number of so many `digits` begins that `item` ends with, if no letter or digit stands before it.
fn begins(item: &[u8], digits: usize) -> Option<usize> {
    let (mut left, mut parted) = (digits, true);
    let mut at = item.len();
    while left > 0 {
        at = at.checked_sub(1)?;
        match item.get(at)? {
            b'0'..=b'9' => (left, parted) = (left - 1, false),
            b'-' | b'.' | b' ' if !parted => parted = true,
            b')' if left < digits => {}
            _ => return None,
        }
    }
    let ends = at.checked_sub(1).and_then(|before| item.get(before)).is_none_or(|sign| !sign.is_ascii_alphanumeric());
    (ends && digits > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_item_before_has_as_many_digits_behind_a_joint() {
        for (before, digits, item) in [
            ("orders: 4111111111111111, ", 16, "4111111111111111, "),
            ("IN ('4111111111111111','", 16, "4111111111111111','"),
            ("[\"4111111111111111\", \"", 16, "4111111111111111\", \""),
            ("订单：4111111111111111、", 16, "4111111111111111、"),
            ("4111111111111111 vs ", 16, "4111111111111111 vs "),
            ("4111111111111111 -> ", 16, "4111111111111111 -> "),
            ("tel. 010-42914874, ", 12, "010-42914874, "),
            ("phone 212-361-7796 or ", 10, "212-361-7796 or "),
            ("phone (212) 361-7796 or ", 10, "212) 361-7796 or "),
            ("order 100234, ", 16, ""),
            ("order 41111111111111112, ", 16, ""),
            ("order x4111111111111111, ", 16, ""),
            ("order 411111111111111, ", 16, ""),
            ("4111111111111111 ", 16, ""),
            ("4111111111111111 card ", 16, ""),
            ("", 16, ""),
        ] {
            let found = earlier(before.as_bytes(), digits, &OF_TELEPHONES).map_or("", |at| &before[at..]);
            assert_eq!(found, item, "{before}");
        }
    }
}
