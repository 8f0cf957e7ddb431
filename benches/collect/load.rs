//! The sender: encoded requests over gRPC, as fast as they are taken or at a rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;

use crate::RECORDS;

/// Sends `count` requests over two connections, each with so many in flight; how long each answer took.
pub async fn saturate(address: &str, requests: &[Bytes], count: usize, in_flight: usize) -> Vec<Duration> {
    let mut senders = Vec::new();
    for connection in 0..2 {
        let channel = connect(address).await;
        for sender in 0..in_flight {
            let (channel, requests) = (channel.clone(), requests.to_vec());
            senders.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                for number in 0..count / (2 * in_flight) {
                    let started = Instant::now();
                    let request = (number * 2 + connection) * in_flight + sender;
                    send(&channel, requests[request % requests.len()].clone()).await;
                    latencies.push(started.elapsed());
                }
                latencies
            }));
        }
    }
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await.expect("a sender ends well"));
    }
    all
}

/// Sends `records` a second, whether the answers come or not, until `count` requests are sent or `enough` says so; how long
/// each answer took from the moment when its request was due.
pub async fn at_rate(
    address: &str,
    requests: &[Bytes],
    records: f64,
    count: usize,
    enough: Arc<AtomicBool>,
) -> Vec<Duration> {
    let channels = [connect(address).await, connect(address).await];
    let start = Instant::now() + Duration::from_millis(100);
    let mut sent = Vec::new();
    for number in 0..count {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let due = start + Duration::from_secs_f64(number as f64 * RECORDS as f64 / records);
        tokio::time::sleep_until(due.into()).await;
        let (channel, request) = (channels[number % 2].clone(), requests[number % requests.len()].clone());
        sent.push(tokio::spawn(async move {
            send(&channel, request).await;
            due.elapsed()
        }));
    }
    let mut all = Vec::new();
    for latency in sent {
        all.push(latency.await.expect("a sender ends well"));
    }
    all
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}"))
        .expect("an address")
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .connect()
        .await
        .expect("it listens")
}

/// Sends until it is taken: a refusal is tried again, as a real exporter does.
async fn send(channel: &Channel, request: Bytes) {
    loop {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.expect("connected");
        let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
        match client.unary(tonic::Request::new(request.clone()), path, Raw).await {
            Ok(_) => return,
            Err(status) if matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(status) => panic!("{:?}", status.code()),
        }
    }
}

/// Bytes in, bytes out: the load is encoded beforehand.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;
    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
