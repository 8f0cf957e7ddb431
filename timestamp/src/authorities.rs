//! Whom to believe about signers, and what was revoked.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor};
use webpki::{CertRevocationList, OwnedCertRevocationList};

/// Certificates that paths must end at.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    anchors: Vec<TrustAnchor<'static>>,
}

/// Why a text holds no authorities, or no lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    #[error("it holds no certificate in PEM")]
    Empty,
    #[error("certificate {0} of it can't be an authority's")]
    Certificate(usize),
    #[error("list {0} of it is no list of revoked certificates of version 2")]
    List(usize),
}

impl Authorities {
    /// Reads certificates in PEM; at least one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut anchors = Vec::new();
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem)) {
            let certificate = certificate.map_err(|_| AuthoritiesError::Certificate(number))?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate);
            anchors.push(anchor.map_err(|_| AuthoritiesError::Certificate(number))?.to_owned());
        }
        if anchors.is_empty() { Err(AuthoritiesError::Empty) } else { Ok(Self { anchors }) }
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }
}

/// Lists of revoked certificates, of the day of a stamp.
#[derive(Debug, Default)]
pub struct Revoked {
    lists: Vec<CertRevocationList<'static>>,
}

impl Revoked {
    /// Reads lists in PEM; none is an empty one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut lists = Vec::new();
        for (number, list) in (1..).zip(CertificateRevocationListDer::pem_slice_iter(pem)) {
            let list = list.ok().and_then(|list| OwnedCertRevocationList::from_der(&list).ok());
            lists.push(list.ok_or(AuthoritiesError::List(number))?.into());
        }
        Ok(Self { lists })
    }

    pub(crate) fn lists(&self) -> Vec<&CertRevocationList<'static>> {
        self.lists.iter().collect()
    }
}

/// Whether that is lists of revoked certificates as `list_pem` writes them, at least one, and nothing before, between or behind them.
pub fn are_lists(bytes: &[u8]) -> bool {
    let mut written = String::new();
    for list in CertificateRevocationListDer::pem_slice_iter(bytes) {
        match list.ok().and_then(|list| list_pem(&list)) {
            Some(list) => written += &list,
            None => return false,
        }
    }
    !written.is_empty() && written.as_bytes() == bytes
}

/// A list as a server hands it out, in DER or PEM, as PEM; `None`: it is none of version 2.
pub fn list_pem(bytes: &[u8]) -> Option<String> {
    let der = match CertificateRevocationListDer::pem_slice_iter(bytes).next() {
        Some(Ok(list)) => list.to_vec(),
        _ => bytes.to_vec(),
    };
    OwnedCertRevocationList::from_der(&der).ok()?;
    der::pem::encode_string("X509 CRL", der::pem::LineEnding::LF, &der).ok()
}
