//! How tables are written: lines of cells with a sign between them (CSV, Markdown, `mysql`, `psql`), lines of cells with blanks
//! between them, tuples, lists of lists, and markup. No rules here, only where heads, rows and cells are.
//!
//! All of it is bounded by the place that it is asked from, by the columns of a head and by the bytes of a cell's quotes.

use super::columns::{MAX_COLUMNS, MAX_HEAD};
use super::words::is_word;

/// Between the names of the columns and the values, and between two tuples.
const MAX_BLANKS: usize = 32;
/// Bytes of a cell in quotes that may hold the sign that parts cells.
const MAX_QUOTED: usize = 256;
/// Bytes of a column's name that stands between blanks.
const MAX_NAME: usize = 32;
/// Lists before a list of rows that may be its head.
const MAX_LISTS: usize = 4;
/// Bytes of a tag.
const MAX_TAG: usize = 64;

/// The cells of a line with a sign between them. One in quotes may hold the sign itself.
pub(super) struct Cells<'l> {
    line: &'l [u8],
    sign: u8,
    at: Option<usize>,
}

impl<'l> Cells<'l> {
    pub(super) fn of(line: &'l [u8], sign: u8) -> Self {
        Self { line, sign, at: Some(0) }
    }

    /// Where the quotes end that a cell begins with, if the cell ends there too.
    fn quoted_end(&self, from: usize) -> Option<usize> {
        let rest = self.line.get(from..)?;
        let blanks = rest.iter().take_while(|sign| **sign == b' ').take(MAX_BLANKS).count();
        let quoted = rest.get(blanks..)?.strip_prefix(b"\"")?;
        let quoted = quoted.get(..MAX_QUOTED).unwrap_or(quoted);
        let end = memchr::memchr_iter(b'"', quoted).find(|end| {
            let behind = quoted.get(end + 1);
            behind.is_none_or(|sign| *sign == self.sign) && (behind.is_some() || quoted.len() < MAX_QUOTED)
        })?;
        Some(from + blanks + 1 + end + 1)
    }
}

impl Iterator for Cells<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let from = self.at?;
        let end = self.quoted_end(from).or_else(|| {
            let rest = self.line.get(from..)?;
            memchr::memchr(self.sign, rest).map(|end| from + end)
        });
        let end = end.unwrap_or(self.line.len());
        self.at = (end < self.line.len()).then_some(end + 1);
        Some((from, end))
    }
}

/// The sign that parts the cells of a line, by what there is most of.
pub(super) fn sign(line: &[u8]) -> Option<u8> {
    if line.trim_ascii_start().first() == Some(&b'|') {
        return Some(b'|');
    }
    let count = |sign: u8| memchr::memchr_iter(sign, line).count();
    let (most, sign) = [b',', b';', b'\t', b'|'].map(|sign| (count(sign), sign)).into_iter().max()?;
    (most > 0).then_some(sign)
}

/// The name of the first column of a line, before which a logger may have written more: `INFO export: order_id`.
pub(super) fn last_name(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    if let Some(end) = cell.windows(2).rposition(|signs| matches!(signs, [b':' | b']', b' '])) {
        return cell.get(end + 2..).unwrap_or_default();
    }
    let mut words = cell.split(u8::is_ascii_whitespace);
    if words.clone().count() > 3 { words.next_back().unwrap_or_default() } else { cell }
}

/// The line that begins at `from`, without its end, and where the next one begins.
pub(super) fn line(bytes: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(from..).filter(|rest| !rest.is_empty())?;
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let line = rest.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), (from + end + 1).min(bytes.len())))
}

/// Where the line begins that ends at `end`, if it goes not far before `low`.
pub(super) fn line_start(bytes: &[u8], low: usize, end: usize) -> Option<usize> {
    let near = end.saturating_sub(MAX_HEAD);
    if let Some(before) = memchr::memrchr(b'\n', bytes.get(near..end)?) {
        return Some(near + before + 1);
    }
    if near == 0 {
        return Some(0);
    }
    bytes.get(low..near).and_then(|before| memchr::memrchr(b'\n', before)).map(|before| low + before + 1)
}

/// Whether a line is drawn and holds nothing: `+----+-----+`, `|---|:-:|`, `---- ---`.
pub(super) fn is_ruler(line: &[u8]) -> bool {
    let drawn = |sign: &u8| matches!(sign, b'-' | b'=' | b'+' | b'|' | b':' | b' ' | b'\t' | b'\r');
    line.windows(2).any(|signs| matches!(signs, b"--" | b"==")) && line.iter().all(drawn)
}

