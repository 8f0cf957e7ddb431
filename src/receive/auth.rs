//! Who sends: named bearer tokens (RFC 6750, the header only) and the name in a client certificate (RFC 5280).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sealtrail_chain::content::{Auth, By, Origin};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Error;

/// The tokens in force. Only their digests are held, so that comparing takes the same time whatever was sent.
pub(super) struct Tokens {
    known: Vec<Token>,
}

struct Token {
    name: String,
    digest: [u8; 32],
}

impl Tokens {
    /// Reads a file of `name token` lines; `#` begins a comment line.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            key: "auth.tokens_file",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|(line, problem)| Error::Tokens { path: PathBuf::from(path), line, problem })
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut known: Vec<Token> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split_ascii_whitespace();
            let Some(name) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            let (Some(token), None) = (words.next(), words.next()) else {
                return Err((number, "is not `name token`"));
            };
            if token.len() < 16 {
                return Err((number, "has a token shorter than 16 characters"));
            }
            let digest = Sha256::digest(token).into();
            if known.iter().any(|other| other.name == name) {
                return Err((number, "has a name that stands above"));
            }
            if known.iter().any(|other| other.digest == digest) {
                return Err((number, "has a token that stands above under another name"));
            }
            known.push(Token { name: name.to_owned(), digest });
        }
        if known.is_empty() {
            return Err((1, "begins a file without any token"));
        }
        Ok(Self { known })
    }

    /// The name of the token in `authorization: Bearer …`, if there is one and it is known.
    pub(super) fn name(&self, headers: &HeaderMap) -> Option<&str> {
        let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        // All entries are looked at, each whole: the time tells nothing of which one matched, or how far.
        let mut found = None;
        for token in &self.known {
            let difference = token.digest.iter().zip(digest).fold(0, |sum, (known, sent)| sum | (known ^ sent));
            if std::hint::black_box(difference) == 0 {
                found = Some(token.name.as_str());
            }
        }
        found
    }
}

/// What `received` says of a sender: the certificate's name before the token's. `None`: it must show a token and doesn't.
pub(super) fn origin(
    peer: IpAddr,
    certificate: Option<&str>,
    tokens: Option<&Tokens>,
    headers: &HeaderMap,
) -> Option<Origin> {
    let token = match tokens {
        Some(tokens) => Some(tokens.name(headers)?),
        None => None,
    };
    let (auth, subject) = match (certificate, token) {
        (Some(name), _) => (Auth::Mtls, Some(name)),
        (None, Some(name)) => (Auth::Token, Some(name)),
        (None, None) => (Auth::None, None),
    };
    Some(Origin { auth, by: By::Sender, peer: Some(address(peer)), subject: subject.map(str::to_owned) })
}

/// An address as it is written in `received`: IPv4 also where it came in as a mapped IPv6 one.
pub(super) fn address(peer: IpAddr) -> String {
    peer.to_canonical().to_string()
}

/// The name in a certificate that TLS has verified: its first DNS or URI name, else its common name, else its serial number.
pub(super) fn certificate_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let alternative = certificate.subject_alternative_name().ok().flatten().and_then(|names| {
        names.value.general_names.iter().find_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
            _ => None,
        })
    });
    let common = || certificate.subject().iter_common_name().find_map(|name| name.as_str().ok().map(str::to_owned));
    Some(alternative.or_else(common).unwrap_or_else(|| format!("serial {}", certificate.raw_serial_as_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_known_whole_or_not_at_all() {
        let tokens = Tokens::parse("# senders\n\npayments  0123456789abcdef\nrefunds\tfedcba9876543210 \n").unwrap();
        assert_eq!(tokens.name(&headers("Bearer 0123456789abcdef")), Some("payments"));
        assert_eq!(tokens.name(&headers("bearer  fedcba9876543210")), Some("refunds"));
        for wrong in
            ["Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "Bearer ", "x", ""]
        {
            assert_eq!(tokens.name(&headers(wrong)), None, "{wrong}");
        }
        let peer = "::ffff:203.0.113.7".parse().unwrap();
        assert!(origin(peer, Some("by certificate"), Some(&tokens), &HeaderMap::new()).is_none());
        let known = origin(peer, None, Some(&tokens), &headers("Bearer 0123456789abcdef")).unwrap();
        assert_eq!((known.auth, known.subject.as_deref()), (Auth::Token, Some("payments")));
        assert_eq!(known.peer.as_deref(), Some("203.0.113.7"));
    }

    #[test]
    fn a_wrong_tokens_file_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("# none\n", 1),
            ("one 0123456789abcdef\ntwo\n", 2),
            ("a 0123456789abcdef extra\n", 1),
            ("short 0123\n", 1),
            ("a 0123456789abcdef\na 1123456789abcdef\n", 2),
            ("a 0123456789abcdef\nb 0123456789abcdef\n", 2),
        ] {
            assert_eq!(Tokens::parse(text).err().map(|(line, _)| line), Some(line), "{text}");
        }
    }
}
