//! A span of time as the configuration writes it: `250ms`, `10s`, `15m`, `12h`, `30d`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A whole number and one unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duration(std::time::Duration);

/// Unit and its milliseconds, smallest first.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: write a whole number and one of ms, s, m, h, d, as in `15m`")]
pub struct NotADuration;

impl Duration {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(std::time::Duration::from_millis(milliseconds))
    }
    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

impl FromStr for Duration {
    type Err = NotADuration;
    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NotADuration)?;
        let number: u64 = number.parse().map_err(|_| NotADuration)?;
        Ok(Self::from_millis(number.checked_mul(*factor).ok_or(NotADuration)?))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = |unit: &&(&str, u64)| millis != 0 && millis.is_multiple_of(u128::from(unit.1));
        let (unit, factor) = UNITS.iter().rev().find(whole).unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", millis / u128::from(*factor))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number and one of ms, s, m, h, d, as in `15m`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_and_written_with_one_unit() {
        for text in ["250ms", "10s", "15m", "12h", "30d", "0s", "90s"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert_eq!("60s".parse::<Duration>().unwrap().to_string(), "1m");
        for wrong in ["", "15", "m", "1.5h", "-1s", "1 s", "1w", "99999999999999999999d", "18446744073709551615h"] {
            assert_eq!(wrong.parse::<Duration>(), Err(NotADuration), "{wrong}");
        }
    }
}
