//! Inclusion and consistency proofs (RFC 6962, 2.1.1 and 2.1.2) and C2SP `tlog-proof`.
