//! The stream leg as verification sees it: the files of a partition, message by message. The content is rebuilt from each
//! OTLP record without its seven attributes, so a change anywhere in the record shows in its checksum.
//!
//! Protobuf has many forms of one record: of a field that stands twice the last counts, an empty part and a default may be
//! written or not, a number takes more bytes than it needs. A consumer of the topic may read those another way, or someone
//! may hide a text there. So what was read is encoded again, and must be the message byte for byte.

use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::content::otlp::{self, StreamError};
use sealtrail_chain::content::{Content, Context, Tail};
use sealtrail_chain::{ChainName, Checkpoint};

use super::archive::first_line;
use super::checkpoints::{Problem, Stored, Text};
use super::finding::{Code, Finding};
use super::fold::Unit;
use super::judge::{Judge, Own, Seen};
use super::leg::{self, File, Unread};
use super::own::own;
use super::scope::Begin;
use super::{Job, Watch};
use crate::stream::reader::{self, FileName, Framed, Messages, Span};

/// Judges one file.
pub(super) fn judge(file: &File, job: &Job<'_>, watch: &dyn Watch) -> Unit {
    let mut judge = Judge::new(job.chain, &file.place, job.cuts, job.silence);
    judge.ask(job.asked);
    let mut again = otlp::Writer::default();
    let outcome = match (job.topic, file.offsets) {
        (Some(topic), Some(offsets)) => topic.read(offsets, |offset, message| {
            judge_message(message, offset, job.chain, &file.place, &mut again, &mut judge);
        }),
        _ => read(file, job.chain, &mut again, &mut judge, watch),
    };
    let expected = judge.expected().unwrap_or(file.first);
    let unread = match outcome {
        Ok(()) => None,
        Err(reader::Error::Damaged { at, what, .. }) => {
            let damaged = Finding::at(Code::Damaged, job.chain, expected, &file.place);
            judge.find(damaged.expected("a whole message", format_args!("{what}, at byte {at}")));
            Some(Unread::Damaged)
        }
        Err(reader::Error::Io { source, .. }) => Some(Unread::Unchecked(source.to_string())),
        Err(error @ reader::Error::Kafka(_)) => Some(Unread::Unchecked(first_line(&error))),
    };
    Unit { place: file.place.clone(), judged: judge.finish(), claims: None, unread, frozen: None }
}

fn read(
    file: &File,
    chain: &ChainName,
    again: &mut otlp::Writer,
    judge: &mut Judge<'_>,
    watch: &dyn Watch,
) -> Result<(), reader::Error> {
    let mut messages = Messages::open(&name(file))?;
    let mut at = 0;
    if file.bytes == 0 && !file.newest {
        // The collector takes an empty one away before it begins the next.
        let finding = Finding::at(Code::Foreign, chain, file.first.min(i64::MAX as u64), &file.place);
        judge.find(finding.expected("a file of messages", "an empty one before others"));
    }
    for row in 0.. {
        let Some(message) = messages.next()? else { break };
        if row == 0 && message.span().is_some_and(|span| span.first.get() != file.first) {
            let found = message.span().map_or(0, |span| span.first.get());
            let name = file.path.file_name().map_or("".into(), |name| name.to_string_lossy());
            let finding = Finding::at(Code::Name, chain, found, &file.place).row(0);
            judge.find(finding.expected(format_args!("{found:020}.messages"), name));
        }
        judge_message(message, row, chain, &file.place, again, judge);
        watch.advance(messages.at() - at);
        at = messages.at();
    }
    Ok(())
}

