//! The same requests over OTLP/HTTP, as binary protobuf and as JSON: what one record costs to the answer.

use std::path::Path;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use tokio::runtime::Runtime;

use crate::RECORDS;
use crate::collector::Collector;

const REQUESTS: usize = 400;
const CALLERS: usize = 4;

pub fn run(runtime: &Runtime, dir: &Path, requests: &[Bytes]) {
    let json = |request: &Bytes| {
        let request = ExportLogsServiceRequest::decode(request.clone()).expect("sound");
        Bytes::from(serde_json::to_vec(&request).expect("written"))
    };
    let json = requests.iter().map(json).collect::<Vec<_>>();
    println!("\nover HTTP       {CALLERS} callers with one request in flight each");
    for (name, kind, requests) in
        [("protobuf", "application/x-protobuf", requests), ("JSON", "application/json", json.as_slice())]
    {
        let home = dir.join(kind.replace('/', "-"));
        std::fs::create_dir(&home).expect("made");
        let collector = Collector::start(&home, "", &[]);
        runtime.block_on(send(&collector.http, kind, requests, REQUESTS / 8));
        let before = collector.cpu();
        runtime.block_on(send(&collector.http, kind, requests, REQUESTS));
        let intake = collector.cpu().since(&before).intake * 1e6 / (REQUESTS * RECORDS) as f64;
        println!("{name:<15} {intake:.2} CPU-us a record to the answer");
        collector.drained();
        collector.stop();
    }
}

async fn send(address: &str, kind: &'static str, requests: &[Bytes], count: usize) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let callers = (0..CALLERS).map(|caller| {
        let (client, requests, uri) = (client.clone(), requests.to_vec(), format!("http://{address}/v1/logs"));
        tokio::spawn(async move {
            for number in (caller..count).step_by(CALLERS) {
                let body = Full::from(requests[number % requests.len()].clone());
                let request = Request::post(&uri).header(header::CONTENT_TYPE, kind).body(body);
                let answer = client.request(request.expect("a request")).await.expect("it listens");
                assert!(answer.status().is_success(), "{}", answer.status());
                answer.into_body().collect().await.expect("read");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller ends well");
    }
}
