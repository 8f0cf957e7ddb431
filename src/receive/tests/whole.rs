//! The protocols in front of the real engine and the real log.

use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use prost::Message as _;
use sealtrail_chain::{CompactRange, Hash, Head, Sequence, UnixNanos};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::super::*;
use super::{gzip, request_of};
use crate::host::{Clock, SystemClock, SystemDisk};
use crate::mask::{self, Engine};
use crate::seal::own::{Event, Kind, Reporter, Scribe};
use crate::wal::{self, reader::Reader};

const PAN: &str = "4242424242424242";

fn log(dir: &std::path::Path, engine: &Arc<ArcSwap<Engine>>) -> (wal::Running, Reporter) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let chain = "local".parse().unwrap();
    let disk: Arc<dyn crate::host::Disk> = Arc::new(SystemDisk);
    let recovered = wal::open(Arc::clone(&disk), dir, &chain).unwrap();
    let config = wal::Config::default();
    let head = || Head::resume(chain.clone(), Sequence::ZERO, UnixNanos(0), Hash([0; 32]), CompactRange::empty(0));
    let log = recovered.resume(&config, engine.load().digest(), head).unwrap();
    let reporter = Reporter::new(Arc::clone(&clock));
    let scribe = Scribe::new(engine.load_full());
    let options = wal::Options {
        config,
        accept_clock: false,
        alive_interval: std::time::Duration::from_secs(300),
        started: Event::new(Kind::Started),
        genesis: Some("a note".to_owned()),
        cut: None,
        continued: None,
        rotated: None,
    };
    let write: wal::Write = Box::new(move |entry, now| scribe.write(entry, now));
    (wal::start(log, clock, reporter.clone(), write, options).unwrap(), reporter)
}

/// Contents that the log holds below `dir`: those of senders.
fn kept(dir: &std::path::Path) -> Vec<String> {
    let mut all = contents(dir);
    all.retain(|content| !content.contains(r#""by":"self""#));
    all
}

fn contents(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wal") {
            continue;
        }
        let end = path.metadata().unwrap().len();
        let mut reader = Reader::open(&SystemDisk, &path).unwrap();
        while let Some(stored) = reader.next(end).unwrap() {
            found.push(stored.content.to_owned());
        }
    }
    found
}

fn uncounted() -> Arc<Oracle> {
    Arc::new(Oracle::new(Arc::new(SystemClock::new()), 0))
}

/// Promises 1 and 2 from socket to file: what is acknowledged lies in the log, masked, once; what is refused does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_lies_masked_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::load(&mask::Config::default(), dir.path(), &"local".parse().unwrap()).ok().unwrap();
    let engine = Arc::new(ArcSwap::from_pointee(engine));
    let (log, reporter) = log(dir.path(), &engine);
    let protocol = |_| Protocol { max_recv_msg_size_mib: 4, ..Protocol::at("127.0.0.1:0") };
    let config = Config { protocols: Protocols { grpc: Some(protocol(())), http: Some(protocol(())) } };
    let pipeline = Pipeline { engine, intake: log.intake.clone(), reporter, oracle: uncounted() };
    let server = Server::bind(&config, &MemoryLimiter { limit_mib: 8 }, pipeline).unwrap();
    let (grpc, http) = (server.grpc_addr().unwrap(), server.http_addr().unwrap());
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(server.run(stopped));

    let mut client = LogsServiceClient::connect(format!("http://{grpc}")).await.unwrap();
    let card = format!("paid with {PAN}");
    // Large enough to leave the reactor, small enough not to, and empty.
    for bodies in [vec![card.as_str(); 1000], vec![card.as_str()], vec![]] {
        let answer = client.export(request_of(&bodies)).await.unwrap().into_inner();
        assert!(answer.partial_success.is_none());
    }
    let post = async |head: &str, body: &[u8]| {
        super::exchange(tokio::net::TcpStream::connect(http).await.unwrap(), head, body).await
    };
    let zipped = format!("{}\r\ncontent-encoding: gzip", super::PROTOBUF);
    assert_eq!(post(&zipped, &gzip(&request_of(&[&card]).encode_to_vec())).await.0, 200);
    let mixed = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{card}"}}}},{{"flags":"{PAN}x"}}]}}]}}]}}"#
    );
    let (status, text) = post(super::JSON, mixed.as_bytes()).await;
    assert!(status == 200 && text.contains("1 record refused; a field has the wrong type: 1 (at 1)"), "{text}");
    let huge = "x".repeat(3 << 20);
    let status = client.export(request_of(&[&huge])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("larger than the limit once masked"), "{status:?}");

    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || log.stop()).await.unwrap();
    let kept = kept(dir.path());
    assert_eq!(kept.len(), 1000 + 1 + 1 + 1);
    assert!(kept.iter().all(|content| !content.contains(PAN) && content.contains("4242********4242")), "{}", kept[0]);
}

/// Synced, and then never committed in the stream.
#[derive(Clone)]
struct NeverCommitted(wal::Intake);

impl wal::Keep for NeverCommitted {
    type Proof = wal::Durable;
    fn state(&self) -> Result<(), wal::Refused> {
        self.0.state()
    }
    async fn keep(
        &self,
        records: wal::Batch,
        rules: [u8; 32],
        held: impl Send + Sync + 'static,
    ) -> Result<wal::Durable, wal::Refused> {
        self.0.submit(records, rules, held).await?;
        Err(wal::Refused::Uncommitted)
    }
    fn patience(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

/// Promise 4: what is in the log and can't be acknowledged is refused with a delay, and the chain tells of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_be_acknowledged_is_refused_counted_and_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::load(&mask::Config::default(), dir.path(), &"local".parse().unwrap()).ok().unwrap();
    let engine = Arc::new(ArcSwap::from_pointee(engine));
    let (log, reporter) = log(dir.path(), &engine);
    let config = Config { protocols: Protocols { grpc: Some(Protocol::at("127.0.0.1:0")), http: None } };
    let pipeline = Pipeline { engine, intake: NeverCommitted(log.intake.clone()), reporter, oracle: uncounted() };
    let server = Server::bind(&config, &MemoryLimiter::default(), pipeline).unwrap();
    assert_eq!(server.readiness()(), Ok(()));
    let grpc = server.grpc_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(server.run(stopped));

    let mut client = LogsServiceClient::connect(format!("http://{grpc}")).await.unwrap();
    let status = client.export(request_of(&["a", "b", "c"])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || log.stop()).await.unwrap();
    assert_eq!(kept(dir.path()).len(), 3, "they are delivered later");
    let all = contents(dir.path());
    let told = all.iter().find(|content| content.contains("sealtrail.sender.refused")).expect("sealed");
    assert!(told.contains("stream_timeout") && told.contains(r#""intValue":"3""#), "{told}");
}