/// Whether a number at `at` stands in the first cell of a line below a ruler.
pub(super) fn is_ruled(bytes: &[u8], at: usize) -> bool {
    const MARGIN: usize = 16;
    let low = at.saturating_sub(MARGIN);
    let before = bytes.get(low..at).unwrap_or_default();
    let Some(end) = memchr::memrchr(b'\n', before) else { return false };
    let ruler = before.get(..end).unwrap_or_default().trim_ascii_end();
    let ruler = ruler.strip_suffix(b"|").or_else(|| ruler.strip_suffix(b"+")).unwrap_or(ruler).trim_ascii_end();
    ruler.ends_with(b"--") || ruler.ends_with(b"==")
}

/// What stands in the brackets that `text` ends with.
pub(super) fn within_brackets(text: &[u8]) -> Option<&[u8]> {
    let names = text.strip_suffix(b")")?;
    names.get(memchr::memrchr(b'(', names)? + 1..)
}

/// The names in `COPY t (a, b) FROM stdin;`, below which lines with tabs follow.
pub(super) fn copied(line: &[u8]) -> Option<&[u8]> {
    const SOURCE: usize = 64;
    let close = memchr::memrchr(b')', line)?;
    let source = line.get(close + 1..)?.trim_ascii_start();
    let is_copy = source.get(..10).is_some_and(|words| words.eq_ignore_ascii_case(b"FROM stdin"));
    if !is_copy || source.len() > SOURCE {
        return None;
    }
    within_brackets(line.get(..=close)?)
}

/// A head whose columns are parted by blanks.
pub(super) struct Aligned {
    pub(super) names: Vec<(usize, usize)>,
    /// Where the columns stand, where a ruler says so.
    ruled: Option<Vec<(usize, usize)>>,
}

/// The columns of a head and the ruler below it, if there is one. Without, two blanks or more part them.
pub(super) fn aligned(line: &[u8], ruler: Option<&[u8]>) -> Option<Aligned> {
    let names = parted(line, 2);
    let is_short = |(start, end): &(usize, usize)| end - start <= MAX_NAME;
    if let Some(ruler) = ruler {
        let ruled = parted(ruler, 1);
        let words = parted(line, 1);
        let names = [names, words].into_iter().find(|names| names.len() == ruled.len())?;
        return names.iter().all(is_short).then_some(Aligned { names, ruled: Some(ruled) });
    }
    let is_table = names.len() > 1 && names.iter().all(is_short) && memchr::memchr2(b':', b'=', line).is_none();
    is_table.then_some(Aligned { names, ruled: None })
}

impl Aligned {
    /// The cells of a line, each with its column; `None`: the line is no row.
    pub(super) fn cells(&self, line: &[u8]) -> Option<Vec<(usize, (usize, usize))>> {
        let columns = self.names.len();
        let (cells, words) = (parted(line, 2), parted(line, 1));
        let all = |cells: Vec<(usize, usize)>| Some(cells.into_iter().enumerate().collect());
        if cells.is_empty() {
            return None;
        } else if cells.len() == columns {
            return all(cells);
        } else if words.len() == columns {
            return all(words);
        }
        if let Some(ruled) = &self.ruled {
            let under = |(start, end): (usize, usize)| ruled.iter().position(|(from, to)| start < *to && *from < end);
            return Some(words.into_iter().filter_map(|cell| Some((under(cell)?, cell))).collect());
        }
        // The rows of a data frame begin with their number.
        let (first, rest) = words.split_first()?;
        let numbered = rest.len() == columns && line.get(first.0..first.1)?.iter().all(u8::is_ascii_digit);
        numbered.then(|| rest.iter().copied().enumerate().collect())
    }
}

/// The parts of a line between which `blanks` blanks stand, or more.
fn parted(line: &[u8], blanks: usize) -> Vec<(usize, usize)> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (at, sign) in line.iter().enumerate() {
        if matches!(sign, b' ' | b'\t' | b'\r') {
            continue;
        }
        if let Some((_, end)) = parts.last_mut().filter(|(_, end)| at - *end < blanks) {
            *end = at + 1;
        } else if parts.len() > MAX_COLUMNS {
            break;
        } else {
            parts.push((at, at + 1));
        }
    }
    parts
}

/// Where the values begin behind the next bracket, if nothing but blanks and a comma stand before it.
pub(super) fn opening(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let blanks = rest.iter().take(MAX_BLANKS).take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
    matches!(rest.get(blanks), Some(b'(' | b'[')).then_some(from + blanks + 1)
}

