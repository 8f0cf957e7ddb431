//! Codes that only their place gives away: behind a card number and its date, as lists of cards have them.

use super::{Finding, Scan, Shape};
use crate::mask::rules::Class;

impl Scan<'_, '_> {
    /// Looks for the code behind a card number that ends at `end`: `4242424242424242|12|27|737`.
    pub(super) fn code_behind(&mut self, end: usize, digits: &[u8]) {
        // American Express (34, 37) prints four digits, all others three.
        let length = if matches!(digits, [b'3', b'4' | b'7', ..]) && digits.len() == 15 { 4 } else { 3 };
        if let Some(start) = placed(self.bytes, end, length)
            && let Some(rule) = self.rules.of_class(self.active, Class::SadCvv)
        {
            let end = start + length;
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }
}

/// Where a code of `length` digits begins behind a card number that ends at `end`: a month and a year stand between, and the same
/// sign before the date and before the code.
fn placed(bytes: &[u8], end: usize, length: usize) -> Option<usize> {
    let (sign, rest) = bytes.get(end..)?.split_first()?;
    if !matches!(sign, b'|' | b',' | b';' | b':' | b'/' | b'\t' | b' ') {
        return None;
    }
    let blank = |text: &'_ [u8]| usize::from(text.first() == Some(&b' '));
    let skip = |text: &'_ [u8]| text.first().filter(|first| *first == sign).map(|_| 1 + blank(&text[1..]));
    let month = rest.get(blank(rest)..)?;
    let ([b'0', b'1'..=b'9', rest @ ..] | [b'1', b'0'..=b'2', rest @ ..]) = month else { return None };
    let parted = skip(rest).or_else(|| matches!(rest.first(), Some(b'/' | b'-')).then_some(1));
    let year = rest.get(parted.unwrap_or(0)..)?;
    let year = year.strip_prefix(b"20").filter(|year| matches!(year, [b'1'..=b'4', b'0'..=b'9', ..])).unwrap_or(year);
    let [b'1'..=b'4', b'0'..=b'9', rest @ ..] = year else { return None };
    let code = rest.get(skip(rest)?..)?;
    let (code, behind) = code.split_at_checked(length)?;
    // What is counted, or paid, has its unit behind it.
    let goes_on = match behind {
        [b' ', next, ..] => next.is_ascii_alphabetic(),
        [b'.' | b',', next, ..] => *sign != b',' && next.is_ascii_digit(),
        [next, ..] => next.is_ascii_alphanumeric() || *next >= 0x80,
        [] => false,
    };
    let start = bytes.len() - behind.len() - length;
    (code.iter().all(u8::is_ascii_digit) && !goes_on).then_some(start)
}
