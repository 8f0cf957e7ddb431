//! Codes beside the card that they are of: by their place alone, behind a card number and its date, as lists of cards have them; or
//! behind words that say which card's code it is.

use super::given::is_one_of;
use super::number::Group;
use super::states::{State, state};
use super::words::is_word;
use super::{Finding, Scan, Shape};
use crate::mask::rules::Class;

impl Scan<'_, '_> {
    /// Looks for the code behind a card number that ends at `end`: `4242424242424242|12|27|737`.
    pub(super) fn code_behind(&mut self, end: usize, digits: &[u8]) {
        // American Express (34, 37) prints four digits, all others three.
        let length = if matches!(digits, [b'3', b'4' | b'7', ..]) && digits.len() == 15 { 4 } else { 3 };
        if let Some(start) = placed(self.bytes, end, length) {
            self.code_at(start, start + length);
        }
    }

    /// Whether a number is the code behind a card that somebody else masked: `4242********4242|12|27|737`.
    #[inline]
    pub(super) fn is_behind_masked_card(&self, group: Group) -> bool {
        // A blank and a quote may stand between.
        const SIGNS: usize = 3;
        let near = self.bytes.get(group.start.saturating_sub(SIGNS)..group.start).unwrap_or_default();
        let sign = near.iter().rev().find(|sign| !matches!(sign, b' ' | b'"' | b'\''));
        let parted = || matches!(sign, Some(b'|' | b',' | b';' | b'\t'));
        matches!(group.len(), 3 | 4) && parted() && masked_card_before(self.bytes, group)
    }

    /// Finds a code that its place gives away, where the rules ask for codes.
    pub(super) fn code_at(&mut self, start: usize, end: usize) -> bool {
        let rule = self.rules.of_class(self.active, Class::SadCvv);
        if let Some(rule) = rule {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
        rule.is_some()
    }
}

/// Whether the last digits that are shown of a card stand where the code `group` would be by its place.
fn masked_card_before(bytes: &[u8], group: Group) -> bool {
    /// Bytes that a date takes with the signs around it: `|1|27|`, `", "12", "2027", "`.
    const DATE: std::ops::RangeInclusive<usize> = 6..=20;
    let mut ends = DATE.filter_map(|before| group.start.checked_sub(before));
    ends.any(|end| is_masked_card(bytes, end, group.len()) && placed(bytes, end, group.len()) == Some(group.start))
}

/// Whether what somebody left of a card number ends at `end`, and may be one of which the code has `length` digits.
fn is_masked_card(bytes: &[u8], end: usize, length: usize) -> bool {
    const SHOWN: usize = 4;
    const MOST: usize = 19;
    let before = bytes.get(end.saturating_sub(MOST + 1)..end).unwrap_or_default();
    let digits = |text: &[u8]| text.iter().rev().take_while(|sign| sign.is_ascii_digit()).count();
    let Some(rest) = before.len().checked_sub(SHOWN).filter(|_| digits(before) == SHOWN) else { return false };
    let rest = before.get(..rest).unwrap_or_default();
    let hidden = rest.iter().rev().take_while(|sign| matches!(sign, b'*' | b'x' | b'X' | b'#')).count();
    let head = rest.get(..rest.len() - hidden).unwrap_or_default();
    let first = digits(head);
    let apart = !head.get(..head.len() - first).unwrap_or_default().last().is_some_and(u8::is_ascii_alphanumeric);
    // American Express: 15 digits, and 4 of the code.
    let is_amex = head.get(head.len() - first..).is_some_and(|first| matches!(first, [b'3', b'4' | b'7', ..]))
        && first + hidden + SHOWN == 15;
    hidden >= SHOWN && apart && is_amex == (length == 4)
}

/// Where a code of `length` digits begins behind a card number that ends at `end`: month and year stand between, and the same sign
/// before the date and before the code. Only a bar parts nothing else than such lists do: elsewhere the date must be written as one.
fn placed(bytes: &[u8], end: usize, length: usize) -> Option<usize> {
    let rest = bytes.get(end..)?;
    let quote = rest.first().copied().filter(|sign| matches!(sign, b'"' | b'\''));
    let unquoted = |text: &'_ [u8]| usize::from(quote.is_some() && text.first().copied() == quote);
    let rest = rest.get(unquoted(rest)..)?;
    let sign = *rest.first().filter(|sign| matches!(sign, b'|' | b',' | b';' | b'\t' | b' '))?;
    // Goes on behind the sign, a blank, and what is around a field.
    let skip = |text: &'_ [u8]| {
        let closed = unquoted(text);
        let next = closed + 1 + usize::from(text.get(closed + 1) == Some(&b' '));
        (text.get(closed) == Some(&sign)).then(|| next + text.get(next..).map_or(0, unquoted))
    };
    let date = bytes.get(end + skip(bytes.get(end..)?)?..)?;
    let first = date.iter().take(4).take_while(|sign| sign.is_ascii_digit()).count();
    let (first, rest) = date.split_at_checked(first)?;
    let slash = rest.first() == Some(&b'/');
    let second = rest.get(if slash { 1 } else { skip(rest)? }..)?;
    let (second, rest) =
        second.split_at_checked(second.iter().take(4).take_while(|sign| sign.is_ascii_digit()).count())?;
    // The year first is how other dates are written, too.
    let dated = is_month(first) && is_year(second) || (sign == b'|' && is_year(first) && is_month(second));
    if !dated || !(slash || sign == b'|' || second.len() == 4) {
        return None;
    }
    let code = rest.get(skip(rest)?..)?;
    let (code, behind) = code.split_at_checked(length)?;
    let start = bytes.len() - behind.len() - length;
    let behind = behind.get(unquoted(behind)..)?;
    (code.iter().all(u8::is_ascii_digit) && ends_field(behind, sign)).then_some(start)
}

