//! OTLP/HTTP: `POST /v1/logs` in protobuf or JSON, over HTTP/1.1 or HTTP/2 (OTLP specification 1.9, "OTLP/HTTP").

use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;

use super::answer::{Refusal, response_json};
use super::body::{self, Compression, Reply};
use super::listener::{Connection, admit};
use super::pipeline::{self, Encoding};

const LOGS: &str = "/v1/logs";

pub(super) async fn answer(request: Request<Incoming>, connection: &Connection) -> Response<Reply> {
    let encoding = encoding(request.headers());
    match export(request, encoding, connection).await {
        Ok(response) => success(&response, encoding.unwrap_or(Encoding::Protobuf)),
        // Who sends no encoding that we know is most likely a person with curl: JSON can be read.
        Err(refusal) => failure(&refusal, encoding.unwrap_or(Encoding::Json)),
    }
}

async fn export(
    request: Request<Incoming>,
    encoding: Option<Encoding>,
    connection: &Connection,
) -> Result<ExportLogsServiceResponse, Refusal> {
    let door = &connection.door;
    let (max, time) = (door.config.max_message(), door.config.body_timeout.get());
    let (head, mut body) = request.into_parts();
    let (origin, mut charge) = match admit(&head.headers, connection) {
        Ok(admitted) => admitted,
        Err((sender, refusal)) => {
            door.refuse(sender, refusal.reason(), 1);
            // Only for who may send, and only where a reset would hide the answer that says when to try again.
            if refusal != Refusal::Unauthenticated && head.version <= Version::HTTP_11 {
                body::discard(&mut body, max, time).await;
            }
            return Err(refusal);
        }
    };
    let sender = pipeline::sender(&origin);
    let refuse = |refusal: Refusal| {
        door.refuse(sender.clone(), refusal.reason(), 1);
        refusal
    };
    if head.uri.path() != LOGS {
        return Err(refuse(Refusal::UnknownPath));
    }
    if head.method != Method::POST {
        return Err(refuse(Refusal::Method));
    }
    let encoding = encoding.ok_or_else(|| refuse(Refusal::ContentType))?;
    let compression =
        Compression::named(head.headers.get(CONTENT_ENCODING)).ok_or_else(|| refuse(Refusal::ContentEncoding))?;
    let body = match body::read(&mut body, max, time, &mut charge, |_| None).await {
        Ok(body) => body,
        Err(refusal) => {
            drop(charge);
            if refusal == Refusal::Memory && head.version <= Version::HTTP_11 {
                body::discard(&mut body, max, time).await;
            }
            return Err(refuse(refusal));
        }
    };
    let transport = door.transport.name();
    door.way.take(pipeline::Request { transport, encoding, compression, body, max, origin, charge }).await
}

/// By the media type alone: parameters such as a charset change nothing (JSON is UTF-8).
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let name = headers.get(CONTENT_TYPE)?.as_bytes().split(|byte| *byte == b';').next()?.trim_ascii();
    let known = [(&b"application/x-protobuf"[..], Encoding::Protobuf), (b"application/json", Encoding::Json)];
    known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, encoding)| encoding)
}

fn success(response: &ExportLogsServiceResponse, encoding: Encoding) -> Response<Reply> {
    let body = match encoding {
        Encoding::Protobuf => response.encode_to_vec(),
        Encoding::Json => response_json(response),
    };
    respond(body, encoding)
}

fn failure(refusal: &Refusal, encoding: Encoding) -> Response<Reply> {
    let body = match encoding {
        Encoding::Protobuf => refusal.status(),
        Encoding::Json => refusal.status_json(),
    };
    let mut response = respond(body, encoding);
    *response.status_mut() = refusal.http();
    let headers = response.headers_mut();
    if let Some(delay) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(delay.as_secs()));
    }
    match refusal {
        Refusal::Unauthenticated => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        Refusal::Method => headers.insert(ALLOW, HeaderValue::from_static("POST")),
        _ => None,
    };
    response
}

fn respond(body: Vec<u8>, encoding: Encoding) -> Response<Reply> {
    let mut response = Response::new(Reply::new(body, None));
    let name = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(name));
    response
}
