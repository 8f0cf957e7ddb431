//! The texts of stored files: of Parquet each column of each row, of stream messages each key, header and value, of the log each
//! record, of everything else each line, unpacked where it is packed.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogsData;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use prost::Message as _;

use crate::host::SystemDisk;
use crate::stream::reader::{FileName, Framed, Messages};
use crate::wal::reader::Reader as LogReader;

/// Rows that are held at once.
const ROWS: usize = 512;
/// The longest piece of a line that is looked at as one; the next one begins so many bytes before its end.
const LINE: usize = 1 << 20;
const OVERLAP: usize = 256;
/// The shortest text among bytes that are none in which an address counts.
const RUN: usize = 16;

/// A text of a stored file.
pub(super) struct Piece<'p> {
    /// Row, message, record or line, from 0.
    pub(super) row: u64,
    /// Column, or part of a message.
    pub(super) column: &'p str,
    pub(super) key: Option<&'p str>,
    pub(super) text: &'p str,
}

/// Is handed the texts, after it has said whether it wants those of a row.
pub(super) trait Reader {
    fn wants(&mut self, row: u64) -> bool;
    fn piece(&mut self, piece: Piece<'_>);
}

/// Why a file can't be read to its end.
pub(super) type Problem = String;

/// What a file holds, by its first bytes and its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Parquet,
    Messages,
    Log,
    Gzip,
    Zstd,
    Text,
}

impl Form {
    pub(super) fn of(file: &mut File, name: &Path) -> io::Result<Self> {
        // It may have been written just now.
        file.rewind()?;
        let mut magic = [0; 8];
        let read = file.read(&mut magic)?;
        file.rewind()?;
        let is = |extension: &str| name.extension().is_some_and(|found| found == extension);
        Ok(match magic.get(..read).unwrap_or_default() {
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            // Whatever it is called: the file that is being begun has no name of its own yet.
            [b's', b'e', b'a', b'l', b'w', b'a', b'l', b'\n'] => Self::Log,
            // One that doesn't begin as Parquet does is damaged, not a text in which nothing stands.
            _ if is("parquet") => Self::Parquet,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ if is("messages") => Self::Messages,
            _ if is("wal") => Self::Log,
            _ => Self::Text,
        })
    }
}

/// Hands over the texts of a file; its rows.
pub(super) fn read(file: File, form: Form, path: &Path, reader: &mut dyn Reader) -> Result<u64, Problem> {
    match form {
        Form::Parquet => parquet(file, reader),
        Form::Messages => messages(path, reader),
        Form::Log => log(path, reader),
        Form::Gzip | Form::Zstd | Form::Text => text(form, file, reader).map_err(|error| error.to_string()),
    }
}

/// Hands over the lines of a text, unpacked.
pub(super) fn text(form: Form, source: impl Read, reader: &mut dyn Reader) -> io::Result<u64> {
    match form {
        Form::Gzip => lines(flate2::read::MultiGzDecoder::new(source), reader),
        Form::Zstd => lines(zstd::Decoder::new(source)?, reader),
        _ => lines(source, reader),
    }
}

/// Hands over all cells.
pub(super) fn parquet(source: impl ChunkReader + 'static, reader: &mut dyn Reader) -> Result<u64, Problem> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(|error| error.to_string())?;
    // What stands in the footer is read by every engine that opens the object.
    for pair in builder.metadata().file_metadata().key_value_metadata().into_iter().flatten() {
        for text in [Some(&pair.key), pair.value.as_ref()].into_iter().flatten() {
            reader.piece(Piece { row: 0, column: "footer", key: Some(&pair.key), text });
        }
    }
    let batches = builder.with_batch_size(ROWS).build().map_err(|error| error.to_string())?;
    let mut row = 0;
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        for at in 0..batch.num_rows() {
            if reader.wants(row) {
                for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                    cell(column, at, &mut |text| {
                        reader.piece(Piece { row, column: field.name(), key: Some(field.name()), text });
                    });
                }
            }
            row += 1;
        }
    }
    Ok(row)
}

/// The text that bytes of a fixed size are, where they are one: padded with zeros, as such texts are. Digests and ids are none; of
/// a million random digests two hold what reads like an address.
fn whole(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    (!text.chars().any(|c| c.is_control() && !c.is_whitespace())).then_some(text)
}

/// The texts among bytes: all of them where they are one, else whatever stands between signs that are none. Numbers with check
/// digits don't stand in noise by chance, but `x@y.zz` does: in a run that is no longer than that it isn't looked at.
fn runs(bytes: &[u8], each: &mut dyn FnMut(&str)) {
    if let Some(text) = whole(bytes) {
        return each(text);
    }
    for chunk in bytes.utf8_chunks() {
        let is_end = |c: char| c.is_control() && !c.is_whitespace();
        let runs = chunk.valid().split(is_end).filter(|run| run.len() >= RUN || !run.is_empty() && !run.contains('@'));
        runs.for_each(&mut *each);
    }
}

