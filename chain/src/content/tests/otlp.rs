//! OTLP to records and back: as protobuf's rules say, whatever the bytes; and the stream gives every content back.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1 as logs;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::oracle::{proto_log, proto_value, records, request, resource_logs};
use super::samples::{full, nested, received, record, same, value, write};
use crate::content::otlp::{
    Malformed, Request, StreamError, Streamed, Visit, Writer, message_bound, read, read_stream,
};
use crate::content::{Content, Context, KeyValue, LogRecord, Record, Value, read_parts};
use crate::link::{ChainName, Checksum, Hash, Link, Sequence, UnixNanos};

/// What a request was read as.
#[derive(Default)]
struct Seen<'a> {
    context: Option<Result<Context<'a>, Malformed>>,
    records: Vec<Result<Record<'a>, Malformed>>,
    unknown: u64,
}

impl<'a> Visit<'a> for Seen<'a> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.context = Some(context);
    }
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        let context = self.context.clone().expect("a scope comes before its records");
        self.records.push(record.and_then(|log| Ok(Record { log, context: context? })));
    }
    fn unknown_fields(&mut self, count: u64) {
        self.unknown += count;
    }
}

fn seen(bytes: &[u8]) -> Result<Seen<'_>, Malformed> {
    let mut seen = Seen::default();
    let read = read(bytes, &received(), &mut seen);
    // A request refused as a whole is refused before anything of it was handed on.
    assert!(read.is_ok() || (seen.context.is_none() && seen.unknown == 0));
    read.map(|()| seen)
}

fn agrees(bytes: &[u8], oracle: ExportLogsServiceRequest) -> Result<(), TestCaseError> {
    // A text by index is one member more of the oneof to prost, an unknown field here.
    prop_assume!(!format!("{oracle:?}").contains("StringValueStrindex"));
    let seen = seen(bytes).map_err(|malformed| TestCaseError::fail(malformed.to_string()))?;
    let expected = records(oracle);
    prop_assert_eq!(seen.records.len(), expected.len());
    for (read, expected) in seen.records.iter().zip(&expected) {
        prop_assert!(read.as_ref().is_ok_and(|read| same(read, expected)));
    }
    Ok(())
}

/// A field whose value has a length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(value.len() as u64, &mut field);
    field.extend_from_slice(value);
    field
}

/// A request whose `ScopeLogs` has these fields.
fn scoped(fields: &[u8]) -> Vec<u8> {
    field(1, &field(2, fields))
}

