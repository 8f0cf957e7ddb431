//! The real binary, one module a promise. Every test has its own directory and ports, so they run side by side.
#![allow(clippy::disallowed_methods, reason = "tests write files and read clocks of their own")]

mod disk;
mod harness;
mod parts;

mod architecture;
mod cli;
mod corpus;
mod exactly_once;
mod fail_closed;
mod faults;
mod hsm;
mod kafka;
mod kept;
mod kms;
mod life;
mod masked;
mod memory;
mod outside;
mod prove;
mod reconcile;
mod reveal;
mod rotation;
mod s3;
mod scan;
mod scanners;
mod senders;
mod sql;
mod takeover;
mod tamper;
mod witness;
mod yourself;
