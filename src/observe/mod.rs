//! Own logs and metrics. One struct an event writes both, so that a count and its log line can't drift apart. Nothing here
//! ever takes a record's text, and metric labels come from the configuration or from closed lists, never from a request.

pub mod event;
pub mod http;
pub mod logs;
pub mod metrics;

pub use metrics::Metrics;
