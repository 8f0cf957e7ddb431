//! The real systems that the tests run against: `tests/parts` starts them, breaks them and ends them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A running part, ended with this process.
pub struct Part {
    dir: PathBuf,
    variables: HashMap<String, String>,
}

impl Part {
    /// A part of its own, with these words of `parts up`; it ends with this process.
    pub fn up(words: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("sealtrail-parts-").tempdir().expect("a temporary directory").keep();
        let mut up = vec!["up"];
        up.extend(words);
        let pid = std::process::id().to_string();
        up.extend(["--parent", &pid]);
        let output = parts(&dir, &up);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let variables = text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        Self { dir, variables: variables.collect() }
    }

    /// One of the lines that the part printed when it was ready.
    pub fn get(&self, name: &str) -> &str {
        self.variables.get(name).unwrap_or_else(|| panic!("no `{name}` in {:?}", self.variables.keys()))
    }

    /// As `get`, of a line that only some print.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A path in the directory where the part lies.
    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.join(below)
    }

    /// `parts` with these words, on this part's directory; what it printed.
    pub fn run(&self, words: &[&str]) -> String {
        self.try_run(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// As `run`; what it complained of when it could not.
    pub fn try_run(&self, words: &[&str]) -> Result<String, String> {
        let output = parts(&self.dir, words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

fn parts(dir: &Path, words: &[&str]) -> Output {
    let (command, rest) = words.split_first().expect("a command");
    let mut line = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/parts"));
    line.arg(command);
    if *command == "up" {
        // The part's name comes first, then its options.
        let (part, options) = rest.split_first().expect("a part");
        line.arg(part).arg("--dir").arg(dir).args(options);
    } else if matches!(*command, "tool" | "softhsm") {
        line.args(rest);
    } else {
        line.arg("--dir").arg(dir).args(rest);
    }
    line.stdin(Stdio::null()).output().expect("tests/parts/parts runs")
}

/// Where SoftHSM's module and tool lie; the reason where it can't be had.
pub fn softhsm() -> Result<[PathBuf; 2], String> {
    let output = parts(Path::new(""), &["softhsm"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(PathBuf::from);
    match (found("SOFTHSM_MODULE="), found("SOFTHSM_UTIL=")) {
        (Some(module), Some(util)) => Ok([module, util]),
        _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// Three brokers, shared by all tests of this process.
pub struct Brokers(RwLock<Part>);

impl Brokers {
    fn get() -> &'static Self {
        static BROKERS: OnceLock<Brokers> = OnceLock::new();
        BROKERS.get_or_init(|| Self(RwLock::new(Part::up(&["kafka", "--scram", "--mtls", "--proxy"]))))
    }
}

/// For tests that leave the brokers alone.
pub fn brokers() -> RwLockReadGuard<'static, Part> {
    // A test that broke them and failed has mended them all the same.
    Brokers::get().0.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that breaks brokers, and mends them before it ends: no other uses them meanwhile.
pub fn brokers_to_break() -> RwLockWriteGuard<'static, Part> {
    Brokers::get().0.write().unwrap_or_else(PoisonError::into_inner)
}

impl Part {
    /// Makes a topic of the audit trail's kind.
    pub fn topic(&self, name: &str, settings: &[&str]) {
        let mut words = vec!["topic", name];
        words.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        self.run(&words);
    }
}