/// `again`: an empty writer; it is empty afterwards.
fn judge_message(
    message: Framed<'_>,
    row: u64,
    chain: &ChainName,
    place: &Arc<str>,
    again: &mut otlp::Writer,
    judge: &mut Judge<'_>,
) {
    let expected = judge.expected().unwrap_or(0);
    let mut canonical = true;
    let mut held: Option<Span> = None;
    let mut foreign = None;
    let mut shared: Option<(Context<'_>, Tail)> = None;
    let outcome = otlp::read_stream(message.value, &mut |streamed| {
        let link = streamed.link;
        if streamed.chain != chain.as_str() {
            foreign.get_or_insert(link.sequence.get());
        }
        held =
            Some(Span { first: held.map_or(link.sequence, |held| held.first), last: link.sequence, head: link.hash });
        let own = own(&streamed.record);
        let (log, context) = (streamed.record.log, streamed.record.context);
        if shared.as_ref().is_none_or(|(known, _)| *known != context) {
            let tail = Tail::write(&context);
            shared = Some((context, tail));
        }
        let Some((_, tail)) = &shared else { return };
        let content = Content::write(&log, tail);
        canonical &= again.push(chain, &link, content.as_str()).is_ok();
        judge.record(&Seen {
            sequence: link.sequence,
            observed: link.observed,
            previous: Some(link.previous),
            checksum: link.checksum,
            hash: link.hash,
            computed: content.checksum(),
            row,
            own,
        });
    });
    let at = |code, sequence| Finding::at(code, chain, sequence, place).row(row);
    if let Some(sequence) = foreign {
        judge.find(at(Code::Chain, sequence).expected(chain, "another `sealtrail.chain`"));
    }
    let written = again.finish();
    canonical &= written == message.value;
    again.give_back(written);
    match (outcome, held) {
        (Err(error), _) => {
            let at = at(Code::Form, judge.expected().unwrap_or(expected));
            judge.find(at.expected("records of the stream", reason(&error)));
        }
        // Under another chain's name it is another message in any case.
        (Ok(()), Some(held)) if !canonical && foreign.is_none() => {
            let at = at(Code::Form, held.first.get()).to(held.last.get());
            judge.find(at.expected("a message as the stream's writer encodes its records", "another encoding of them"));
        }
        // Without a record nothing is under any hash; headers can't say which they are.
        (Ok(()), _) => {}
    }
    judge_headers(message, held, at(Code::Header, held.map_or(expected, |held| held.first.get())), chain, judge);
}

fn judge_headers(message: Framed<'_>, held: Option<Span>, finding: Finding, chain: &ChainName, judge: &mut Judge<'_>) {
    if message.key != chain.as_str().as_bytes() {
        judge.find(finding.clone().expected(format_args!("key {chain}"), "another key"));
    }
    let claimed = message.span();
    if claimed != held || held.is_none() {
        judge.find(finding.expected(show(held), show(claimed)));
    } else if held.is_some_and(|held| message.headers != written(held).as_bytes()) {
        // Of two headers of one name, readers differ in which they take.
        judge.find(finding.expected("these three headers alone", "others beside them"));
    }
}

/// The headers of a message as the format writes them.
fn written(Span { first, last, head }: Span) -> String {
    format!("sealtrail.first: {first}\nsealtrail.last: {last}\nsealtrail.head: {head}\n")
}

fn show(span: Option<Span>) -> String {
    match span {
        Some(span) => format!("headers for {} to {}, {}", span.first, span.last, span.head),
        None => "no such headers".to_owned(),
    }
}

/// The format's own words only: nothing of what a record holds.
fn reason(error: &StreamError) -> String {
    error.to_string()
}

fn name(file: &File) -> FileName {
    FileName { path: file.path.clone(), first: file.first, newest: file.newest }
}

/// The chain of a partition: the key of its first readable message.
pub(super) fn chain(files: &[File]) -> Option<ChainName> {
    files.iter().find_map(|file| {
        let mut messages = Messages::open(&name(file)).ok()?;
        let message = messages.next().ok()??;
        std::str::from_utf8(message.key).ok()?.parse().ok()
    })
}

/// The genesis note that record 0 carries, if the file begins with it.
pub(super) fn genesis(file: &File) -> Option<String> {
    let mut messages = Messages::open(&name(file)).ok()?;
    genesis_in(&messages.next().ok()??)
}

/// As `genesis`, of the first message.
pub(super) fn genesis_in(message: &Framed<'_>) -> Option<String> {
    let mut note = None;
    // What is wrong with the message is found when the file is judged.
    let _ = otlp::read_stream(message.value, &mut |streamed| {
        if streamed.link.sequence.get() == 0
            && let Some(Own::Started { genesis }) = own(&streamed.record)
        {
            note = genesis;
        }
    });
    note
}

/// Where a file begins, by its first record.
pub(super) fn begin(file: &File) -> Option<Begin> {
    let mut messages = Messages::open(&name(file)).ok()?;
    begin_of(&messages.next().ok()??)
}

/// As `begin`, of the first message.
pub(super) fn begin_of(message: &Framed<'_>) -> Option<Begin> {
    let mut begin = None;
    // What is wrong with the message is found when the file is judged.
    let _ = otlp::read_stream(message.value, &mut |streamed| {
        let link = streamed.link;
        let (sequence, observed) = (link.sequence.get(), link.observed);
        begin.get_or_insert(Begin { sequence, earliest: observed, latest: observed });
    });
    begin
}

/// Whether the first message that can be read is a checkpoint.
pub(super) fn begins_with_note(files: &[File]) -> bool {
    files.iter().any(|file| {
        let Ok(mut messages) = Messages::open(&name(file)) else { return false };
        let first = messages.next().ok().flatten().and_then(|message| std::str::from_utf8(message.value).ok());
        first.is_some_and(|note| Checkpoint::parse(note).is_ok())
    })
}

/// Hands the checkpoints of a chain on, in the order of the topic.
pub(super) fn checkpoints(
    dir: &Path,
    chain: &ChainName,
    each: &mut dyn FnMut(Stored),
    problem: &mut dyn FnMut(Problem),
) {
    if !dir.is_dir() {
        return;
    }
    let files = match leg::messages(dir) {
        Ok(files) => files,
        Err(error) => return problem(Problem::Unread { path: dir.into(), reason: error.to_string() }),
    };
    for file in files {
        if let Err(error) = read_checkpoints(&file, chain, each, problem) {
            problem(problem_of(error, &file.path));
        }
    }
}

/// One process writes the directory: what lies there under another key is no other chain's.
fn read_checkpoints(
    file: &File,
    chain: &ChainName,
    each: &mut dyn FnMut(Stored),
    problem: &mut dyn FnMut(Problem),
) -> Result<(), reader::Error> {
    let mut messages = Messages::open(&name(file))?;
    while let Some(message) = messages.next()? {
        let known = message.key == chain.as_str().as_bytes();
        if let Some(found) = odd(&message, known) {
            let size = std::str::from_utf8(message.value).ok().and_then(|note| Checkpoint::parse(note).ok());
            let size = size.map_or(0, |checkpoint| checkpoint.size);
            problem(Problem::Message { place: file.place.to_string(), size, found });
        }
        if known {
            let note = String::from_utf8_lossy(message.value).into_owned();
            let named = Checkpoint::parse(&note).map_or(0, |checkpoint| checkpoint.size);
            let (place, path) = (file.place.clone(), file.path.clone());
            each(Stored { place, note: Text::Read(note), path, named, seconds: None, range: None });
        }
    }
    Ok(())
}

/// What is odd about a message in the topic of checkpoints, if its value is one.
pub(super) fn odd(message: &Framed<'_>, known: bool) -> Option<&'static str> {
    match (known, message.headers) {
        (false, _) => Some("a message under another key"),
        (true, []) => None,
        (true, _) => Some("headers"),
    }
}

pub(super) fn problem_of(error: reader::Error, path: &Path) -> Problem {
    let path = path.to_owned();
    match error {
        reader::Error::Damaged { at, what, .. } => Problem::Damaged { path, reason: format!("{what}, at byte {at}") },
        reader::Error::Io { source, .. } => Problem::Unread { path, reason: source.to_string() },
        reader::Error::Kafka(error) => Problem::Unread { path, reason: first_line(&error) },
    }
}
