use std::borrow::Cow;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;
use sealtrail_chain::content::{
    Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value, read,
};
use sealtrail_chain::{CompactRange, Hash, Head, Link, Segment, Sequence, UnixNanos};

use super::fields::Consecutive;
use super::*;

const NOON: u64 = 1_800_014_400_000_000_000;

fn origin() -> Origin {
    Origin { auth: Auth::Token, by: By::Sender, peer: Some("203.0.113.7".into()), subject: Some("till \"4\"".into()) }
}

fn pair<'a>(key: &'a str, value: Value<'a>) -> KeyValue<'a> {
    KeyValue { key: key.into(), value }
}

fn text(value: &str) -> Value<'_> {
    Value::String(value.into())
}

fn content(log: &LogRecord<'_>, resource: Vec<KeyValue<'_>>) -> String {
    let context = Context {
        received: origin(),
        resource: Resource { attributes: resource, dropped_attributes_count: 0 },
        resource_schema_url: Cow::default(),
        scope: Scope { name: "audit".into(), ..Scope::default() },
        scope_schema_url: Cow::default(),
    };
    Content::write(log, &Tail::write(&context)).as_str().to_owned()
}

fn payment(number: u64) -> String {
    let transaction = format!("tx-{number:06}");
    let log = LogRecord {
        time_unix_nano: NOON - 5_000 + number,
        severity_number: 9,
        severity_text: "INFO".into(),
        event_name: "payment.authorised".into(),
        trace_id: Cow::Owned(number.to_be_bytes().repeat(2)),
        span_id: Cow::Owned(number.to_be_bytes().to_vec()),
        body: text("authorised \\ \"ok\""),
        attributes: vec![pair("transaction_id", text(&transaction)), pair("actor", Value::Int(number as i64))],
        ..LogRecord::default()
    };
    content(&log, vec![pair("service.name", text("ledger"))])
}

fn head() -> Head {
    Head::resume("test".parse().expect("a name"), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0))
}

fn sealed(contents: &[String]) -> Vec<Link> {
    let mut head = head();
    let seal = |content: &String| head.seal(UnixNanos(NOON), sealtrail_chain::Checksum::of(content.as_bytes()));
    contents.iter().map(seal).collect()
}

fn segment(contents: &[String], promotions: &Promotions) -> Written<Vec<u8>> {
    segment_in(contents, promotions, None)
}

