//! Masking of one text: views, findings, and one replacement of each on the original bytes.

use super::action::Action;
use super::colour::without_codes;
use super::detect::{Encoded, Finding, Scan, Shape, Token, shapes, token};
use super::engine::Session;
use super::fold::{MAX_STEPS, Source, View};
use super::glance::Glance;
use super::keys::Facts;
use super::look::{Holds, Look, look};
use super::rules::Place;
use super::signs::Signs;

/// Encoded texts within encoded texts that are followed.
const MAX_DECODED: usize = 3;
/// Passes over a text whose findings overlapped: what the winner leaves is looked at again.
const MAX_PASSES: usize = 4;
/// Stands in place of a text that can't be inspected within the limits.
pub(super) const UNINSPECTED: &str = "[uninspected]";

/// Views of one text: as it is or folded, then one for each step of unescaping; and what is needed to make them.
#[derive(Default)]
pub(super) struct Scratch {
    views: [View; MAX_STEPS + 1],
    raw: View,
    /// Room for a view without its colour codes.
    plain: View,
    seen: Seen,
    spans: Vec<Span>,
}

/// What the passes over the views of one text gather.
#[derive(Default)]
struct Seen {
    signs: Signs,
    found: Vec<Finding>,
    encoded: Vec<Encoded>,
    /// Reads like quoted-printable.
    quoted: bool,
    /// The last view holds colour codes.
    coloured: bool,
}

impl Scratch {
    /// Whether it is worth keeping for the next request: one large text must not hold memory for good.
    pub(super) fn is_small(&self) -> bool {
        const SMALL: usize = 1 << 16;
        let Seen { signs, found, encoded, .. } = &self.seen;
        self.views.iter().chain([&self.raw, &self.plain]).all(|view| view.capacity() <= SMALL)
            && signs.capacity() <= SMALL
            && found.capacity() <= SMALL / 64
            && encoded.capacity() <= SMALL / 64
            && self.spans.capacity() <= SMALL / 64
    }
}

/// A text that is looked into, and what is known of it.
#[derive(Clone, Copy)]
struct Known<'t> {
    text: &'t str,
    holds: Holds,
    glance: Option<Glance>,
    /// What the key says that it stands under.
    key: Facts,
    /// Rules that are in force there.
    active: u64,
    /// Encoded texts around it.
    depth: usize,
}

/// A finding on the original bytes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    finding: Finding,
}

/// What one pass says about a text.
enum Verdict {
    Clean,
    Masked {
        text: String,
        overlapped: bool,
    },
    /// Escaped or encoded deeper than is followed.
    TooDeep,
}

