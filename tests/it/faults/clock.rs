//! A clock that can be set, for one process alone: a library that is loaded before the C library (`clock.c`).

use std::path::{Path, PathBuf};
use std::process::Command;

pub struct SettableClock {
    library: PathBuf,
    file: PathBuf,
}

impl SettableClock {
    pub fn new(dir: &Path) -> Self {
        let clock = Self { library: dir.join("clock.so"), file: dir.join("clock") };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults/clock.c");
        // The compiler that librdkafka is built with is there.
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&clock.library).arg(source).output();
        let built = built.expect("a C compiler");
        assert!(built.status.success(), "{}", crate::harness::text(&built));
        clock.set(0);
        clock
    }

    /// Off by so many seconds from here on, in every process that has it.
    pub fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.file);
        // In place, in one piece: it is mapped.
        file.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0)).expect("written");
    }

    pub fn environment(&self) -> [(String, String); 2] {
        [("LD_PRELOAD", &self.library), ("CLOCK_FILE", &self.file)]
            .map(|(k, v)| (k.to_owned(), v.display().to_string()))
    }
}
