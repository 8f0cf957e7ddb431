//! Bodies: read within limits of size, memory and time; decompressed within the same; and the body of an answer.

use std::convert::Infallible;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::answer::Refusal;
use super::limiter::Charge;

/// How much is decompressed between two looks at the limits.
const STEP: u64 = 64 * 1024;
/// log2 of the largest zstd window taken: 8 MiB, what RFC 8878 (section 3.1.1.1.2) asks every decoder to support.
const ZSTD_WINDOW: u32 = 23;

/// How much more than what has come is made room for, where the sender has announced so much.
const TRUST: usize = 16;

/// Reads a whole body of at most `limit` bytes. `announced`: the length that the beginning of the body tells, if it does.
pub(super) async fn read(
    body: &mut Incoming,
    limit: usize,
    time: Duration,
    charge: &mut Charge,
    announced: fn(&[u8]) -> Option<usize>,
) -> Result<Bytes, Refusal> {
    timeout(time, collect(body, limit, charge, announced)).await.map_err(|_| Refusal::SlowBody)?
}

async fn collect(
    body: &mut Incoming,
    limit: usize,
    charge: &mut Charge,
    announced: fn(&[u8]) -> Option<usize>,
) -> Result<Bytes, Refusal> {
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > limit as u64) {
        return Err(Refusal::TooLarge);
    }
    let Some(first) = data(body).await? else { return Ok(Bytes::new()) };
    hold(charge, first.len())?;
    if first.len() > limit {
        return Err(Refusal::TooLarge);
    }
    let expected = length.and_then(|length| usize::try_from(length).ok()).or_else(|| announced(&first)).unwrap_or(0);
    let Some(mut next) = data(body).await? else { return Ok(first) };
    let mut whole = Vec::new();
    grow(&mut whole, first.len() + next.len(), expected, limit, charge)?;
    whole.extend_from_slice(&first);
    drop(first);
    loop {
        let length = whole.len() + next.len();
        if length > limit {
            return Err(Refusal::TooLarge);
        }
        grow(&mut whole, length, expected, limit, charge)?;
        whole.extend_from_slice(&next);
        match data(body).await? {
            Some(more) => next = more,
            None => return Ok(whole.into()),
        }
    }
}

/// The next bytes of a body; trailers are passed over.
async fn data(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BrokenBody)?;
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

/// Makes room for `length` bytes: for all that is expected, so that it is copied once, but never for many times of what has
/// come, as announcing costs a sender nothing; beyond that, doubling.
fn grow(whole: &mut Vec<u8>, length: usize, expected: usize, limit: usize, charge: &mut Charge) -> Result<(), Refusal> {
    let capacity = whole.capacity();
    if length <= capacity {
        return Ok(());
    }
    let trusted = expected.min(length.saturating_mul(TRUST));
    let wanted = if trusted >= length { trusted } else { length.max(capacity * 2) }.min(limit.max(length));
    hold(charge, wanted - capacity)?;
    whole.reserve_exact(wanted - whole.len());
    Ok(())
}

fn hold(charge: &mut Charge, bytes: usize) -> Result<(), Refusal> {
    charge.add(bytes).map_err(|_| Refusal::Memory)
}

/// Passes over the body of a request that is refused, so that an HTTP/1.1 sender in the middle of it gets to read the
/// answer instead of a reset. Bounded like a body that is read.
pub(super) async fn discard(body: &mut Incoming, limit: usize, time: Duration) {
    let passing = async {
        let mut length = 0;
        while let Ok(Some(bytes)) = data(body).await {
            length += bytes.len();
            if length > limit {
                return;
            }
        }
    };
    let _ = timeout(time, passing).await;
}

/// How a body is compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zlib,
    Zstd,
}

impl Compression {
    /// By its name in `content-encoding` or `grpc-encoding` (both call zlib's format "deflate").
    pub(super) fn named(name: Option<&http::HeaderValue>) -> Option<Self> {
        let Some(name) = name else { return Some(Self::None) };
        let name = name.as_bytes().trim_ascii();
        let known =
            [(&b"identity"[..], Self::None), (b"gzip", Self::Gzip), (b"deflate", Self::Zlib), (b"zstd", Self::Zstd)];
        known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, compression)| compression)
    }
}

/// Expands a body to at most `limit` bytes. A bomb costs no more than that, and no more than the memory limiter has left.
pub(super) fn decompress(
    compression: Compression,
    body: Bytes,
    limit: usize,
    charge: &mut Charge,
) -> Result<Bytes, Refusal> {
    match compression {
        Compression::None => Ok(body),
        Compression::Gzip => expand(MultiGzDecoder::new(&body[..]), limit, charge),
        Compression::Zlib => expand(ZlibDecoder::new(&body[..]), limit, charge),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(|_| Refusal::Internal)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(|_| Refusal::Internal)?;
            expand(decoder, limit, charge)
        }
    }
}

fn expand(mut from: impl Read, limit: usize, charge: &mut Charge) -> Result<Bytes, Refusal> {
    let mut whole = Vec::new();
    loop {
        let (length, capacity) = (whole.len(), whole.capacity());
        from.by_ref().take(STEP).read_to_end(&mut whole).map_err(|_| Refusal::Compressed)?;
        hold(charge, whole.capacity() - capacity)?;
        if whole.len() > limit {
            return Err(Refusal::TooLarge);
        }
        if whole.len() == length {
            return Ok(whole.into());
        }
    }
}

/// An answer: at most one piece of data, then trailers where gRPC wants them.
pub(super) struct Reply {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Reply {
    pub(super) fn new(data: impl Into<Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self { data: Some(data.into()).filter(|data: &Bytes| !data.is_empty()), trailers }
    }

    pub(super) fn empty() -> Self {
        Self { data: None, trailers: None }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
