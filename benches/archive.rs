//! What a segment costs: CPU-microseconds and stored bytes a record, writing and reading, from the same payments as the demo.
//! `cargo bench --bench archive [-- RECORDS]`

use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use prost::Message as _;
use sealtrail::archive::{Checker, Extractor, Promotions, Reader, SegmentWriter};
use sealtrail::cli::payments::Payments;
use sealtrail_chain::content::otlp::{Malformed, Visit, read};
use sealtrail_chain::content::{Auth, By, Content, Context, LogRecord, Origin, Tail};
use sealtrail_chain::{Checksum, CompactRange, Hash, Head, Sequence, UnixNanos};

const START: u64 = 1_800_014_400_000_000_000;

#[derive(Default)]
struct Contents {
    tail: Option<Tail>,
    texts: Vec<Content>,
}

impl<'a> Visit<'a> for Contents {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.tail = context.ok().map(|context| Tail::write(&context));
    }
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        if let (Some(tail), Ok(log)) = (&self.tail, record) {
            self.texts.push(Content::write(&log, tail));
        }
    }
    fn unknown_fields(&mut self, _: u64) {}
}

fn main() {
    let records = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(200_000);
    let origin =
        Origin { auth: Auth::Token, by: By::Sender, peer: Some("127.0.0.1".into()), subject: Some("till-4".into()) };
    let (mut payments, mut contents, mut otlp) = (Payments::new(7, START), Contents::default(), 0);
    while contents.texts.len() < records {
        let request = payments.request(1_000).0.encode_to_vec();
        otlp += request.len();
        read(&request, &origin, &mut contents).expect("a request");
    }
    let texts = contents.texts;
    let count = texts.len() as f64;
    let bytes: usize = texts.iter().map(|text| text.as_str().len()).sum();
    report("content", Duration::ZERO, count, bytes);
    report("OTLP", Duration::ZERO, count, otlp);

    let chain = "bench".parse().expect("a name");
    let head = Head::resume(chain, Sequence::ZERO, UnixNanos(0), Hash([0; 32]), CompactRange::empty(0));
    let mut sealing = head.clone();
    let begun = cpu();
    let links: Vec<_> = (START..)
        .step_by(20_000)
        .zip(&texts)
        .map(|(time, text)| sealing.seal(UnixNanos(time), Checksum::of(text.as_str().as_bytes())))
        .collect();
    report("hashing alone", cpu() - begun, count, 0);

    let extractor = Extractor::new(&Promotions::default());
    let begun = cpu();
    let sound = texts.iter().filter(|text| extractor.read(text.as_str()).is_ok()).count();
    assert_eq!(sound, texts.len());
    report("extracting alone", cpu() - begun, count, 0);

    let file = tempfile::NamedTempFile::new().expect("a file");
    let begun = (cpu(), Instant::now());
    let mut writer = SegmentWriter::new(head, &Promotions::default(), [0; 32], file.as_file()).expect("a writer");
    for (link, text) in links.iter().zip(&texts) {
        writer.push(link, text.as_str()).expect("a row");
    }
    writer.finish().expect("a file").out.flush().expect("flushed");
    let size = file.as_file().metadata().expect("a size").len();
    report("write", cpu() - begun.0, count, size as usize);
    report("write, elapsed", begun.1.elapsed(), count, 0);

    let mut reader = Reader::open(file.path()).expect("an object");
    let mut checker = Checker::new(&Promotions::default());
    let (begun, mut rows) = (cpu(), 0);
    let read = reader.rows(&mut |row| {
        let checked = checker.check(&row);
        rows += usize::from(checked.mismatch.is_none() && checked.form.is_none());
        ControlFlow::Continue(())
    });
    read.expect("rows");
    assert_eq!(rows, texts.len());
    report("read and check the columns", cpu() - begun, count, 0);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
}

fn report(what: &str, time: Duration, records: f64, bytes: usize) {
    let (micros, bytes) = (time.as_secs_f64() * 1e6 / records, bytes as f64 / records);
    eprintln!("{what:<28} {micros:6.2} us/record {bytes:8.1} bytes/record");
}

/// Time on the processor (all of this runs on one thread): other work on the machine doesn't count.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds"))
}
