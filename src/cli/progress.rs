//! How far a command that reads much has come: a bar on stderr, on a terminal only (`indicatif` draws nothing elsewhere), which is
//! gone before the report is printed.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{scan, verify};

/// Bytes read, of those that will be.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        Self(bar.with_style(style.expect("the template is fixed")))
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(self) {
        self.0.finish_and_clear();
    }
}

impl verify::Watch for Bar {
    fn total(&self, bytes: u64) {
        self.0.set_length(bytes);
    }
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl scan::Watch for Bar {
    fn total(&mut self, bytes: u64) {
        self.0.set_length(bytes);
    }
    fn advance(&mut self, bytes: u64) {
        self.0.inc(bytes);
    }
}