/// Where the value of a tuple ends: at a comma or bracket outside quotes and other brackets.
pub(super) fn value_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (mut quote, mut depth) = (None, 0usize);
    for (at, &byte) in rest.iter().enumerate() {
        match (byte, quote) {
            (sign, Some(open)) if sign == open => quote = None,
            (_, Some(_)) => {}
            (b'\'' | b'"', None) => quote = Some(byte),
            (b'(' | b'[' | b'{', None) => depth += 1,
            (b')' | b']' | b'}', None) if depth > 0 => depth -= 1,
            (b',' | b')' | b']' | b'}', None) if depth == 0 => return from + at,
            _ => {}
        }
    }
    bytes.len()
}

/// Length of the placeholder that `text` begins with, for a value of a statement: `$2`, `@p1`, `:code`, `?`, `%s`.
pub(super) fn placeholder(text: &[u8]) -> Option<usize> {
    match text {
        [b'?', ..] => Some(1),
        [b'%', b's', ..] => Some(2),
        [b'$' | b'@' | b':', name @ ..] => {
            let length = name.iter().take(MAX_NAME + 1).take_while(|sign| is_word(**sign)).count();
            (1..=MAX_NAME).contains(&length).then_some(1 + length)
        }
        _ => None,
    }
}

/// Whether `text` ends with a name, and no longer one.
pub(super) fn ends_with_name(text: &[u8], name: &[u8]) -> bool {
    text.strip_suffix(name).is_some_and(|before| before.last().is_none_or(|sign| !is_word(*sign)))
}

/// Whether a placeholder and an equals sign stand at the end of `text`.
pub(super) fn ends_with_placeholder(text: &[u8]) -> bool {
    let name = text.strip_suffix(b"=").unwrap_or(text).trim_ascii_end();
    let word = name.iter().rev().take(MAX_NAME).take_while(|sign| is_word(**sign)).count();
    word > 0 && matches!(name.get(..name.len() - word).and_then(<[u8]>::last), Some(b'$' | b'@' | b':'))
}

/// The bracket around the rows that a value at `at` stands in, and the place of the first value of the first row: the same when
/// there is but one row.
pub(super) fn first_row(bytes: &[u8], low: usize, at: usize) -> Option<(usize, usize)> {
    let mut open = low + memchr::memrchr2(b'[', b'(', bytes.get(low..at)?)?;
    loop {
        let head = bytes.get(low..open)?;
        let before = head.trim_ascii_end();
        match before.last()? {
            b'[' | b'(' => return Some((low + before.len() - 1, open + 1)),
            b':' | b'=' => return Some((open + 1, open + 1)),
            b',' => {
                let row = before.get(..before.len() - 1)?.trim_ascii_end();
                let row = row.strip_suffix(b"]").or_else(|| row.strip_suffix(b")"))?;
                open = low + memchr::memrchr2(b'[', b'(', row)?;
            }
            _ => return None,
        }
    }
}

/// The values of a tuple whose first one begins at `from`.
pub(super) fn items(bytes: &[u8], from: usize) -> impl Iterator<Item = &[u8]> {
    let mut at = Some(from);
    std::iter::from_fn(move || {
        let start = at?;
        let end = value_end(bytes, start);
        at = (bytes.get(end) == Some(&b',')).then_some(end + 1);
        bytes.get(start..end)
    })
    .take(MAX_COLUMNS + 1)
}

/// The same, if all of them are strings that begin with no digit.
pub(super) fn strings(bytes: &[u8], from: usize) -> Option<Vec<&[u8]>> {
    let is_name = |item: &&[u8]| match item.trim_ascii() {
        [b'\\', b'"', first, .., b'"'] | [b'"' | b'\'', first, .., b'"' | b'\''] => !first.is_ascii_digit(),
        _ => false,
    };
    let names: Vec<_> = items(bytes, from).collect();
    names.iter().all(is_name).then_some(names)
}

/// The lists of names that end near before `end`, the nearest first: of strings, or of objects that have a name. `called`: those
/// whose own key says that they name columns; one row alone is like any other list.
pub(super) fn lists_before(bytes: &[u8], end: usize, called: bool) -> impl Iterator<Item = Vec<&[u8]>> {
    let mut text = bytes.get(end.saturating_sub(MAX_HEAD)..end).unwrap_or_default();
    std::iter::from_fn(move || {
        let close = memchr::memrchr(b']', text)?;
        let open = memchr::memrchr(b'[', text.get(..close)?)?;
        let list = text.get(open + 1..=close)?;
        text = text.get(..open)?;
        if called && !names_columns(text) {
            return Some(Vec::new());
        }
        Some(strings(list, 0).unwrap_or_else(|| items(list, 0).filter_map(given_name).collect()))
    })
    .take(MAX_LISTS)
}

