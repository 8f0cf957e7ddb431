//! The accept loop of one listener and the life of its connections: TLS, HTTP/1.1 or HTTP/2, and everything that bounds
//! what a connection costs, with or without a valid token.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::answer::Refusal;
use super::auth::{address, certificate_name};
use super::credentials::{Credentials, Loaded};
use super::limiter::Limiter;
use super::pipeline::Way;
use super::{Error, Protocol, grpc, http, tls};
use crate::observe::Metrics;
use crate::observe::event::Refused;
use crate::observe::metrics::Transport as Label;
use crate::seal::own::{Event, Kind};

/// How long the requests in hand may take to finish after the stop, where no answer may take longer.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the credential files are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(3);
/// Time until a connection must have brought its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(60);
/// After a failed accept (no file handles left, say): long enough for connections to end, short enough to go unnoticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// HTTP/2 windows: what a connection may have in flight beyond what has been read, and so charged.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Larger frames than the default of 16 KiB mean fewer wake-ups for a large request.
const FRAME: u32 = 64 * 1024;
const HEADERS: u32 = 16 * 1024;
/// Read buffer of an HTTP/1.1 connection at most; holds the headers.
const HTTP1_BUFFER: usize = 64 * 1024;

/// The protocol of a listener.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    Http,
}

impl Transport {
    /// Key of the configuration and label of the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }

    pub(super) fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Self::Grpc => tls::ALPN_GRPC,
            Self::Http => tls::ALPN_HTTP,
        }
    }
}

/// One listener's part in what its connections share.
pub(super) struct Door {
    pub(super) transport: Transport,
    pub(super) config: Protocol,
    pub(super) credentials: Credentials,
    pub(super) limiter: Arc<Limiter>,
    pub(super) way: Arc<dyn Way>,
}

impl Door {
    /// How long the requests in hand may take to finish after the stop.
    fn drain(&self) -> Duration {
        // Behind the answer's own bound a moment to write it.
        DRAIN.max(self.way.patience() + Duration::from_secs(1))
    }

    /// Reads the credentials again, and tells log and chain how it went.
    pub(super) fn reload(&self) -> Result<(), Error> {
        if self.config.tls.is_none() && self.config.auth.is_none() {
            return Ok(());
        }
        let result = self.credentials.reload();
        let mut event = Event::new(Kind::ConfigChanged);
        event.resource = Some(format!("receivers.otlp.protocols.{}", self.transport.name()));
        event.reason = Some("certificates and tokens read again".to_owned());
        match &result {
            Ok(()) => {
                event.outcome = Some("success".to_owned());
                tracing::info!(protocol = self.transport.name(), "certificates and tokens read again");
            }
            Err(error) => {
                event.outcome = Some("failure".to_owned());
                tracing::error!(
                    protocol = self.transport.name(), %error, remedy = error.remedy(),
                    "certificates and tokens could not be read again; the old ones stay in force"
                );
            }
        }
        self.way.report(event);
        result
    }

    /// Counts a refusal and has it sealed under the sender's name.
    pub(super) fn refuse(&self, sender: String, reason: &'static str, records: u64) {
        Refused { transport: self.transport.name(), reason, records }.emit();
        let mut event = Event::new(Kind::SenderRefused);
        event.origin = Some(sender);
        event.reason = Some(reason.to_owned());
        event.resource = Some(self.transport.name().to_owned());
        event.count = records;
        self.way.report(event);
    }
}

/// Serves a listener until the stop, then waits for its connections.
pub(super) async fn serve(socket: TcpListener, door: Arc<Door>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let limit = door.config.max_connections as usize;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) if connections.len() < limit => {
                let (door, stop) = (Arc::clone(&door), stop.clone());
                connections.spawn(async move { connection(stream, peer.ip(), door, stop).await });
            }
            Ok((stream, peer)) => {
                drop(stream);
                door.refuse(address(peer.ip()), "connections", 1);
            }
            // Most errors are those of the one connection; one of the process (EMFILE) must not become a busy loop.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(socket);
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(door.drain(), drained).await;
    connections.shutdown().await;
}

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) door: Arc<Door>,
    pub(super) peer: IpAddr,
    /// Name in the client's certificate, when it had to show one.
    pub(super) certificate: Option<String>,
    pub(super) stop: watch::Receiver<bool>,
    requests: AtomicU64,
    in_hand: AtomicUsize,
}

impl Connection {
    /// Credentials in force now, also for a connection that is older than they are.
    pub(super) fn credentials(&self) -> Arc<Loaded> {
        self.door.credentials.now()
    }

    /// The sender's name in a sealed refusal.
    pub(super) fn sender(&self) -> String {
        self.certificate.clone().unwrap_or_else(|| address(self.peer))
    }
}