proptest! {
    #[test]
    fn reads_as_the_oracle_does(sent in vec(record(), 0..4)) {
        let request = request(&sent);
        agrees(&request.encode_to_vec(), request)?;
    }

    /// However a request is cut into parts, whatever is malformed or unknown in it: together they show what the whole does.
    #[test]
    fn parts_show_what_the_whole_does(
        scopes in vec((vec(record(), 0..4), any::<bool>()), 0..5),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut bytes = Vec::new();
        for (records, strange) in scopes {
            bytes.extend(request(&records).encode_to_vec());
            if strange {
                // A resource, a scope and a request that each hold a field of tomorrow, around no record.
                bytes.extend(field(1, &[field(1, &field(90, b"")), field(2, &field(1, &field(90, b"")))].concat()));
                bytes.extend(field(9, b""));
            }
        }
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        let Ok(whole) = seen(&bytes) else { return Ok(()) };
        let request = Request::follow(&bytes).expect("it was followed before");
        let all = request.records();
        prop_assert_eq!(all, whole.records.len() as u64);
        let mut cuts: Vec<u64> = cuts.iter().map(|cut| cut.index(all as usize + 1) as u64).chain([0, all]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        if all == 0 {
            cuts = vec![0, 0];
        }
        let mut parts = Seen::default();
        for ends in cuts.windows(2) {
            request.read(ends[0]..ends[1], &received(), &mut parts).expect("it was followed before");
            prop_assert_eq!(parts.records.len() as u64, ends[1]);
        }
        prop_assert_eq!(format!("{:?}", parts.records), format!("{:?}", whole.records));
        prop_assert_eq!(parts.unknown, whole.unknown);
        prop_assert_eq!(parts.context.is_some(), whole.context.is_some());
    }

    /// Protobuf's law of merging: two encodings of a message behind each other are the message merged.
    #[test]
    fn merges_as_the_oracle_does(a in record(), b in record(), values in vec(value(), 0..4)) {
        let groups = [&a, &b].map(|record| resource_logs(record));
        let mut log = [&a, &b].map(|record| proto_log(&record.log).encode_to_vec()).concat();
        let pieces: Vec<u8> = values.iter().flat_map(|value| proto_value(value).encode_to_vec()).collect();
        log.extend(field(5, &pieces));
        for value in &values {
            log.extend(field(6, &[field(2, &pieces), field(1, b"k"), field(2, &proto_value(value).encode_to_vec())].concat()));
        }
        let mut scope = groups.each_ref().map(|group| group.scope_logs[0].encode_to_vec()).concat();
        scope.extend(field(2, &log));
        // The records come before the resource, which comes in two pieces.
        let mut group = field(2, &scope);
        for group_of in &groups {
            group.extend(field(1, &group_of.resource.as_ref().unwrap().encode_to_vec()));
            group.extend(field(3, group_of.schema_url.as_bytes()));
        }
        let bytes = field(1, &group);
        let oracle = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
        agrees(&bytes, oracle)?;
    }

    /// Whatever prost takes is taken, and as what prost takes it for.
    #[test]
    fn takes_all_that_the_oracle_takes(sent in vec(record(), 1..3), changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..3)) {
        let mut bytes = request(&sent).encode_to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                _ => bytes.insert(at, byte),
            }
        }
        match ExportLogsServiceRequest::decode(bytes.as_slice()) {
            Ok(oracle) => agrees(&bytes, oracle)?,
            Err(_) => drop(seen(&bytes)),
        }
        let _ = read_stream(&bytes, &mut |_| {});
    }

    /// Attributes in a row are looked at together: whatever one of them holds, each is read as it is.
    #[test]
    fn each_attribute_of_a_row_is_its_own(texts in vec((bytes(), bytes()), 0..12)) {
        let pair = |(key, text): &(Vec<u8>, Vec<u8>)| [field(1, key), field(2, &field(1, text))].concat();
        let row = |number| texts.iter().flat_map(|texts| field(number, &pair(texts))).collect::<Vec<u8>>();
        let bytes = scoped(&field(2, &[row(6), field(5, &field(6, &row(1)))].concat()));
        let seen = seen(&bytes).unwrap();
        let log = &seen.records[0].as_ref().unwrap().log;
        let lossy = |bytes| String::from_utf8_lossy(bytes);
        let expected = texts.iter().map(|(key, text)| KeyValue { key: lossy(key), value: Value::String(lossy(text)) });
        let expected: Vec<_> = expected.collect();
        prop_assert_eq!(&log.attributes, &expected);
        prop_assert_eq!(&log.body, &Value::Map(expected));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = seen(&bytes);
        let _ = read_stream(&bytes, &mut |_| {});
        let _ = seen(&scoped(&field(2, &bytes)));
        let _ = seen(&scoped(&field(2, &field(5, &bytes))));
    }

    /// Cutting the seven attributes off gives every content back, byte for byte; and it is OTLP to any other reader.
    #[test]
    fn the_stream_gives_every_content_back(kinds in vec(record(), 1..4), order in vec(any::<prop::sample::Index>(), 1..8)) {
        let contents: Vec<Content> = kinds.iter().map(write).collect();
        let sent: Vec<&Content> = order.iter().map(|index| index.get(&contents)).collect();
        let mut writer = Writer::default();
        for _ in 0..2 {
            for (at, content) in sent.iter().enumerate() {
                writer.push(&chain(), &link(at as u64, content), content.as_str()).unwrap();
            }
            let claimed = writer.len();
            let message = writer.finish();
            prop_assert_eq!(claimed, message.len());
            prop_assert!(writer.is_empty());
            prop_assert_eq!(writer.len(), 0);
            let mut back = Vec::new();
            read_stream(&message, &mut |streamed: Streamed<'_>| {
                back.push((streamed.chain.to_owned(), streamed.link, write(&streamed.record)));
            }).unwrap();
            prop_assert_eq!(back.len(), sent.len());
            for (at, ((name, link_back, content), sent)) in back.iter().zip(&sent).enumerate() {
                prop_assert_eq!(name, "payments-eu-1");
                prop_assert_eq!(*link_back, link(at as u64, sent));
                prop_assert_eq!(content.as_str(), sent.as_str());
            }
            let oracle = ExportLogsServiceRequest::decode(message.as_slice()).unwrap();
            prop_assert!(oracle.resource_logs.len() <= sent.len());
            agrees(&message, oracle)?;
        }
    }

    /// A log record in the stream is its canonical protobuf, as `prost` writes it, with the seven attributes behind it.
    #[test]
    fn the_stream_holds_the_bytes_that_the_oracle_writes(record in record()) {
        let content = write(&record);
        let link = link(7, &content);
        let mut writer = Writer::default();
        writer.push(&chain(), &link, content.as_str()).unwrap();
        let message = writer.finish();
        let mut log = canonical(&record.log).encode_to_vec();
        for (key, value) in [
            ("chain", Value::String("payments-eu-1".into())),
            ("sequence", Value::Int(7)),
            ("observed", Value::Int(link.observed.0 as i64)),
            ("prev_hash", Value::String(link.previous.to_string().into())),
            ("checksum", Value::String(link.checksum.to_string().into())),
            ("hash", Value::String(link.hash.to_string().into())),
            ("received", Value::String(received_text(content.as_str()).into())),
        ] {
            let pair = [field(1, format!("sealtrail.{key}").as_bytes()), field(2, &proto_value(&value).encode_to_vec())].concat();
            log.extend(field(6, &pair));
        }
        let outer = ExportLogsServiceRequest::decode(message.as_slice()).unwrap();
        prop_assert_eq!(outer.resource_logs[0].scope_logs[0].log_records.len(), 1);
        let log = field(2, &log);
        prop_assert!(message.windows(log.len()).any(|window| window == log));
    }

    #[test]
    fn a_message_of_one_record_keeps_its_bound(record in record()) {
        let content = write(&record);
        let longest = format!("a{}", "-".repeat(62)).parse().unwrap();
        let mut writer = Writer::default();
        let mut link = link(u64::MAX >> 1, &content);
        link.observed = UnixNanos(u64::MAX >> 1);
        writer.push(&longest, &link, content.as_str()).unwrap();
        prop_assert!(writer.len() <= message_bound(content.as_str().len()) - 400);
    }
}

