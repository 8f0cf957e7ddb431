//! What can be wrong with a rule file: a closed list, each with a place and a remedy.

/// One thing that is wrong; a load gives all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The rule file as configured, `payment` for the embedded pack, `mask.keys` for the configuration.
    pub file: String,
    /// Line in the file; 0 where there is none.
    pub line: u64,
    /// Id of the rule, where one is known.
    pub rule: Option<String>,
    pub problem: Problem,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        write!(f, "{}\n  at      {}", self.problem, self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, "\n  remedy  {}", self.problem.remedy())
    }
}

impl std::error::Error for RuleError {}

/// Why a rule file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the file can't be read: {0}")]
    Unreadable(String),
    #[error("not YAML: {0}")]
    Syntax(String),
    #[error("`{key}` must be {expected}")]
    Type { key: String, expected: &'static str },
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("unknown key `{found}`")]
    UnknownKey { found: String, nearest: Option<String>, known: String },
    #[error("unknown {what} `{found}`")]
    Unknown { what: &'static str, found: String, nearest: Option<String>, known: String },
    #[error("version {0} is not known")]
    Version(String),
    #[error("`{0}` is no rule id")]
    BadId(String),
    #[error("there is another rule of this id, in {file}:{line}")]
    Duplicate { file: String, line: u64 },
    #[error("more than {} rules", super::MAX_RULES)]
    TooMany,
    #[error("pattern `{key}` is no regular expression: {reason}")]
    Pattern { key: &'static str, reason: String },
    #[error("pattern `{0}` is too large once compiled")]
    PatternSize(&'static str),
    #[error("pattern `{0}` matches the empty string, and so every value")]
    MatchesEmpty(&'static str),
    #[error("sensitive authentication data is kept by `{0}`")]
    SadKept(&'static str),
    #[error("keeps the first {first} and last {last} of card numbers")]
    PanKept { first: u64, last: u64 },
    #[error("leaves {min_hidden} digits of a card number hidden")]
    PanHidden { min_hidden: u64 },
    #[error("`packs` is not built yet")]
    Packs,
    #[error("neither a validator nor a key says what to look for")]
    NothingToFind,
    #[error("`truncate_number` works on values found by key only")]
    TruncateInText,
    #[error("`hmac_token` is not built yet")]
    TokenUnbuilt,
    #[error("key `{0}` is not configured")]
    NoKey(String),
    #[error("key `{0}` is not base64 of 32 bytes")]
    BadKey(String),
    #[error("`{0}` can't stand in an envelope as a key id")]
    BadKeyId(String),
    #[error("has no tests")]
    NoTests,
    #[error("test {number} of `must_mask` is not masked by this rule")]
    NotMasked { number: usize },
    #[error("test {number} of `must_keep` is masked by this rule")]
    NotKept { number: usize },
}

impl Problem {
    /// A rule's own test fails; else the file is wrong.
    pub fn is_failing_case(&self) -> bool {
        matches!(self, Self::NotMasked { .. } | Self::NotKept { .. })
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path (relative to the configuration file) and its permissions".into(),
            Self::Syntax(_) => "correct the YAML at this place".into(),
            Self::Type { expected, .. } => format!("write {expected}"),
            Self::Missing(key) => format!("add `{key}`"),
            Self::UnknownKey { nearest, known, .. } | Self::Unknown { nearest, known, .. } => match nearest {
                Some(nearest) => format!("did you mean `{nearest}`? known: {known}"),
                None => format!("use one of: {known}"),
            },
            Self::Version(_) => "write `version: 1`".into(),
            Self::BadId(_) => "use a lower-case letter, then lower-case letters, digits, `_` or `-`".into(),
            Self::Duplicate { .. } => "give each rule an id of its own".into(),
            Self::TooMany => format!("keep {} rules at most over all files", super::MAX_RULES),
            Self::Pattern { .. } => "correct the pattern; look-around and back-references are not available".into(),
            Self::PatternSize(_) => "shorten the pattern, or its counted repetitions".into(),
            Self::MatchesEmpty(_) => "make at least one sign of it mandatory".into(),
            Self::SadKept(_) => "use `action: drop` (PCI DSS 3.3.1)".into(),
            Self::PanKept { .. } => "keep the first 6 and last 4 at most, or use `action: drop`".into(),
            Self::PanHidden { .. } => "write `min_hidden: 6` or more: cards of 13 digits would show too much".into(),
            Self::Packs => {
                "list the pack before this file, in `mask.rules: [payment, FILE]` of the configuration".into()
            }
            Self::NothingToFind => "add `validator` or `key` to `detect`".into(),
            Self::TruncateInText => "use `key` without `validator`".into(),
            Self::TokenUnbuilt => "use `keep_first_last`, `drop`, `replace` or `encrypt`".into(),
            Self::NoKey(id) => format!("add `{id}: ${{env:NAME}}` to `mask.keys`, base64 of 32 random bytes"),
            Self::BadKey(_) => "make one with `openssl rand -base64 32`".into(),
            Self::BadKeyId(_) => "use letters, digits, `_`, `-` and `.` in key ids".into(),
            Self::NoTests => "add `tests` with at least one `must_mask` and one `must_keep`".into(),
            Self::NotMasked { .. } => "correct the rule or the test; an earlier rule may take the value first".into(),
            Self::NotKept { .. } => "narrow the rule, or correct the test".into(),
        }
    }
}
