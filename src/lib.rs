//! Sealtrail: a compliance audit-log pipeline. The modules stand in the order of a record's way.

pub mod cli;
pub mod collector;
pub mod config;

pub mod receive;
pub mod mask;
pub mod seal;
pub mod wal;
pub mod deliver;
pub mod stream;
pub mod archive;

pub mod verify;

pub mod host;
pub mod observe;
