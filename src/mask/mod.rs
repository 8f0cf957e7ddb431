//! Masking: what the rules recognise never goes further than this module.

use sealtrail_chain::content::{Context, LogRecord, Tail};
use sealtrail_chain::{Checksum, Content};

/// A log record as a sender sent it. Anyone may make one; only the engine may look into it, so it has no `Debug`, `Display`
/// or `Serialize`, and nothing but masking takes it.
pub struct Received<'a>(LogRecord<'a>);

impl<'a> Received<'a> {
    pub fn new(record: LogRecord<'a>) -> Self {
        Self(record)
    }
}

/// The masked canonical text of a record: the only thing that can be sealed. Made by the engine alone.
pub struct Masked {
    content: Content,
    checksum: Checksum,
}

impl Masked {
    /// For tests of what comes after masking: canonical text that no engine has seen.
    #[cfg(test)]
    pub(crate) fn for_test(text: &str) -> Self {
        let content = Content::parse(text.to_owned()).expect("canonical text");
        Self { checksum: content.checksum(), content }
    }
    pub fn content(&self) -> &Content {
        &self.content
    }
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }
    pub fn into_content(self) -> Content {
        self.content
    }
}

/// What the records of one `ScopeLogs` share, masked and rendered once.
pub struct MaskedContext {
    tail: Tail,
}

/// Why a record can't be masked (and so is refused, alone). Closed, without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the record is larger than {limit} bytes once masked")]
    TooLarge { limit: usize },
}

/// The rules in force, compiled. Shared by all requests; a reload makes another one.
pub struct Engine {}

impl Engine {
    /// SHA-256 over the rule files in force, in order.
    pub fn digest(&self) -> [u8; 32] {
        todo!()
    }
    /// Scratch space for one request; the counts of what was masked become metrics when it is dropped.
    pub fn session(&self) -> Session<'_> {
        Session { engine: self }
    }
}

pub struct Session<'e> {
    engine: &'e Engine,
}

impl Session<'_> {
    /// Masks resource and scope and escapes reserved names in them (unless `received.by` is the collector itself).
    pub fn context(&mut self, context: Context<'_>) -> Result<MaskedContext, Refused> {
        let _ = (context, self.engine);
        todo!()
    }
    /// Masks one record under its context and writes its canonical text.
    pub fn mask(&mut self, context: &MaskedContext, record: Received<'_>) -> Result<Masked, Refused> {
        let _ = (context, record);
        todo!()
    }
}
