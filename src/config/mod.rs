//! config

pub mod duration;

pub use duration::Duration;
