//! Receiving OTLP over gRPC and HTTP: everything between a socket and the write-ahead log's answer.
//!
//! A request is authenticated before its body is read, charged to the memory limiter while it arrives, bounded in size and
//! time, then read, masked and handed on by one way for all encodings (`pipeline`). A success is said only with a
//! [`crate::wal::Proof`] in hand (`answer`). Nothing that a sender wrote goes into a log line, a metric or an answer:
//! errors of other crates are never printed, all texts come from the closed lists in `answer`.

mod answer;
mod auth;
mod body;
mod config;
mod credentials;
mod grpc;
mod http;
mod json;
mod limiter;
mod listener;
mod oracle;
mod pipeline;
mod prepare;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use sealtrail_chain::content::Origin;
use sealtrail_chain::content::otlp::Visit;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use config::{Auth, Config, MemoryLimiter, Protocol, Protocols, Tls};
pub use oracle::Oracle;
pub use pipeline::Pipeline;

use credentials::Credentials;
use limiter::Limiter;
use listener::{Door, Transport};
use pipeline::Way;

use crate::wal;

/// Reads an OTLP/JSON request as one that came over HTTP: `scope` and `record` of `visit` are called as for protobuf.
pub fn read_json<'a>(text: &'a str, received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), NoRequest> {
    json::read(text, received, visit).map_err(|_| NoRequest)
}

/// A text is no OTLP/JSON request. Says no more: it would quote the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no OTLP/JSON request")]
pub struct NoRequest;

/// Judges the listeners as [`Server::bind`] would, without binding them: for each its key and how it would listen.
pub fn check(config: &Config) -> Result<Vec<(&'static str, String)>, Error> {
    let listeners: Vec<_> = listeners(config).collect();
    if listeners.is_empty() {
        return Err(Error::NoProtocol);
    }
    let checked = listeners.into_iter().map(|(transport, protocol)| {
        guard(transport, protocol, &addresses(transport, protocol)?)?;
        Credentials::read(protocol, transport.alpn())?;
        Ok((transport.name(), format!("{}, {}", protocol.endpoint, protocol.protection())))
    });
    checked.collect()
}

/// Both listeners, bound but not yet served.
pub struct Server {
    bound: Vec<(TcpListener, Arc<Door>)>,
    way: Arc<dyn Way>,
}

impl Server {
    /// Checks what the configuration says of the listeners, reads their files and binds them. Senders may connect from here
    /// on; they are served by [`Server::run`].
    pub fn bind<K: wal::Keep>(config: &Config, limiter: &MemoryLimiter, pipeline: Pipeline<K>) -> Result<Self, Error> {
        Self::with(config, limiter, Arc::new(pipeline))
    }

    fn with(config: &Config, limiter: &MemoryLimiter, way: Arc<dyn Way>) -> Result<Self, Error> {
        let limiter = Limiter::new(limiter.bytes());
        let mut bound = Vec::new();
        for (transport, protocol) in listeners(config) {
            let addresses = addresses(transport, protocol)?;
            guard(transport, protocol, &addresses)?;
            let credentials = Credentials::read(protocol, transport.alpn())?;
            let socket = listen(transport, protocol, &addresses)?;
            let limiter = Arc::clone(&limiter);
            let door = Door { transport, config: protocol.clone(), credentials, limiter, way: Arc::clone(&way) };
            bound.push((socket, Arc::new(door)));
        }
        if bound.is_empty() {
            return Err(Error::NoProtocol);
        }
        Ok(Self { bound, way })
    }

    /// Whether a request would be taken now, and if not, why: what is asked before a body is read.
    pub fn readiness(&self) -> impl Fn() -> Result<(), wal::Refused> + Send + Sync + 'static {
        let way = Arc::clone(&self.way);
        move || way.ready()
    }

    /// Where gRPC listens, if it does.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.local_addr(Transport::Grpc)
    }

    /// Where HTTP listens, if it does.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.local_addr(Transport::Http)
    }

    fn local_addr(&self, transport: Transport) -> Option<SocketAddr> {
        let (socket, _) = self.bound.iter().find(|(_, door)| door.transport == transport)?;
        socket.local_addr().ok()
    }

    /// What reloads the credentials while the server runs.
    pub fn reloader(&self) -> Reloader {
        Reloader { doors: self.bound.iter().map(|(_, door)| Arc::clone(door)).collect() }
    }

    /// Serves until `stop` says true, then closes the listeners, lets the requests that are in hand finish (for 10 seconds
    /// at most, or as long as their answers may take) and returns. Needs a tokio runtime with time and I/O.
    pub async fn run(self, stop: watch::Receiver<bool>) -> io::Result<()> {
        let reloader = self.reloader();
        let mut doors = JoinSet::new();
        for (socket, door) in self.bound {
            socket.set_nonblocking(true)?;
            let socket = tokio::net::TcpListener::from_std(socket)?;
            doors.spawn(listener::serve(socket, door, stop.clone()));
        }
        let watching = tokio::spawn(async move { reloader.watch().await });
        while doors.join_next().await.is_some() {}
        watching.abort();
        Ok(())
    }
}