fn segment_in(contents: &[String], promotions: &Promotions, memory: Option<Memory>) -> Written<Vec<u8>> {
    let writer = SegmentWriter::with_memory(head(), promotions, [9; 32], Vec::new(), memory);
    let mut writer = writer.expect("a writer");
    for (link, content) in sealed(contents).iter().zip(contents) {
        writer.push(link, content).expect("a row");
    }
    writer.finish().expect("a file")
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

/// Reads an object as a verifier does: footer, links, columns. Any doubt is an `Err`.
fn verified(path: &Path) -> Result<Vec<String>, String> {
    let mut reader = Reader::open(path).map_err(|error| error.to_string())?;
    let footer = reader.footer().clone();
    let Segment { chain, first, before, after, .. } = footer.segment.clone();
    let mut head = Head::resume(chain, first, UnixNanos(0), before, footer.range_before.clone());
    let mut checker = Checker::new(&footer.promotions);
    let (mut contents, mut wrong, mut events) = (Vec::new(), None, Vec::new());
    let read = reader.rows(&mut |row| {
        let link = Link {
            sequence: row.sequence,
            observed: row.observed,
            previous: head.hash(),
            checksum: row.checksum,
            hash: row.hash,
        };
        let followed = head.follow(&link, row.content).map_err(|error| error.to_string());
        let checked = followed.and_then(|()| {
            let Checked { event_nanos, mismatch, form, .. } = checker.check(&row);
            form.map_or(Ok(()), |error| Err(error.to_string()))?;
            mismatch.map_or(Ok(event_nanos), |error| Err(error.to_string()))
        });
        match checked {
            Ok(event) => events.extend(event),
            Err(error) => {
                wrong = Some(error);
                return ControlFlow::Break(());
            }
        }
        contents.push(row.content.to_owned());
        ControlFlow::Continue(())
    });
    read.map_err(|error| error.to_string())?;
    let events = events.iter().min().copied().zip(events.iter().max().copied());
    match wrong {
        Some(wrong) => Err(wrong),
        None if head.hash() != after || *head.tree() != footer.range_after => Err("the end differs".into()),
        None if events != footer.event_nanos => Err("the event times differ".into()),
        None => Ok(contents),
    }
}

#[test]
fn what_is_written_is_read_again_and_twice_the_same_bytes() {
    let contents: Vec<_> = (0..3_000).map(payment).collect();
    let written = segment(&contents, &Promotions::default());
    assert_eq!(written.key, "audit-logs/chain=test/date=2027-01-15/00000000000000000000.parquet");
    assert_eq!(verified(file(&written.out).path()), Ok(contents.clone()));
    assert!(segment(&contents, &Promotions::default()).out == written.out);

    let reader = Reader::open(file(&written.out).path()).expect("an object");
    assert_eq!(reader.footer().segment, written.segment);
    assert_eq!((reader.len(), reader.footer().rules), (3_000, [9; 32]));
    let (min, max) = reader.footer().event_nanos.expect("event times");
    assert_eq!((min, max - min), (NOON as i64 - 5_000, 2_999));
}

/// Many short texts end a page by their number, long ones by their bytes, and row groups end, too: every text comes back.
#[test]
fn texts_of_any_length_come_back() {
    let with_body = |len: usize| content(&LogRecord { body: text(&"x".repeat(len)), ..LogRecord::default() }, vec![]);
    let short = (0..21_000).map(|n| with_body(1 + n * n % 97));
    let long = (0..200).map(|n| with_body(n * 7_919 % 900_000));
    let contents: Vec<_> = short.chain(long).chain((0..300).map(|n| with_body(n * n * n % 9_973))).collect();
    let file = file(&segment(&contents, &Promotions::default()).out);
    assert!(verified(file.path()) == Ok(contents));
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(file.as_file());
    assert_eq!(metadata.expect("a footer").num_row_groups(), 2);
}

/// Nothing of a segment is left in the memory that the next one is written in.
#[test]
fn in_memory_used_before_the_same_bytes_are_written() {
    let contents: Vec<_> = (0..300).map(payment).collect();
    let others: Vec<_> = (300..2000).map(payment).collect();
    let alone = segment(&contents, &Promotions::default());
    let after = segment_in(&contents, &Promotions::default(), Some(segment(&others, &Promotions::default()).memory));
    assert!(alone.out == after.out);
    let none = Promotions::new(Vec::new()).expect("no promotions");
    let of_others = segment_in(&contents, &none, Some(after.memory));
    assert!(of_others.out == segment(&contents, &none).out, "other columns");
}

#[test]
fn a_row_that_does_not_follow_is_refused() {
    let contents: Vec<_> = (0..3).map(payment).collect();
    let links = sealed(&contents);
    let refused = |link: &Link, content: &str| {
        let mut writer = SegmentWriter::new(head(), &Promotions::default(), [0; 32], Vec::new()).expect("a writer");
        writer.push(&links[0], &contents[0]).expect("the first row");
        writer.push(link, content).expect_err("refused").to_string()
    };
    assert!(refused(&links[1], &contents[2]).contains("record 1 does not follow"));
    assert!(refused(&links[2], &contents[2]).contains("expected sequence 1"));
    let mut next = head();
    next.follow(&links[0], &contents[0]).expect("the first");
    let late = next.clone().seal(UnixNanos(NOON + 86_400_000_000_000), links[1].checksum);
    assert!(refused(&late, &contents[1]).contains("another UTC day"));
    let garbage = next.seal(UnixNanos(NOON), sealtrail_chain::Checksum::of(b"{}"));
    assert!(refused(&garbage, "{}").contains("not canonical"));
    let empty = SegmentWriter::new(head(), &Promotions::default(), [0; 32], Vec::new()).expect("a writer");
    assert!(matches!(empty.finish(), Err(Error::Empty)));
}

/// Two contents are hashed at a time: the first, the second, and one that is left over at the end.
#[test]
fn no_content_but_the_one_that_was_sealed_is_finished() {
    let contents: Vec<_> = (0..3).map(payment).collect();
    let links = sealed(&contents);
    for wrong in 0..3 {
        let mut writer = SegmentWriter::new(head(), &Promotions::default(), [0; 32], Vec::new()).expect("a writer");
        let mut refused = None;
        for (number, (link, content)) in links.iter().zip(&contents).enumerate() {
            let pushed = if number == wrong { writer.push(link, &payment(9)) } else { writer.push(link, content) };
            refused = refused.or(pushed.err());
        }
        let finished = writer.finish().map(drop).expect_err("one is another");
        let refused = refused.unwrap_or(finished).to_string();
        assert!(refused.contains(&format!("record {wrong} does not follow")), "{wrong}: {refused}");
    }
}

/// Promise 5: whichever byte of an object changes, what is read is an error, or all that was sealed.
#[test]
fn no_changed_byte_goes_unseen_or_panics() {
    let contents: Vec<_> = (0..3).map(payment).collect();
    let mut bytes = segment(&contents, &Promotions::default()).out;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            bytes[at] ^= flip;
            if let Ok(read) = verified(file(&bytes).path()) {
                assert!(read == contents, "byte {at} ^ {flip:#x}");
            }
            bytes[at] ^= flip;
        }
    }
    for end in (0..bytes.len()).step_by(7) {
        assert!(verified(file(&bytes[..end]).path()).is_err(), "cut at {end}");
    }
}

