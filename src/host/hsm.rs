//! A PKCS#11 token (a hardware security module, or one in software): it keeps keys that nobody can read, this program among
//! them, and is asked to sign and to decrypt with them (OASIS PKCS#11 3.0).
//!
//! A module is the vendor's library, loaded into this process: whoever names it in the configuration runs code here. It is
//! initialised once a process and stays. A session is opened when it is needed first, and anew after a call that failed, for a
//! token behind a network may have been away; who called tries again, or not.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Which key of which token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The vendor's library, such as `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// Label of the key.
    pub key: String,
    /// The user's PIN; never shown.
    pub pin: Pin,
}

/// A PIN: shown as asterisks, wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

impl From<String> for Pin {
    /// A file ends with a newline, a PIN doesn't.
    fn from(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Pin;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, best as `${env:NAME}` or `${file:PATH}`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Pin, E> {
                Ok(Pin::from(text.to_owned()))
            }
            // What a reference gives is a number where its digits are written as one.
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Pin, E> {
                Ok(Pin::from(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Why a token does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't load the PKCS#11 module {}: {source}", path.display())]
    Module { path: PathBuf, source: Pkcs11Error },
    #[error("{} has no token `{token}`", module.display())]
    NoToken { module: PathBuf, token: String },
    #[error("token `{token}` holds no {kind} `{key}`")]
    NoKey { token: String, kind: &'static str, key: String },
    #[error("token `{token}` holds {kind} `{key}` already")]
    Exists { token: String, kind: &'static str, key: String },
    #[error("token `{token}` can't {doing}: {}", said(source))]
    Call { token: String, doing: &'static str, source: Pkcs11Error },
    #[error("token `{token}` gave no {expected}")]
    Answer { token: String, expected: &'static str },
}

/// The token's own word, without the library's explanation of what each means.
fn said(error: &Pkcs11Error) -> String {
    match error {
        Pkcs11Error::Pkcs11(said, function) => format!("{said:?} ({function})"),
        other => other.to_string(),
    }
}

const AES: &str = "AES-256 key";
const ED25519: &str = "Ed25519 key pair";
/// Bytes of a nonce of AES-GCM.
pub const NONCE: usize = 12;
const TAG_BITS: u64 = 128;

/// Modules that this process has initialised: each may be so once.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// Whether a vendor's library is in this process, whose own clean-up at the end is not to be waited for: it runs beside threads
/// that may be in a call, and after libraries that it needs.
pub fn is_loaded() -> bool {
    !MODULES.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// One key's token.
pub struct Hsm {
    config: Config,
    /// One call at a time: a session knows one operation.
    session: Mutex<Option<Session>>,
}

impl Hsm {
    /// Nothing is asked yet.
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), session: Mutex::new(None) }
    }

    /// The plain text of what [`Self::encrypt`] gave, whole.
    pub fn decrypt(
        &self,
        nonce: [u8; NONCE],
        sealed: &[u8],
        authenticated: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.call("decrypt", |session| {
            let key = self.find(session, ObjectClass::SECRET_KEY, AES)?;
            let mut nonce = nonce;
            let doing = |source| self.failed("decrypt", source);
            let gcm = GcmParams::new(&mut nonce, authenticated, TAG_BITS.into()).map_err(doing)?;
            session.decrypt(&Mechanism::AesGcm(gcm), key, sealed).map(Zeroizing::new).map_err(doing)
        })
    }

    /// AES-256-GCM under the token's key: the nonce in use (a token may take one of its own), cipher text and tag.
    pub fn encrypt(
        &self,
        nonce: [u8; NONCE],
        plain: &[u8],
        authenticated: &[u8],
    ) -> Result<([u8; NONCE], Vec<u8>), Error> {
        self.call("encrypt", |session| {
            let key = self.find(session, ObjectClass::SECRET_KEY, AES)?;
            let mut nonce = nonce;
            let doing = |source| self.failed("encrypt", source);
            let gcm = GcmParams::new(&mut nonce, authenticated, TAG_BITS.into()).map_err(doing)?;
            let sealed = session.encrypt(&Mechanism::AesGcm(gcm), key, plain).map_err(doing)?;
            Ok((nonce, sealed))
        })
    }

    /// Makes the AES-256 key, which can't be taken out.
    pub fn make_aes(&self) -> Result<(), Error> {
        self.call("make an AES key", |session| {
            if self.find(session, ObjectClass::SECRET_KEY, AES).is_ok() {
                return Err(self.exists(AES));
            }
            let template = [
                Attribute::Label(self.config.key.clone().into_bytes()),
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
                Attribute::ValueLen(32.into()),
            ];
            let made = session.generate_key(&Mechanism::AesKeyGen, &template);
            made.map(drop).map_err(|source| self.failed("make an AES key", source))
        })
    }

    /// Makes the Ed25519 key pair, whose private half can't be taken out.
    pub fn make_ed25519(&self) -> Result<(), Error> {
        self.call("make an Ed25519 key", |session| {
            if self.find(session, ObjectClass::PUBLIC_KEY, ED25519).is_ok() {
                return Err(self.exists(ED25519));
            }
            // The curve by its object identifier (RFC 8410), and as PKCS#11 3.0 names it: tokens know one or both.
            let curves: [&[u8]; 2] = [b"\x06\x03\x2b\x65\x70", b"\x13\x0cedwards25519"];
            let label = || Attribute::Label(self.config.key.clone().into_bytes());
            let make = |curve: &[u8]| {
                let public = [
                    label(),
                    Attribute::Token(true),
                    Attribute::Private(false),
                    Attribute::Verify(true),
                    Attribute::EcParams(curve.to_vec()),
                ];
                let private = [
                    label(),
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::Sign(true),
                ];
                session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)
            };
            let made = make(curves[0]).or_else(|_| make(curves[1]));
            made.map(drop).map_err(|source| self.failed("make an Ed25519 key", source))
        })
    }

    /// The public half of the Ed25519 key pair.
    pub fn ed25519(&self) -> Result<[u8; 32], Error> {
        self.call("show a public key", |session| {
            let key = self.find(session, ObjectClass::PUBLIC_KEY, ED25519)?;
            let doing = |source| self.failed("show a public key", source);
            let found = session.get_attributes(key, &[AttributeType::EcPoint]).map_err(doing)?;
            let point = found.into_iter().find_map(|attribute| match attribute {
                // The point alone, or as a DER octet string.
                Attribute::EcPoint(point) => point.strip_prefix(b"\x04\x20").unwrap_or(&point).try_into().ok(),
                _ => None,
            });
            point.ok_or(Error::Answer { token: self.config.token.clone(), expected: "Ed25519 point" })
        })
    }

    /// Signs with the Ed25519 key (RFC 8032, pure).
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        self.call("sign", |session| {
            let key = self.find(session, ObjectClass::PRIVATE_KEY, ED25519)?;
            let eddsa = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
            let signature = session.sign(&eddsa, key, message).map_err(|source| self.failed("sign", source))?;
            let answer = Error::Answer { token: self.config.token.clone(), expected: "Ed25519 signature" };
            signature.try_into().map_err(|_| answer)
        })
    }

    /// Whether the token knows ML-DSA (PKCS#11 3.2).
    pub fn knows_ml_dsa(&self) -> Result<bool, Error> {
        let module = module(&self.config.module)?;
        let known = module.get_mechanism_list(self.slot(&module)?);
        known
            .map(|known| known.contains(&MechanismType::ML_DSA))
            .map_err(|source| self.failed("say what it knows", source))
    }

    /// Where the key is, for people.
    pub fn place(&self) -> String {
        format!("key `{}` of token `{}`", self.config.key, self.config.token)
    }

    /// Calls with an open session. After a failure the next call opens another.
    fn call<T>(&self, doing: &'static str, work: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = match held.take() {
            Some(session) => session,
            None => self.open(doing)?,
        };
        let done = work(&session);
        if !matches!(done, Err(Error::Call { .. })) {
            *held = Some(session);
        }
        done
    }

    fn open(&self, doing: &'static str) -> Result<Session, Error> {
        let module = module(&self.config.module)?;
        let failed = |source| self.failed(doing, source);
        let session = module.open_rw_session(self.slot(&module)?).map_err(failed)?;
        let pin = AuthPin::new(self.config.pin.0.as_str().into());
        match session.login(UserType::User, Some(&pin)) {
            // Whoever is logged in with one session of a process is so with all of them.
            Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(source) => Err(self.failed("let us in", source)),
        }
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, Error> {
        let slots = module.get_slots_with_token().map_err(|source| self.failed("be found", source))?;
        let is_it = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label() == self.config.token);
        slots
            .into_iter()
            .find(is_it)
            .ok_or(Error::NoToken { module: self.config.module.clone(), token: self.config.token.clone() })
    }

    fn find(&self, session: &Session, class: ObjectClass, kind: &'static str) -> Result<ObjectHandle, Error> {
        let key_type = if kind == AES { KeyType::AES } else { KeyType::EC_EDWARDS };
        let label = Attribute::Label(self.config.key.clone().into_bytes());
        let found = session.find_objects(&[Attribute::Class(class), Attribute::KeyType(key_type), label]);
        let found = found.map_err(|source| self.failed("be searched", source))?;
        let (token, key) = (self.config.token.clone(), self.config.key.clone());
        found.first().copied().ok_or(Error::NoKey { token, kind, key })
    }

    fn failed(&self, doing: &'static str, source: Pkcs11Error) -> Error {
        Error::Call { token: self.config.token.clone(), doing, source }
    }

    fn exists(&self, kind: &'static str) -> Error {
        Error::Exists { token: self.config.token.clone(), kind, key: self.config.key.clone() }
    }
}

fn module(path: &Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let failed = |source| Error::Module { path: path.to_owned(), source };
    let module = Pkcs11::new(path).map_err(failed)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(source) => return Err(failed(source)),
    }
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}
