//! The one place where all parts are wired, started and stopped.