#[test]
fn an_unknown_version_is_named_and_not_called_damage() {
    let mut bytes = segment(&[payment(1)], &Promotions::default()).out;
    let at = bytes.windows(16).rposition(|window| window == b"sealtrail.format").expect("the key");
    // Thrift: behind the key a field header and a length, then the value.
    assert_eq!(bytes[at + 18], b'1');
    bytes[at + 18] = b'2';
    let error = Reader::open(file(&bytes).path()).err().expect("refused");
    assert!(matches!(&error, Error::Version { found, .. } if found == "2"), "{error}");
}

#[test]
fn promoted_columns_say_what_the_content_says() {
    let source = |column: &str, source: &str| Promotion {
        column: column.into(),
        source: source.parse().expect("a source"),
        bloom: false,
    };
    let promotions =
        Promotions::new(vec![source("a", "attr:k\"\u{1}"), source("r", "resource:r"), source("b", "attr:b")]);
    let promotions = promotions.expect("promotions");
    let (extractor, mut checker) = (Extractor::new(&promotions), Checker::new(&promotions));
    let mut consecutive = Consecutive::new(&promotions);
    let key = "k\"\u{1}";
    let cases: Vec<(Value<'_>, Option<&str>)> = vec![
        (Value::Null, None),
        (text(""), Some("")),
        (text("tab\t\"\\\u{1f}卡"), Some("tab\t\"\\\u{1f}卡")),
        (Value::Bool(false), Some("false")),
        (Value::Int(i64::MIN), Some("-9223372036854775808")),
        (Value::Double(1.5), Some("1.5")),
        (Value::Double(f64::NAN), Some("NaN")),
        (Value::Bytes(Cow::Borrowed(b"\0\x01")), Some(r#"{"bytesValue":"AAE="}"#)),
        (Value::Array(vec![]), Some(r#"{"arrayValue":{}}"#)),
        (
            Value::Map(vec![pair("x", text("}]\""))]),
            Some(r#"{"kvlistValue":{"values":[{"key":"x","value":{"stringValue":"}]\""}}]}}"#),
        ),
    ];
    for (value, expected) in cases {
        let attributes =
            vec![pair("", text("x")), pair("", Value::Null), pair(key, value.clone()), pair(key, text("later"))];
        let log = LogRecord {
            attributes,
            time_unix_nano: u64::MAX,
            trace_id: Cow::Borrowed(&[1; 15]),
            ..LogRecord::default()
        };
        let content = content(&log, vec![pair("r", value), pair("service.name", Value::Int(4))]);
        let Extracted { fields, event_nanos } = extractor.read(&content).expect("canonical");
        let promoted: Vec<_> = fields.promoted.iter().map(Option::as_deref).collect();
        assert_eq!(promoted, [expected, expected, None], "{content}");
        assert_eq!((fields.service_name.as_deref(), fields.trace_id, event_nanos), (Some("4"), None, None));
        // What fills the columns and what checks them read alike, whether they have seen the resource before or not.
        for _ in 0..2 {
            assert!(
                consecutive.read(&content).is_ok_and(|read| read == Extracted { fields: fields.clone(), event_nanos })
            );
        }
        assert!(checker.read(&content).is_ok_and(|strict| strict == Extracted { fields, event_nanos }), "{content}");
    }
}

/// A value that may be shown: those of records may not.
#[derive(Clone, Debug)]
enum Made {
    Null,
    Text(String),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Array(Vec<Made>),
    Map(Vec<(String, Made)>),
}

impl Made {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Text(made) => text(made),
            Self::Int(made) => Value::Int(*made),
            Self::Double(made) => Value::Double(*made),
            Self::Bytes(made) => Value::Bytes(made.into()),
            Self::Array(made) => Value::Array(made.iter().map(Self::value).collect()),
            Self::Map(made) => Value::Map(made.iter().map(|(key, made)| pair(key, made.value())).collect()),
        }
    }
}

fn values() -> impl Strategy<Value = Made> {
    let leaf = prop_oneof![
        Just(Made::Null),
        any::<String>().prop_map(Made::Text),
        any::<i64>().prop_map(Made::Int),
        any::<f64>().prop_map(Made::Double),
        any::<Vec<u8>>().prop_map(Made::Bytes),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Made::Array),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(Made::Map),
        ]
    })
}

