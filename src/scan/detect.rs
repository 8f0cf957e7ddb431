//! What one text holds: patterns and check digits decide, a key or the words before tell a card from an id that only looks like
//! one. Slower and blunter than masking, and independent of it: nothing here comes from `mask`.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::decode;
use super::numbers::{self, is_card, is_citizen};

/// What kind of data was found; the names of the masking rules' classes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Class {
    #[serde(rename = "sad.track")]
    Track,
    #[serde(rename = "sad.cvv")]
    Cvv,
    #[serde(rename = "sad.pin")]
    Pin,
    #[serde(rename = "cardholder.pan")]
    Pan,
    #[serde(rename = "pii.id")]
    Id,
    #[serde(rename = "pii.phone")]
    Phone,
    #[serde(rename = "pii.email")]
    Email,
}

impl Class {
    pub const ALL: [Self; 7] = [Self::Track, Self::Cvv, Self::Pin, Self::Pan, Self::Id, Self::Phone, Self::Email];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "sad.track",
            Self::Cvv => "sad.cvv",
            Self::Pin => "sad.pin",
            Self::Pan => "cardholder.pan",
            Self::Id => "pii.id",
            Self::Phone => "pii.phone",
            Self::Email => "pii.email",
        }
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It is what it looks like.
    Likely,
    /// A number that would be one, in a place where ids stand: one random number of sixteen digits in twenty-five is.
    Possible,
}

/// Texts within texts that are followed.
const MAX_DEPTH: usize = 4;
/// Bytes before a value in which words count.
const WINDOW: usize = 40;

/// Is told what was found.
pub(super) type Found<'f> = dyn FnMut(Class, Certainty) + 'f;

/// Looks at a value, and the key that it stands under where there is one.
pub(super) fn look(key: Option<&str>, text: &str, found: &mut Found<'_>) {
    look_at(key, text, 0, found);
}

fn look_at(key: Option<&str>, text: &str, depth: usize, found: &mut Found<'_>) {
    if depth > MAX_DEPTH || text.len() < 3 {
        return;
    }
    let begin = text.trim_start();
    if begin.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<Value>(begin)
    {
        return walk(key, &value, depth, found);
    }
    flat(key, &decode::plain(text), found);
    decode::within(text, &mut |decoded| look_at(key, decoded, depth + 1, found));
}

/// Looks at each value of a JSON text under its key; `{"key": …, "value": …}`, as OTLP writes attributes, and `{"name": …,
/// "value": …}` are one key and its value.
fn walk(key: Option<&str>, value: &Value, depth: usize, found: &mut Found<'_>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => flat(key, &written_out(number), found),
        Value::String(text) => look_at(key, text, depth + 1, found),
        Value::Array(elements) => elements.iter().for_each(|element| walk(key, element, depth, found)),
        Value::Object(entries) => {
            let given = ["key", "name", "field"].iter().find_map(|name| entries.get(*name)?.as_str());
            for (name, value) in entries {
                // The names of OTLP's value types say nothing of the value.
                let is_type = name.ends_with("Value") || matches!(name.as_str(), "value" | "values");
                let name_or_given = if is_type { given.or(key) } else { Some(name.as_str()) };
                if !is_type {
                    look_at(None, name, depth + 1, found);
                }
                walk(name_or_given, value, depth, found);
            }
        }
    }
}

/// `6.2258801e15` as the whole number that it is.
fn written_out(number: &serde_json::Number) -> String {
    match number.as_f64().filter(|double| number.is_f64() && double.abs() < 1e20) {
        Some(double) => format!("{:.0}", double.trunc()),
        None => number.to_string(),
    }
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed")
}

