//! Senders that know nothing of us work unchanged: a load tool, another collector that forwards, and `curl`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::harness::{Collector, archived, attributes, cache, get, python, text, until, verify};

#[test]
fn curl_sends_json() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"card 4242 4242 4242 4242"},
        "attributes":[{"key":"test.id","value":{"stringValue":"curl-1"}}]}]}]}]}"#;
    let output = Command::new("curl")
        .args([
            "-sS",
            "-i",
            "-H",
            "content-type: application/json",
            "-d",
            body,
            &format!("http://{}/v1/logs", collector.http),
        ])
        .output()
        .expect("curl runs");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("{}"), "{answer}");
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    assert_eq!(attributes(&archived(&data.join("archive")), "test.id"), ["curl-1"]);
}

#[test]
fn telemetrygen_sends_both_ways() {
    let tool = cache().join("go/bin/telemetrygen");
    if !tool.exists() {
        eprintln!("NOT PROVED: telemetrygen needs a Go toolchain (`make test` installs it where there is one)");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    for (endpoint, http) in [(&collector.grpc, false), (&collector.http, true)] {
        let mut command = Command::new(&tool);
        command.args(["logs", "--otlp-insecure", "--logs", "200", "--workers", "2", "--otlp-endpoint", endpoint]);
        command.args(["--body", "card 4242424242424242 charged", "--rate", "0"]);
        if http {
            command.arg("--otlp-http");
        }
        let output = command.output().expect("telemetrygen runs");
        assert!(output.status.success(), "{}", text(&output));
    }
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    let records = archived(&data.join("archive"));
    assert_eq!(records.iter().filter(|(_, content)| content.contains("card 4242********4242 charged")).count(), 800);
    assert_eq!(verify(&data).status.code(), Some(0));
}

/// A forwarding collector, ended with the test.
struct Forwarder(Child);

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn rotel_forwards() {
    let found = Command::new(python())
        .args(["-c", "import rotel, os; print(os.path.dirname(rotel.__file__))"])
        .output()
        .expect("Python runs");
    let agent = PathBuf::from(String::from_utf8(found.stdout).expect("UTF-8").trim()).join("rotel-agent");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    for (protocol, endpoint) in
        [("grpc", format!("http://{}", collector.grpc)), ("http", format!("http://{}", collector.http))]
    {
        let [grpc, http] = free_ports();
        let forwarder = Command::new(&agent)
            .args([
                "start",
                "--otlp-grpc-endpoint",
                &format!("127.0.0.1:{grpc}"),
                "--otlp-http-endpoint",
                &format!("127.0.0.1:{http}"),
            ])
            .args(["--pid-file", &dir.path().join("rotel.pid").display().to_string(), "--exporter", "otlp"])
            .args(["--otlp-exporter-endpoint", &endpoint, "--otlp-exporter-protocol", protocol])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rotel runs");
        let forwarder = Forwarder(forwarder);
        until("rotel listens", || std::net::TcpStream::connect(("127.0.0.1", grpc)).is_ok());
        let before = accepted(&collector);
        let output = Command::new(python())
            .args(["tests/senders/sdk.py", "grpc", &format!("127.0.0.1:{grpc}"), "100", "9"])
            .output()
            .expect("Python runs");
        assert!(output.status.success(), "{}", text(&output));
        until("rotel has forwarded everything", || accepted(&collector) >= before + 100);
        drop(forwarder);
    }
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    assert_eq!(attributes(&archived(&data.join("archive")), "test.id").len(), 200);
    assert_eq!(verify(&data).status.code(), Some(0));
}

/// Records accepted so far, over both transports.
fn accepted(collector: &Collector) -> u64 {
    let page = get(&collector.metrics, "/metrics").1;
    page.lines()
        .filter(|line| line.starts_with("otelcol_receiver_accepted_log_records_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound").port())
}