proptest! {
    /// The scan and the parser read the same record out of any canonical text.
    #[test]
    fn the_scan_agrees_with_the_parser(
        pairs in prop::collection::vec((prop_oneof![Just("actor".to_owned()), any::<String>()], values()), 0..6),
        body in values(), severity in any::<i32>(), event in any::<String>(), time in any::<u64>(), trace in prop::collection::vec(any::<u8>(), 15..18),
    ) {
        let attributes: Vec<_> = pairs.iter().map(|(key, made)| pair(key, made.value())).collect();
        let log = LogRecord { attributes: attributes.clone(), body: body.value(), severity_number: severity, event_name: event.into(), time_unix_nano: time, trace_id: trace.into(), ..LogRecord::default() };
        let content = content(&log, attributes);
        let record = read(&content).expect("canonical");
        let Extracted { fields, event_nanos } = Extractor::new(&Promotions::default()).read(&content).expect("canonical");
        let event = (!record.log.event_name.is_empty()).then_some(record.log.event_name.as_ref());
        prop_assert_eq!(fields.event_name.as_deref(), event);
        prop_assert_eq!(fields.severity_number.unwrap_or(0), record.log.severity_number);
        prop_assert_eq!(fields.trace_id.as_ref().map(<[u8; 16]>::as_slice), (record.log.trace_id.len() == 16).then_some(record.log.trace_id.as_ref()));
        prop_assert_eq!(event_nanos.map(|nanos| nanos as u64), (1..=i64::MAX as u64).contains(&time).then_some(time));
        let actor = record.log.attributes.iter().find(|pair| pair.key == "actor").and_then(|pair| match &pair.value {
            Value::Null => None,
            Value::String(text) => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            value @ Value::Double(_) => Some(value.to_json().split([':', '}']).nth(1).unwrap_or_default().trim_matches('"').to_owned()),
            value => Some(value.to_json()),
        });
        prop_assert_eq!(fields.promoted[1].as_deref(), actor.as_deref());
        // Behind a record with another tail, and behind itself.
        let mut consecutive = Consecutive::new(&Promotions::default());
        prop_assert!(consecutive.read(&payment(1)).is_ok());
        for _ in 0..2 {
            let alike = consecutive.read(&content).is_ok_and(|read| read == Extracted { fields: fields.clone(), event_nanos });
            prop_assert!(alike);
        }
        let mut checker = Checker::new(&Promotions::default());
        let alike = checker.read(&content).is_ok_and(|strict| strict == Extracted { fields, event_nanos });
        prop_assert!(alike);
    }

    /// Whatever a hostile content holds, the scan answers.
    #[test]
    fn the_scan_never_panics(at in any::<prop::sample::Index>(), with in any::<char>(), cut in any::<bool>()) {
        let mut text: Vec<char> = payment(1).chars().collect();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = with }
        let text: String = text.into_iter().collect();
        let at = Extractor::new(&Promotions::default()).read(&text).err();
        let mut consecutive = Consecutive::new(&Promotions::default());
        prop_assert!(consecutive.read(&payment(1)).is_ok());
        prop_assert_eq!(consecutive.read(&text).err(), at);
        prop_assert_eq!(Checker::new(&Promotions::default()).read(&text).is_ok(), read(&text).is_ok());
    }
}