static CARD_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)card|\bpan\b|(^|[._-])pan$|credit|debit|visa|mastercard|unionpay|amex|卡|银联"));
static PHONE_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)phone|mobile|\btel\b|(^|[._-])tel$|cell|msisdn|sms|fax|手机|电话|联系"));
static ID_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)order|trace|span|request|session|txn|trans|seq|serial|batch|invoice|tracking|waybill|imei|iccid|merchant|mch|",
        r"terminal|ref|offset|time|stamp|uuid|account|\bids?\b|[._-]id$|[a-z]Id$|\bno\b|[._-]no$|hash|count|bytes|memory|size|usage|",
        r"amount|balance|nonce|sku|ean|isbn|barcode|订单|流水|单号|运单|编号|批次|时间|金额|余额|交易号"
    ))
});
static CODE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(^|[^a-z])(cvv2?|cvc2?|cvn2?|cav2|csc|cvd|card[ ._-]?(security|verification)[ ._-]?(code|value|number)|security[ ._-]?code|verification[ ._-]?value)$|安全码$|安全碼$|卡片?验证码$|后三位$",
    )
});
static PIN_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(^|[^a-z])(pin|pin[ ._-]?(block|data)|(card|atm)[ ._-]?pin)$|pin码$|(支付|交易|取款|银行卡)密码$")
});
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?:^|[^a-z0-9])(?:(cvv2?|cvc2?|cvn2?|card security code|security[ _-]?code)|(pin(?:[ _-]?block)?))["' ]{0,3}(?:[:=]|is|[:=]>)?["' ]{0,3}([0-9]{3,4}|[0-9]{5,12}|[0-9A-Fa-f]{16})(?:[^0-9A-Za-z*]|$)"#,
    )
});
static CHINESE_CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?:安全码|安全碼|验证码|后三位)["' ]{0,3}(?:[:=]|是|为)?["' ]{0,3}[0-9]{3,4}(?:[^0-9A-Za-z*]|$)"#)
});
static TRACK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"%?[bB]([0-9]{12,19})\^[^^\n]{2,26}\^[0-9]{4}|(?:^|[^0-9A-Fa-f]);?([0-9]{12,19})[=D][0-9]{4}[0-9]{3,}")
});
static NUMBERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9](?:[ ._/-]?[0-9]){10,30}[Xx]?"));
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:[\p{L}\p{N}!#$&'+/?^_`{|}~-]+(?:\.[\p{L}\p{N}!#$&'+/?^_`{|}~-]+)*)@((?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:xn--[A-Za-z0-9-]+|\p{L}{2,24}))",
    )
});

/// Last labels of names that look like addresses and are none.
const NO_DOMAINS: [&str; 17] = [
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "service",
    "socket",
    "timer",
    "target",
    "local",
    "localdomain",
    "internal",
    "lan",
    "html",
    "json",
    "yaml",
];

/// Looks at a text as it stands.
fn flat(key: Option<&str>, text: &str, found: &mut Found<'_>) {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits >= 3 {
        codes(key, text, found);
    }
    if digits >= 11 {
        for track in TRACK.captures_iter(text) {
            let number = track.get(1).or_else(|| track.get(2)).map_or("", |number| number.as_str());
            if is_card(number) || track.get(1).is_some() {
                found(Class::Track, Certainty::Likely);
            }
        }
        for cluster in NUMBERS.find_iter(text) {
            numbers_in(key, text, cluster.start(), cluster.as_str(), found);
        }
    }
    if text.contains('@') {
        for address in EMAIL.captures_iter(text) {
            let domain = address.get(1).map_or("", |domain| domain.as_str());
            let last = domain.rsplit('.').next().unwrap_or_default().to_lowercase();
            if !NO_DOMAINS.contains(&last.as_str()) {
                found(Class::Email, Certainty::Likely);
            }
        }
    }
}

/// Codes that only their key tells.
fn codes(key: Option<&str>, text: &str, found: &mut Found<'_>) {
    let value = text.trim();
    let is_code = (3..=4).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let is_pin = (4..=12).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
        || value.len() == 16 && value.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(key) = key {
        if is_code && CODE_KEY.is_match(key) {
            return found(Class::Cvv, Certainty::Likely);
        }
        if is_pin && PIN_KEY.is_match(key) {
            return found(Class::Pin, Certainty::Likely);
        }
    }
    for code in CODE.captures_iter(text) {
        let value = code.get(3).map_or(0, |value| value.as_str().len());
        match (code.get(1).is_some(), value) {
            (true, 3 | 4) => found(Class::Cvv, Certainty::Likely),
            (false, 4..) => found(Class::Pin, Certainty::Likely),
            _ => {}
        }
    }
    CHINESE_CODE.find_iter(text).for_each(|_| found(Class::Cvv, Certainty::Likely));
}

