//! Masking of one text: views, findings, and one replacement of each on the original bytes.

use super::action::Action;
use super::colour::without_codes;
use super::detect::{Encoded, Finding, Kept, Shape, shapes, token};
use super::engine::Session;
use super::fold::{MAX_STEPS, Source, View};
use super::glance::Glance;
use super::hide::{Hide, original};
use super::keys::Facts;
use super::lone::is_lone_number;
use super::look::{Holds, Look, look};
use super::quotes::Quotes;
use super::rules::Place;
use super::scratch::{Scratch, Seen, Span};

/// Encoded texts within encoded texts that are followed.
const MAX_DECODED: usize = 3;
/// Passes over a text whose findings overlapped: what the winner leaves is looked at again.
const MAX_PASSES: usize = 4;
/// Stands in place of a text that can't be inspected within the limits.
pub(super) const UNINSPECTED: &str = "[uninspected]";

/// A text that is looked into, and what is known of it.
#[derive(Clone, Copy)]
struct Known<'t> {
    text: &'t str,
    holds: Holds,
    glance: Option<Glance>,
    /// What the key says that it stands under.
    key: &'t Facts,
    /// Rules that are in force there.
    active: u64,
    /// Encoded texts around it.
    depth: usize,
}

/// Reads one kind of writing of a source into a view; whether there was any.
type Reading = fn(&mut View, Source<'_>, &mut View) -> bool;

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
    pub(super) fn text(&mut self, text: &str, key: &Facts, place: Place) -> Option<String> {
        let bytes = text.as_bytes();
        if is_lone_number(bytes) && self.rules().shapes.is_none() {
            return self.lone_number(text, key, self.rules().at(place) & self.only);
        }
        let glance = Glance::at(bytes);
        let holds = match glance {
            Some(glance) if glance.is_clean(bytes, self.rules(), key) => return None,
            Some(glance) => glance.holds(bytes, self.rules(), key),
            None => match look(bytes) {
                Look::Something(holds) => holds,
                // What rules look for by its shape is made of any signs.
                _ if self.rules().shapes.is_some() => Holds::NUMBERS,
                Look::Nothing => return None,
                Look::Encoded if !token::stands_in(bytes) => return None,
                Look::Encoded => Holds::NUMBERS,
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
        key: &Facts,
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
    pub(super) fn looked_into(&mut self, text: &str, key: &Facts, place: Place) -> Option<String> {
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
        seen.kept.clear();
        seen.encoded.clear();
        (seen.quoted, seen.logged, seen.coloured) = (false, false, false);
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
                } else if plain.unescape_form(source, raw) {
                    // Its signs stand where those of the view do.
                    seen.signs.read(&plain.bytes);
                    self.scan(&plain.bytes, Holds::ANY, step as u8, key, active, seen);
                }
            }
            if last == MAX_STEPS && is_escaped_still(&views[MAX_STEPS], raw) {
                return Verdict::TooDeep;
            }
        }
        let readings: [(bool, Reading); 2] = [(seen.quoted, View::unquote), (seen.logged, View::unescape_syslog)];
        for (_, read) in readings.into_iter().filter(|(held, _)| *held) {
            let Some((before, after)) = views.split_at_mut_checked(last + 1).filter(|(_, after)| !after.is_empty())
            else {
                break;
            };
            let source = if own { Source { bytes: text.as_bytes(), view: None } } else { before[0].source() };
            if read(&mut after[0], source, raw) {
                last += 1;
                seen.signs.read(&after[0].bytes);
                self.scan(&after[0].bytes, Holds::ANY, last as u8, key, active, seen);
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
        let view = |view: u8| views.get(usize::from(view)).filter(|_| view > 0 || !own);
        drop_kept(found, &seen.kept, &|of, at| original(text, view(of), at));
        if found.is_empty() {
            return Verdict::Clean;
        }
        let view = |finding: &Finding| view(finding.view);
        let overlapped = self.resolve(text, found, &view, spans);
        if coloured {
            spans.iter_mut().for_each(|span| span.end = without_codes(text.as_bytes(), span.start, span.end));
        }
        Verdict::Masked { text: self.render(text, spans, &view), overlapped }
    }

    /// Looks into a view whose signs are read.
    fn scan(&mut self, bytes: &[u8], holds: Holds, view: u8, key: &Facts, active: u64, seen: &mut Seen) {
        let rules = self.engine.rules();
        let text = shapes::Text { bytes, view, key, active };
        let mut scan = seen.scan(rules, &mut self.keys, text);
        scan.run(holds.number, holds.address);
        let (quoted, logged, coloured) = (scan.quoted, scan.logged, scan.coloured);
        seen.quoted |= quoted;
        seen.logged |= logged;
        seen.coloured = coloured;
        let Seen { signs, found, encoded, .. } = seen;
        if let Some(shapes) = &rules.shapes {
            shapes.find(rules, text, found);
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
    fn within(&mut self, decoded: &[u8], key: &Facts, active: u64, depth: usize) -> Result<Option<u8>, ()> {
        let holds = match look(decoded) {
            Look::Nothing if self.rules().shapes.is_none() => return Ok(None),
            Look::Something(holds) => holds,
            Look::Nothing | Look::Encoded => Holds::NUMBERS,
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
        let verdict = self.pass(Known { text: &text, holds, glance: None, key, active, depth });
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

    pub(super) fn render<'v>(
        &mut self,
        text: &str,
        spans: &[Span],
        view: &impl Fn(&Finding) -> Option<&'v View>,
    ) -> String {
        if let Some(witness) = &mut self.witness {
            witness.reads(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        let mut at = 0;
        let mut quotes = Quotes::default();
        for (place, span) in spans.iter().enumerate() {
            out.push_str(text.get(at..span.start).unwrap_or_default());
            at = span.end.max(at);
            let Some(rule) = self.engine.rules().get(span.finding.rule) else { continue };
            if let Some(count) = self.counts.get_mut(usize::from(span.finding.rule)) {
                *count += 1;
            }
            let next = spans.get(place + 1).map_or(text.len(), |next| next.start);
            let quoted = quotes.of(text, span.start, span.end, next);
            out.push_str(quoted.map_or("", |(quote, _)| quote));
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
            if let Some((quote, end)) = quoted {
                out.push_str(text.get(at..end).unwrap_or_default());
                out.push_str(quote);
                at = end.max(at);
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// Drops what no word speaks for, where a word speaks against it that only a later view shows. `place`: on the original bytes.
fn drop_kept(found: &mut Vec<Finding>, kept: &[Kept], place: &impl Fn(u8, usize) -> usize) {
    let mut later: Vec<_> = kept
        .iter()
        .filter(|kept| kept.view > 0)
        .map(|kept| (place(kept.view, kept.start), place(kept.view, kept.end), kept.view))
        .collect();
    if later.is_empty() {
        return;
    }
    later.sort_unstable();
    found.retain(|finding| {
        let (start, end) = (place(finding.view, finding.start), place(finding.view, finding.end));
        let last = later.partition_point(|(from, to, _)| (*from, *to) <= (start, end));
        let last = last.checked_sub(1).and_then(|last| later.get(last));
        finding.shape != Shape::Unnamed
            || last.is_none_or(|(from, to, view)| (*from, *to) != (start, end) || *view <= finding.view)
    });
}

/// Whether one more step of unescaping would bring digits or addresses to light.
fn is_escaped_still(view: &View, raw: &mut View) -> bool {
    let mut next = View::default();
    let signs = |bytes: &[u8]| bytes.iter().filter(|b| b.is_ascii_digit() || **b == b'@').count();
    next.unescape(view.source(), raw) && signs(&next.bytes) != signs(&view.bytes)
}
