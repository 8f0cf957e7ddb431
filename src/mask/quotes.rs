//! Quotes for what stands in place of a number in a JSON text: it is no number, so without them no parser reads the text any more.

/// How far before a number the bracket of its list is looked for.
const MAX_LIST: usize = 1024;

/// The quotes of the spans of one text, asked for in their order.
#[derive(Default)]
pub(super) struct Quotes<'t> {
    /// The last span that got some: where it ended, and which.
    last: (usize, &'t str),
}

impl<'t> Quotes<'t> {
    /// The quote, with its backslashes, to put before and behind what stands in place of `text[start..end]`: that of the name
    /// before it; and where the number ends, which may have a fraction behind what is replaced, up to where the next one begins.
    /// `None` for all but a number without quotes that is a value behind a name in quotes, or in a list of numbers that is one.
    pub(super) fn of(&mut self, text: &'t str, start: usize, end: usize, next: usize) -> Option<(&'t str, usize)> {
        if !may_be_value(text.as_bytes().get(..start)?) {
            return None;
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = text.get(end..)?.strip_prefix('.').map_or(0, digits);
        let end = if fraction > 0 { end + 1 + fraction } else { end };
        if end > next {
            return None;
        }
        self.last = (end, self.find(text, start, end)?);
        Some((self.last.1, end))
    }

    fn find(&self, text: &'t str, start: usize, end: usize) -> Option<&'t str> {
        let (before, number, behind) = (text.get(..start)?, text.get(start..end)?, text.get(end..)?);
        // A backslash begins the writing of a line's end, an ampersand that of a quote or a blank.
        let ends = behind.starts_with(|sign: char| sign.is_whitespace() || ",}]\\&".contains(sign));
        if !(ends || behind.is_empty()) || !is_number(number) {
            return None;
        }
        let before = trimmed(before);
        if let Some(name) = before.strip_suffix(':') {
            return closing_quote(name);
        }
        if !before.ends_with(['[', ',']) {
            return None;
        }
        // Blanks right before a span alone are passed over: all those since the last one would be for each that follows it.
        let (end, quote) = self.last;
        if !quote.is_empty() && before.strip_suffix(',').is_some_and(|list| trimmed(list).len() == end) {
            return Some(quote);
        }
        let in_list = behind.trim_start().starts_with([',', ']']);
        if let Some(quote) = in_list.then(|| quote_in_list(before)).flatten() {
            return Some(quote);
        }
        let near = last_bytes(before);
        let others = |sign: char| !(is_of_number(sign) || sign == ',' || sign.is_whitespace());
        let list = near.trim_end_matches(|sign| !others(sign)).strip_suffix('[').map(trimmed)?;
        match list.strip_suffix(':') {
            Some(name) => closing_quote(name),
            // The whole text is a list.
            None => (near.len() == before.len() && list.is_empty() && trimmed(last_bytes(text)).ends_with(']'))
                .then_some("\""),
        }
    }
}

/// The quote of the nearest string before an element of a list that strings or other lists stand in too: `["DOE", 1234]`,
/// `{"rows":[[1, 1234]]}`.
fn quote_in_list(before: &str) -> Option<&str> {
    let near = last_bytes(before);
    let sign = near.rfind(['"', '\''])?;
    let quote = closing_quote(near.get(..=sign)?)?;
    let sign = *near.as_bytes().get(sign)?;
    let (mut depth, mut within) = (0usize, false);
    for (at, byte) in near.bytes().enumerate().rev() {
        match byte {
            _ if byte == sign => within = !within,
            _ if within => {}
            b']' | b'}' => depth += 1,
            b'[' | b'{' if depth > 0 => depth -= 1,
            b'[' => {
                let head = near.get(..at)?.trim_end();
                return (head.is_empty() || head.ends_with([':', ',', '['])).then_some(quote);
            }
            b'{' | b'(' => return None,
            _ => {}
        }
    }
    None
}

/// Whether what stands before a number may make a value of JSON of it. Most numbers end here.
fn may_be_value(before: &[u8]) -> bool {
    let sign = before.iter().rev().find(|sign| !sign.is_ascii_whitespace());
    // What is no ASCII may be a blank.
    matches!(sign, Some(b':' | b'[' | b',' | b'\x0b' | 0x80..))
}

/// What is looked at of a text before a place: however long it is, that costs the same.
fn last_bytes(text: &str) -> &str {
    text.get(text.floor_char_boundary(text.len().saturating_sub(MAX_LIST))..).unwrap_or_default()
}

/// `text` without the blanks at its end.
fn trimmed(text: &str) -> &str {
    let trimmed = text.trim_end();
    #[cfg(test)]
    BLANKS_SEEN.set(BLANKS_SEEN.get() + (text.len() - trimmed.len()));
    trimmed
}

#[cfg(test)]
thread_local! {
    /// Blanks that were passed over: for the test of how work grows with a text.
    static BLANKS_SEEN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The quote at the end of a name, with the backslashes before it.
fn closing_quote(name: &str) -> Option<&str> {
    let name = trimmed(name);
    if let Some(entity) = ["&quot;", "&#34;"].into_iter().find(|entity| name.ends_with(entity)) {
        return Some(entity);
    }
    let bare = name.strip_suffix(['"', '\''])?;
    // Within a field of CSV each quote is written twice; two of them may also be a name that is empty.
    if let Some(longer) = bare.strip_suffix('"').filter(|_| name.ends_with('"'))
        && longer.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_')
    {
        return name.get(longer.len()..);
    }
    name.get(bare.trim_end_matches('\\').len()..)
}

fn is_number(text: &str) -> bool {
    text.starts_with(|sign: char| sign == '-' || sign.is_ascii_digit()) && text.chars().all(is_of_number)
}

fn is_of_number(sign: char) -> bool {
    sign.is_ascii_digit() || matches!(sign, '.' | '-' | '+' | 'e' | 'E')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in place of each number of four digits.
    fn quoted(text: &str) -> String {
        let (mut quotes, mut out, mut at) = (Quotes::default(), String::new(), 0);
        let numbers = text.split(|sign: char| !sign.is_ascii_digit()).filter(|digits| digits.len() == 4);
        for number in numbers {
            let start = at + text[at..].find(number).expect("it is a part of the text");
            let (quote, end) = quotes.of(text, start, start + 4, text.len()).unwrap_or(("", start + 4));
            out += &text[at..start];
            out += &format!("{quote}N{}{quote}", &text[start + 4..end]);
            at = end;
        }
        out + &text[at..]
    }

    #[test]
    fn a_number_gets_the_quotes_of_its_name() {
        for (text, expected) in [
            (r#"{"cvv":1234,"n":12}"#, r#"{"cvv":"N","n":12}"#),
            (r#"{"cvv": 1234 }"#, r#"{"cvv": "N" }"#),
            ("{\n  \"cvv\" : 1234\n}", "{\n  \"cvv\" : \"N\"\n}"),
            ("{'cvv': 1234}", "{'cvv': 'N'}"),
            (r#"{"a":"{\"cvv\":1234}"}"#, r#"{"a":"{\"cvv\":\"N\"}"}"#),
            (r#"\\\"cvv\\\":1234}"#, r#"\\\"cvv\\\":\\\"N\\\"}"#),
            ("{\\n\\\"cvv\\\": 1234\\n}", "{\\n\\\"cvv\\\": \\\"N\\\"\\n}"),
            (r#"1,"{""cvv"":1234}",2"#, r#"1,"{""cvv"":""N""}",2"#),
            (r#"{"":1234}"#, r#"{"":"N"}"#),
            ("{&quot;cvv&quot;:1234}", "{&quot;cvv&quot;:&quot;N&quot;}"),
            (r#"{"pans":[1234 , 5678 ]}"#, r#"{"pans":["N" , "N" ]}"#),
            (r#"{"pans":[1234, 5678],"n":7}"#, r#"{"pans":["N", "N"],"n":7}"#),
            (r#"{"pans": [1, 2.5, 1234,5678]}"#, r#"{"pans": [1, 2.5, "N","N"]}"#),
            ("[1234, 5678]", r#"["N", "N"]"#),
            (r#"["a",1234,{"b":[]},5678]"#, r#"["a","N",{"b":[]},"N"]"#),
            (r#"{"rows":[[1,1234],["a]",5678]]}"#, r#"{"rows":[[1,"N"],["a]","N"]]}"#),
            (r#"{"q":"{\"p\":[\"a\",1234]}"}"#, r#"{"q":"{\"p\":[\"a\",\"N\"]}"}"#),
            ("['a', 1234]", "['a', 'N']"),
            (r#"{"pan":1234.0,"pans":[1234.50, 5678.0]}"#, r#"{"pan":"N.0","pans":["N.50", "N.0"]}"#),
            (r#"cut off: {"cvv":1234"#, r#"cut off: {"cvv":"N""#),
        ] {
            assert_eq!(quoted(text), expected);
            if text.starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok() {
                assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok(), "{expected}");
            }
        }
    }

    #[test]
    fn nothing_else_gets_quotes() {
        for text in [
            "cvv: 1234, n: 12",
            "{cvv:1234}",
            r#"{"cvv":"1234"}"#,
            r#""cvv":1234""#,
            "the \"cvv\" 1234,",
            "1234, 5678",
            "a[1234, 5678]",
            "[1234] sent",
            "\"card\":x1234,",
            "(\"a\", 1234, 1)",
            "\"a\", 1234, 1",
            "a[\"b\", 1234]",
        ] {
            assert_eq!(quoted(text), text.replace("1234", "N").replace("5678", "N"));
        }
    }

    #[test]
    fn what_is_replaced_too_is_no_fraction() {
        let text = r#"{"pan":1234.5678}"#;
        assert_eq!(Quotes::default().of(text, 7, 11, 12), None);
        assert_eq!(Quotes::default().of(text, 7, 11, text.len()), Some(("\"", 16)));
    }

    /// However long a list is, it is one way from its begin to its end.
    #[test]
    fn a_long_list_keeps_its_quotes() {
        let text = format!("{{\"pans\":[{}]}}", vec!["1234"; 5000].join(","));
        let expected = format!("{{\"pans\":[{}]}}", vec!["\"N\""; 5000].join(","));
        assert_eq!(quoted(&text), expected);
    }

    /// Blanks count for the number that they stand beside, and not again for those that follow it.
    #[test]
    fn blanks_are_passed_over_a_few_times_each() {
        const LENGTH: usize = 1000;
        let blanks = " ".repeat(LENGTH);
        for (begin, unit) in [
            ("{\"a\":[1234", ",1234"),
            ("{\"a\":[1234,1234", ",\n1234"),
            ("[", "1234 , "),
            ("{\"a\":", "1234,"),
            ("\"a\"", ":1234"),
            ("{\"a\":1234", "x,1234,"),
        ] {
            let text = [begin, &blanks, &unit.repeat(LENGTH)].concat();
            let before = BLANKS_SEEN.get();
            quoted(&text);
            let seen = BLANKS_SEEN.get() - before;
            assert!(seen <= 4 * text.len(), "{seen} of {} signs: {begin}, {unit}", text.len());
        }
    }
}