/// Numbers of a cluster of digits with single separators: each group by itself, and the groups that cards, phones and ids are
/// written in.
fn numbers_in(key: Option<&str>, text: &str, start: usize, cluster: &str, found: &mut Found<'_>) {
    const GROUPINGS: [&[usize]; 12] = [
        &[4, 4, 4, 4, 3],
        &[4, 4, 4, 4, 2],
        &[4, 4, 4, 4],
        &[4, 6, 5],
        &[4, 6, 4],
        &[6, 13],
        &[6, 10],
        &[6, 8, 4],
        &[6, 4, 4, 4],
        &[3, 4, 4],
        &[2, 3, 4, 4],
        &[4, 4, 4, 3],
    ];
    let groups = groups(cluster);
    for (at, (from, group)) in groups.iter().enumerate() {
        let clean = is_clean(text, start + from, start + from + group.len());
        number(Place { key, text, at: start + from, clean }, group, found);
        for grouping in GROUPINGS {
            let Some(taken) = groups.get(at..at + grouping.len()) else { continue };
            let fits = taken.iter().zip(grouping).all(|((_, group), length)| group.len() == *length);
            let separators: Vec<_> = taken.windows(2).map(|pair| cluster.as_bytes().get(pair[1].0 - 1)).collect();
            if !fits || separators.windows(2).any(|pair| pair[0] != pair[1]) {
                continue;
            }
            let joined: String = taken.iter().map(|(_, group)| *group).collect();
            let end = taken.last().map_or(0, |(from, group)| from + group.len());
            // More groups of the same length beside it are a list of numbers.
            let alone = groups.len() <= grouping.len() + 2;
            let clean = alone && is_clean(text, start + from, start + end);
            number(Place { key, text, at: start + from, clean }, &joined, found);
        }
    }
}

/// Groups of signs between single separators, and where they begin.
fn groups(cluster: &str) -> Vec<(usize, &str)> {
    let mut from = 0;
    let mut groups = Vec::new();
    for group in cluster.split([' ', '.', '_', '/', '-']) {
        groups.push((from, group));
        from += group.len() + 1;
    }
    groups
}

/// Where a number stands.
struct Place<'t> {
    key: Option<&'t str>,
    text: &'t str,
    at: usize,
    /// No letter, digit, asterisk or decimal point touches it.
    clean: bool,
}

fn is_clean(text: &str, start: usize, end: usize) -> bool {
    let mut before = text.get(..start).unwrap_or_default().chars().rev();
    let mut behind = text.get(end..).unwrap_or_default().chars();
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '*' || c == '_');
    let (first, second) = (before.next(), before.next());
    let is_decimals = first == Some('.') && second.is_some_and(|c| c.is_ascii_digit());
    let has_decimals = behind.clone().next() == Some('.') && behind.clone().nth(1).is_some_and(|c| c.is_ascii_digit());
    !touches(first) && !touches(behind.next()) && !is_decimals && !has_decimals
}

fn number(place: Place<'_>, number: &str, found: &mut Found<'_>) {
    if !place.clean {
        return;
    }
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let before = before(place.text, place.at);
    let speaks = |pattern: &Regex| place.key.is_some_and(|key| pattern.is_match(key)) || pattern.is_match(before);
    // Masking knows more words; where one says that it is an id, this only says that it may be none.
    let certainty = |speaks_for: bool| {
        if !speaks_for && speaks(&ID_KEY) { Certainty::Possible } else { Certainty::Likely }
    };
    if is_citizen(number) {
        found(Class::Id, Certainty::Likely);
    } else if digits && numbers::CARD.contains(&number.len()) && is_card(number) {
        let card = speaks(&CARD_KEY);
        // Of 13 and 14 digits there are too many: times in milliseconds begin with 1, but ids begin with anything.
        let short = number.len() < 15 && !card;
        found(Class::Pan, if short { Certainty::Possible } else { certainty(card) });
    } else if let Some(phone) = mobile(number) {
        let told = speaks(&PHONE_KEY)
            || phone.with_code
            || place.text.get(..place.at).is_some_and(|before| before.ends_with('+'));
        found(Class::Phone, if told { Certainty::Likely } else { Certainty::Possible });
    } else if digits
        && (8..=15).contains(&number.len())
        && speaks(&PHONE_KEY)
        && place.text.get(..place.at).is_some_and(|before| before.ends_with('+'))
    {
        found(Class::Phone, Certainty::Likely);
    }
}

struct Mobile {
    with_code: bool,
}

