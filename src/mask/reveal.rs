//! Opening what `encrypt` has closed, for whoever holds the keys (FORMAT.md, "Envelopes in masked values").

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::custody::{Custody as _, CustodyError};
use super::envelope::Key;
use super::{Config, MaskKey};

/// The keys of a configuration, those no rule uses any more among them: what they closed stays readable.
pub struct Keyring(BTreeMap<String, Key>);

/// What an envelope held. Who, where and why it was closed is authenticated with it.
pub struct Opened {
    pub key: String,
    pub rule: String,
    pub chain: String,
    /// Wiped when it is dropped.
    pub value: Zeroizing<Vec<u8>>,
}

/// Why an envelope stays closed. Neither its value nor the envelope stands here.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("this is no envelope: `enc:1:KEY:RULE:CHAIN:BASE64` is one")]
    Form,
    #[error("a token can't be opened: it is made so that nobody can, and stays the same for the same value")]
    Token,
    #[error("key `{0}` is not in `mask.keys`")]
    NoKey(String),
    #[error("key `{id}` in `mask.keys` can't be used: {source}")]
    BadKey { id: String, source: CustodyError },
    #[error("it was not closed with this key `{0}`, or it was changed since")]
    Changed(String),
}

impl Keyring {
    /// The keys of `mask.keys`.
    pub fn new(config: &Config) -> Result<Self, OpenError> {
        let key = |(id, key): (&String, &MaskKey)| match key.open(id) {
            Ok(key) => Ok((id.clone(), Key::new(&key))),
            Err(source) => Err(OpenError::BadKey { id: id.clone(), source }),
        };
        Ok(Self(config.keys.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// Opens an envelope.
    pub fn open(&self, envelope: &str) -> Result<Opened, OpenError> {
        let mut parts = envelope.split(':');
        let (form, version) = (parts.next(), parts.next());
        if form == Some("tok") {
            return Err(OpenError::Token);
        }
        let (Some("enc"), Some("1"), Some(id), Some(rule), Some(chain), Some(_), None) =
            (form, version, parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OpenError::Form);
        };
        let key = self.0.get(id).ok_or_else(|| OpenError::NoKey(id.to_owned()))?;
        let value = key.open(envelope).ok_or_else(|| OpenError::Changed(id.to_owned()))?;
        Ok(Opened { key: id.to_owned(), rule: rule.to_owned(), chain: chain.to_owned(), value: Zeroizing::new(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_the_key_reads_what_was_closed_and_nothing_else() {
        use base64::Engine as _;
        let text = |byte: u8| base64::prelude::BASE64_STANDARD.encode([byte; 32]);
        let config = |keys: &[(&str, u8)]| Config {
            keys: keys.iter().map(|(id, byte)| ((*id).to_owned(), MaskKey::given(text(*byte)))).collect(),
            ..Config::default()
        };
        let envelope = Key::new(&[7; 32]).envelope("enc:1:2025:card:payments-eu-1", b"4242");
        let keyring = Keyring::new(&config(&[("2025", 7), ("2026", 8)])).expect("two keys");
        let opened = keyring.open(&envelope).expect("it opens");
        assert_eq!(
            (opened.key.as_str(), opened.rule.as_str(), opened.chain.as_str()),
            ("2025", "card", "payments-eu-1")
        );
        assert_eq!(opened.value.as_slice(), b"4242");

        let failure = |keyring: &Keyring, envelope: &str| keyring.open(envelope).err().expect("it stays closed");
        let changed = |envelope: &str| match failure(&keyring, envelope) {
            OpenError::Changed(id) => id,
            other => panic!("{other}"),
        };
        assert_eq!(changed(&envelope.replace("eu", "us")), "2025");
        assert_eq!(changed(&envelope.replace(":2025:", ":2026:")), "2026");
        assert!(
            matches!(failure(&keyring, &envelope.replace(":2025:", ":2024:")), OpenError::NoKey(id) if id == "2024")
        );
        assert!(matches!(failure(&keyring, "tok:1:2025:cardholder.pan:AAAA"), OpenError::Token));
        for other in ["", "enc:1:a:b:c", "enc:2:2025:card:payments-eu-1:AAAA", "enc:1:2025:card:x:y:AAAA"] {
            assert!(matches!(failure(&keyring, other), OpenError::Form), "{other}");
        }
        let bad = Config { keys: [("k".to_owned(), MaskKey::given("short"))].into(), ..Config::default() };
        assert!(matches!(Keyring::new(&bad), Err(OpenError::BadKey { id, .. }) if id == "k"));
    }
}
