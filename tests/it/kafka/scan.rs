//! `scan --config` reads the topics where they lie.

use sealtrail::cli::payments::Payments;

use super::Chain;
use crate::harness::{Collector, export, sealtrail, text};
use crate::parts::brokers;

/// Rules that look for nothing: what a hole in masking would leave.
pub const NONE: &str = "\
version: 1
rules:
- {id: none, class: custom, detect: {key: '^no such key$'}, action: drop, tests: {must_mask: [{key: no such key, text: x}], must_keep: [other]}}
";

#[test]
fn topics_are_scanned_where_they_lie() {
    let brokers = brokers();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (name, rules, verdict, code) in
        [("scanned", "payment", "clean", 0), ("scanned-unmasked", "none.yaml", "found", 1)]
    {
        let chain = Chain::new(&brokers, name);
        std::fs::write(chain.dir.path().join("none.yaml"), NONE).expect("written");
        let config = format!("{}mask: {{ rules: [{rules}] }}\n", chain.config(""));
        let collector = Collector::start(chain.dir.path(), &config);
        runtime.block_on(async {
            let mut client = collector.client().await;
            export(&mut client, &Payments::new(7, 1_800_000_000_000_000_000).request(100).0).await;
        });
        let data = collector.data.clone();
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");

        let path = |path: std::path::PathBuf| path.display().to_string();
        let (config, data) = (path(chain.dir.path().join("sealtrail.yaml")), path(data));
        let output = sealtrail(&["scan", "--format", "json", "--config", &config, "--data-dir", &data]);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", text(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["verdict"], verdict);
        assert!(report["rows_looked_at"].as_u64() > Some(100), "{report}");
        let in_topic = format!("kafka://{}/", chain.topic());
        let found = report["findings"].as_array().expect("a list").iter();
        let found = found.filter(|finding| finding["place"].as_str().is_some_and(|place| place.starts_with(&in_topic)));
        assert_eq!(found.count() > 0, code == 1, "{report}");
    }
}
