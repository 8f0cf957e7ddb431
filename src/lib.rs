//! Sealtrail: a compliance audit-log pipeline. The modules stand in the order of a record's way.

// What unit tests share with `tests/it` calls the crate by its name.
#[cfg(test)]
extern crate self as sealtrail;

pub mod cli;
pub mod collector;
pub mod config;

pub mod archive;
pub mod deliver;
pub mod mask;
pub mod receive;
pub mod seal;
pub mod stream;
pub mod wal;

pub mod aws;
pub mod client;
pub mod evidence;
pub mod witness;

pub mod reconcile;
pub mod scan;
pub mod verify;

pub mod host;
pub mod observe;
mod yaml;
