//! The protocols over real sockets, in front of a stand-in for engine and log.
#![allow(clippy::disallowed_methods, reason = "tests write their own certificates and tokens")]

mod encrypted;
mod stand_in;
mod whole;

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use sealtrail_chain::content::{Auth, By};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::*;
use crate::wal;
use stand_in::Running;

const PROTOBUF: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf";
const JSON: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
const PLANTED: &str = "4242424242424242";

pub(super) fn request_of(bodies: &[&str]) -> ExportLogsServiceRequest {
    let log = |body: &&str| LogRecord {
        body: Some(AnyValue { value: Some(any_value::Value::StringValue((*body).to_owned())) }),
        ..Default::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: bodies.iter().map(log).collect(), ..Default::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn client(server: &Running) -> LogsServiceClient<Channel> {
    LogsServiceClient::connect(format!("http://{}", server.grpc)).await.unwrap()
}

/// Sends one HTTP/1.1 request; the status and the whole answer.
async fn post(server: &Running, head: &str, body: &[u8]) -> (u16, String) {
    exchange(TcpStream::connect(server.http).await.unwrap(), head, body).await
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &[u8]) -> (u16, String) {
    let head = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses early may hang up before all is sent.
    let _ = stream.write_all(body).await;
    answer(stream).await
}

async fn answer(mut stream: impl AsyncRead + Unpin) -> (u16, String) {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

#[tokio::test]
async fn sound_requests_are_taken_in_every_encoding_and_compression() {
    let server = Running::start(|_| {});
    let request = request_of(&["one", "two"]);
    for compression in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let mut client = client(&server).await;
        if let Some(compression) = compression {
            client = client.send_compressed(compression);
        }
        let response = client.export(request.clone()).await.unwrap().into_inner();
        assert_eq!(response, ExportLogsServiceResponse::default());
    }
    let protobuf = request.encode_to_vec();
    let json = serde_json::to_vec(&request).unwrap();
    let zstd = zstd::encode_all(&protobuf[..], 1).unwrap();
    for (head, body) in [
        (PROTOBUF.to_owned(), protobuf.clone()),
        (format!("{PROTOBUF}\r\ncontent-encoding: gzip"), gzip(&protobuf)),
        (format!("{PROTOBUF}\r\ncontent-encoding: zstd"), zstd),
        (format!("{PROTOBUF}\r\ncontent-encoding: identity"), protobuf),
        (format!("{JSON}; charset=utf-8\r\ncontent-encoding: gzip"), gzip(&json)),
        (JSON.to_owned(), json),
    ] {
        let (status, answer) = post(&server, &head, &body).await;
        let kind = if head.contains("json") { "application/json" } else { "application/x-protobuf" };
        assert!(status == 200 && answer.contains(&format!("content-type: {kind}\r\n")), "{head}: {answer}");
    }
    let taken = std::mem::take(&mut *server.behind.taken.lock().unwrap());
    assert_eq!(taken.len(), 9);
    for (records, origin) in taken {
        assert_eq!(
            (records, origin.auth, origin.by, origin.peer.as_deref()),
            (2, Auth::None, By::Sender, Some("127.0.0.1"))
        );
    }
    server.stopped().await;
}

#[tokio::test]
async fn every_wrong_http_request_has_its_status_and_no_answer_repeats_it() {
    let server = Running::start(|_| {});
    let sound = request_of(&[PLANTED]).encode_to_vec();
    let bomb = gzip(&vec![0; 64 << 20]);
    let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"intValue":"4242424242424242x"}}]}]}]}"#;
    for (expected, head, body) in [
        (404, format!("POST /v1/{PLANTED} HTTP/1.1\r\ncontent-type: application/json"), sound.clone()),
        (405, "PUT /v1/logs HTTP/1.1\r\ncontent-type: application/json".to_owned(), sound.clone()),
        (415, format!("POST /v1/logs HTTP/1.1\r\ncontent-type: {PLANTED}"), sound.clone()),
        (415, "POST /v1/logs HTTP/1.1\r\nx: y".to_owned(), sound.clone()),
        (415, format!("{PROTOBUF}\r\ncontent-encoding: {PLANTED}"), sound.clone()),
        (400, PROTOBUF.to_owned(), [&sound[..], PLANTED.as_bytes()].concat()),
        (400, JSON.to_owned(), format!("{{\"{PLANTED}\":").into_bytes()),
        (400, JSON.to_owned(), json.as_bytes().to_vec()),
        (400, format!("{PROTOBUF}\r\ncontent-encoding: gzip"), PLANTED.as_bytes().to_vec()),
        (413, format!("{PROTOBUF}\r\ncontent-encoding: gzip"), bomb),
        (413, PROTOBUF.to_owned(), vec![b'4'; 5 << 20]),
        (200, PROTOBUF.to_owned(), Vec::new()),
        (200, JSON.to_owned(), b"{}".to_vec()),
    ] {
        let (status, answer) = post(&server, &head, &body).await;
        assert_eq!(status, expected, "{head}: {answer}");
        assert!(!answer.contains(PLANTED), "{answer}");
        assert!(!answer.to_lowercase().contains("retry-after"), "{answer}");
    }
    assert!(server.reasons().iter().all(|reason| !reason.contains(PLANTED)));
    server.stopped().await;
}

