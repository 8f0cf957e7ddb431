//! The proof that a scan can fail: before its result counts, it must find everything in a copy that was planted, in each
//! encoding, each kind of file and each column of the objects that it reads.

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use base64::Engine as _;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, LogsData, ResourceLogs, ScopeLogs};
use parquet::arrow::ArrowWriter;
use prost::Message as _;

use super::detect::{Certainty, Class, look};
use super::read::{self, Form, Piece, Reader};
use crate::stream::reader::Framed;

/// Values that belong to nobody: the card brands' and the standards' own examples.
const VALUES: [(Class, &str); 9] = [
    (Class::Pan, "card 4242424242424242"),
    (Class::Pan, "card 5555 5555 5555 4444"),
    (Class::Pan, "card 6200-0000-0000-0005"),
    (Class::Track, ";4242424242424242=30121010000012345678?"),
    (Class::Cvv, "cvv: 737 given"),
    (Class::Pin, "pin: 4711 given"),
    (Class::Id, "id 11010519491231002X"),
    (Class::Phone, "tel 13800138000"),
    (Class::Email, "mail zhang.san@example.com"),
];

/// A planted text, and how it was written.
struct Planted {
    class: Class,
    encoding: &'static str,
    text: String,
}

fn planted() -> Vec<Planted> {
    let mut all = Vec::new();
    for (class, value) in VALUES {
        let wide: String = value.chars().map(|c| if c.is_ascii_digit() { wide(c) } else { c }).collect();
        let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped: String = value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let entities: String = value.bytes().map(|byte| format!("&#{byte};")).collect();
        let json = serde_json::json!({ "note": value }).to_string();
        let forms = [
            ("plain", value.to_owned()),
            ("full-width digits", wide),
            ("percent", percent),
            ("\\u", escaped),
            ("entities", entities),
            ("base64", base64::engine::general_purpose::STANDARD.encode(value)),
            ("hexadecimal", const_hex::encode(value)),
            ("JSON", json.clone()),
            ("JSON in JSON", serde_json::json!({ "message": json }).to_string()),
        ];
        all.extend(forms.map(|(encoding, text)| Planted { class, encoding, text }));
    }
    all
}

fn wide(digit: char) -> char {
    char::from_u32(u32::from(digit) - u32::from('0') + 0xff10).unwrap_or(digit)
}

/// What of the planted was not found, and where; empty: the scan can be believed.
pub(super) type Misses = Vec<String>;

/// Plants in each kind of file that is no Parquet.
pub(super) fn in_files() -> Result<Misses, String> {
    let planted = planted();
    let mut misses = Vec::new();
    for (row, one) in planted.iter().enumerate() {
        let message = message(&one.text);
        let mut seen = Seen::default();
        let framed = Framed { key: b"planted", headers: one.text.as_bytes(), value: &message };
        read::of_message(row as u64, framed, &mut seen);
        for column in ["headers", "resource", "scope", "body", "attributes"] {
            seen.expect(one, column, "a stream message", &mut misses);
        }
    }
    let lines: String = planted.iter().map(|one| format!("{}\n", one.text)).collect();
    let failed = |error: std::io::Error| error.to_string();
    let gzip = || {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(lines.as_bytes()).and_then(|()| packed.finish())
    };
    let zstd = || zstd::encode_all(lines.as_bytes(), 1);
    for (form, bytes, name) in [
        (Form::Text, lines.clone().into_bytes(), "a text"),
        (Form::Gzip, gzip().map_err(failed)?, "a gzip file"),
        (Form::Zstd, zstd().map_err(failed)?, "a zstd file"),
    ] {
        let mut seen = ByRow::default();
        read::text(form, bytes.as_slice(), &mut seen).map_err(failed)?;
        seen.expect(&planted, &["line"], name, &mut misses);
    }
    Ok(misses)
}

