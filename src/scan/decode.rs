//! What stands in a text in another form: escapes, entities, percent, Base64, hexadecimal; and digits of other scripts. Library
//! code does the decoding; masking has its own.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::{Captures, Regex};
use unicode_normalization::UnicodeNormalization as _;

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed")
}

static BACKSLASHES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(["'\\/nrt]))"#));
static ENTITIES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(quot|amp|lt|gt|apos|nbsp|commat|period));"));
static TOKENS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Za-z+/_-]{16,}={0,2}"));

/// The text with compatibility forms, digits of other scripts, dashes and spaces as ASCII, and without what can't be seen.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfkc().filter(|c| !is_invisible(*c)).map(ascii).collect())
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn ascii(c: char) -> char {
    /// Where the decimal digits of scripts begin (Unicode, general category Nd).
    const ZEROS: [u32; 20] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20,
        0x1040, 0x17e0, 0x1810, 0x19d0, 0xa8d0,
    ];
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' => '-',
        c if c.is_whitespace() => ' ',
        c => {
            let digit = ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero).filter(|digit| *digit < 10));
            digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
        }
    }
}

/// Each text that stands in this one in another form.
pub(super) fn within(text: &str, each: &mut dyn FnMut(&str)) {
    let character = |captures: &Captures<'_>, group, radix| {
        let code = u32::from_str_radix(captures.get(group)?.as_str(), radix).ok()?;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string())
    };
    if text.contains('%') {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        if decoded != text {
            each(&decoded);
        }
    }
    if text.contains('\\') {
        let decoded = BACKSLASHES.replace_all(text, |captures: &Captures<'_>| {
            let code = (1..=3).find_map(|group| character(captures, group, 16));
            code.unwrap_or_else(|| match captures.get(4).map(|sign| sign.as_str()) {
                Some("n" | "r" | "t") => "\n".to_owned(),
                Some(sign) => sign.to_owned(),
                None => String::new(),
            })
        });
        if let Cow::Owned(decoded) = decoded {
            each(&decoded);
        }
    }
    if text.contains('&') {
        let decoded = ENTITIES.replace_all(text, |captures: &Captures<'_>| {
            let code = character(captures, 1, 10).or_else(|| character(captures, 2, 16));
            code.unwrap_or_else(|| match captures.get(3).map(|name| name.as_str()) {
                Some("quot") => "\"".to_owned(),
                Some("lt") => "<".to_owned(),
                Some("gt") => ">".to_owned(),
                Some("apos") => "'".to_owned(),
                Some("nbsp") => " ".to_owned(),
                Some("commat") => "@".to_owned(),
                Some("period") => ".".to_owned(),
                _ => "&".to_owned(),
            })
        });
        if let Cow::Owned(decoded) = decoded {
            each(&decoded);
        }
    }
    for token in TOKENS.find_iter(text) {
        token_within(token.as_str(), each);
    }
}

fn token_within(token: &str, each: &mut dyn FnMut(&str)) {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let hex = token.len().is_multiple_of(2) && token.len() >= 24;
    let decoded = [
        hex.then(|| const_hex::decode(token).ok()).flatten(),
        STANDARD.decode(token).ok(),
        URL_SAFE.decode(token).ok().filter(|_| token.contains(['-', '_'])),
    ];
    // Keys, digests and pictures are no text; where they are, it is by chance.
    let texts = decoded.iter().flatten().filter_map(|bytes| std::str::from_utf8(bytes).ok());
    texts.filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace())).for_each(each);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        for (text, expected) in [
            ("a%34%32b", "a42b"),
            (r"\u0034\x32\n\{x", "42\n\\{x"),
            ("&#52;&#x32;&commat;", "42@"),
            ("NDI0MjQyNDI0MjQyNDI0Mg==", "4242424242424242"),
            ("343234323432343234323432", "424242424242"),
        ] {
            let mut found = Vec::new();
            within(text, &mut |decoded| found.push(decoded.to_owned()));
            assert!(found.iter().any(|found| found == expected), "{text}: {found:?}");
        }
        within("nothing of that kind, and 4bf92f3577b34da6a3ce929d0e0e4736", &mut |found| panic!("{found}"));
    }

    #[test]
    fn digits_of_other_scripts_are_digits() {
        assert_eq!(plain("４２\u{200b}４２ ٤٢ 𝟒２–四"), "4242 42 42-四");
    }
}
