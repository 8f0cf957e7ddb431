//! OTLP/gRPC: one unary method (gRPC over HTTP/2, "PROTOCOL-HTTP2.md").
//!
//! The framing of a unary call is five bytes before a message, so it is read here: the message goes to [`super::pipeline`]
//! as the bytes that came, within the same limits and through the same code as over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;

use super::answer::Refusal;
use super::body::{self, Compression, Reply};
use super::listener::{Connection, admit};
use super::pipeline::{self, Encoding};

const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// A flag (1: compressed) and the length of the message, big-endian.
const PREFIX: usize = 5;

pub(super) async fn answer(request: Request<Incoming>, connection: &Connection) -> Response<Reply> {
    if !is_grpc(request.headers()) {
        connection.door.refuse(connection.sender(), Refusal::ContentType.reason(), 1);
        return not_grpc();
    }
    match export(request, connection).await {
        Ok(response) => success(&response),
        Err(refusal) => failure(&refusal),
    }
}

async fn export(request: Request<Incoming>, connection: &Connection) -> Result<ExportLogsServiceResponse, Refusal> {
    let door = &connection.door;
    let refuse = |(sender, refusal): (String, Refusal)| {
        door.refuse(sender, refusal.reason(), 1);
        refusal
    };
    let (head, mut body) = request.into_parts();
    let (origin, mut charge) = admit(&head.headers, connection).map_err(refuse)?;
    let sender = pipeline::sender(&origin);
    let refuse = |refusal| refuse((sender.clone(), refusal));
    if head.method != Method::POST || head.uri.path() != EXPORT {
        return Err(refuse(Refusal::UnknownPath));
    }
    let compression = Compression::named(head.headers.get(ENCODING)).ok_or_else(|| refuse(Refusal::ContentEncoding))?;
    let max = door.config.max_message();
    let (limit, time) = (max.saturating_add(PREFIX), door.config.body_timeout.get());
    let body = body::read(&mut body, limit, time, &mut charge, announced).await;
    let (compressed, body) = body.and_then(message).map_err(refuse)?;
    let compression = match (compressed, compression) {
        (false, _) => Compression::None,
        (true, Compression::None) => return Err(refuse(Refusal::Framing)),
        (true, compression) => compression,
    };
    let transport = door.transport.name();
    let request = pipeline::Request { transport, encoding: Encoding::Protobuf, compression, body, max, origin, charge };
    door.way.take(request).await
}

/// The length of a unary call's body, from the prefix of its message.
fn announced(begin: &[u8]) -> Option<usize> {
    let &[_, a, b, c, d] = begin.first_chunk::<PREFIX>()?;
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?.checked_add(PREFIX)
}

/// The one message of a unary call, and whether it is compressed.
fn message(mut body: Bytes) -> Result<(bool, Bytes), Refusal> {
    let (flag, length) = match body.first_chunk::<PREFIX>() {
        Some(&[flag @ (0 | 1), a, b, c, d]) => (flag == 1, u32::from_be_bytes([a, b, c, d])),
        _ => return Err(Refusal::Framing),
    };
    let message = body.split_off(PREFIX);
    if usize::try_from(length) != Ok(message.len()) {
        return Err(Refusal::Framing);
    }
    Ok((flag, message))
}

/// `application/grpc` or `application/grpc+proto`, with parameters or without.
fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(name) = headers.get(CONTENT_TYPE).and_then(|name| name.as_bytes().split(|byte| *byte == b';').next())
    else {
        return false;
    };
    let name = name.trim_ascii();
    name.eq_ignore_ascii_case(b"application/grpc") || name.eq_ignore_ascii_case(b"application/grpc+proto")
}

fn success(response: &ExportLogsServiceResponse) -> Response<Reply> {
    let length = response.encoded_len();
    let mut frame = Vec::with_capacity(PREFIX + length);
    frame.push(0);
    frame.extend_from_slice(&u32::try_from(length).expect("an answer has a few hundred bytes").to_be_bytes());
    response.encode_raw(&mut frame);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    respond(Reply::new(frame, Some(trailers)))
}

/// Headers alone, as the protocol allows where there is no message ("Trailers-Only").
fn failure(refusal: &Refusal) -> Response<Reply> {
    let mut response = respond(Reply::empty());
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(refusal.code() as i32));
    if let Ok(message) = HeaderValue::try_from(refusal.message()) {
        headers.insert(MESSAGE, message);
    }
    if let Ok(details) = HeaderValue::try_from(STANDARD_NO_PAD.encode(refusal.status())) {
        headers.insert(DETAILS, details);
    }
    response
}

fn respond(reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,deflate,zstd"));
    response
}

/// What isn't gRPC can't read a gRPC status.
fn not_grpc() -> Response<Reply> {
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}
