//! A time stamp taken apart and checked: over what, by whom, when.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier as Oid, OctetString};
use der::{Any, Decode as _, Encode as _, Sequence};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm as Verifier, UnixTime};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use webpki::{EndEntityCert, KeyUsage, RevocationOptionsBuilder, UnknownStatusPolicy};
use x509_cert::Certificate;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_tsp::{TimeStampResp, TstInfo};

use crate::{Authorities, Revoked};

const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.47");
pub(crate) const SHA_256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA_256: Oid = Oid::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: Oid = Oid::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: Oid = Oid::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA_256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: Oid = Oid::new_unwrap("1.2.840.10045.4.3.3");
const ED25519: Oid = Oid::new_unwrap("1.3.101.112");
/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Why a time stamp proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the authority has not granted it")]
    NotGranted,
    #[error("it is no time stamp of RFC 3161: {0}")]
    Form(&'static str),
    #[error("it stamps other bytes")]
    Imprint,
    #[error("it answers another request")]
    Nonce,
    #[error("it is hashed or signed with an algorithm that is not taken")]
    Algorithm,
    #[error("the certificate of its signer is not in it")]
    NoCertificate,
    #[error("it does not name the certificate of its signer")]
    Certificate,
    #[error("its signature does not hold")]
    Signature,
    #[error("a certificate of its signer was revoked")]
    Revoked,
    #[error("its signer is not vouched for by a trusted authority: {0}")]
    Path(String),
}

/// A time stamp that was read; `check` says whether it holds, `vouched` whether to believe its signer.
#[derive(Debug)]
pub struct Stamp {
    info: TstInfo,
    /// The very bytes that the signature is over, through `signer`.
    content: Vec<u8>,
    signer: SignerInfo,
    certificates: Vec<Certificate>,
}

