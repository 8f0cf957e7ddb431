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

const WITNESS_IN_CLEAR: &str = "seal:\n  witnesses: [ { url: 'http://witness.example/', vkey: 'witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC' } ]\n";
/// The key of a log: it signs notes, and cosigns nothing.
const NO_WITNESS: &str = "seal:\n  witnesses: [ { url: 'https://witness.example/', vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k' } ]\n";
const SAME_WITNESS: &str = "seal:\n  witnesses: [ { url: 'https://a.example/', vkey: 'witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC' }, { url: 'https://b.example/', vkey: 'witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC' } ]\n";
const TOO_MANY: &str = "seal:\n  witness_quorum: 2\n  witnesses: [ { url: 'https://a.example/', vkey: 'witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC' } ]\n";

#[test]
fn what_cannot_work_is_refused_with_its_key_and_line() {
    for (text, key) in [
        ("acknowledge: stream\nacknowledge_timeout: 0s\n", "acknowledge_timeout"),
        ("acknowledge: stream\nacknowledge_timeout: 31s\n", "acknowledge_timeout"),
        ("wal:\n  max_size_mib: 0\n", "wal.max_size_mib"),
        ("wal:\n  max_size_mib: 17\n", "wal.max_size_mib"),
        ("wal:\n  max_size_mib: 18446744073709551615\n", "wal.max_size_mib"),
        ("wal:\n  segment: { max_mib: 0 }\n", "wal.segment.max_mib"),
        ("wal:\n  segment: { max_age: 0s }\n", "wal.segment.max_age"),
        ("seal:\n  checkpoint_interval: 0s\n", "seal.checkpoint_interval"),
        ("seal:\n  alive_interval: 0ms\n", "seal.alive_interval"),
        ("seal:\n  witness_interval: 0s\n", "seal.witness_interval"),
        (WITNESS_IN_CLEAR, "seal.witnesses[0].url"),
        (NO_WITNESS, "seal.witnesses[0].vkey"),
        (SAME_WITNESS, "seal.witnesses[1].vkey"),
        (TOO_MANY, "seal.witness_quorum"),
        ("seal:\n  timestamp_url: timestamp.example\n", "seal.timestamp_url"),
        ("seal:\n  timestamp_interval: 61m\n", "seal.timestamp_interval"),
        ("stream: { directory: { path: /x } }\narchive: { directory: { path: /x } }\n", "archive.directory.path"),
        ("health_check:\n  endpoint: 127.0.0.1:99999\n", "health_check.endpoint"),
        ("health_check:\n  endpoint: nonsense\n", "health_check.endpoint"),
        ("health_check:\n  endpoint: ::1:80\n", "health_check.endpoint"),
        ("telemetry:\n  metrics: { endpoint: 127.0.0.1:13133 }\n", "telemetry.metrics.endpoint"),
    ] {
        let error = wrong(text);
        assert!(error.contains(&format!("sealtrail.yaml:2, key `{key}`")), "{text}{error}");
        assert!(error.contains("  remedy  "), "{error}");
    }
}

#[test]
fn free_ports_may_be_asked_for_more_than_once() {
    let text = "health_check: { endpoint: 127.0.0.1:0 }\ntelemetry: { metrics: { endpoint: 127.0.0.1:0 } }\n";
    assert!(Config::parse(text, Path::new("sealtrail.yaml")).is_ok());
}

#[test]
fn a_file_without_settings_and_a_key_that_stands_twice_are_named_as_such() {
    for text in ["just words\n", "- local\n", "7\n"] {
        assert!(wrong(text).contains("holds no settings"), "{text}");
    }
    let error = wrong("chain: a\nchain: b\n");
    assert!(error.contains("a key stands twice") && error.contains("sealtrail.yaml:2:1"), "{error}");
}
