//! Health and metrics over HTTP: two small listeners that only ever answer from the process's own state.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::Metrics;

/// Connections served at a time by one of these listeners; more wait in the kernel.
const CONNECTIONS: usize = 32;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a path answers: status, content type, body.
pub type Answer = (StatusCode, &'static str, String);

/// Binds `endpoint` (`host:port`).
pub async fn bind(endpoint: &str) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(endpoint).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers `GET`s until the task is dropped; `answer` gives none for a path that isn't there.
pub async fn serve(listener: TcpListener, answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: the others' end frees some.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = respond(&request, &*answer);
                async move { Ok::<_, Infallible>(response) }
            });
            // A scraper that breaks off is none of our business.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(socket), service)
                .await;
            drop(place);
        });
    }
}

fn respond(request: &Request<Incoming>, answer: &impl Fn(&str) -> Option<Answer>) -> Response<Full<Bytes>> {
    let (status, kind, body) = if request.method() == http::Method::GET {
        answer(request.uri().path()).unwrap_or((StatusCode::NOT_FOUND, "text/plain", "not found\n".into()))
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET only\n".into())
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// The metrics page. `look`: sets what is known only by looking.
pub fn metrics_page(started: Instant, look: impl Fn()) -> impl Fn(&str) -> Option<Answer> {
    move |path| {
        (path == "/metrics").then(|| {
            look();
            let metrics = Metrics::get();
            metrics.uptime_seconds.set(started.elapsed().as_secs_f64());
            metrics.memory_rss_bytes.set(resident_bytes());
            (StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.encode())
        })
    }
}

/// Resident memory of this process; 0 where the kernel doesn't say.
fn resident_bytes() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok()))
        .unwrap_or(0);
    pages * i64::try_from(rustix::param::page_size()).unwrap_or(4096)
}
