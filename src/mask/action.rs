//! What is done with a value that a rule found.

use super::detect::pan;

/// The closed set of actions, compiled.
#[derive(PartialEq)]
pub(super) enum Action {
    KeepFirstLast(Keep),
    Drop,
    Replace(Box<str>),
    TruncateNumber,
    /// Index of the key in the engine, and `enc:1:<key id>:<rule id>:<chain>`.
    Encrypt {
        key: usize,
        head: Box<str>,
    },
    /// Index of the key in the engine, and `tok:1:<key id>:<class>`.
    Token {
        key: usize,
        head: Box<str>,
    },
}

impl Action {
    /// The name in rule files.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::KeepFirstLast(_) => "keep_first_last",
            Self::Drop => "drop",
            Self::Replace(_) => "replace",
            Self::TruncateNumber => "truncate_number",
            Self::Encrypt { .. } => "encrypt",
            Self::Token { .. } => "hmac_token",
        }
    }
}

/// How many signs stay at each end; `min_hidden` shrinks that, the first ones before the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Keep {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) min_hidden: usize,
    /// Of a card number, what its length and brand allow, at most: `first` and `last` may be beyond the baseline.
    pub(super) by_brand: bool,
}

impl Keep {
    /// Of `length` signs: how many are shown at the start, and how many at the end.
    pub(super) fn shown(self, length: usize) -> (usize, usize) {
        let room = length.saturating_sub(self.min_hidden);
        let last = self.last.min(room);
        (self.first.min(room - last), last)
    }

    /// What it may keep of this value.
    pub(super) fn of(self, value: &[u8]) -> Self {
        if !self.by_brand {
            return self;
        }
        let digits: Vec<u8> = value.iter().copied().filter(u8::is_ascii_digit).collect();
        let kept = pan::most_kept(&digits);
        let (first, last) = (self.first.min(kept.first), self.last.min(kept.last));
        Self { first, last, min_hidden: self.min_hidden.max(kept.hidden), ..self }
    }
}

/// Cuts a number to two decimals toward zero. `None`: it has no more than two.
pub(super) fn truncate_double(number: f64) -> Option<f64> {
    let cents = (number * 100.0).round();
    // A double that is the nearest one to some n/100 is written with two decimals at most.
    if !number.is_finite() || cents / 100.0 == number {
        return None;
    }
    // Far from a whole number of cents, and not too large to say so, cutting the binary value gives the same.
    let (cents, rest) = ((number * 100.0).trunc(), (number * 100.0).fract().abs());
    if cents.abs() < 1e12 && (0.001..0.999).contains(&rest) {
        return Some(cents / 100.0);
    }
    // The shortest text that reads back as this double is what people see; cutting the binary value would make 0.29 of 0.3.
    let cut = truncate_text(&number.to_string())?.parse().ok()?;
    (cut != number).then_some(cut)
}

/// Cuts the first number in `text` to two decimals. `None`: it has no more than two.
pub(super) fn truncate_text(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = text.get(start..)?;
    let whole = rest.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b'_' | b'\'')).count();
    let decimals = match rest.as_bytes().get(whole) {
        Some(b'.') => rest.bytes().skip(whole + 1).take_while(u8::is_ascii_digit).count(),
        _ => 0,
    };
    let end = start + whole + 1 + decimals;
    if matches!(text.as_bytes().get(if decimals == 0 { start + whole } else { end }), Some(b'e' | b'E')) {
        let number: f64 = text.trim().parse().ok()?;
        let plain = number.to_string();
        return truncate_text(&plain);
    }
    if decimals <= 2 {
        return None;
    }
    Some([text.get(..start + whole + 3)?, text.get(end..)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_cut_toward_zero() {
        for number in
            [0.015, 0.019_99, 0.3, 1234.567, 99_999_999.999, -4.005, 7.000_999, 1e11 + 0.126, 1e13 + 0.125, 0.001]
        {
            let exact = truncate_text(&number.to_string()).map(|text| text.parse().unwrap());
            assert_eq!(truncate_double(number), exact.filter(|cut| *cut != number), "{number}");
        }
        for (number, expected) in [
            (1234.567, Some(1234.56)),
            (-0.019, Some(-0.01)),
            (19.99, None),
            (0.29, None),
            (0.289_999, Some(0.28)),
            (5.0, None),
            (f64::NAN, None),
            (1e300, None),
            (0.001, Some(0.0)),
        ] {
            assert_eq!(truncate_double(number), expected, "{number}");
        }
        for (text, expected) in [
            ("1,234.567 CNY", Some("1,234.56 CNY")),
            ("¥-12.3456", Some("¥-12.34")),
            ("12.34", None),
            ("1.23456e2", Some("123.45")),
            ("", None),
            ("none", None),
        ] {
            assert_eq!(truncate_text(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn short_values_show_less() {
        let keep = Keep { first: 6, last: 4, min_hidden: 6, by_brand: false };
        assert_eq!([keep.shown(16), keep.shown(13), keep.shown(8), keep.shown(3)], [(6, 4), (3, 4), (0, 2), (0, 0)]);
    }
}