impl Session<'_> {
    /// The masked text; `None`: there is nothing in it.
    pub(super) fn text(&mut self, text: &str, key: Facts, place: Place) -> Option<String> {
        let bytes = text.as_bytes();
        let glance = Glance::at(bytes);
        let holds = match glance {
            Some(glance) if glance.is_clean(bytes, self.rules(), key) => return None,
            Some(glance) => glance.holds(),
            None => match look(bytes) {
                Look::Something(holds) => holds,
                // What rules look for by its shape is made of any signs.
                _ if self.rules().shapes.is_some() => Holds::default(),
                Look::Nothing => return None,
                Look::Encoded if !token::stands_in(bytes) => return None,
                Look::Encoded => Holds::default(),
            },
        };
        self.passes(text, holds, glance, key, self.rules().at(place) & self.only)
    }

    /// Passes over a text in which something may stand.
    fn passes(
        &mut self,
        text: &str,
        mut holds: Holds,
        mut glance: Option<Glance>,
        key: Facts,
        active: u64,
    ) -> Option<String> {
        let mut masked: Option<String> = None;
        for _ in 0..MAX_PASSES {
            let text = masked.as_deref().unwrap_or(text);
            match self.pass(Known { text, holds, glance, key, active, depth: 0 }) {
                Verdict::Clean => return masked,
                Verdict::Masked { text: after, overlapped } => {
                    (holds, glance) = (Holds::ANY, None);
                    // What stands in place of a value may end a token that went on before.
                    let again = overlapped || (self.rules().shapes.is_some() && after != text);
                    masked = Some(after);
                    if !again {
                        return masked;
                    }
                }
                Verdict::TooDeep => break,
            }
        }
        self.fallbacks += 1;
        Some(UNINSPECTED.to_owned())
    }

    /// The same without a look before: for tests of that.
    #[cfg(test)]
    pub(super) fn looked_into(&mut self, text: &str, key: Facts, place: Place) -> Option<String> {
        self.passes(text, Holds::ANY, None, key, self.rules().at(place))
    }

    fn pass(&mut self, known: Known<'_>) -> Verdict {
        let mut scratch = self.scratch.take().unwrap_or_default();
        let verdict = self.inspect(known, &mut scratch);
        self.scratch = Some(scratch);
        verdict
    }

    fn inspect(&mut self, known: Known<'_>, scratch: &mut Scratch) -> Verdict {
        let Known { text, holds, glance, key, active, depth } = known;
        let Scratch { views, raw, plain, seen, spans } = scratch;
        seen.found.clear();
        seen.encoded.clear();
        (seen.quoted, seen.coloured) = (false, false);
        // Nothing in it folds, so that it is its own view.
        let mut own = !holds.other || text.is_ascii() || !views[0].fold_text(text);
        // What folds may fold to any sign.
        let (first, holds) =
            if own { (Source { bytes: text.as_bytes(), view: None }, holds) } else { (views[0].source(), Holds::ANY) };
        match glance.filter(|_| own) {
            Some(glance) => seen.signs.take(glance),
            None => seen.signs.read(first.bytes),
        }
        self.scan(first.bytes, holds, 0, key, active, seen);
        let mut coloured = seen.coloured;
        if seen.coloured && plain.uncolour(first) {
            std::mem::swap(&mut views[0], plain);
            own = false;
            seen.found.clear();
            seen.encoded.clear();
            seen.signs.read(&views[0].bytes);
            self.scan(&views[0].bytes, Holds::ANY, 0, key, active, seen);
        }
        let first = if own { Source { bytes: text.as_bytes(), view: None } } else { views[0].source() };
        let mut last = 0;
        if holds.escape && memchr::memchr3(b'%', b'\\', b'&', first.bytes).is_some() {
            for step in 1..=MAX_STEPS {
                let (before, after) = views.split_at_mut(step);
                let source = if step == 1 && own {
                    Source { bytes: text.as_bytes(), view: None }
                } else {
                    before[step - 1].source()
                };
                if !after[0].unescape(source, raw) {
                    break;
                }
                last = step;
                let known = (seen.found.len(), seen.encoded.len());
                seen.signs.read(&after[0].bytes);
                self.scan(&after[0].bytes, Holds::ANY, step as u8, key, active, seen);
                coloured |= seen.coloured;
                if seen.coloured && plain.uncolour(after[0].source()) {
                    std::mem::swap(&mut after[0], plain);
                    seen.found.truncate(known.0);
                    seen.encoded.truncate(known.1);
                    seen.signs.read(&after[0].bytes);
                    self.scan(&after[0].bytes, Holds::ANY, step as u8, key, active, seen);
                }
            }
            if last == MAX_STEPS && is_escaped_still(&views[MAX_STEPS], raw) {
                return Verdict::TooDeep;
            }
        }
        if seen.quoted && last < MAX_STEPS {
            let (before, after) = views.split_at_mut(last + 1);
            let source = if own { Source { bytes: text.as_bytes(), view: None } } else { before[0].source() };
            if after[0].unquote(source, raw) {
                seen.signs.read(&after[0].bytes);
                self.scan(&after[0].bytes, Holds::ANY, last as u8 + 1, key, active, seen);
            }
        }
        let found = &mut seen.found;
        for Encoded { view, start, end, decoded } in seen.encoded.drain(..) {
            match self.within(&decoded, key, active, depth + 1) {
                Ok(Some(rule)) => found.push(Finding { start, end, rule, view, shape: Shape::Whole }),
                Ok(None) => {}
                Err(()) => return Verdict::TooDeep,
            }
        }
        if found.is_empty() {
            return Verdict::Clean;
        }
        let view = |finding: &Finding| views.get(usize::from(finding.view)).filter(|_| finding.view > 0 || !own);
        let overlapped = self.resolve(text, found, &view, spans);
        if coloured {
            spans.iter_mut().for_each(|span| span.end = without_codes(text.as_bytes(), span.start, span.end));
        }
        Verdict::Masked { text: self.render(text, spans, &view), overlapped }
    }

    /// Looks into a view whose signs are read.
    fn scan(&mut self, bytes: &[u8], holds: Holds, view: u8, key: Facts, active: u64, seen: &mut Seen) {
        let Seen { signs, found, encoded, quoted, coloured } = seen;
        let rules = self.engine.rules();
        let mut scan = Scan {
            rules,
            keys: &mut self.keys,
            active,
            key,
            bytes,
            signs,
            view,
            found,
            encoded,
            token: Token::default(),
            emv_until: 0,
            key_ends: Default::default(),
            tables_until: 0,
            id_cells: Vec::new(),
            rows_until: 0,
            quoted: false,
            coloured: false,
        };
        scan.run(holds.address);
        *quoted |= scan.quoted;
        *coloured = scan.coloured;
        if let Some(shapes) = &rules.shapes {
            shapes.find(rules, shapes::Text { bytes, view, key, active }, found);
        }
        if bytes.len() >= token::MIN {
            signs.tokens(bytes, &mut |start, end| {
                token::decode(bytes, start, end, &mut |start, end, decoded| {
                    encoded.push(Encoded { view, start, end, decoded });
                });
            });
        }
    }

    /// The first rule that finds something in decoded bytes; `Err`: they are encoded deeper than is followed.
    fn within(&mut self, decoded: &[u8], key: Facts, active: u64, depth: usize) -> Result<Option<u8>, ()> {
        let holds = match look(decoded) {
            Look::Nothing if self.rules().shapes.is_none() => return Ok(None),
            Look::Something(holds) => holds,
            Look::Nothing | Look::Encoded => Holds::default(),
        };
        if depth > MAX_DECODED {
            return Err(());
        }
        let text = String::from_utf8_lossy(decoded);
        // Bytes that are no text (keys, digests, pictures) hold digits by chance only.
        if text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace())).count()
            * 8
            > text.len()
        {
            return Ok(None);
        }
        let (counts, fallbacks, witness) = (self.counts.clone(), self.fallbacks, self.witness.take());
        let verdict =
            self.pass(Known { text: &text, holds, glance: None, key: Facts { keyed: 0, ..key }, active, depth });
        let rule = self.counts.iter().zip(&counts).position(|(now, before)| now > before);
        (self.counts, self.fallbacks, self.witness) = (counts, fallbacks, witness);
        match verdict {
            Verdict::Clean => Ok(None),
            Verdict::Masked { .. } => Ok(rule.map(|rule| rule as u8)),
            Verdict::TooDeep => Err(()),
        }
    }

    /// Findings as spans of the original in order, without overlaps: the more sensitive class wins, then the longer one.
    /// Gives whether some overlapped.
    fn resolve<'v>(
        &self,
        text: &str,
        found: &[Finding],
        view: &impl Fn(&Finding) -> Option<&'v View>,
        spans: &mut Vec<Span>,
    ) -> bool {
        let place = |finding: &Finding, at| original(text, view(finding), at);
        spans.clear();
        spans.extend(found.iter().map(|finding| Span {
            start: place(finding, finding.start),
            end: place(finding, finding.end),
            finding: *finding,
        }));
        let rank = |span: &Span| {
            (self.rules().get(span.finding.rule).map(|rule| rule.class), std::cmp::Reverse(span.end - span.start))
        };
        spans.sort_by_key(|span| span.start);
        let mut overlapped = false;
        spans.dedup_by(|span, last| {
            if span.start >= last.end {
                return false;
            }
            let same = span.start == last.start && span.end == last.end && span.finding.rule == last.finding.rule;
            overlapped |= !same;
            if rank(span) < rank(last) {
                *last = *span;
            }
            true
        });
        overlapped
    }

    fn render<'v>(&mut self, text: &str, spans: &[Span], view: &impl Fn(&Finding) -> Option<&'v View>) -> String {
        if let Some(witness) = &mut self.witness {
            witness.reads(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        let mut at = 0;
        for span in spans {
            out.push_str(text.get(at..span.start).unwrap_or_default());
            at = span.end.max(at);
            let Some(rule) = self.engine.rules().get(span.finding.rule) else { continue };
            if let Some(count) = self.counts.get_mut(usize::from(span.finding.rule)) {
                *count += 1;
            }
            let before = out.len();
            match &rule.action {
                Action::KeepFirstLast(keep) if span.finding.shape != Shape::Whole => {
                    let hide = Hide { text, view: view(&span.finding), finding: span.finding, end: span.end };
                    let keep = keep.of(hide.found());
                    match span.finding.shape {
                        Shape::Email => hide.local_part(keep.first, &mut out),
                        _ => hide.signs(|length| keep.shown(length), span.finding.end, &mut out),
                    }
                }
                Action::Replace(replacement) => out.push_str(replacement),
                Action::Encrypt { key, head } => {
                    let plain = text.get(span.start..span.end).unwrap_or_default();
                    out.push_str(&self.engine.encrypt(*key, head, plain.as_bytes()));
                }
                // Of what is encoded there is no one form to make a token of.
                Action::Token { key, head } if span.finding.shape != Shape::Whole => {
                    let hide = Hide { text, view: view(&span.finding), finding: span.finding, end: span.end };
                    out.push_str(&self.token(*key, head, rule.class, hide.found()));
                }
                Action::Drop | Action::KeepFirstLast(_) | Action::TruncateNumber | Action::Token { .. } => {
                    out.push('[');
                    out.push_str(rule.class.as_str());
                    out.push(']');
                }
            }
            if let Some(witness) = &mut self.witness {
                let output = out.get(before..).unwrap_or_default();
                witness.saw(span.start..span.end, span.finding.rule, output);
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// Where the character that byte `at` of a view belongs to begins in `text`, which is its own view when there is none.
fn original(text: &str, view: Option<&View>, at: usize) -> usize {
    view.map_or_else(|| text.floor_char_boundary(at), |view| view.original(at))
}

/// Writes a finding with asterisks for what is hidden.
struct Hide<'t> {
    text: &'t str,
    view: Option<&'t View>,
    finding: Finding,
    /// Where it ends in `text`.
    end: usize,
}

impl<'t> Hide<'t> {
    fn bytes(&self) -> &'t [u8] {
        self.view.map_or(self.text.as_bytes(), |view| &view.bytes)
    }

    /// What was found, as the view shows it.
    fn found(&self) -> &'t [u8] {
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
    fn signs(&self, shown: impl Fn(usize) -> (usize, usize), end: usize, out: &mut String) {
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
    fn local_part(&self, first: usize, out: &mut String) {
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
    if found.bytes().all(|byte| sign(&byte)) {
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

/// Whether one more step of unescaping would bring digits or addresses to light.
fn is_escaped_still(view: &View, raw: &mut View) -> bool {
    let mut next = View::default();
    let signs = |bytes: &[u8]| bytes.iter().filter(|b| b.is_ascii_digit() || **b == b'@').count();
    next.unescape(view.source(), raw) && signs(&next.bytes) != signs(&view.bytes)
}
