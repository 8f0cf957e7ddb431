//! What an authority is asked.

use der::asn1::{Int, OctetString};
use der::{Any, Encode as _};
use sha2::{Digest as _, Sha256};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_tsp::{MessageImprint, TimeStampReq, TspVersion};

use crate::stamp::SHA_256;

/// A request for a stamp over some bytes, of which the authority learns the SHA-256 alone.
#[derive(Debug, Clone)]
pub struct Request {
    der: Vec<u8>,
    nonce: Vec<u8>,
}

impl Request {
    /// `random`: eight bytes that no earlier request has had, so that an old answer can't stand for a new one.
    pub fn new(message: &[u8], random: [u8; 8]) -> Self {
        // A positive integer without a leading zero: DER has one way to write each.
        let mut nonce = random.to_vec();
        if let Some(first) = nonce.first_mut() {
            *first = *first & 0x7f | 0x40;
        }
        let digest = OctetString::new(Sha256::digest(message).to_vec()).expect("32 bytes are few enough for DER");
        let request = TimeStampReq {
            version: TspVersion::V1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifierOwned { oid: SHA_256, parameters: Some(Any::null()) },
                hashed_message: digest,
            },
            req_policy: None,
            nonce: Some(Int::new(&nonce).expect("eight bytes are few enough for DER")),
            // The certificates come with the stamp: it must be checked when the authority is long gone.
            cert_req: true,
            extensions: None,
        };
        let der = request.to_der().expect("a request of fixed parts is encoded");
        Self { der, nonce }
    }

    /// The body of the request, `application/timestamp-query`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the answer must repeat.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }
}
