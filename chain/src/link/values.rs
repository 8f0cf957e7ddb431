//! What a link is made of: values that are never taken for one another, and of which each has one writing only.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::sha256;

/// Place of a record in its chain: 0, 1, 2, … without a gap; no arithmetic but `next`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sequence(u64);

impl Sequence {
    pub const ZERO: Self = Self(0);
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    pub const fn get(self) -> u64 {
        self.0
    }
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Unix time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UnixNanos(pub u64);

/// SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum(pub [u8; 32]);

/// SHA-256 of a link.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Checksum {
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// Those of two contents, in about four fifths of the time that one after the other takes.
    pub fn of_two(first: &[u8], second: &[u8]) -> [Self; 2] {
        sha256::of_two(first, second).map(Self)
    }
}

macro_rules! hex {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(const_hex::Buffer::<32>::new().format(&self.0))
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        /// 64 lower-case hex digits.
        impl FromStr for $type {
            type Err = NotHex;
            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; 32];
                if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(NotHex);
                }
                const_hex::decode_to_slice(text, &mut bytes).map_err(|_| NotHex)?;
                Ok(Self(bytes))
            }
        }
    };
}
hex!(Checksum);
hex!(Hash);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 lower-case hex digits")]
pub struct NotHex;

/// Name of a chain: `[a-z][a-z0-9-]{0,62}`. A letter first: engines read an all-digit partition value as a number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChainName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chain's name is a lower-case letter and up to 62 more lower-case letters, digits or hyphens")]
pub struct NotAChainName;

impl ChainName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChainName {
    type Err = NotAChainName;
    fn from_str(text: &str) -> Result<Self, NotAChainName> {
        let mut bytes = text.bytes();
        let sound = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.len() <= 63;
        if sound { Ok(Self(text.to_owned())) } else { Err(NotAChainName) }
    }
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_in_one_writing_only() {
        let hash = Hash([0xab; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in [&"AB".repeat(32), &"ab".repeat(31), &"ab".repeat(33), &format!("0x{}", "ab".repeat(31)), ""] {
            assert_eq!(text.parse::<Hash>(), Err(NotHex), "{text}");
        }
    }
}