/// The texts of one cell.
fn cell(column: &ArrayRef, at: usize, each: &mut dyn FnMut(&str)) {
    if column.is_null(at) {
        return;
    }
    match column.data_type() {
        DataType::Utf8 => each(column.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => each(column.as_string::<i64>().value(at)),
        DataType::Utf8View => each(column.as_string_view().value(at)),
        DataType::Binary => runs(column.as_binary::<i32>().value(at), each),
        DataType::LargeBinary => runs(column.as_binary::<i64>().value(at), each),
        DataType::BinaryView => runs(column.as_binary_view().value(at), each),
        DataType::FixedSizeBinary(_) => whole(column.as_fixed_size_binary().value(at)).into_iter().for_each(each),
        DataType::Int32 => each(&column.as_primitive::<Int32Type>().value(at).to_string()),
        DataType::Int64 => each(&column.as_primitive::<Int64Type>().value(at).to_string()),
        DataType::UInt64 => each(&column.as_primitive::<UInt64Type>().value(at).to_string()),
        DataType::Float64 => each(&format!("{:.0}", column.as_primitive::<Float64Type>().value(at).trunc())),
        DataType::Dictionary(_, _) => {
            if let Some(dictionary) = column.as_any_dictionary_opt() {
                let keys = dictionary.normalized_keys();
                cell(dictionary.values(), keys.get(at).copied().unwrap_or(0), each);
            }
        }
        DataType::List(_) => {
            let elements = column.as_list::<i32>().value(at);
            (0..elements.len()).for_each(|at| cell(&elements, at, each));
        }
        DataType::Map(_, _) => {
            let entries: ArrayRef = std::sync::Arc::new(column.as_map().value(at));
            (0..entries.len()).for_each(|at| cell(&entries, at, each));
        }
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|child| cell(child, at, each)),
        // Times, flags and small numbers have no room for anything.
        _ => {}
    }
}

fn messages(path: &Path, reader: &mut dyn Reader) -> Result<u64, Problem> {
    let file = FileName { path: path.to_owned(), first: 0, newest: true };
    let mut messages = Messages::open(&file).map_err(|error| error.to_string())?;
    let mut row = 0;
    while let Some(message) = messages.next().map_err(|error| error.to_string())? {
        of_message(row, message, reader);
        row += 1;
    }
    Ok(row)
}

/// The texts of one message of the stream: OTLP where it is that, else whatever text there is.
pub(super) fn of_message(row: u64, message: Framed<'_>, reader: &mut dyn Reader) {
    if !reader.wants(row) {
        return;
    }
    for (column, bytes) in [("key", message.key), ("headers", message.headers)] {
        runs(bytes, &mut |text| reader.piece(Piece { row, column, key: None, text }));
    }
    match LogsData::decode(message.value) {
        Ok(data) if !data.resource_logs.is_empty() => otlp(row, &data, reader),
        _ => runs(message.value, &mut |text| reader.piece(Piece { row, column: "value", key: None, text })),
    }
}

fn otlp(row: u64, data: &LogsData, reader: &mut dyn Reader) {
    for resource_logs in &data.resource_logs {
        let resource = resource_logs.resource.as_ref();
        attributes(row, "resource", resource.map_or(&[], |resource| &resource.attributes), reader);
        reader.piece(Piece { row, column: "resource", key: None, text: &resource_logs.schema_url });
        for scope_logs in &resource_logs.scope_logs {
            if let Some(scope) = &scope_logs.scope {
                attributes(row, "scope", &scope.attributes, reader);
                for text in [&scope.name, &scope.version] {
                    reader.piece(Piece { row, column: "scope", key: None, text });
                }
            }
            reader.piece(Piece { row, column: "scope", key: None, text: &scope_logs.schema_url });
            for record in &scope_logs.log_records {
                if let Some(body) = &record.body {
                    any_value(row, "body", None, body, reader);
                }
                attributes(row, "attributes", &record.attributes, reader);
                for text in [&record.severity_text, &record.event_name] {
                    reader.piece(Piece { row, column: "record", key: None, text });
                }
                for text in [&record.trace_id, &record.span_id].into_iter().filter_map(|id| whole(id)) {
                    reader.piece(Piece { row, column: "ids", key: Some("trace"), text });
                }
            }
        }
    }
}

fn attributes(row: u64, column: &str, attributes: &[KeyValue], reader: &mut dyn Reader) {
    for attribute in attributes {
        reader.piece(Piece { row, column, key: None, text: &attribute.key });
        if let Some(value) = &attribute.value {
            any_value(row, column, Some(&attribute.key), value, reader);
        }
    }
}

fn any_value(row: u64, column: &str, key: Option<&str>, value: &AnyValue, reader: &mut dyn Reader) {
    let mut text = |text: &str| reader.piece(Piece { row, column, key, text });
    match &value.value {
        Some(any_value::Value::StringValue(string)) => text(string),
        Some(any_value::Value::IntValue(int)) => text(&int.to_string()),
        Some(any_value::Value::DoubleValue(double)) => text(&format!("{:.0}", double.trunc())),
        Some(any_value::Value::BytesValue(bytes)) => runs(bytes, &mut text),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.iter().for_each(|value| any_value(row, column, key, value, reader));
        }
        Some(any_value::Value::KvlistValue(list)) => attributes(row, column, &list.values, reader),
        _ => {}
    }
}

