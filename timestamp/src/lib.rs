//! Time stamps of RFC 3161: a third party's signed word that some bytes existed before a moment of its own clock.
//!
//! The library makes the request, reads the answer, and checks it: that it stamps these bytes, that its signature holds, and that
//! an authority which the caller trusts vouches for the signer at that time. It does no I/O. Structure is read by `cms`, `x509-cert`
//! and `x509-tsp`; signatures, paths, key usage and revocation are left to `webpki`, the library that `rustls` trusts. What stands
//! here is what RFC 3161 and RFC 5652 ask beyond that.
//!
//! Invariants: a stamp that this code can't read is a [`Problem`] with a name, whatever its bytes, never a panic; nothing of a
//! stamp is believed before [`Stamp::check`] and, for whom it is by, [`Stamp::vouched`].
//!
//! Not taken, and refused by name: RSASSA-PSS, P-521, fractions of a second in the time, encodings other than DER.
#![forbid(unsafe_code)]

mod authorities;
mod request;
mod stamp;

pub use authorities::{Authorities, AuthoritiesError, Revoked, are_lists, list_pem};
pub use request::Request;
pub use stamp::{Problem, Stamp};