/// Mostly UTF-8, and about as long as one byte of length can say.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => "[ -~]{0,40}|[é支😀]{0,12}|[a-z]{100,140}".prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..80)]
}

/// The message of a record in which nothing stands that says no more than its absence.
fn canonical(log: &LogRecord<'_>) -> logs::LogRecord {
    fn pairs(pairs: &mut [common::KeyValue]) {
        for pair in pairs {
            pair.value = pair.value.take().filter(|value| value.value.is_some());
            pair.value.as_mut().map(value);
        }
    }
    fn value(any: &mut common::AnyValue) {
        match &mut any.value {
            Some(Any::KvlistValue(map)) => pairs(&mut map.values),
            Some(Any::ArrayValue(array)) => array.values.iter_mut().for_each(value),
            _ => {}
        }
    }
    let mut log = proto_log(log);
    log.body = log.body.take().filter(|body| body.value.is_some());
    log.body.as_mut().map(value);
    pairs(&mut log.attributes);
    log
}

fn received_text(content: &str) -> String {
    read_parts(content).unwrap().1.received.to_owned()
}

fn chain() -> ChainName {
    "payments-eu-1".parse().unwrap()
}

fn link(sequence: u64, content: &Content) -> Link {
    let (previous, hash) = (Hash([1; 32]), Hash([0xfe; 32]));
    let checksum = Checksum::of(content.as_str().as_bytes());
    Link { sequence: Sequence::new(sequence), observed: UnixNanos(1 << 60), previous, checksum, hash }
}