#[tokio::test]
async fn what_can_be_tried_again_says_when() {
    let server = Running::with_limit(1, |_| {});
    let large = request_of(&["x".repeat(2 << 20).as_str()]);
    let status = client(&server).await.export(large.clone()).await.unwrap_err();
    assert_eq!((status.code(), status.get_details_retry_info().is_some()), (Code::ResourceExhausted, true));
    let (code, answer) = post(&server, PROTOBUF, &large.encode_to_vec()).await;
    assert!(code == 429 && answer.contains("retry-after: 1\r\n"), "{answer}");
    let small = request_of(&["small"]);
    client(&server).await.export(small.clone()).await.unwrap();

    *server.behind.refuse.lock().unwrap() = Some(wal::Refused::Full);
    let status = client(&server).await.export(small.clone()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the write-ahead log is full"));
    let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    let (code, answer) = post(&server, JSON, b"{}").await;
    assert!(code == 503 && answer.contains(&format!("retry-after: {}\r\n", delay.as_secs())), "{answer}");
    assert!(answer.contains(r#""retryDelay":"15s""#), "{answer}");
    assert_eq!(server.reasons(), ["memory_limit", "memory_limit", "wal_full", "wal_full"]);
    server.stopped().await;
}

#[tokio::test]
async fn one_malformed_record_is_named_and_costs_no_neighbour() {
    let server = Running::start(|_| {});
    // Of three records the second has a body that is cut short.
    let record = |body: &[u8]| [&[0x12, body.len() as u8][..], body].concat();
    let records = [record(&[0x2a, 3, 0x0a, 1, b'a']), record(&[0x2a, 9, 0x0a]), record(&[])].concat();
    let scope = [&[0x12, records.len() as u8][..], &records].concat();
    let request = [&[0x0a, scope.len() as u8][..], &scope].concat();
    let (status, answer) = post(&server, PROTOBUF, &request).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.ends_with("1 record refused; a field is cut short: 1 (at 1)"), "{answer}");
    let mixed = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{"flags":"x"}]}]}]}"#;
    let (status, answer) = post(&server, JSON, mixed.as_bytes()).await;
    assert!(status == 200 && answer.contains(r#""rejectedLogRecords":"1""#), "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn grpc_refuses_bombs_unknown_methods_and_other_content() {
    let server = Running::start(|_| {});
    let bomb = request_of(&["4".repeat(16 << 20).as_str()]);
    for (compression, code) in
        [(Some(CompressionEncoding::Gzip), Code::ResourceExhausted), (None, Code::ResourceExhausted)]
    {
        let mut client = client(&server).await;
        if let Some(compression) = compression {
            client = client.send_compressed(compression);
        }
        let status = client.export(bomb.clone()).await.unwrap_err();
        assert_eq!((status.code(), status.get_details_retry_info().is_none()), (code, true), "{status:?}");
    }
    let channel = Channel::from_shared(format!("http://{}", server.grpc)).unwrap().connect().await.unwrap();
    let elsewhere = format!("http://{}/{PLANTED}", server.grpc).parse().unwrap();
    let status = LogsServiceClient::with_origin(channel, elsewhere).export(request_of(&["x"])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(!status.message().contains(PLANTED));
    server.stopped().await;
}

#[tokio::test]
async fn only_who_shows_a_known_token_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let tokens_file = dir.path().join("tokens");
    std::fs::write(&tokens_file, "till 0123456789abcdef\n").unwrap();
    let server = Running::start(|protocol| protocol.auth = Some(super::Auth { tokens_file: tokens_file.clone() }));
    let export = |token: &'static str| {
        let connecting = client(&server);
        async move {
            let mut request = tonic::Request::new(request_of(&["x"]));
            request.metadata_mut().insert("authorization", token.parse().unwrap());
            connecting.await.export(request).await.map_err(|status| status.code()).map(|_| ())
        }
    };
    assert_eq!(export("Bearer 0123456789abcdeX").await, Err(Code::Unauthenticated));
    assert_eq!(export("Bearer 0123456789abcdef").await, Ok(()));
    // The body is announced but never sent: the answer doesn't wait for it.
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    let head = format!("{PROTOBUF}\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (status, text) = answer(stream).await;
    assert!(status == 401 && text.contains("www-authenticate: Bearer\r\n"), "{text}");
    let known = format!("{PROTOBUF}\r\nauthorization: bearer 0123456789abcdef");
    assert_eq!(post(&server, &known, b"").await.0, 200);
    for (_, origin) in server.behind.taken.lock().unwrap().iter() {
        assert_eq!((origin.auth, origin.subject.as_deref()), (Auth::Token, Some("till")));
    }
    assert_eq!(server.reasons(), ["unauthenticated", "unauthenticated"]);

    std::fs::write(&tokens_file, "till\n").unwrap();
    let error = server.reloader.reload().unwrap_err().to_string();
    assert!(error.starts_with("line 1 of ") && error.ends_with("is not `name token`"), "{error}");
    assert_eq!(export("Bearer 0123456789abcdef").await, Ok(()), "the old ones stay in force");
    std::fs::write(&tokens_file, "till fedcba9876543210\n").unwrap();
    server.reloader.reload().unwrap();
    assert_eq!(export("Bearer 0123456789abcdef").await, Err(Code::Unauthenticated));
    assert_eq!(export("Bearer fedcba9876543210").await, Ok(()));
    server.stopped().await;
}

#[tokio::test]
async fn a_slow_sender_is_refused_and_one_connection_too_many_closed() {
    let server = Running::start(|protocol| {
        protocol.body_timeout = crate::config::Duration::from_millis(20);
        protocol.max_connections = 1;
    });
    let mut slow = TcpStream::connect(server.http).await.unwrap();
    let head = format!("{PROTOBUF}\r\nhost: x\r\nconnection: close\r\ncontent-length: 1000\r\n\r\nsome");
    slow.write_all(head.as_bytes()).await.unwrap();
    let (status, text) = answer(slow).await;
    assert_eq!(status, 503, "{text}");
    assert_eq!(server.reasons(), ["slow_sender"]);

    let keep = format!("{JSON}\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
    let mut held = loop {
        // The place of the first connection is free as soon as its task has ended.
        let mut held = TcpStream::connect(server.http).await.unwrap();
        let _ = held.write_all(keep.as_bytes()).await;
        if held.read_exact(&mut [0; 12]).await.is_ok() {
            break held;
        }
    };
    let (status, _) = post(&server, JSON, b"{}").await;
    assert_eq!(status, 0, "closed without an answer");
    held.shutdown().await.unwrap();
    server.stopped().await;
}

#[tokio::test]
async fn a_stop_answers_what_is_in_hand_and_takes_nothing_new() {
    let server = Running::start(|_| {});
    let permits = server.behind.gate.acquire_many(1000).await.unwrap();
    let mut client = client(&server).await;
    let mut other = client.clone();
    let in_hand = tokio::spawn(async move { client.export(request_of(&["x"])).await });
    while server.behind.taken.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    server.begin_stop();
    while TcpStream::connect(server.http).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(other.export(request_of(&["y"])).await.is_err());
    drop(permits);
    in_hand.await.unwrap().unwrap();
    let behind = server.behind.clone();
    server.stopped().await;
    assert_eq!(behind.taken.lock().unwrap().len(), 1);
}

#[test]
fn a_listener_off_loopback_must_be_safe_or_say_that_it_is_not() {
    let bind = |protocol: Protocol| {
        let config = Config { protocols: Protocols { grpc: None, http: Some(protocol) } };
        let behind = Arc::new(stand_in::StandIn::default());
        Server::with(&config, &MemoryLimiter::default(), behind).map(|_| ()).map_err(|error| error.to_string())
    };
    let open = Protocol::at("0.0.0.0:0");
    let error = bind(open.clone()).unwrap_err();
    assert!(error.contains("protocols.http") && error.contains("without TLS"), "{error}");
    assert_eq!(bind(Protocol { insecure: true, ..open.clone() }), Ok(()));
    let tls = Tls { cert_file: "none.pem".into(), key_file: "none.key".into(), client_ca_file: None };
    let error = bind(Protocol { tls: Some(tls.clone()), ..open.clone() }).unwrap_err();
    assert!(error.contains("client certificates (`tls.client_ca_file`) or tokens"), "{error}");
    let error = bind(Protocol { tls: Some(tls), insecure: true, ..open }).unwrap_err();
    assert!(error.contains("none.pem") && error.contains("`tls.cert_file`"), "{error}");
    assert!(bind(Protocol::at("nowhere")).unwrap_err().contains("`nowhere`"));
    let checked = check(&Config::default()).unwrap();
    assert_eq!(checked[1], ("http", "127.0.0.1:4318, plain text, any sender".to_owned()));
    let config = Config { protocols: Protocols { grpc: None, http: Some(Protocol::at("0.0.0.0:4318")) } };
    assert!(matches!(check(&config), Err(Error::Exposed { protocol: "http", .. })));
}
