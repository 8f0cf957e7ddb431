//! What the report shows of names and notes that somebody else wrote: nothing that moves the cursor of a terminal, begins a line or
//! turns the direction of the text.

use std::fmt::{self, Write};

/// Shows the inner value on one line, with escapes for what would not stay there.
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| match char {
            char if acts(char) => write!(self.0, "{}", char.escape_default()),
            char => self.0.write_char(char),
        })
    }
}

/// Control characters, line separators, and marks, embeddings and isolates of a direction.
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line_and_moves_nothing() {
        let shown = |text: &str| Printable(text).to_string();
        assert_eq!(shown("a\u{1b}[2J\nINTACT\r\u{9b}1m"), "a\\u{1b}[2J\\nINTACT\\r\\u{9b}1m");
        assert_eq!(shown("x\u{202e}gpj\u{2028}"), "x\\u{202e}gpj\\u{2028}");
        assert_eq!(shown("archive/支付/é 'x' – \\"), "archive/支付/é 'x' – \\");
    }
}
