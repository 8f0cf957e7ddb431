//! OTLP/JSON requests in, one a line, the same requests out as the collector would keep them.
//!
//! Read by the collector's own reader and masked by its engine: what comes out is the content that would be sealed, cut
//! back into requests. Fields that the format doesn't know are left out, as they are from a chain.

use std::io::{self, Read, Write};

use sealtrail_chain::content::otlp::{Malformed, Visit};
use sealtrail_chain::content::{Auth, By, Context, LogRecord, Origin};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::lines::each;
use crate::mask::{Engine, MaskedContext, Received, Refused, Session};
use crate::receive;

/// Why a line, or a record of it, is left out. Never with what stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("is no OTLP/JSON request\n  remedy  one `{{\"resourceLogs\":[…]}}` a line")]
    NoRequest,
    #[error("holds a malformed record: {0}\n  remedy  correct it; the other records of the line are masked")]
    Malformed(#[from] Malformed),
    #[error("holds a record that a collector would refuse: {0}\n  remedy  split the record")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Line(super::lines::Wrong),
}

/// Masks requests from `input` to `output`; gives how many lines or records were left out, each of which `wrong` was told by
/// its line.
pub(super) fn mask(
    engine: &Engine,
    input: impl Read,
    output: &mut impl Write,
    mut wrong: impl FnMut(u64, Wrong),
) -> io::Result<u64> {
    let mut left_out = 0;
    each(input, output, |number, line, output| {
        let mut leave_out = |reason| {
            left_out += 1;
            wrong(number, reason);
        };
        let line = match line {
            Ok(line) => line,
            Err(reason) => {
                leave_out(Wrong::Line(reason));
                return Ok(());
            }
        };
        let mut request = Request { session: engine.session(), context: None, scopes: Vec::new(), wrong: Vec::new() };
        // The sender is whoever writes the line.
        let origin = Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None };
        if receive::read_json(line, &origin, &mut request).is_err() {
            leave_out(Wrong::NoRequest);
            return Ok(());
        }
        request.wrong.iter().for_each(|reason| leave_out(*reason));
        writeln!(output, "{{\"resourceLogs\":[{}]}}", request.scopes.join(","))
    })?;
    Ok(left_out)
}

/// A request while it is read: each of its scopes becomes a `ResourceLogs` of its own.
struct Request<'e> {
    session: Session<'e>,
    context: Option<MaskedContext>,
    scopes: Vec<String>,
    wrong: Vec<Wrong>,
}

impl<'a> Visit<'a> for Request<'_> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        let context = context.map_err(Wrong::from);
        let masked = context.and_then(|context| Ok(self.session.context(context)?));
        self.context = masked.map_err(|reason| self.wrong.push(reason)).ok();
    }

    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        // What its scope is wrong with was said once.
        let Some(context) = &self.context else { return };
        let record = record.map_err(Wrong::from);
        let masked = record.and_then(|record| Ok(self.session.mask(context, Received::new(record))?));
        match masked {
            Ok(masked) => self.scopes.push(resource_logs(masked.content().as_str())),
            Err(reason) => self.wrong.push(reason),
        }
    }

    fn unknown_fields(&mut self, _: u64) {}
}

/// The members of a content.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content<'c> {
    #[serde(borrow)]
    log_record: &'c RawValue,
    #[serde(borrow)]
    resource: Option<&'c RawValue>,
    #[serde(borrow)]
    resource_schema_url: Option<&'c RawValue>,
    #[serde(borrow)]
    scope: Option<&'c RawValue>,
    #[serde(borrow)]
    scope_schema_url: Option<&'c RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'c RawValue>,
    scope_logs: [ScopeLogs<'c>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_url: Option<&'c RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'c RawValue>,
    log_records: [&'c RawValue; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_url: Option<&'c RawValue>,
}

/// The record of a content as `ResourceLogs`.
fn resource_logs(content: &str) -> String {
    let content: Content<'_> = serde_json::from_str(content).expect("content is JSON of these members");
    let scope_logs =
        [ScopeLogs { scope: content.scope, log_records: [content.log_record], schema_url: content.scope_schema_url }];
    let logs = ResourceLogs { resource: content.resource, scope_logs, schema_url: content.resource_schema_url };
    serde_json::to_string(&logs).expect("raw JSON is JSON")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::mask::Config;

    fn masked(input: &str) -> (String, Vec<(u64, Wrong)>) {
        let chain = "test".parse().unwrap();
        let engine =
            Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"));
        let (mut output, mut left_out) = (Vec::new(), Vec::new());
        mask(&engine, input.as_bytes(), &mut output, |number, wrong| left_out.push((number, wrong))).unwrap();
        (String::from_utf8(output).unwrap(), left_out)
    }

    #[test]
    fn every_place_of_a_request_is_masked() {
        let request = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"card","value":{"stringValue":"4242424242424242"}}]},"schemaUrl":"u",
            "scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"body":{"stringValue":"cvv 737"},"traceId":"0102"},{"severityText":"x"}]}]}]}"#;
        let (output, wrong) = masked(&format!("{}\n", request.replace('\n', " ")));
        let resource = r#"{"resource":{"attributes":[{"key":"card","value":{"stringValue":"4242********4242"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":["#;
        let expected = format!(
            "{{\"resourceLogs\":[{resource}{}]}}],\"schemaUrl\":\"u\"}},{resource}{}]}}],\"schemaUrl\":\"u\"}}]}}\n",
            r#"{"body":{"stringValue":"cvv [sad.cvv]"},"traceId":"0102"}"#, r#"{"severityText":"x"}"#,
        );
        assert_eq!((output.as_str(), wrong), (expected.as_str(), vec![]));
        assert_eq!(masked(&output).0, output, "a masked request is masked already");
    }

    #[test]
    fn what_is_no_request_is_named_by_its_line() {
        let (output, wrong) = masked("{\"resourceLogs\":[]}\nno\n");
        assert_eq!((output.as_str(), wrong), ("{\"resourceLogs\":[]}\n", vec![(2, Wrong::NoRequest)]));
    }
}