/// A content that ends with its log record is none, for the first row of an object and behind a sound one.
#[test]
fn a_content_without_its_context_is_not_canonical() {
    let whole = payment(1);
    let cut = whole.split_once(",\"received\"").expect("it says how it was received").0;
    let mut checker = Checker::new(&Promotions::default());
    assert!(checker.read(cut).is_err());
    assert!(checker.read(&whole).is_ok());
    assert!(checker.read(cut).is_err());
}

#[tokio::test]
async fn an_object_is_stored_once() {
    let root = tempfile::tempdir().expect("a directory");
    let archive = DirectoryArchive::open(root.path()).expect("an archive");
    let temporary = archive.workdir().expect("a directory").join("a");
    let ours = segment(&[payment(1)], &Promotions::default());
    let theirs = segment(&[payment(2)], &Promotions::default());
    let put = async |written: &Written<Vec<u8>>| {
        std::fs::write(&temporary, &written.out).expect("written");
        archive.put_segment(&ours.key, &temporary, &written.segment).await
    };
    assert_eq!(archive.segment(&ours.key).await.expect("asked"), None);
    put(&ours).await.expect("stored");
    put(&ours).await.expect("the same again");
    assert!(!temporary.exists());
    assert!(matches!(put(&theirs).await, Err(Error::Differs { .. })));
    assert_eq!(archive.segment(&ours.key).await.expect("asked"), Some(Links::from(&ours.segment)));

    archive.put_note("audit-genesis/test.note", b"a").await.expect("stored");
    archive.put_note("audit-genesis/test.note", b"a").await.expect("the same again");
    assert!(matches!(archive.put_note("audit-genesis/test.note", b"b").await, Err(Error::NoteDiffers { .. })));
    assert_eq!(archive.note("audit-genesis/test.note").await.expect("read").as_deref(), Some(b"a".as_slice()));
    assert_eq!(archive.note("audit-genesis/none.note").await.expect("asked"), None);
    let keys = async |below: &str| {
        let listed = archive.list(below).await.expect("listed");
        listed.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("").await, ["audit-genesis/test.note".to_owned(), ours.key.clone()]);
    assert_eq!(keys("audit-logs/chain=te").await, [ours.key.as_str()]);
    assert_eq!(keys("audit-logs/chain=other/").await, Vec::<String>::new());
    assert_eq!(archive.object(&ours.key).await.expect("opened").footer().segment, ours.segment);
    for key in ["", "/etc/x", "a/../../b", ".tmp/a"] {
        assert!(matches!(archive.put_note(key, b"").await, Err(Error::Key { .. })), "{key}");
    }

    // A crash left something half made: the next start removes it, and what has its name stays.
    std::fs::write(&temporary, b"half").expect("written");
    let archive = DirectoryArchive::open(root.path()).expect("an archive");
    assert!(!temporary.exists());
    assert!(archive.segment(&ours.key).await.expect("asked").is_some());
}
