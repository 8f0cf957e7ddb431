//! Codes beside the card that they are of: by their place alone, behind a card number and its date, as lists of cards have them; or
//! behind words that say which card's code it is.

use super::given::is_one_of;
use super::words::is_word;
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

/// Where a code of `length` digits begins behind a card number that ends at `end`: month and year stand between, and the same sign
/// before the date and before the code. Only a bar parts nothing else than such lists do: elsewhere the date must be written as one.
fn placed(bytes: &[u8], end: usize, length: usize) -> Option<usize> {
    let (sign, rest) = bytes.get(end..)?.split_first()?;
    if !matches!(sign, b'|' | b',' | b';' | b'\t' | b' ') {
        return None;
    }
    let blank = |text: &[u8]| usize::from(text.first() == Some(&b' '));
    let skip = |text: &[u8]| text.split_first().filter(|(first, _)| *first == sign).map(|(_, rest)| 1 + blank(rest));
    let month = rest.get(blank(rest)..)?;
    let ([b'0', b'1'..=b'9', rest @ ..] | [b'1', b'0'..=b'2', rest @ ..]) = month else { return None };
    let slash = rest.first() == Some(&b'/');
    let parted = if slash { 1 } else { skip(rest)? };
    let year = rest.get(parted..)?;
    let long = year.strip_prefix(b"20").filter(|year| matches!(year, [b'1'..=b'4', b'0'..=b'9', ..]));
    let [b'1'..=b'4', b'0'..=b'9', rest @ ..] = long.unwrap_or(year) else { return None };
    if !slash && long.is_none() && *sign != b'|' {
        return None;
    }
    let code = rest.get(skip(rest)?..)?;
    let (code, behind) = code.split_at_checked(length)?;
    let start = bytes.len() - behind.len() - length;
    (code.iter().all(u8::is_ascii_digit) && ends_field(behind, *sign)).then_some(start)
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

/// Where what stands before a code ends, if words say behind it which card the code is of: `CVV for card ending in 4242 is `.
pub(super) fn of_card(before: &[u8]) -> Option<usize> {
    const WORDS: [&str; 18] = [
        "card", "ending", "ends", "in", "with", "number", "no", "the", "my", "your", "his", "her", "this", "their",
        "credit", "debit", "last", "digits",
    ];
    let (mut rest, mut card) = (before_card(before)?, false);
    for _ in 0..WORDS.len() {
        let (head, word) = part(rest, is_word);
        rest = part(head, is_blank).0;
        if card && is_one_of(word, &["for", "of", "on"]) {
            return Some(rest.len());
        }
        if !is_one_of(word, &WORDS) {
            return None;
        }
        card |= word.eq_ignore_ascii_case(b"card");
    }
    None
}

/// What stands before the number of a card, whole or what is shown of it, that `before` ends with: `4242 is `, `****4242: "`.
fn before_card(before: &[u8]) -> Option<&[u8]> {
    const JOINTS: [&[u8]; 6] = [b" is", b" IS", b" was", b" WAS", b":", b"="];
    /// Digits of a card number that are shown of it, and fewest of a whole one.
    const SHOWN: usize = 4;
    const WHOLE: usize = 13;
    let value = part(before, is_blank).0;
    let number = part(JOINTS.iter().find_map(|joint| value.strip_suffix(*joint))?, is_blank).0;
    let (rest, shown) = part(number, |sign| sign.is_ascii_digit());
    let hides = |sign: u8| matches!(sign, b'*' | b'x' | b'X' | b'#');
    let (rest, hidden) = part(rest, |sign| hides(sign) || matches!(sign, b'.' | b'-' | b' ') || sign.is_ascii_digit());
    let digits = hidden.iter().chain(shown).filter(|sign| sign.is_ascii_digit()).count();
    let masked = hidden.iter().any(|sign| hides(*sign));
    (shown.len() >= SHOWN && (digits == SHOWN || digits >= WHOLE || masked)).then_some(rest)
}

/// Where the question ends that a customer's answer follows: `what is your cvv? Customer: `.
pub(super) fn of_question(before: &[u8]) -> Option<usize> {
    const WHO: [&str; 16] = [
        "customer",
        "client",
        "caller",
        "cardholder",
        "user",
        "guest",
        "cust",
        "buyer",
        "holder",
        "me",
        "客户",
        "用户",
        "顾客",
        "持卡人",
        "买家",
        "会员",
    ];
    let who = part(before, is_blank).0.strip_suffix(b":")?;
    let (question, who) = part(who, is_word);
    let question = part(question, |sign| sign.is_ascii_whitespace()).0.strip_suffix(b"?")?;
    is_one_of(who, &WHO).then_some(part(question, is_blank).0.len())
}

/// Parts the last signs of a kind from what stands before them.
fn part(text: &[u8], is_it: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    const MOST: usize = 32;
    text.split_at(text.len() - text.iter().rev().take(MOST).take_while(|sign| is_it(**sign)).count())
}

fn is_blank(sign: u8) -> bool {
    matches!(sign, b' ' | b'"' | b'\'' | b'\\')
}