impl Stamp {
    /// Reads an answer of a time stamping authority, a `TimeStampResp` in DER.
    pub fn read(response: &[u8]) -> Result<Self, Problem> {
        let response = TimeStampResp::from_der(response).map_err(|_| Problem::Form("not a TimeStampResp in DER"))?;
        let token = response.time_stamp_token.ok_or(Problem::NotGranted)?;
        let data = signed_data(&token)?;
        if data.encap_content_info.econtent_type != TST_INFO {
            return Err(Problem::Form("its content is no TSTInfo"));
        }
        let content = data.encap_content_info.econtent.ok_or(Problem::Form("it has no content"))?;
        let content = content.decode_as::<OctetString>().map_err(|_| Problem::Form("its content is no octets"))?;
        let info =
            TstInfo::from_der(content.as_bytes()).map_err(|_| Problem::Form("its content is no TSTInfo in DER"))?;
        let [signer] = data.signer_infos.0.as_slice() else {
            return Err(Problem::Form("it has not one signature"));
        };
        let certificates = data.certificates.iter().flat_map(|set| set.0.iter()).filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
            CertificateChoices::Other(_) => None,
        });
        Ok(Self { signer: signer.clone(), certificates: certificates.collect(), content: content.into_bytes(), info })
    }

    /// Unix seconds at which the authority saw the message.
    pub fn unix_seconds(&self) -> u64 {
        self.info.gen_time.to_unix_duration().as_secs()
    }

    /// Name of the signer, as its certificate has it.
    pub fn signer(&self) -> String {
        self.certificate().map_or_else(String::new, |certificate| certificate.tbs_certificate.subject.to_string())
    }

    /// Where lists of revoked certificates lie, as those of the token say.
    pub fn revocation_urls(&self) -> Vec<String> {
        self.certificates.iter().flat_map(distribution_points).collect()
    }

    /// That it answers the request with this nonce.
    pub fn answers(&self, nonce: &[u8]) -> Result<(), Problem> {
        match &self.info.nonce {
            Some(found) if found.as_bytes() == nonce => Ok(()),
            _ => Err(Problem::Nonce),
        }
    }

    /// That it stamps `message`, and that the certificate in it has signed that. Whose certificate it is, `vouched` says.
    pub fn check(&self, message: &[u8]) -> Result<(), Problem> {
        let imprint = &self.info.message_imprint;
        let stamped = digest(&imprint.hash_algorithm.oid, message)?;
        if stamped != imprint.hashed_message.as_bytes() {
            return Err(Problem::Imprint);
        }
        let certificate = self.certificate().ok_or(Problem::NoCertificate)?;
        let der = certificate.to_der().map_err(|_| Problem::NoCertificate)?;
        let attributes = self.signer.signed_attrs.as_ref().ok_or(Problem::Form("its attributes are not signed"))?;
        if self.attribute::<Oid>(CONTENT_TYPE) != Some(TST_INFO) {
            return Err(Problem::Form("its signature is over another kind of content"));
        }
        let signed = self.attribute::<OctetString>(MESSAGE_DIGEST);
        if signed.as_ref().map(OctetString::as_bytes) != Some(&digest(&self.signer.digest_alg.oid, &self.content)?[..])
        {
            return Err(Problem::Signature);
        }
        if !self.names(&der) {
            return Err(Problem::Certificate);
        }
        let message = attributes.to_der().map_err(|_| Problem::Signature)?;
        let der = CertificateDer::from(der);
        let signer = EndEntityCert::try_from(&der).map_err(|_| Problem::NoCertificate)?;
        let verified = |verifier: &&dyn Verifier| {
            signer.verify_signature(*verifier, &message, self.signer.signature.as_bytes()).is_ok()
        };
        let verifiers = verifiers(&self.signer.signature_algorithm.oid, &self.signer.digest_alg.oid)?;
        verifiers.iter().any(verified).then_some(()).ok_or(Problem::Signature)
    }

    /// That one of `authorities` vouches for the signer, for time stamping, at the time that it names; and that none of the lists
    /// of `revoked` names a certificate of its path. A certificate about which no list says anything is taken.
    pub fn vouched(&self, authorities: &Authorities, revoked: &Revoked) -> Result<(), Problem> {
        let encoded = |certificate: &Certificate| certificate.to_der().ok().map(CertificateDer::from);
        let der = self.certificate().and_then(encoded).ok_or(Problem::NoCertificate)?;
        let others: Vec<CertificateDer<'_>> = self.certificates.iter().filter_map(encoded).collect();
        let signer = EndEntityCert::try_from(&der).map_err(|_| Problem::NoCertificate)?;
        let lists = revoked.lists();
        let revocation = RevocationOptionsBuilder::new(&lists).ok();
        let revocation = revocation.map(|builder| builder.with_status_policy(UnknownStatusPolicy::Allow).build());
        let time = UnixTime::since_unix_epoch(self.info.gen_time.to_unix_duration());
        let (known, usage) = (webpki::ALL_VERIFICATION_ALGS, KeyUsage::required(TIME_STAMPING));
        let path = signer.verify_for_usage(known, authorities.anchors(), &others, time, usage, revocation, None);
        path.map(|_| ()).map_err(|error| match error {
            webpki::Error::CertRevoked => Problem::Revoked,
            other => Problem::Path(other.to_string()),
        })
    }

    /// The certificate that the signature names.
    fn certificate(&self) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| {
            let about = &certificate.tbs_certificate;
            match &self.signer.sid {
                SignerIdentifier::IssuerAndSerialNumber(named) => {
                    about.issuer == named.issuer && about.serial_number == named.serial_number
                }
                SignerIdentifier::SubjectKeyIdentifier(named) => {
                    let found = about.get::<x509_cert::ext::pkix::SubjectKeyIdentifier>();
                    found.is_ok_and(|found| found.is_some_and(|(_, found)| found == *named))
                }
            }
        })
    }

    /// The one value of a signed attribute.
    fn attribute<T>(&self, oid: Oid) -> Option<T>
    where
        T: for<'a> der::DecodeValue<'a> + der::FixedTag,
    {
        let attributes = self.signer.signed_attrs.as_ref()?;
        let attribute = attributes.iter().find(|attribute| attribute.oid == oid)?;
        match attribute.values.as_slice() {
            [value] => value.decode_as::<T>().ok(),
            _ => None,
        }
    }

    /// Whether the signed attributes name this certificate by its hash, so that no other with the same key can stand for it.
    fn names(&self, certificate: &[u8]) -> bool {
        let second = self.attribute::<SigningCertificateV2>(SIGNING_CERTIFICATE_V2);
        if let Some(named) = second.as_ref().and_then(|second| second.certs.first()) {
            let oid = named.algorithm.as_ref().map_or(SHA_256, |algorithm| algorithm.oid);
            return digest(&oid, certificate).is_ok_and(|hash| hash == named.hash.as_bytes());
        }
        let first = self.attribute::<SigningCertificate>(SIGNING_CERTIFICATE);
        let Some(named) = first.as_ref().and_then(|first| first.certs.first()) else { return false };
        // SHA-1 here is what RFC 3161 asks of most authorities. To abuse it takes a second certificate of the same key.
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
        hash.as_ref() == named.hash.as_bytes()
    }
}

