//! Steady load from a real OTLP client: it tries again as OTLP says, and every attempt has a name of its own, so that what an
//! unanswered one left behind is told from a record that stands twice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use sealtrail::cli::payments::Payments;
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::harness::{Collector, until};

/// The attribute that names a record: `<sender>.<attempt>.<place in the request>`.
pub const NAME: &str = "test.attempt";

/// A sender that hears nothing for so long tries again.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest wait between two attempts, whatever the collector asks for.
const WAIT: Duration = Duration::from_secs(1);

/// How one attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Acknowledged,
    /// With a status that names when to try again.
    Refused,
    /// The connection broke, or nothing came in time: the records may be kept or not.
    Unanswered,
}

/// What one sender was told, attempt by attempt.
#[derive(Default)]
pub struct Told {
    pub records: usize,
    pub requests: u64,
    pub outcomes: Vec<Outcome>,
    /// It has nobody to send to, and knows it.
    rests: bool,
}

/// Senders that go on, over any number of collectors, until they are ended.
pub struct Load {
    seed: u64,
    runtime: tokio::runtime::Runtime,
    target: watch::Sender<String>,
    stops: Vec<Arc<AtomicBool>>,
    acknowledged: Arc<AtomicU64>,
    told: Vec<Arc<Mutex<Told>>>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            target: watch::Sender::default(),
            stops: Vec::new(),
            acknowledged: Arc::default(),
            told: Vec::new(),
            senders: Vec::new(),
        }
    }

    /// From here on all senders send to this collector.
    pub fn onto(&self, collector: &Collector) {
        self.target.send_replace(collector.grpc.clone());
    }

    /// Waits until every sender has its answer; none sends again before there is another collector.
    pub fn rest(&self) {
        self.target.send_replace(String::new());
        until("all senders rest", || self.told.iter().all(|told| told.lock().expect("no sender panicked").rests));
    }

    /// One more sender, whose requests hold so many records and come so long after the answer to the one before.
    /// What it returns ends it, as `end` does.
    pub fn sender(&mut self, records: usize, pause: Duration) -> Arc<AtomicBool> {
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::new(Mutex::new(Told { records, ..Told::default() }));
        let sender = Sender {
            name: self.told.len(),
            pause,
            told: Arc::clone(&told),
            acknowledged: Arc::clone(&self.acknowledged),
            stop: Arc::clone(&stop),
            payments: Payments::new(self.seed.wrapping_add(self.told.len() as u64), 1_800_000_000_000_000_000),
        };
        self.told.push(told);
        self.stops.push(Arc::clone(&stop));
        self.senders.push(self.runtime.spawn(sender.run(self.target.subscribe())));
        stop
    }

    /// Records that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more records are acknowledged.
    pub fn wait_for(&self, more: u64) {
        let enough = self.acknowledged() + more;
        until("records are acknowledged", || self.acknowledged() >= enough);
    }

    /// How many attempts ended so, so far.
    pub fn attempts(&self, outcome: Outcome) -> usize {
        let of = |told: &Arc<Mutex<Told>>| {
            told.lock().expect("no sender panicked").outcomes.iter().filter(|found| **found == outcome).count()
        };
        self.told.iter().map(of).sum()
    }

    /// Ends the senders; each one's last attempt has its answer, or none.
    pub fn end(&mut self) -> Vec<Told> {
        self.stops.iter().for_each(|stop| stop.store(true, Ordering::Relaxed));
        for sender in self.senders.drain(..) {
            self.runtime.block_on(sender).expect("a sender does not panic");
        }
        self.told.drain(..).map(|told| std::mem::take(&mut *told.lock().expect("no sender panicked"))).collect()
    }
}

struct Sender {
    name: usize,
    pause: Duration,
    told: Arc<Mutex<Told>>,
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    payments: Payments,
}

impl Sender {
    async fn run(mut self, target: watch::Receiver<String>) {
        let records = self.told.lock().expect("one sender").records;
        let (mut client, mut address) = (None, String::new());
        while !self.stop.load(Ordering::Relaxed) {
            let mut request = self.payments.request(records).0;
            self.told.lock().expect("one sender").requests += 1;
            let mut wait = Duration::from_millis(20);
            while !self.stop.load(Ordering::Relaxed) {
                let now = target.borrow().clone();
                if now != address {
                    (client, address) = (None, now);
                    self.told.lock().expect("one sender").rests = address.is_empty();
                }
                if address.is_empty() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                let (outcome, asked) = self.attempt(&mut client, &address, &mut request).await;
                if outcome == Some(Outcome::Acknowledged) {
                    break;
                }
                // Another connection: the one that broke may not know it yet.
                if outcome != Some(Outcome::Refused) {
                    client = None;
                }
                wait = (wait * 2).min(WAIT);
                tokio::time::sleep(asked.unwrap_or(wait).min(WAIT)).await;
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Sends the request once, under the attempt's own name; no outcome where there was nobody to send it to. Says also how
    /// long the collector asks to wait.
    async fn attempt(
        &self,
        client: &mut Option<LogsServiceClient<Channel>>,
        address: &str,
        request: &mut ExportLogsServiceRequest,
    ) -> (Option<Outcome>, Option<Duration>) {
        if client.is_none() {
            let connecting = LogsServiceClient::connect(format!("http://{address}"));
            *client = tokio::time::timeout(ANSWER, connecting).await.ok().and_then(Result::ok);
        }
        let Some(client) = client else { return (None, None) };
        // Until it is known to be otherwise: a sender that is ended here has heard nothing.
        let number = {
            let mut told = self.told.lock().expect("one sender");
            told.outcomes.push(Outcome::Unanswered);
            told.outcomes.len() - 1
        };
        name(request, &format!("{}.{number}", self.name));
        let (outcome, asked) = match tokio::time::timeout(ANSWER, client.export(request.clone())).await {
            Ok(Ok(answer)) => {
                assert!(answer.get_ref().partial_success.is_none(), "a sound record was refused for good");
                (Outcome::Acknowledged, None)
            }
            Ok(Err(status)) => match status.get_details_retry_info() {
                Some(info) => (Outcome::Refused, info.retry_delay),
                None => {
                    // The client's own words for a connection that broke.
                    let broken = [tonic::Code::Unavailable, tonic::Code::Unknown, tonic::Code::Cancelled];
                    assert!(broken.contains(&status.code()), "refused for good: {status:?}");
                    (Outcome::Unanswered, None)
                }
            },
            Err(_) => (Outcome::Unanswered, None),
        };
        let mut told = self.told.lock().expect("one sender");
        told.outcomes[number] = outcome;
        if outcome == Outcome::Acknowledged {
            self.acknowledged.fetch_add(told.records as u64, Ordering::Relaxed);
        }
        (Some(outcome), asked)
    }
}

/// Names every record of the request after the attempt, in place of the attempt before.
fn name(request: &mut ExportLogsServiceRequest, attempt: &str) {
    let logs = request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs);
    for (place, record) in logs.flat_map(|logs| &mut logs.log_records).enumerate() {
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(format!("{attempt}.{place}"))) });
        record.attributes.retain(|attribute| attribute.key != NAME);
        record.attributes.push(KeyValue { key: NAME.into(), value, ..KeyValue::default() });
    }
}