/// The records of a file of the log. What can't be read as such is read as text: nothing goes unseen.
fn log(path: &Path, reader: &mut dyn Reader) -> Result<u64, Problem> {
    let failed = |error: io::Error| error.to_string();
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let mut row = 0;
    if let Ok(mut records) = LogReader::open(&SystemDisk, path) {
        while let Ok(Some(record)) = records.next(length) {
            if reader.wants(row) {
                reader.piece(Piece { row, column: "content", key: None, text: record.content });
            }
            row += 1;
        }
    }
    if row == 0 { File::open(path).and_then(|file| lines(file, reader)).map_err(failed) } else { Ok(row) }
}

/// Lines; in what is no text, whatever stands between signs that are none. What is packed in a form that isn't known is an error:
/// nothing would be found in it.
fn lines(source: impl Read, reader: &mut dyn Reader) -> io::Result<u64> {
    /// Buffered, and looked at before the rest.
    const BEGINNING: usize = 64 << 10;
    let mut source = BufReader::with_capacity(BEGINNING, source);
    if is_packed(source.fill_buf()?) {
        return Err(io::Error::other("neither text nor packed in a form that is known: unpack it first"));
    }
    let (mut row, mut line) = (0, Vec::new());
    loop {
        let kept = line.len();
        let read = (&mut source).take((LINE - kept.min(OVERLAP)) as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(row + u64::from(!line.is_empty()));
        }
        if reader.wants(row) {
            let mut each = |text: &str| reader.piece(Piece { row, column: "line", key: None, text });
            match line.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
                true => runs(&line, &mut each),
                // Text, though it may be of another encoding.
                false => each(&String::from_utf8_lossy(&line)),
            }
        }
        if line.ends_with(b"\n") {
            row += 1;
            line.clear();
        } else {
            // A longer line goes on; what stands across its pieces is seen with the next one.
            line.drain(..line.len().saturating_sub(OVERLAP));
        }
    }
}

/// Whether hardly anything of the beginning of a file is text. Small files of state are looked at as they are.
fn is_packed(beginning: &[u8]) -> bool {
    const SMALL: usize = 4 << 10;
    let control = |byte: &&u8| **byte < b' ' && !byte.is_ascii_whitespace();
    beginning.len() >= SMALL && beginning.iter().filter(control).count() * 20 > beginning.len()
}

/// Files below a directory, or the file itself; links are not followed.
pub(super) fn walk(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let kind = std::fs::symlink_metadata(&path)?;
        if kind.is_dir() {
            open.extend(std::fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8]) -> Vec<String> {
        let mut seen = Vec::new();
        runs(bytes, &mut |text| seen.push(text.to_owned()));
        seen
    }

    /// A digest in which an address stands by chance.
    const DIGEST: [u8; 32] = *b"\x91\xf0w@o.zz\x02\x8d\x1e\xc3\xa0\xff\xb4\x00\xe9\x9a\x11\xd5\x80\xbb\xcd\x03\x84\xaf\xf6\x90\x07\xee\xc1\x93";

    #[test]
    fn nothing_stands_in_a_digest() {
        assert_eq!(whole(&DIGEST), None);
        assert!(!seen(&DIGEST).iter().any(|text| text.contains('@')));
        assert_eq!(whole(b"4242424242424242"), Some("4242424242424242"));
        assert_eq!(whole(b"zhang.san@example.com\0\0\0"), Some("zhang.san@example.com"));
    }

    #[test]
    fn texts_among_other_bytes_are_seen() {
        assert_eq!(seen(b"a@b.co"), ["a@b.co"]);
        assert_eq!(
            seen(b"\x01\x10378282246310005\xff\x00zhang@example.com\x05"),
            ["378282246310005", "zhang@example.com"]
        );
        assert_eq!(seen(b"\x00M\xfcller"), ["M", "ller"]);
    }

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl Reader for Lines {
        fn wants(&mut self, _: u64) -> bool {
            true
        }
        fn piece(&mut self, piece: Piece<'_>) {
            self.0.push(piece.text.to_owned());
        }
    }

    #[test]
    fn lines_of_another_encoding_are_text_and_those_of_digests_are_none() {
        let mut lines = Lines::default();
        text(Form::Text, b"M\xfcller, a@b.de\n".as_slice(), &mut lines).expect("read");
        assert_eq!(lines.0, ["M\u{fffd}ller, a@b.de\n"]);
        let mut lines = Lines::default();
        text(Form::Text, DIGEST.as_slice(), &mut lines).expect("read");
        assert!(!lines.0.iter().any(|line| line.contains('@')), "{:?}", lines.0);
    }
}
