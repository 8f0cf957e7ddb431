//! Against an authority that is not ours: OpenSSL's `ts`, with keys of several kinds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealtrail_timestamp::{Authorities, Problem, Request, Revoked, Stamp};

const CONFIGURATION: &str = "
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 3650
default_crl_days = 3650
policy = any
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Test CA
[v3_ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[v3_tsa]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://127.0.0.1:9999/ca.crl
[v3_other]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, serverAuth
[crl]
authorityKeyIdentifier = keyid
[tsa]
default_tsa = one
[one]
serial = tsaserial
signer_cert = tsa.pem
certs = ca.pem
signer_key = tsa.key
signer_digest = DIGEST
ess_cert_id_alg = NAMED
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
";

/// An authority in a directory of its own.
struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    /// `key`: what OpenSSL calls a new key of that kind; `named`: how a stamp names its signer's certificate.
    fn new(key: &[&str], digest: &str, named: &str) -> Self {
        let authority = Self { dir: tempfile::tempdir().expect("a directory") };
        let configuration = CONFIGURATION.replace("DIGEST", digest).replace("NAMED", named);
        for (name, text) in [
            ("tsa.cnf", configuration.as_str()),
            ("index.txt", ""),
            ("serial", "01"),
            ("crlnumber", "01"),
            ("tsaserial", "01"),
        ] {
            authority.write(name, text.as_bytes());
        }
        let make =
            [&["req", "-x509", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-extensions", "v3_ca"], key].concat();
        authority.openssl(&[&make[..], &["-days", "3650", "-config", "tsa.cnf"]].concat());
        let make = [&["req", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA"], key].concat();
        authority.openssl(&[&make[..], &["-config", "tsa.cnf"]].concat());
        authority.certify("v3_tsa");
        authority
    }

    /// Gives the signer its certificate.
    fn certify(&self, extensions: &str) {
        let certify =
            ["ca", "-batch", "-config", "tsa.cnf", "-in", "tsa.csr", "-out", "tsa.pem", "-notext", "-extensions"];
        self.openssl(&[&certify[..], &[extensions]].concat());
    }

    fn stamp(&self, request: &Request) -> Vec<u8> {
        self.write("query", request.der());
        self.openssl(&["ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer"]);
        std::fs::read(self.path("answer")).expect("an answer")
    }

    /// Its list of revoked certificates.
    fn revoked(&self) -> Revoked {
        self.openssl(&["ca", "-config", "tsa.cnf", "-gencrl", "-crlexts", "crl", "-out", "crl.pem"]);
        self.openssl(&["crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der"]);
        let read = |name: &str| std::fs::read(self.path(name)).expect("a list");
        let served = [sealtrail_timestamp::list_pem(&read("crl.der")), sealtrail_timestamp::list_pem(&read("crl.pem"))];
        assert!(served[0] == served[1] && served[0].is_some() && sealtrail_timestamp::list_pem(b"none").is_none());
        Revoked::from_pem(&std::fs::read(self.path("crl.pem")).expect("a list")).expect("a list of version 2")
    }

    fn trusted(&self) -> Authorities {
        Authorities::from_pem(&std::fs::read(self.path("ca.pem")).expect("a certificate")).expect("an authority")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    #[allow(clippy::disallowed_methods, reason = "a test's own files")]
    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    fn openssl(&self, arguments: &[&str]) {
        openssl(self.dir.path(), arguments);
    }
}

fn openssl(dir: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(dir).stdin(Stdio::null()).output();
    let output = output.expect("`openssl` is on this machine");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];
const MESSAGE: &[u8] = b"audit.example.com/payments\n40\nroot\n\n\xe2\x80\x94 audit.example.com/payments signature\n";

#[test]
fn stamps_of_every_kind_of_key_hold() {
    for (key, digest, named) in [
        (P256, "sha256", "sha256"),
        (P256, "sha384", "sha256"),
        (P384, "sha384", "sha384"),
        (RSA, "sha256", "sha256"),
        (RSA, "sha512", "sha512"),
        // What most authorities still do.
        (RSA, "sha256", "sha1"),
    ] {
        let authority = Authority::new(key, digest, named);
        let request = Request::new(MESSAGE, [0xff; 8]);
        let stamp =
            Stamp::read(&authority.stamp(&request)).unwrap_or_else(|problem| panic!("{key:?} {digest}: {problem}"));
        assert_eq!(stamp.check(MESSAGE), Ok(()), "{key:?} {digest} {named}");
        assert_eq!(stamp.answers(request.nonce()), Ok(()));
        assert_eq!(stamp.answers(&[0; 8]), Err(Problem::Nonce));
        assert_eq!(stamp.vouched(&authority.trusted(), &Revoked::default()), Ok(()), "{key:?} {digest} {named}");
        assert_eq!(stamp.vouched(&authority.trusted(), &authority.revoked()), Ok(()), "nothing is revoked");
        assert_eq!(stamp.check(b"other bytes"), Err(Problem::Imprint));
        assert_eq!(stamp.signer(), "CN=Test TSA");
        assert_eq!(stamp.revocation_urls(), ["http://127.0.0.1:9999/ca.crl"]);
        // OpenSSL's own word on our request and its answer.
        authority.write("message", MESSAGE);
        let verify = ["ts", "-verify", "-in", "answer", "-data", "message", "-CAfile", "ca.pem"];
        authority.openssl(&verify);
        authority.openssl(&["ts", "-verify", "-in", "answer", "-queryfile", "query", "-CAfile", "ca.pem"]);
    }
}

#[test]
fn whoever_is_not_vouched_for_is_refused() {
    let authority = Authority::new(P256, "sha256", "sha256");
    let stamp = Stamp::read(&authority.stamp(&Request::new(MESSAGE, [1; 8]))).expect("a stamp");
    let stranger = Authority::new(P256, "sha256", "sha256");
    assert!(
        matches!(stamp.vouched(&stranger.trusted(), &Revoked::default()), Err(Problem::Path(_))),
        "another authority"
    );
    authority.openssl(&["ca", "-config", "tsa.cnf", "-revoke", "tsa.pem"]);
    assert_eq!(stamp.vouched(&authority.trusted(), &authority.revoked()), Err(Problem::Revoked));

    let text = std::fs::read(authority.path("tsa.cnf")).expect("there");
    assert!(Authorities::from_pem(&text).is_err() && Revoked::from_pem(b"").is_ok());
}

/// Whichever byte is changed, nothing but the signed bytes is believed: a stamp that still holds says the very same.
#[test]
fn a_changed_stamp_is_refused_or_says_the_same() {
    let authority = Authority::new(P256, "sha256", "sha256");
    let answer = authority.stamp(&Request::new(MESSAGE, [2; 8]));
    let (trusted, revoked) = (authority.trusted(), Revoked::default());
    let time = Stamp::read(&answer).expect("a stamp").unix_seconds();
    let mut refused = 0;
    for at in 0..answer.len() {
        let mut changed = answer.clone();
        changed[at] ^= 1;
        match Stamp::read(&changed) {
            Ok(stamp) if stamp.check(MESSAGE).is_ok() && stamp.vouched(&trusted, &revoked).is_ok() => {
                assert_eq!(stamp.unix_seconds(), time, "byte {at}");
            }
            _ => refused += 1,
        }
    }
    // What may change is the certificate of the authority, which is not taken from there, and the answer's own words.
    assert!(refused > answer.len() / 2, "{refused} of {}", answer.len());
    for cut in 0..answer.len() {
        assert!(Stamp::read(&answer[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn what_is_no_stamp_is_named() {
    assert!(matches!(Stamp::read(b""), Err(Problem::Form(_))));
    assert!(matches!(Stamp::read(&[0x30; 4096]), Err(Problem::Form(_))));
    // `TimeStampResp` with status 2 (rejection), and no token.
    assert_eq!(Stamp::read(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]).err(), Some(Problem::NotGranted));
}