#[test]
fn a_malformed_record_costs_only_itself() {
    let sound = proto_log(&full().log).encode_to_vec();
    let too_deep = field(5, &proto_value(&nested(24)).encode_to_vec());
    let deepest = field(5, &proto_value(&nested(23)).encode_to_vec());
    // A text in a map is read on a short way, which counts as well.
    let maps = |depth| {
        let map = |inner: Vec<u8>, _| field(6, &field(1, &[field(1, b"k"), field(2, &inner)].concat()));
        field(5, &(0..depth).fold(field(1, b"v"), map))
    };
    // 5,000 arrays within each other: enough to overflow a stack, if that were where depth is counted.
    let bomb = (0..5_000).fold(vec![], |inner: Vec<u8>, _| field(5, &field(1, &inner)));
    for (bad, expected) in [
        (too_deep, Malformed::TooDeep),
        (maps(24), Malformed::TooDeep),
        (field(5, &bomb), Malformed::TooDeep),
        (vec![0x0a], Malformed::WireType),
        (vec![0x09, 1, 2, 3], Malformed::Truncated),
        (vec![0x1a, 200], Malformed::Truncated),
        (vec![0x07], Malformed::WireType),
        (vec![0x00, 0x00], Malformed::WireType),
        (vec![0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], Malformed::WireType),
        ([0xfb, 0x01].repeat(101), Malformed::TooDeep),
        ([0x32, 0].repeat(100_001), Malformed::TooMany),
        (field(5, &field(5, &[0x0a, 0].repeat(100_001))), Malformed::TooMany),
        (field(5, &field(6, &[0x0a, 0].repeat(100_001))), Malformed::TooMany),
        (field(6, &field(2, &field(6, &[0x0a, 0].repeat(100_000)))), Malformed::TooMany),
        (vec![0xfb, 0x01, 0xf4, 0x01], Malformed::WireType),
    ] {
        let bytes = scoped(&[field(2, &sound), field(2, &bad), field(2, &deepest), field(2, &maps(23))].concat());
        let seen = seen(&bytes).unwrap();
        let results: Vec<_> = seen.records.iter().map(|record| record.as_ref().err().copied()).collect();
        assert_eq!(results, [None, Some(expected), None, None], "{:?}", &bad[..bad.len().min(16)]);
    }
}

#[test]
fn a_malformed_resource_or_scope_costs_its_own_records() {
    let log = field(2, &proto_log(&full().log).encode_to_vec());
    let bad = field(1, &[0x0a, 9]);
    let bytes = [field(1, &[bad.clone(), field(2, &log)].concat()), scoped(&[log.clone(), bad].concat()), scoped(&log)]
        .concat();
    let seen = seen(&bytes).unwrap();
    let results: Vec<_> = seen.records.iter().map(|record| record.as_ref().err().copied()).collect();
    assert_eq!(results, [Some(Malformed::Truncated), Some(Malformed::Truncated), None]);
}

/// `seen` itself checks that nothing was handed on before.
#[test]
fn an_unsound_outline_is_refused_as_a_whole() {
    let sound = request(&[full()]).encode_to_vec();
    for end in
        [&[0x0a, 5][..], &[0x0a], &[0x08, 1], &[0x0a, 2, 0x12, 1], &[0x0a, 2, 0x10, 1], &[0x0c], &[0x0a, 3, 0x1a, 9, 0]]
    {
        assert!(seen(&[&sound, end].concat()).is_err(), "{end:?}");
    }
}