/// `SigningCertificate` of RFC 2634, 5.4.
#[derive(Sequence)]
struct SigningCertificate {
    certs: Vec<EssCertId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct EssCertId {
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

/// `SigningCertificateV2` of RFC 5035, 3.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct EssCertIdV2 {
    /// SHA-256 where it is absent.
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

fn signed_data(token: &ContentInfo) -> Result<SignedData, Problem> {
    if token.content_type != SIGNED_DATA {
        return Err(Problem::Form("it is not signed"));
    }
    token.content.decode_as().map_err(|_| Problem::Form("not a SignedData in DER"))
}

/// HTTP places of the lists that a certificate names.
fn distribution_points(certificate: &Certificate) -> Vec<String> {
    use x509_cert::ext::pkix::CrlDistributionPoints;
    use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
    let Ok(Some((_, points))) = certificate.tbs_certificate.get::<CrlDistributionPoints>() else { return Vec::new() };
    let names = points.0.into_iter().filter_map(|point| match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    let urls = names.flatten().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(url) => Some(url.to_string()),
        _ => None,
    });
    urls.filter(|url| url.starts_with("http://") || url.starts_with("https://")).collect()
}

fn digest(algorithm: &Oid, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    match *algorithm {
        SHA_256 => Ok(Sha256::digest(bytes).to_vec()),
        SHA_384 => Ok(Sha384::digest(bytes).to_vec()),
        SHA_512 => Ok(Sha512::digest(bytes).to_vec()),
        _ => Err(Problem::Algorithm),
    }
}

/// What may verify a signature of that algorithm; the certificate's key takes one of them.
fn verifiers(signature: &Oid, digest: &Oid) -> Result<Vec<&'static dyn Verifier>, Problem> {
    use webpki::aws_lc_rs as with;
    // `rsaEncryption` leaves the digest to the field beside it.
    let signature = match (*signature, *digest) {
        (RSA, SHA_256) => RSA_SHA_256,
        (RSA, SHA_384) => RSA_SHA_384,
        (RSA, SHA_512) => RSA_SHA_512,
        (other, _) => other,
    };
    Ok(match signature {
        RSA_SHA_256 => vec![with::RSA_PKCS1_2048_8192_SHA256],
        RSA_SHA_384 => vec![with::RSA_PKCS1_2048_8192_SHA384],
        RSA_SHA_512 => vec![with::RSA_PKCS1_2048_8192_SHA512],
        ECDSA_SHA_256 => vec![with::ECDSA_P256_SHA256, with::ECDSA_P384_SHA256],
        ECDSA_SHA_384 => vec![with::ECDSA_P256_SHA384, with::ECDSA_P384_SHA384],
        ED25519 => vec![with::ED25519],
        _ => return Err(Problem::Algorithm),
    })
}
