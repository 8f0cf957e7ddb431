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
    #[error(
        "by brand, keeps the first {first} and last {last} of card numbers, of which the brands it looks for allow {most} and 4"
    )]
    BrandKept { first: u64, last: u64, most: u64 },
    #[error("`brand_rule` speaks of card numbers, and this rule finds others")]
    NoBrands,
    #[error("leaves {min_hidden} digits of a card number hidden")]
    PanHidden { min_hidden: u64 },
    #[error("neither a validator, a token nor a key says what to look for")]
    NothingToFind,
    #[error("both a validator and a token say what to look for")]
    TwoShapes,
    #[error("`truncate_number` works on values found by key only")]
    TruncateInText,
    #[error("with rule `{other}`, keeps digits of one card number that add up")]
    NotNested { other: String },
    #[error("key `{0}` is used by `encrypt` and by `hmac_token`")]
    KeyForBoth(String),
    #[error("key `{0}` is not configured")]
    NoKey(String),
    #[error("key `{0}` is not base64 of 32 bytes")]
    BadKey(String),
    #[error("key `{id}` can't be unwrapped: {reason}")]
    KeyAway { id: String, reason: String, remedy: &'static str },
    #[error("`{0}` can't stand in an envelope as a key id")]
    BadKeyId(String),
    #[error("has no tests")]
    NoTests,
    #[error("every `must_mask` is taken by rule `{by}` first, such as `{witness}`")]
    Beaten { by: String, witness: String },
    #[error("pattern `{key}` is longer than {limit} signs")]
    LongPattern { key: &'static str, limit: usize },
    #[error("has no `must_keep`")]
    NothingKept,
    #[error("`{0}` is missing")]
    Undescribed(&'static str),
    #[error("a card number in its tests is on no brand's list of test numbers")]
    UnknownCard,
    #[error(
        "leaves a token beside the truncation of card numbers, and no control against putting them together is named"
    )]
    ControlUnstated,
    #[error("rule `{other}` of the same class finds `{witness}` too, and does something else with it")]
    Overlap { other: String, witness: String },
    #[error("test {number} of `must_mask` is not masked by this rule")]
    NotMasked { number: usize },
    #[error("test {number} of `must_keep` is masked by this rule")]
    NotKept { number: usize },
}

impl Problem {
    /// Worth saying, and no reason to refuse the rules.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::LongPattern { .. }
                | Self::NothingKept
                | Self::Undescribed(_)
                | Self::UnknownCard
                | Self::ControlUnstated
                | Self::Overlap { .. }
        )
    }

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
            Self::PanKept { .. } => {
                "keep the first 6 and last 4 at most, or use `action: drop`, or add `brand_rule: true` (SSC FAQ 1091)"
                    .into()
            }
            Self::BrandKept { most, .. } => format!("keep the first {most} and last 4 at most (SSC FAQ 1091)"),
            Self::NoBrands => "leave it out, or use `validator: pan`".into(),
            Self::PanHidden { .. } => "write `min_hidden: 6` or more: cards of 13 digits would show too much".into(),
            Self::NothingToFind => "add `validator`, `token` or `key` to `detect`".into(),
            Self::TwoShapes => "leave one of them out".into(),
            Self::TruncateInText => "use `key` without `validator`".into(),
            Self::NotNested { .. } => {
                "let one show nothing that the other hides: 4 and 4 within 6 and 4 (SSC FAQ 1091), or use `hmac_token`"
                    .into()
            }
            Self::KeyForBoth(_) => "give each use a key of its own".into(),
            Self::Beaten { by, .. } => format!("put it before `{by}`, narrow that one, or leave this one out"),
            Self::LongPattern { .. } => "split it into several rules that can be read".into(),
            Self::NothingKept => "add what it must leave alone: the nearest thing that is none".into(),
            Self::Undescribed("compliance") => "name what it is for: `compliance: [PCI-DSS-3.5.1]`".into(),
            Self::Undescribed("owner") => "name who answers for it: `owner: security`".into(),
            Self::Undescribed(key) => format!("add `{key}`, such as `since: 2026-11-26`"),
            Self::UnknownCard => "use a public one, such as 4242 4242 4242 4242: it may be somebody's".into(),
            Self::ControlUnstated => {
                "keep the token's key away from who reads the log, and say so: `compliance: [PCI-DSS-3.5.1.1]`".into()
            }
            Self::Overlap { .. } => "say in one place what becomes of it: the order of the rules decides alone".into(),
            Self::NoKey(id) => format!("add `{id}: ${{env:NAME}}` to `mask.keys`, base64 of 32 random bytes"),
            Self::BadKey(_) => "make one with `openssl rand -base64 32`".into(),
            Self::KeyAway { remedy, .. } => (*remedy).into(),
            Self::BadKeyId(_) => "use letters, digits, `_`, `-` and `.` in key ids".into(),
            Self::NoTests => "add `tests` with at least one `must_mask` and one `must_keep`".into(),
            Self::NotMasked { .. } => "correct the rule or the test; an earlier rule may take the value first".into(),
            Self::NotKept { .. } => "narrow the rule, or correct the test".into(),
        }
    }
}
