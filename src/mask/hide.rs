//! Hiding: asterisks for the signs of a finding that its action doesn't show, on the original bytes, so that escapes and separators stay.

use super::detect::Finding;
use super::fold::View;
use super::signs::are_digits;

/// Where the character that byte `at` of a view belongs to begins in `text`, which is its own view when there is none.
pub(super) fn original(text: &str, view: Option<&View>, at: usize) -> usize {
    view.map_or_else(|| text.floor_char_boundary(at), |view| view.original(at))
}

/// Writes a finding with asterisks for what is hidden.
pub(super) struct Hide<'t> {
    pub(super) text: &'t str,
    pub(super) view: Option<&'t View>,
    pub(super) finding: Finding,
    /// Where it ends in `text`.
    pub(super) end: usize,
}

impl<'t> Hide<'t> {
    fn bytes(&self) -> &'t [u8] {
        self.view.map_or(self.text.as_bytes(), |view| &view.bytes)
    }

    /// What was found, as the view shows it.
    pub(super) fn found(&self) -> &'t [u8] {
        self.bytes().get(self.finding.start..self.finding.end).unwrap_or_default()
    }

    /// What `from..to` of the view stands for.
    fn original(&self, from: usize, to: usize) -> &'t str {
        let place = |at| original(self.text, self.view, at);
        let end = if to == self.finding.end { self.end } else { place(to) };
        self.text.get(place(from)..end).unwrap_or_default()
    }

    /// The same where it is ASCII and the view shows it as it is.
    fn plain(&self, from: usize, to: usize) -> Option<&'t str> {
        // Where the text is its own view, only colour codes behind the finding may part the two.
        if self.view.is_none() {
            let found = self.text.get(from..to)?;
            return (found.is_ascii() && (to != self.finding.end || to == self.end)).then_some(found);
        }
        let original = self.original(from, to);
        (original.is_ascii() && Some(original.as_bytes()) == self.bytes().get(from..to)).then_some(original)
    }

    /// Byte of the view at `at`, and what it stands for in the original: empty for all but the last byte of a character.
    fn sign(&self, at: usize) -> (u8, &'t str) {
        (self.bytes().get(at).copied().unwrap_or(b' '), self.original(at, at + 1))
    }

    /// Hides the letters and digits up to `end`, but for those at the ends that `shown` allows.
    pub(super) fn signs(&self, shown: impl Fn(usize) -> (usize, usize), end: usize, out: &mut String) {
        if let Some(plain) = self.plain(self.finding.start, end) {
            return hide_plain(plain, shown, out);
        }
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        let signs = |(byte, original): (u8, &str)| is_sign(byte) && !original.is_empty();
        let length = (self.finding.start..end).filter(|&at| signs(self.sign(at))).count();
        let (first, last) = shown(length);
        let mut place = 0;
        for at in self.finding.start..end {
            let (byte, original) = self.sign(at);
            if !signs((byte, original)) {
                out.push_str(original);
                continue;
            }
            if place < first || place >= length - last {
                out.push_str(original)
            } else {
                out.push('*')
            }
            place += 1;
        }
    }

    /// Hides the local part; of one of four signs or fewer nothing is shown.
    pub(super) fn local_part(&self, first: usize, out: &mut String) {
        let Finding { start, end, .. } = self.finding;
        let at =
            self.bytes().get(start..end).and_then(|found| memchr::memrchr(b'@', found)).map_or(start, |at| start + at);
        if let Some(local) = self.plain(start, at) {
            let shown = if local.len() <= 4 { 0 } else { first.min(local.len()) };
            out.push_str(local.get(..shown).unwrap_or_default());
            push_stars(local.len() - shown, out);
        } else {
            let signs = || (start..at).map(|at| self.sign(at).1).filter(|original| !original.is_empty());
            let shown = if signs().count() <= 4 { 0 } else { first };
            for (place, original) in signs().enumerate() {
                out.push_str(if place < shown { original } else { "*" });
            }
        }
        out.push_str(self.original(at, end));
    }
}

/// Hides the letters and digits of an ASCII text, but for those at the ends that `shown` allows.
fn hide_plain(found: &str, shown: impl Fn(usize) -> (usize, usize), out: &mut String) {
    let sign = |byte: &u8| byte.is_ascii_alphanumeric();
    if are_digits(found.as_bytes()) || found.bytes().all(|byte| sign(&byte)) {
        let (first, last) = shown(found.len());
        let Some(hidden) = found.len().checked_sub(first + last) else { return out.push_str(found) };
        out.push_str(found.get(..first).unwrap_or_default());
        push_stars(hidden, out);
        return out.push_str(found.get(first + hidden..).unwrap_or_default());
    }
    let (first, last) = shown(found.bytes().filter(sign).count());
    let mut signs = found.bytes().enumerate().filter(|(_, byte)| sign(byte)).map(|(at, _)| at);
    // The first and the last sign that is hidden.
    let (from, to) = match (signs.clone().nth(first), signs.nth_back(last)) {
        (Some(from), Some(to)) if from <= to => (from, to),
        _ => return out.push_str(found),
    };
    out.push_str(found.get(..from).unwrap_or_default());
    let mut hidden = found.get(from..=to).unwrap_or_default();
    while !hidden.is_empty() {
        let length = hidden.bytes().position(|byte| !sign(&byte)).unwrap_or(hidden.len());
        push_stars(length, out);
        hidden = hidden.get(length..).unwrap_or_default();
        let length = hidden.bytes().position(|byte| sign(&byte)).unwrap_or(hidden.len());
        out.push_str(hidden.get(..length).unwrap_or_default());
        hidden = hidden.get(length..).unwrap_or_default();
    }
    out.push_str(found.get(to + 1..).unwrap_or_default());
}

fn push_stars(mut count: usize, out: &mut String) {
    const STARS: &str = "****************";
    while count > 0 {
        let stars = STARS.get(..count).unwrap_or(STARS);
        out.push_str(stars);
        count -= stars.len();
    }
}