#[test]
fn unknown_fields_are_dropped_and_counted() {
    let group = [&[0xfb, 0x01][..], &[0x0a, 1, 7], &[0x13, 0x14], &[0xfc, 0x01]].concat();
    let any = [vec![0x40, 3], field(1, b"x")].concat();
    let pair = [field(1, b"k"), field(2, &any), vec![0x18, 4]].concat();
    let log = [field(6, &pair), group, vec![0x20, 1]].concat();
    let resource = field(1, &field(3, &field(2, b"host")));
    let bytes =
        [field(1, &[resource, field(2, &[field(2, &log), field(9, b"")].concat())].concat()), field(7, b"?")].concat();
    let seen = seen(&bytes).unwrap();
    assert_eq!(seen.unknown, 2 + 2 + 3);
    let texts: Vec<_> = seen.records.iter().map(|record| write(record.as_ref().unwrap()).as_str().to_owned()).collect();
    let log = r#"{"logRecord":{"attributes":[{"key":"k","value":{"stringValue":"x"}}]},"#;
    assert!(texts.len() == 1 && texts[0].starts_with(log), "{texts:?}");
    assert_eq!(read_stream(&bytes, &mut |_| {}), Err(StreamError::UnknownField { record: 0 }));
}

#[test]
fn ill_formed_utf_8_becomes_a_replacement_character() {
    let bytes = scoped(&field(2, &field(12, b"a\xff\xc3")));
    let seen = seen(&bytes).unwrap();
    assert_eq!(seen.records[0].as_ref().unwrap().log.event_name, "a\u{fffd}\u{fffd}");
}

#[test]
fn numbers_are_cut_as_protobuf_cuts_them() {
    let log = [&[0x10][..], &[0xff; 9], &[1, 0x38, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
    let bytes = scoped(&field(2, &log));
    let seen = seen(&bytes).unwrap();
    let log = &seen.records[0].as_ref().unwrap().log;
    assert_eq!((log.severity_number, log.dropped_attributes_count), (-1, u32::MAX));
}

/// Only neighbours share, in both levels; an error between them changes nothing.
#[test]
fn neighbours_share_what_they_can() {
    let first = full();
    let (mut other_scope, mut other_resource, mut other_sender) = (full(), full(), full());
    other_scope.context.scope_schema_url = "".into();
    other_resource.context.resource.attributes.clear();
    other_sender.context.received.peer = None;
    let sent = [&first, &other_sender, &first, &other_scope, &other_resource, &first].map(write);
    let mut writer = Writer::default();
    for (at, content) in sent.iter().enumerate() {
        writer.push(&chain(), &link(at as u64, content), content.as_str()).unwrap();
        let before = writer.len();
        assert!(writer.push(&chain(), &link(9, content), &content.as_str().replace("by", "bY")).is_err());
        assert_eq!(writer.len(), before);
    }
    let message = ExportLogsServiceRequest::decode(writer.finish().as_slice()).unwrap();
    let counts = |group: &logs::ResourceLogs| group.scope_logs.iter().map(|scope| scope.log_records.len()).collect();
    let shape: Vec<Vec<usize>> = message.resource_logs.iter().map(counts).collect();
    assert_eq!(shape, [vec![3, 1], vec![1], vec![1]]);
}

#[test]
fn a_record_without_its_seven_attributes_is_no_stream() {
    let content = write(&full());
    let mut writer = Writer::default();
    writer.push(&chain(), &link(5, &content), content.as_str()).unwrap();
    let sound = ExportLogsServiceRequest::decode(writer.finish().as_slice()).unwrap();
    let attribute = |message: &ExportLogsServiceRequest| read_stream(&message.encode_to_vec(), &mut |_| {}).err();
    assert_eq!(attribute(&sound), None);
    let keys = ["chain", "sequence", "observed", "prev_hash", "checksum", "hash", "received"];
    for (at, key) in keys.iter().enumerate() {
        let place = full().log.attributes.len() + at;
        let mut wrong = sound.clone();
        let attributes = &mut wrong.resource_logs[0].scope_logs[0].log_records[0].attributes;
        attributes[place].value = Some(proto_value(&nested(0)));
        assert!(
            matches!(attribute(&wrong), Some(StreamError::Attribute { record: 0, attribute }) if attribute == format!("sealtrail.{key}")),
            "{key}"
        );
        let mut short = sound.clone();
        short.resource_logs[0].scope_logs[0].log_records[0].attributes.remove(place);
        assert!(attribute(&short).is_some());
    }
}
