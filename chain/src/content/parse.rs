//! Canonical text to record.

/// Where a text stops being canonical.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not canonical at byte {at}: expected {expected}")]
pub struct ParseError {
    pub at: usize,
    pub expected: &'static str,
}