/// Whether the key that `text` ends with is one of a head.
fn names_columns(text: &[u8]) -> bool {
    const KEYS: [&str; 8] = ["columns", "cols", "headers", "header", "head", "fields", "names", "params"];
    let sign = |sign: &u8| matches!(sign, b'"' | b'\'' | b'\\' | b':' | b'=' | b' ');
    let end = text.iter().rposition(|byte| !sign(byte)).map_or(0, |last| last + 1);
    let word = text.get(..end).unwrap_or_default();
    let length = word.iter().rev().take(MAX_NAME).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = word.get(end - length..).unwrap_or_default();
    KEYS.iter().any(|key| word.eq_ignore_ascii_case(key.as_bytes()))
}

/// `pan` of `{"name":"pan","type":"text"}`.
fn given_name(object: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"name\"";
    let behind = object.get(memchr::memmem::find(object, NAME)? + NAME.len()..)?;
    let value = behind.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    value.get(..memchr::memchr(b'"', value)?)
}

/// Whether what stands at `at` follows the tag of a cell.
pub(super) fn is_in_markup(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(at.saturating_sub(MAX_TAG)..at).unwrap_or_default().trim_ascii_end();
    before.last() == Some(&b'>')
        && memchr::memrchr(b'<', before).and_then(|open| before.get(open + 1..open + 3)).is_some_and(is_td)
}

fn is_td(tag: &[u8]) -> bool {
    tag.eq_ignore_ascii_case(b"td")
}

/// Where the last row of names between `low` and `at` begins and ends.
pub(super) fn markup_head(bytes: &[u8], low: usize, at: usize) -> Option<(usize, usize)> {
    let between = bytes.get(low..at)?;
    let end = ["</th>", "</TH>"].iter().filter_map(|tag| memchr::memmem::rfind(between, tag.as_bytes())).max()?;
    let end = low + end + "</th>".len();
    // Names of rows stand beside their values.
    let row = bytes.get(end..at)?.trim_ascii_start();
    if !row.get(..4)?.eq_ignore_ascii_case(b"</tr") && !row.get(..3)?.eq_ignore_ascii_case(b"<tr") {
        return None;
    }
    let near = end.saturating_sub(MAX_HEAD);
    let head = bytes.get(near..end)?;
    let start = ["<tr", "<TR"].iter().filter_map(|tag| memchr::memmem::rfind(head, tag.as_bytes())).max()?;
    Some((near + start, end))
}

/// A cell of markup.
pub(super) struct MarkupCell {
    pub(super) column: usize,
    /// It is one of the head.
    pub(super) named: bool,
    /// Where its text is.
    pub(super) text: (usize, usize),
}

/// The cells from `at` on, up to the end of their table.
pub(super) fn markup_cells(bytes: &[u8], mut at: usize) -> impl Iterator<Item = MarkupCell> {
    let mut column = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + memchr::memchr(b'<', bytes.get(at..)?)?;
            at = open + 1;
            let tag = bytes.get(at..bytes.len().min(at + MAX_NAME))?;
            let is = |name: &[u8]| {
                tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name))
                    && !tag.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
            };
            if is(b"/table") {
                return None;
            } else if is(b"tr") {
                column = 0;
            } else if is(b"td") || is(b"th") {
                let text = markup_text(bytes, open)?;
                at = text.1;
                column += 1;
                return Some(MarkupCell { column: column - 1, named: is(b"th"), text });
            }
        }
    })
}

/// Where the text begins behind the tags at `from`, and where the next tag does.
fn markup_text(bytes: &[u8], mut from: usize) -> Option<(usize, usize)> {
    const MAX_TAGS: usize = 3;
    for _ in 0..MAX_TAGS {
        let rest = bytes.get(from..)?;
        let blanks = rest.iter().take(MAX_BLANKS).take_while(|sign| sign.is_ascii_whitespace()).count();
        if rest.get(blanks) != Some(&b'<') || rest.get(blanks + 1) == Some(&b'/') {
            break;
        }
        from += memchr::memchr(b'>', rest)? + 1;
    }
    let rest = bytes.get(from..)?;
    Some((from, from + memchr::memchr(b'<', rest).unwrap_or(rest.len())))
}

/// A name or value without quotes, brackets and blanks.
pub(super) fn bare(cell: &[u8]) -> &[u8] {
    let outer = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'"' | b'\'' | b'\\' | b'`' | b'[' | b']' | b'(' | b')' | b'{' | b'}')
    };
    let start = cell.iter().position(|byte| !outer(byte)).unwrap_or(cell.len());
    let end = cell.iter().rposition(|byte| !outer(byte)).map_or(start, |last| last + 1);
    cell.get(start..end).unwrap_or_default()
}