async fn connection(stream: TcpStream, peer: IpAddr, door: Arc<Door>, stop: watch::Receiver<bool>) {
    let _open = Open::count(door.transport);
    // Without it an answer can wait for the peer's delayed acknowledgement; an error only costs that time.
    let _ = stream.set_nodelay(true);
    let shared = |certificate| Connection {
        door: Arc::clone(&door),
        peer,
        certificate,
        stop: stop.clone(),
        requests: AtomicU64::new(0),
        in_hand: AtomicUsize::new(0),
    };
    let Some(config) = door.credentials.now().tls.clone() else {
        return exchange(stream, Arc::new(shared(None))).await;
    };
    match timeout(door.config.handshake_timeout.get(), TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = shown.map(|der| certificate_name(der).unwrap_or_else(|| "unnamed".to_owned()));
            exchange(stream, Arc::new(shared(certificate))).await;
        }
        Ok(Err(_)) => door.refuse(address(peer), "tls_handshake", 1),
        Err(_) => door.refuse(address(peer), "tls_timeout", 1),
    }
}

/// Answers the requests of a connection until either side ends it, it idles, or the collector stops.
async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, shared: Arc<Connection>) {
    let config = &shared.door.config;
    let builder = builder(config, shared.door.transport);
    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop = shared.stop.clone();
    let mut idle = Idle::new(config.idle_timeout.get());
    let mut tick = tokio::time::interval(idle.tick());
    loop {
        tokio::select! {
            // What went wrong lies with the peer, and hyper's text may quote it.
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => break,
            now = tick.tick() => if idle.over(now, &shared) { break },
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(shared.door.drain(), connection).await;
}

fn builder(config: &Protocol, transport: Transport) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.handshake_timeout.get())
        .max_buf_size(HTTP1_BUFFER)
        .max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(config.max_concurrent_streams)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(config.keepalive_interval.get())
        .keep_alive_timeout(config.keepalive_timeout.get());
    match transport {
        Transport::Grpc => builder.http2_only(),
        Transport::Http => builder,
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Connection>,
) -> Result<::http::Response<super::body::Reply>, Infallible> {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    shared.in_hand.fetch_add(1, Ordering::Relaxed);
    let _in_hand = InHand(&shared);
    Ok(match shared.door.transport {
        Transport::Grpc => grpc::answer(request, &shared).await,
        Transport::Http => http::answer(request, &shared).await,
    })
}

/// Checks that come before any body is read: who sends, and whether records can be taken at all.
pub(super) fn admit(
    headers: &::http::HeaderMap,
    shared: &Connection,
) -> Result<(sealtrail_chain::content::Origin, super::limiter::Charge), (String, Refusal)> {
    let credentials = shared.credentials();
    let tokens = credentials.tokens.as_deref();
    let origin = super::auth::origin(shared.peer, shared.certificate.as_deref(), tokens, headers)
        .ok_or_else(|| (shared.sender(), Refusal::Unauthenticated))?;
    let sender = || origin.subject.clone().unwrap_or_else(|| address(shared.peer));
    if *shared.stop.borrow() {
        return Err((sender(), Refusal::Stopping));
    }
    shared.door.way.ready().map_err(|refused| (sender(), Refusal::Log(refused)))?;
    let charge = shared.door.limiter.admit().map_err(|_| (sender(), Refusal::Memory))?;
    Ok((origin, charge))
}

/// Judges from look to look whether a connection is used.
struct Idle {
    limit: Duration,
    requests: u64,
    since: Instant,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { limit, requests: 0, since: Instant::now() }
    }

    fn tick(&self) -> Duration {
        // At least a millisecond: tokio's timer takes no interval of zero.
        (self.limit.min(FIRST_REQUEST) / 4).max(Duration::from_millis(1))
    }

    fn over(&mut self, now: Instant, connection: &Connection) -> bool {
        let requests = connection.requests.load(Ordering::Relaxed);
        if requests != self.requests || connection.in_hand.load(Ordering::Relaxed) > 0 {
            (self.requests, self.since) = (requests, now);
            return false;
        }
        let limit = if requests == 0 { self.limit.min(FIRST_REQUEST) } else { self.limit };
        now.duration_since(self.since) >= limit
    }
}

struct InHand<'a>(&'a Connection);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts an open connection for as long as it lives.
struct Open(Transport);

impl Open {
    fn count(transport: Transport) -> Self {
        Metrics::get().connections.get_or_create(&Label { transport: transport.name() }).inc();
        Self(transport)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        Metrics::get().connections.get_or_create(&Label { transport: self.0.name() }).dec();
    }
}
