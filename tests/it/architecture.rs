//! What the documents say of the code, against the code: who may use whom, in ARCHITECTURE.md, and the `use` lines and paths of
//! `src`; who makes what carries a promise; what the runbook knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::harness::files;

/// May be used by every module.
const BY_ALL: [&str; 2] = ["host", "observe"];

#[test]
fn modules_use_only_what_the_table_allows() {
    let table = table(&std::fs::read_to_string("ARCHITECTURE.md").expect("ARCHITECTURE.md"));
    let modules = table.keys().cloned().collect::<BTreeSet<_>>();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for file in files(Path::new("src")) {
        let path = file.to_string_lossy();
        if path.ends_with("tests.rs") || path.contains("/tests/") || path.ends_with("fakes.rs") {
            continue;
        }
        let module = module_of(&file);
        let Some(allowed) = table.get(&module) else {
            assert!(matches!(module.as_str(), "main" | "lib"), "{} is in no row of the table", file.display());
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("readable");
        let text = text.split("#[cfg(test)]").next().expect("there is a first part");
        for other in text.match_indices("crate::").map(|(place, _)| &text[place + 7..]).flat_map(targets) {
            let shared = other == "config"
                && (text.contains("crate::config::Duration") || text.contains("crate::config::nearest"));
            if other == module || BY_ALL.contains(&other.as_str()) || !modules.contains(&other) || shared {
                continue;
            }
            used.insert((module.clone(), other.clone()));
            if !allowed.contains(&other) {
                wrong.push(format!("{}: `{module}` may not use `{other}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(used.len() > 10, "the test reads no `use` lines: {used:?}");
}

/// Promise 2: what was masked by an engine of the past is taken as masked in one place alone, which checks its links.
#[test]
fn only_the_import_takes_what_was_masked_before() {
    let calls =
        |file: &std::path::PathBuf| std::fs::read_to_string(file).expect("readable").contains("Masked::sealed_before(");
    let callers = files(Path::new("src")).into_iter().filter(calls).collect::<Vec<_>>();
    assert_eq!(callers, [Path::new("src/wal/import.rs")]);
}

/// Promise 1: a success is answered with what a sync or a commit of the stream has made, and nothing else can stand for that.
#[test]
fn only_a_sync_and_a_commit_are_proofs() {
    let texts = files(Path::new("src")).into_iter().map(|file| {
        let text = std::fs::read_to_string(&file).expect("readable");
        (file, text)
    });
    let proofs = texts.filter(|(_, text)| text.contains("Proof for ")).map(|(file, _)| file).collect::<Vec<_>>();
    assert_eq!(proofs, ["src/deliver/intake.rs", "src/wal/mod.rs"].map(Path::new));
}

/// docs/operations.md is read at 3 a.m.: it knows every metric and every reason of a refusal, and none that is no more.
#[test]
fn the_runbook_knows_every_metric_and_every_refusal() {
    let read = |path: &str| std::fs::read_to_string(path).expect("readable");
    let (page, metrics, answers) =
        (read("docs/operations.md"), read("src/observe/metrics.rs"), read("src/receive/answer.rs"));
    let is_metric = |name: &&str| name.starts_with("sealtrail_") || name.starts_with("otelcol_");
    let said = words(&page, '`').into_iter().filter(is_metric).collect::<BTreeSet<_>>();
    let made = words(&metrics, '"').into_iter().filter(is_metric).collect::<BTreeSet<_>>();
    assert!(made.len() > 30, "the test reads no metrics: {made:?}");
    assert_eq!(said, made);
    let reasons = answers.split("fn reason(").nth(1).and_then(|rest| rest.split("fn ").next()).expect("a function");
    let reasons = words(reasons, '"');
    assert!(reasons.len() > 15, "the test reads no reasons: {reasons:?}");
    for reason in reasons {
        assert!(page.contains(&format!("`{reason}`")), "docs/operations.md does not say what to do about `{reason}`");
    }
}

/// The names that stand behind a `quote`, up to the first sign that is in no name.
fn words(text: &str, quote: char) -> BTreeSet<&str> {
    let name = |rest: &str| rest.find(|sign: char| !sign.is_ascii_lowercase() && sign != '_').unwrap_or(rest.len());
    text.split(quote).skip(1).step_by(2).map(|rest| &rest[..name(rest)]).filter(|name| !name.is_empty()).collect()
}

fn table(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = text
        .split("<!-- may-use -->")
        .nth(1)
        .and_then(|rest| rest.split("<!-- /may-use -->").next())
        .expect("the table is marked");
    rows.lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| module"))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let module = cells.next().expect("a first cell").to_owned();
            let names = cells.next().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
            (module, names.map(str::to_owned).collect())
        })
        .collect()
}

fn module_of(file: &Path) -> String {
    let below = file.strip_prefix("src").expect("below src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a path behind `crate::` names: one, or those of a brace list.
fn targets(path: &str) -> Vec<String> {
    let names = path.strip_prefix('{').map_or(path, |list| list.split("};").next().unwrap_or(list));
    let list = path.starts_with('{');
    let mut depth = 0;
    let mut found = Vec::new();
    for part in names.split_inclusive([',', '{', '}']) {
        if depth == 0 {
            let name = part.trim().split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            found.push(name.to_owned());
        }
        depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
        if !list {
            break;
        }
    }
    found
}