fn is_month(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
}

fn is_year(digits: &[u8]) -> bool {
    matches!(digits, [b'2', b'0', b'1'..=b'4', b'0'..=b'9'] | [b'1'..=b'4', b'0'..=b'9'])
}

/// Whether a field ends here and what was in it is no amount: a currency's code follows on one.
fn ends_field(behind: &[u8], sign: u8) -> bool {
    // ISO 4217: three letters, or three digits.
    let is_currency = |text: &[u8]| {
        let text = text.trim_ascii_start();
        let letters = text.iter().take_while(|sign| sign.is_ascii_uppercase()).count();
        let letters = if letters == 0 { text.iter().take_while(|sign| sign.is_ascii_digit()).count() } else { letters };
        letters == 3 && text.get(letters).is_none_or(|next| *next == sign || next.is_ascii_control())
    };
    match behind {
        [] | [b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'<', ..] => true,
        [b' ', ..] if sign == b' ' => false,
        [next, rest @ ..] if *next == sign => !is_currency(rest),
        _ => false,
    }
}

/// Where what stands before a code ends, if words say behind it which card the code is of: `CVV for card ending in 4242 is `,
/// `PIN della carta 4242 è `.
pub(super) fn of_card(before: &[u8]) -> Option<usize> {
    const WORDS: [&str; 18] = [
        "card", "ending", "ends", "in", "with", "number", "no", "the", "my", "your", "his", "her", "this", "their",
        "credit", "debit", "last", "digits",
    ];
    let (mut rest, mut card) = before_card(before)?;
    let mut owned = false;
    for _ in 0..WORDS.len() {
        let (head, word) = part(rest, is_word);
        if card && is_one_of(word, &["for", "of", "on"]) {
            return Some(part(head, is_blank).0.len());
        }
        let state = state(word);
        if !is_one_of(word, &WORDS) && !matches!(state, State::Card | State::Owner | State::OfCard) {
            return (card && owned && !word.is_empty()).then_some(rest.len());
        }
        card |= state == State::Card || word.eq_ignore_ascii_case(b"card");
        owned |= card && state == State::OfCard;
        rest = part(head, is_blank).0;
    }
    None
}

/// What stands before the number of a card, whole or what is shown of it, that `before` ends with: `4242 is `, `****4242: "`; and
/// whether no word need say that it is a card's.
fn before_card(before: &[u8]) -> Option<(&[u8], bool)> {
    const JOINTS: [&str; 15] =
        [" is", " IS", " was", " WAS", ":", "=", " es", " é", " è", " est", " ist", " jest", " este", " είναι", " هو"];
    /// Digits of a card number that are shown of it, and fewest of a whole one.
    const SHOWN: usize = 4;
    const WHOLE: usize = 13;
    let value = part(before, is_blank).0;
    let number = part(JOINTS.iter().find_map(|joint| value.strip_suffix(joint.as_bytes()))?, is_blank).0;
    let (rest, shown) = part(number, |sign| sign.is_ascii_digit());
    let hides = |sign: u8| matches!(sign, b'*' | b'x' | b'X' | b'#');
    let (rest, hidden) = part(rest, |sign| hides(sign) || matches!(sign, b'.' | b'-' | b' ') || sign.is_ascii_digit());
    let digits = hidden.iter().chain(shown).filter(|sign| sign.is_ascii_digit()).count();
    let masked = hidden.iter().any(|sign| hides(*sign));
    let told = digits >= WHOLE || masked;
    (shown.len() >= SHOWN && (digits == SHOWN || told)).then_some((rest, told))
}

/// Parts the last signs of a kind from what stands before them.
pub(super) fn part(text: &[u8], is_it: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    const MOST: usize = 32;
    text.split_at(text.len() - text.iter().rev().take(MOST).take_while(|sign| is_it(**sign)).count())
}

pub(super) fn is_blank(sign: u8) -> bool {
    matches!(sign, b' ' | b'"' | b'\'' | b'\\')
}
