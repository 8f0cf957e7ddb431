//! A TCP proxy that knows the first line of each request: it can lose an answer after the server has acted, or let no
//! request of a kind through. Everything it passes on is the real server's.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to requests whose first line begins with a method and holds a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Passed on; the answer is read to its end and thrown away, and the connection closed.
    LoseAnswer,
    /// Not passed on; the connection is closed.
    Refuse,
    /// Not passed on; this is the answer, in the form of S3's errors.
    Say { status: &'static str, code: &'static str },
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub method: &'static str,
    pub word: &'static str,
    pub fault: Fault,
    /// How many requests it hits.
    pub times: usize,
}

/// In front of one server.
pub struct Proxy {
    pub endpoint: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    hits: Arc<Mutex<usize>>,
}

impl Proxy {
    pub async fn start(upstream: &str, rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let upstream = upstream.strip_prefix("http://").expect("in clear").to_owned();
        let rules = Arc::new(Mutex::new(rules));
        let hits = Arc::<Mutex<usize>>::default();
        let proxy = Self { endpoint, rules: Arc::clone(&rules), hits: Arc::clone(&hits) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, upstream.clone(), Arc::clone(&rules), Arc::clone(&hits)));
            }
        });
        proxy
    }

    /// Requests that met a fault.
    pub fn hits(&self) -> usize {
        *self.hits.lock().expect("no task panicked")
    }

    pub fn add(&self, rule: Rule) {
        self.rules.lock().expect("no task panicked").push(rule);
    }

    pub fn heal(&self) {
        self.rules.lock().expect("no task panicked").clear();
    }
}

/// One connection. The client sends its next request only after the answer to the last one, so what it writes after an
/// answer begins with a request's first line.
async fn serve(mut client: TcpStream, upstream: String, rules: Arc<Mutex<Vec<Rule>>>, hits: Arc<Mutex<usize>>) {
    let Ok(mut server) = TcpStream::connect(&upstream).await else { return };
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut fault = None;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(1..) = read else { return };
                let bytes = &up[..read.expect("it was read")];
                if let Some(hit) = of(bytes, &rules) {
                    *hits.lock().expect("no task panicked") += 1;
                    fault = Some(hit);
                }
                if let Some(Fault::Say { status, code }) = fault {
                    return say(client, status, code).await;
                }
                if fault == Some(Fault::Refuse) || server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(1..) = read else { return };
                let bytes = &down[..read.expect("it was read")];
                // `100 Continue` is no answer yet.
                let interim = bytes.starts_with(b"HTTP/1.1 100");
                if fault == Some(Fault::LoseAnswer) && !interim {
                    return;
                }
                if client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Answers in the server's place, and reads what still comes, so that the answer is not lost with the connection.
async fn say(mut client: TcpStream, status: &str, code: &str) {
    let body = format!("<Error><Code>{code}</Code><Message>said by a proxy</Message></Error>");
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    if client.write_all(answer.as_bytes()).await.is_ok() && client.shutdown().await.is_ok() {
        let mut rest = [0; 1 << 12];
        while let Ok(1..) = client.read(&mut rest).await {}
    }
}

fn of(bytes: &[u8], rules: &Mutex<Vec<Rule>>) -> Option<Fault> {
    let line = String::from_utf8_lossy(bytes.split(|b| *b == b'\r').next()?).into_owned();
    let mut rules = rules.lock().expect("no task panicked");
    let begins =
        |rule: &&mut Rule| line.starts_with(rule.method) && line.contains(rule.word) && line.ends_with("HTTP/1.1");
    let rule = rules.iter_mut().find(|rule| begins(rule) && rule.times > 0)?;
    rule.times -= 1;
    Some(rule.fault)
}