/// A mainland mobile number, with or without the country's code.
fn mobile(number: &str) -> Option<Mobile> {
    let national = number.strip_prefix("0086").or_else(|| number.strip_prefix("86")).filter(|rest| rest.len() == 11);
    let rest = national.unwrap_or(number).as_bytes();
    let sound =
        rest.len() == 11 && rest[0] == b'1' && (b'3'..=b'9').contains(&rest[1]) && rest.iter().all(u8::is_ascii_digit);
    sound.then_some(Mobile { with_code: national.is_some() })
}

/// The words right before a place, within its field.
fn before(text: &str, at: usize) -> &str {
    let head = text.get(..at).unwrap_or_default();
    let window = head.get(head.ceil_char_boundary(head.len().saturating_sub(WINDOW))..).unwrap_or_default();
    let begin = window
        .rfind([',', ';', '\n', '|', '&', '{', '}', '。'])
        .map_or(0, |at| at + window.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    window.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: Option<&str>, text: &str) -> Vec<(Class, Certainty)> {
        let mut all = Vec::new();
        look(key, text, &mut |class, certainty| all.push((class, certainty)));
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn values_are_found_in_every_form() {
        for (text, class) in [
            ("paid with 4242424242424242 today", Class::Pan),
            ("card 4242 4242 4242 4242", Class::Pan),
            ("card 4242-4242-4242-4242.", Class::Pan),
            ("3782 822463 10005", Class::Pan),
            ("卡号4242424242424242已扣款", Class::Pan),
            ("４２４２４２４２４２４２４２４２", Class::Pan),
            ("pan%3D%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32", Class::Pan),
            (r#"{"a":{"pan":4242424242424242}}"#, Class::Pan),
            (r#"{"a":"{\"pan\":\"4242424242424242\"}"}"#, Class::Pan),
            (r#"{"key":"x","value":{"doubleValue":4.242424242424242e15}}"#, Class::Pan),
            ("blob NDI0MjQyNDI0MjQyNDI0Mg== end", Class::Pan),
            (";4242424242424242=30121010000012345678?", Class::Track),
            ("%B4242424242424242^DOE/JANE^30121011000000?", Class::Track),
            ("cvv: 737", Class::Cvv),
            (r#"{"cvv":"737"}"#, Class::Cvv),
            (r#"{"key":"card.cvc","value":{"stringValue":"737"}}"#, Class::Cvv),
            (r#"{"key":"安全码","value":{"intValue":"737"}}"#, Class::Cvv),
            ("安全码:737", Class::Cvv),
            ("pin=1234", Class::Pin),
            ("id 11010519491231002X", Class::Id),
            ("身份证110105 19491231 002X", Class::Id),
            ("tel 13800138000", Class::Phone),
            ("+86 138 0013 8000", Class::Phone),
            ("手机号13800138000", Class::Phone),
            ("write to zhang.san@example.com", Class::Email),
            ("mail=zhang.san%40example.com", Class::Email),
        ] {
            assert!(found(None, text).contains(&(class, Certainty::Likely)), "{text}: {:?}", found(None, text));
        }
        assert_eq!(found(Some("card.cvc"), "737"), [(Class::Cvv, Certainty::Likely)]);
        assert_eq!(found(Some("pan"), "4242424242424242"), [(Class::Pan, Certainty::Likely)]);
    }

    #[test]
    fn what_masking_leaves_and_what_only_looks_like_it_is_clean() {
        for text in [
            "4242********4242 and 138****8000, zh*******@example.com, ****@example.com",
            "[sad.cvv] [sad.track] cvv [sad.cvv], cvv_result=M, cvc check passed",
            "enc:1:k1:pan:payments:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
            "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
            "at 1718000000000 and 1718000000000000000, 2026-11-26 03:12:45.123456",
            "0.4242424242424242 of 4.2424242424242424",
            "v1.2.3 10.20.30.40:8080 icon@2x.png user@localhost image@sha256:42424242424242ff",
            "seq 123456789012 batch 20261126",
            r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","timeUnixNano":"1795449600000000000"}"#,
        ] {
            assert_eq!(found(None, text), [], "{text}");
        }
        let ids = found(Some("order_id"), "4242424242424242");
        assert_eq!(ids, [(Class::Pan, Certainty::Possible)], "a number that may be a card is told apart");
    }
}
