//! Reconciliation: whether both legs hold the same records of a span of time, and where they don't.
//!
//! Promise 3, provable day after day: [`Comparison::of`] walks two legs' records side by side, in the order of their
//! sequences and in bounded memory, and tells for each how many there are, the first and the last, the hash of the last and
//! the root over all of them; and which ranges one of them lacks, repeats, or holds with another hash. [`Statement`] says so
//! in words and in JSON.
//!
//! It judges what the legs hold and nothing else: it shows no content, seals nothing, and asks no collector. It does not
//! prove the records themselves (`verify` does): a hash is compared, not computed.

mod compare;
mod statement;

pub use compare::{Comparison, Fault, Record, Side, Span, Summary};
pub use statement::Statement;

#[cfg(test)]
mod tests;