/// Reads certificates and tokens again.
#[derive(Clone)]
pub struct Reloader {
    doors: Vec<Arc<Door>>,
}

impl Reloader {
    /// Reads all credential files again. A listener whose files are wrong keeps the old ones; the first error is returned.
    pub fn reload(&self) -> Result<(), Error> {
        let results: Vec<_> = self.doors.iter().map(|door| door.reload()).collect();
        results.into_iter().collect()
    }

    async fn watch(&self) {
        let mut look = tokio::time::interval(listener::LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            for door in &self.doors {
                if door.credentials.changed() {
                    // The error is told where it is found; the old files stay in force.
                    let _ = door.reload();
                }
            }
        }
    }
}

fn listeners(config: &Config) -> impl Iterator<Item = (Transport, &Protocol)> {
    let protocols = [(Transport::Grpc, &config.protocols.grpc), (Transport::Http, &config.protocols.http)];
    protocols.into_iter().filter_map(|(transport, protocol)| Some((transport, protocol.as_ref()?)))
}

fn addresses(transport: Transport, protocol: &Protocol) -> Result<Vec<SocketAddr>, Error> {
    let (name, endpoint) = (transport.name(), protocol.endpoint.clone());
    let found = endpoint.to_socket_addrs().map(Vec::from_iter);
    match found {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(Error::Endpoint { protocol: name, endpoint, source: io::ErrorKind::AddrNotAvailable.into() }),
        Err(source) => Err(Error::Endpoint { protocol: name, endpoint, source }),
    }
}

/// Off loopback, records must not be readable on the wire and every sender must be known.
fn guard(transport: Transport, protocol: &Protocol, addresses: &[SocketAddr]) -> Result<(), Error> {
    if protocol.insecure || addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        return Ok(());
    }
    let lacks = if protocol.tls.is_none() {
        "TLS (`tls`)"
    } else if !protocol.asks_for_certificates() && protocol.auth.is_none() {
        "client certificates (`tls.client_ca_file`) or tokens (`auth.tokens_file`)"
    } else {
        return Ok(());
    };
    Err(Error::Exposed { protocol: transport.name(), endpoint: protocol.endpoint.clone(), lacks })
}

fn listen(transport: Transport, protocol: &Protocol, addresses: &[SocketAddr]) -> Result<TcpListener, Error> {
    let (protocol, endpoint) = (transport.name(), protocol.endpoint.clone());
    TcpListener::bind(addresses).map_err(|source| Error::Endpoint { protocol, endpoint, source })
}

/// Why the listeners can't be started, or their credentials not be reloaded. Places are keys of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`receivers.otlp.protocols` names no protocol")]
    NoProtocol,
    #[error("can't listen on `{endpoint}` (`receivers.otlp.protocols.{protocol}.endpoint`): {source}")]
    Endpoint { protocol: &'static str, endpoint: String, source: io::Error },
    #[error("`receivers.otlp.protocols.{protocol}` listens off loopback (`{endpoint}`) without {lacks}")]
    Exposed { protocol: &'static str, endpoint: String, lacks: &'static str },
    #[error("can't read {path} (`{key}`): {source}")]
    File { key: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} (`{key}`) {problem}")]
    Pem { key: &'static str, path: PathBuf, problem: &'static str },
    #[error("line {line} of {path} (`auth.tokens_file`) {problem}")]
    Tokens { path: PathBuf, line: usize, problem: &'static str },
}

impl Error {
    /// What an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoProtocol => "name `grpc`, `http` or both",
            Self::Endpoint { .. } => "use `host:port` with an address of this machine and a port that nothing else has",
            Self::Exposed { .. } => "configure it, listen on 127.0.0.1, or set `insecure: true` beside the endpoint",
            Self::File { .. } => "check that the file exists and that the collector's user may read it",
            Self::Pem { .. } => {
                "use PEM files that belong together: `openssl x509 -in FILE -noout -text` shows a certificate"
            }
            Self::Tokens { .. } => {
                "write one `name token` a line, each name and token once, tokens of 16 characters or more"
            }
        }
    }
}
