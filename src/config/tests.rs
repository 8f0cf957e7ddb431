use super::*;

fn wrong(text: &str) -> String {
    match Config::parse(text, Path::new("sealtrail.yaml")) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_default_shows_and_reads_back_the_same() {
    let shown = Config::default().show();
    let read = Config::parse(&shown, Path::new("sealtrail.yaml")).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(read.show(), shown);
}

#[test]
fn an_unknown_key_names_the_nearest_right_one_and_its_line() {
    let error = wrong("chain: local\nwal:\n  max_size_mb: 7\n");
    assert!(error.contains("unknown key `max_size_mb`"), "{error}");
    assert!(error.contains("sealtrail.yaml:3, key `wal.max_size_mb`"), "{error}");
    assert!(error.contains("did you mean `max_size_mib`?"), "{error}");
}

#[test]
fn a_wrong_value_is_named_by_key_and_not_repeated() {
    let error = wrong("wal:\n  max_size_mib: s3cret\n");
    assert!(error.contains("key `wal.max_size_mib`"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_chain_name_is_checked() {
    assert!(wrong("chain: 9lives\n").contains("key `chain`"));
}

#[test]
fn a_missing_variable_is_named() {
    let error = wrong("chain: ${env:SEALTRAIL_TEST_NOT_SET}\n");
    assert!(error.contains("`SEALTRAIL_TEST_NOT_SET`") && error.contains("sealtrail.yaml:1"), "{error}");
}

#[test]
fn a_reference_can_be_a_number_and_cannot_change_the_structure() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("size");
    #[allow(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&file, "77\n").expect("the file is written");
    let config = Config::parse("wal: { max_size_mib: \"${file:size}\" }\n", &dir.path().join("c.yaml")).expect("read");
    assert_eq!(config.wal.max_size_mib, 77);
    #[allow(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&file, "a\nchain: evil").expect("the file is written");
    assert!(Config::parse("chain: \"${file:size}\"\n", &dir.path().join("c.yaml")).is_err());
}
