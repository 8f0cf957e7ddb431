//! Scalars of protobuf's JSON mapping, each as lenient as its parsers are. Errors carry no text: it is never shown.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

/// Both alphabets, padded or not.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Largest integer up to which a double says exactly what was written.
const EXACT: f64 = 9_007_199_254_740_992.0;

const SEVERITIES: [&str; 25] = [
    "UNSPECIFIED",
    "TRACE",
    "TRACE2",
    "TRACE3",
    "TRACE4",
    "DEBUG",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "INFO",
    "INFO2",
    "INFO3",
    "INFO4",
    "WARN",
    "WARN2",
    "WARN3",
    "WARN4",
    "ERROR",
    "ERROR2",
    "ERROR3",
    "ERROR4",
    "FATAL",
    "FATAL2",
    "FATAL3",
    "FATAL4",
];

/// A string, borrowed where no escape stands in the way. Lone surrogates become U+FFFD, as all ill-formed text does.
pub(super) struct Text;

impl<'a> DeserializeSeed<'a> for Text {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // As bytes: as a string, serde_json refuses a lone surrogate.
        deserializer.deserialize_bytes(self)
    }
}

impl<'a> Visitor<'a> for Text {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'a [u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// `bytes` in base64.
pub(super) struct Base64;

impl<'a> DeserializeSeed<'a> for Base64 {
    type Value = Cow<'a, [u8]>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = Text.deserialize(deserializer)?;
        let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
        engine.decode(&*text).map(Cow::Owned).map_err(|_| D::Error::custom("base64"))
    }
}

/// An id in hex, of whatever length.
pub(super) struct Hex;

impl<'a> DeserializeSeed<'a> for Hex {
    type Value = Cow<'a, [u8]>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = Text.deserialize(deserializer)?;
        // Checked here, because the decoder passes over a leading `0x`.
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| const_hex::decode(&*text).ok()).flatten();
        id.map(Cow::Owned).ok_or_else(|| D::Error::custom("hex"))
    }
}

pub(super) struct Bool;

impl<'a> DeserializeSeed<'a> for Bool {
    type Value = bool;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<bool, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}

/// An integer as number or string; `1e3` and `2.0` are integers too.
pub(super) struct Integer<T>(PhantomData<T>);

impl<T> Integer<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    fn whole<E: Error>(value: f64) -> Result<i128, E> {
        if value.fract() == 0.0 && value.abs() <= EXACT { Ok(value as i128) } else { Err(E::custom("integer")) }
    }
}

impl<T> Integer<T>
where
    T: TryFrom<i128>,
{
    fn fit<E: Error>(value: i128) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::custom("range"))
    }
}

impl<'a, T: TryFrom<i128>> DeserializeSeed<'a> for Integer<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: TryFrom<i128>> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        Self::fit(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        Self::fit(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Self::fit(Self::whole(value)?)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        match text.parse::<i128>() {
            Ok(value) => Self::fit(value),
            Err(_) => Self::fit(Self::whole(decimal(text)?)?),
        }
    }
}

/// `SeverityNumber`, by number (one that this version doesn't name too) or name.
pub(super) struct Severity;

impl<'a> DeserializeSeed<'a> for Severity {
    type Value = i32;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<i32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Severity {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a severity")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i32, E> {
        Integer::new().visit_u64(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i32, E> {
        Integer::new().visit_i64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i32, E> {
        Integer::new().visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i32, E> {
        let Some(name) = text.strip_prefix("SEVERITY_NUMBER_") else { return Integer::new().visit_str(text) };
        let number = SEVERITIES.iter().position(|known| *known == name);
        number.and_then(|number| i32::try_from(number).ok()).ok_or_else(|| E::custom("severity"))
    }
}

/// A double as number or string; what JSON has no number for by name.
pub(super) struct Double;

impl<'a> DeserializeSeed<'a> for Double {
    type Value = f64;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Double {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => decimal(text),
        }
    }
}

/// A finite number; Rust would also take `inf` and `nan`.
fn decimal<E: Error>(text: &str) -> Result<f64, E> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value = digits.then(|| text.parse::<f64>().ok()).flatten();
    value.filter(|value| value.is_finite()).ok_or_else(|| E::custom("number"))
}