/// Plants in each column of text that objects of this schema have.
pub(super) fn in_columns(schema: &SchemaRef) -> Result<Misses, String> {
    let planted = planted();
    let texts = || planted.iter().map(|one| Some(one.text.as_str()));
    let is_text = |field: &&Arc<Field>| {
        matches!(field.data_type(), DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::Utf8View)
            || matches!(field.data_type(), DataType::Dictionary(_, _))
    };
    let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
    for field in schema.fields().iter().filter(is_text) {
        let (kind, array): (_, ArrayRef) = match field.data_type() {
            DataType::Binary => {
                let bytes = planted.iter().map(|one| Some(one.text.as_bytes()));
                (DataType::Binary, Arc::new(bytes.collect::<BinaryArray>()))
            }
            _ => (DataType::Utf8, Arc::new(texts().collect::<StringArray>())),
        };
        columns.push((Field::new(field.name(), kind, true), array));
    }
    let names: Vec<_> = columns.iter().map(|(field, _)| field.name().clone()).collect();
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).map_err(|error| failed(&error))?;
    writer.write(&batch).map_err(|error| failed(&error))?;
    writer.close().map_err(|error| failed(&error))?;
    let mut seen = ByRow::default();
    read::parquet(bytes::Bytes::from(bytes), &mut seen)?;
    let mut misses = Vec::new();
    seen.expect(&planted, &names.iter().map(String::as_str).collect::<Vec<_>>(), "an object", &mut misses);
    Ok(misses)
}

/// A message that holds the text wherever one can stand.
fn message(text: &str) -> Vec<u8> {
    let value = || Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
    let attributes = || vec![KeyValue { key: "note".to_owned(), value: value(), ..KeyValue::default() }];
    let record = LogRecord { body: value(), attributes: attributes(), ..LogRecord::default() };
    let mut scope_logs = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    scope_logs.scope.get_or_insert_default().attributes = attributes();
    let mut resource_logs = ResourceLogs { scope_logs: vec![scope_logs], ..ResourceLogs::default() };
    resource_logs.resource.get_or_insert_default().attributes = attributes();
    LogsData { resource_logs: vec![resource_logs] }.encode_to_vec()
}

/// Columns and classes that were found in one row.
#[derive(Default)]
struct Seen(Vec<(String, Class)>);

impl Seen {
    fn expect(&self, one: &Planted, column: &str, place: &str, misses: &mut Misses) {
        if !self.0.iter().any(|(found, class)| found == column && *class == one.class) {
            misses.push(format!("{} as {} in `{column}` of {place}", one.class.as_str(), one.encoding));
        }
    }
}

impl Reader for Seen {
    fn wants(&mut self, _: u64) -> bool {
        true
    }
    fn piece(&mut self, piece: Piece<'_>) {
        look(piece.key, piece.text, &mut |class, certainty| {
            if certainty == Certainty::Likely {
                self.0.push((piece.column.to_owned(), class));
            }
        });
    }
}

/// The same of all rows: the planted texts lie one in each.
#[derive(Default)]
struct ByRow(Vec<Seen>);

impl ByRow {
    fn expect(&self, planted: &[Planted], columns: &[&str], place: &str, misses: &mut Misses) {
        let nothing = Seen::default();
        for (row, one) in planted.iter().enumerate() {
            let seen = self.0.get(row).unwrap_or(&nothing);
            columns.iter().for_each(|column| seen.expect(one, column, place, misses));
        }
    }
}

impl Reader for ByRow {
    fn wants(&mut self, row: u64) -> bool {
        self.0.resize_with(row as usize + 1, Seen::default);
        true
    }
    fn piece(&mut self, piece: Piece<'_>) {
        if let Some(seen) = self.0.get_mut(piece.row as usize) {
            seen.piece(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_planted_is_found() {
        assert_eq!(in_files().expect("it runs"), Misses::new());
        let fields = ["content", "service"].map(|name| Field::new(name, DataType::Utf8, false)).to_vec();
        assert_eq!(in_columns(&Arc::new(Schema::new(fields))).expect("it runs"), Misses::new());
    }

    #[test]
    fn what_is_not_found_is_named() {
        let mut misses = Misses::new();
        ByRow::default().expect(&planted(), &["content"], "an object", &mut misses);
        assert_eq!(misses.len(), planted().len());
        assert_eq!(misses[0], "cardholder.pan as plain in `content` of an object");
    }
}
