//! What stands between the collector and Kafka: Toxiproxy, and behind it, where a row asks for it, a proxy that knows which
//! request it passes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::http;
use crate::parts::Part;

/// Toxiproxy in front of all brokers; what it does to them ends with this value.
pub struct Network {
    api: String,
    /// Where each broker listens for it.
    brokers: Vec<String>,
}

impl Network {
    pub fn new(part: &Part) -> Self {
        let brokers = part.get("KAFKA_PROXY_MAP").split(',');
        let brokers = brokers.map(|pair| pair.split_once('>').expect("listen>upstream").1.to_owned()).collect();
        let network = Self { api: part.get("TOXIPROXY").to_owned(), brokers };
        network.heal();
        network
    }

    /// Every connection ends, and no new one is taken.
    pub fn cut(&self) {
        self.each(|proxy| self.ask("POST", proxy, r#"{"enabled":false}"#));
    }

    /// Adds a toxic in both directions.
    pub fn poison(&self, kind: &str, attributes: &str) {
        self.one_way("upstream", kind, attributes);
        self.one_way("downstream", kind, attributes);
    }

    pub fn one_way(&self, stream: &str, kind: &str, attributes: &str) {
        let toxic =
            format!(r#"{{"name":"{kind}-{stream}","type":"{kind}","stream":"{stream}","attributes":{attributes}}}"#);
        self.each(|proxy| self.ask("POST", &format!("{proxy}/toxics"), &toxic));
    }

    /// As it was: all proxies pass on to the brokers themselves, without toxics. Connections that stand in one are ended.
    pub fn heal(&self) {
        self.ask("POST", "/reset", "");
        for (number, broker) in self.brokers.iter().enumerate() {
            self.ask("POST", &proxy(number), &format!(r#"{{"upstream":"{broker}"}}"#));
        }
    }

    /// Puts a proxy that knows Kafka's requests between Toxiproxy and each broker, until `heal`.
    pub async fn listen_in(&self, hold: Hold) -> Wire {
        let wire = Wire { hold: Arc::new(Mutex::new(hold)), hits: Arc::default() };
        for (number, broker) in self.brokers.iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let (broker, wire) = (broker.clone(), wire.clone());
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, broker.clone(), wire.clone()));
                }
            });
            // Toxiproxy ends the connections that go elsewhere.
            self.ask("POST", &proxy(number), &format!(r#"{{"upstream":"{address}"}}"#));
        }
        wire
    }

    fn each(&self, call: impl Fn(&str)) {
        (0..self.brokers.len()).for_each(|number| call(&proxy(number)));
    }

    fn ask(&self, method: &str, path: &str, body: &str) {
        let head = format!("{method} {path} HTTP/1.1\r\ncontent-type: application/json");
        let (status, answer) = http(&self.api, &head, body.as_bytes());
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.heal();
        }
    }
}

fn proxy(number: usize) -> String {
    format!("/proxies/kafka-{}", number + 1)
}

/// The request that ends a transaction (`EndTxn`).
pub const END_TRANSACTION: i16 = 26;

/// What is held, for good: the connection stays open and nothing more goes that way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Requests of this kind: the broker never sees them.
    Request(i16),
    /// Answers to requests of this kind, which the broker acts on.
    Answer(i16),
}

/// Passes Kafka's requests on, but for what is held.
#[derive(Clone)]
pub struct Wire {
    hold: Arc<Mutex<Hold>>,
    hits: Arc<AtomicUsize>,
}

impl Wire {
    /// Requests that met the hold.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }
}

async fn serve(client: TcpStream, broker: String, wire: Wire) {
    let Ok(server) = TcpStream::connect(broker).await else { return };
    let ((client, to_client), (server, to_server)) = (client.into_split(), server.into_split());
    let (deaf, deafened) = tokio::sync::watch::channel(false);
    tokio::join!(requests(client, to_server, wire, deaf), answers(server, to_client, deafened));
}

/// Whole requests from the client to the broker.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: Wire, deaf: tokio::sync::watch::Sender<bool>) {
    while let Ok(length) = from.read_u32().await {
        let mut request = vec![0; length as usize];
        if from.read_exact(&mut request).await.is_err() {
            return;
        }
        let kind = request.first_chunk::<2>().map_or(-1, |key| i16::from_be_bytes(*key));
        let hold = *wire.hold.lock().expect("no task panicked");
        if hold == Hold::Answer(kind) {
            deaf.send_replace(true);
            wire.hits.fetch_add(1, Ordering::Relaxed);
        }
        if hold == Hold::Request(kind) {
            wire.hits.fetch_add(1, Ordering::Relaxed);
            // Until the client gives up: what it sends is read, and nothing done with it.
            while from.read_u8().await.is_ok() {}
            return;
        }
        if to.write_u32(length).await.is_err() || to.write_all(&request).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, deaf: tokio::sync::watch::Receiver<bool>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if !*deaf.borrow() && to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
