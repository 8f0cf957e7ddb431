//! What is promised of content and its mapping, tried on records of every shape and on bytes of none.

mod oracle;
mod otlp;
mod samples;
mod text;
