//! What the words before a number say of it: whose it is, or that it is an id.

use super::words::{Words, is_copula, is_joint, is_word, without_is};
use super::wrapped::{area_code, unwrapped};
use super::{Glue, Scan, lists};
use crate::mask::keys::Facts;

/// What stands before a candidate.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    /// Rules that a key vouches for.
    pub(super) lift: u64,
    /// Rules that the nearest word speaks for.
    pub(super) near: u64,
    /// Rules that the nearest word speaks against.
    pub(super) against: u64,
    /// No word stands between but such that fill.
    pub(super) adjacent: bool,
    /// No word stands between but such as join a telephone's name to its number.
    pub(super) glued: bool,
    /// No word at all but `no` or `number`, as in the name of an id.
    pub(super) beside: bool,
}

/// The words that were passed on the way back from a number.
struct Way {
    /// Where the words end, and how far back they are read.
    at: usize,
    low: usize,
    /// Rules that are asked for.
    rules: u64,
    /// As in [`Before`].
    adjacent: bool,
    glued: bool,
    beside: bool,
    /// Within a remark in brackets.
    bracketed: bool,
    /// End of the word next to the number.
    last: Option<usize>,
    /// The same, but for words such as `is`.
    named_to: Option<usize>,
}

impl Way {
    fn new(at: usize, low: usize, rules: u64) -> Self {
        Self { at, low, rules, adjacent: true, glued: true, beside: true, bracketed: false, last: None, named_to: None }
    }
}

impl Scan<'_, '_> {
    /// What the nearest word within the window before `at` says for or against `rules`, and the attribute's own key.
    pub(super) fn before(&mut self, at: usize, bare: bool, rules: u64) -> Before {
        /// Words that are asked, and how many when all of them only join a name to its number.
        const FEW_WORDS: usize = 5;
        const MAX_WORDS: usize = 8;
        let mut before = Before {
            lift: self.key.lift,
            near: self.key.near,
            against: if bare { self.key.against } else { 0 },
            adjacent: true,
            glued: true,
            beside: true,
        };
        if at == 0 {
            return before;
        }
        // The letters of a hash are no words.
        let token = self.token;
        let within = (token.start..token.end).contains(&at) && self.is_hash(token);
        let number = at;
        let at = unwrapped(self.bytes, area_code(self.bytes, if within { token.start } else { at }));
        let mut words = Words { low: at.saturating_sub(self.rules.window), end: at };
        let mut way = Way::new(at, words.low, rules);
        // An element's name, or the name that is given to a value, stands before all other words.
        let mut named = self.name_of(at, rules).or_else(|| self.tag_before(at)).or_else(|| self.name_in_pair(number));
        named = named.or_else(|| self.label_of(number));
        for count in 0..MAX_WORDS {
            if count >= FEW_WORDS && !way.glued {
                break;
            }
            let next = named.take().or_else(|| words.next(self.bytes)).map(|(start, end)| (start, end, false));
            let numbered = || self.numbered(at, way.last).map(|(start, end)| (start, end, true));
            let Some((start, end, numbered)) = next.or_else(numbered) else { break };
            // ISO 20022: what stands in `<Othr><Id>` is an account of any kind.
            if self.bytes.get(..end).is_some_and(|name| name.ends_with(b"<Othr><Id")) {
                words.end = start;
                way.beside = false;
                continue;
            }
            let facts = self.said_by(start, end, numbered, &mut way);
            if (facts.lift | facts.near | facts.against) & rules != 0 {
                before = Before {
                    lift: before.lift | facts.lift,
                    near: facts.near,
                    against: facts.against,
                    adjacent: way.adjacent || self.key.lift & rules != 0,
                    glued: way.glued || self.key.lift & rules != 0,
                    beside: way.beside,
                };
                break;
            }
            self.pass(start, end, &facts, &mut way);
        }
        // `"phone": {"country_code": "1", "number": "…"}`: the name of what it is in, where those within say nothing.
        if before.lift & rules == 0
            && before.against & rules == 0
            && let Some(parent) = self.parent_of(at)
        {
            let name = self.bytes.get(parent.start..parent.end).unwrap_or_default();
            before.lift |= self.keys.facts(self.rules, name).lift & rules;
        }
        // `{"type": "phone", "value": "…"}`: what gives a code its name vouches for a telephone too.
        if before.lift & rules == 0 {
            before.lift |= self.lift_beside(number, rules);
        }
        before
    }

    /// What the word at `start..end` says, alone and together with those beside it. `numbered`: a digit that counts parts it from the number.
    #[inline]
    fn said_by(&mut self, start: usize, end: usize, numbered: bool, way: &mut Way) -> Facts {
        let rules = way.rules;
        let word = self.bytes.get(start..end).unwrap_or_default();
        // `手機是0912345678`: what says that a value follows is no part of the name.
        let mut facts = self.keys.facts(self.rules, without_is(word));
        // Written together with a number before it, it is no name of an id, nor does the number of a line make one of it.
        if numbered || (word.is_ascii() && start > 0 && self.byte_before(start).is_ascii_digit()) {
            facts.against = 0;
        }
        // `request={number: …}`: what a request carries is not what it is called by.
        if way.last.is_some() && is_carried(word, self.bytes.get(end..way.at).unwrap_or_default()) {
            facts.against = 0;
        }
        // `card number for this order is`: what the name of an id is said of has a name of its own.
        if facts.against & rules != 0 && (facts.lift | facts.near) & rules == 0 {
            let said = self.said_of(start, rules);
            facts.near |= said;
            facts.against &= !said;
        }
        // `contact number`, `id card`: what the word says alone counts less than what it says together with the next.
        if let Some(last) = way.named_to.filter(|last| end < *last && (facts.lift & rules == 0 || !way.adjacent))
            && self.bytes.get(end).is_some_and(|sign| matches!(sign, b' ' | b'-' | b'.'))
        {
            let together = self.bytes.get(start..last).unwrap_or_default();
            let named = self.keys.facts(self.rules, together).lift & rules;
            facts.lift |= named;
            // The name ends right before the value.
            way.adjacent |= named != 0;
        }
        // `delivery note`: two words may be the name of an id of which none says anything, nor calls a card.
        if facts.second
            && way.beside
            && (facts.lift | facts.near | facts.against) & rules == 0
            && let Some((first, _)) = self.word_right_before(start, way.low)
        {
            let both = self.keys.facts(self.rules, self.bytes.get(first..end).unwrap_or_default());
            facts.against |= both.against & !both.near & !both.lift;
        }
        // `caller id`: what speaks against the value alone may speak for it together with the word before.
        if facts.against & !facts.lift & rules != 0
            && let Some((first, _)) = self.word_right_before(start, way.low)
        {
            facts.lift |= self.keys.facts(self.rules, self.bytes.get(first..end).unwrap_or_default()).lift & rules;
        }
        facts
    }

    /// Notes how the word at `start..end`, which says nothing itself, stands between a name and the number.
    #[inline]
    fn pass(&self, start: usize, end: usize, facts: &Facts, way: &mut Way) {
        let word = self.bytes.get(start..end).unwrap_or_default();
        // What stands in brackets is said of the name before it: `phone (home): …`, `card no (as typed): …`.
        let aside = way.bracketed || (self.byte_at(end) == b')' && self.opens_before(start, word));
        way.bracketed = aside && self.byte_before(start) != b'(';
        way.adjacent &= facts.filler || aside;
        way.glued &= facts.filler
            || aside
            || match facts.glue {
                Glue::Joins => true,
                Glue::Within => way.last.is_some() || matches!(self.byte_at(end), b':' | b'='),
                Glue::None => false,
            };
        // What is written together with the number is part of an id's name: `MsgId MSG42…`.
        let glued_on = end == way.at && word.last().is_some_and(u8::is_ascii_uppercase);
        // SQL: `order_id IN (…)`.
        let listed = word.eq_ignore_ascii_case(b"in")
            && matches!(self.bytes.get(end..way.at), Some([b'(', ..] | [b' ', b'(', ..]));
        way.beside = way.beside && (glued_on || listed || is_joint(word));
        way.last.get_or_insert(end);
        if !is_copula(word) {
            way.named_to.get_or_insert(end);
        }
    }

    /// Whether a bracket is open right before `word`, which begins at `start`, or before others that a blank parts from it. What is said
    /// of a time ends with a preposition: `phone (created at): …`.
    fn opens_before(&self, start: usize, word: &[u8]) -> bool {
        const REMARK: usize = 24;
        const OF_TIME: [&[u8]; 5] = [b"at", b"in", b"on", b"since", b"until"];
        let before = self.bytes.get(start.saturating_sub(REMARK)..start).unwrap_or_default();
        before.ends_with(b"(")
            || (before.iter().rev().find(|sign| !(is_word(**sign) || **sign == b' ')) == Some(&b'(')
                && !OF_TIME.iter().any(|last| word.eq_ignore_ascii_case(last)))
    }

    /// The word before another one at `at`, with one sign between them.
    fn word_right_before(&self, at: usize, low: usize) -> Option<(usize, usize)> {
        let parted = self.bytes.get(at.wrapping_sub(1)).is_some_and(|sign| matches!(sign, b' ' | b'-' | b'.'));
        (Words { low, end: at }).next(self.bytes).filter(|_| parted)
    }

    /// Whether the number at `at`, of which no word tells what it is, stands in a list that the name of an id is before.
    pub(super) fn is_listed_id(&mut self, at: usize, rule: u8) -> bool {
        let Some(head) = self.head_of_list(at, &lists::OF_IDS) else { return false };
        // Without a blank, a comma parts fields as well: it needs the brackets of a list.
        let listed = self.byte_before(at) != b',' || matches!(self.byte_before(head), b'[' | b'(');
        listed && {
            let before = self.before(head, false, 1 << rule);
            before.beside && before.against & !before.lift & !before.near & 1 << rule != 0
        }
    }

    /// Rules that the name speaks for which a word at `start` is put to: `card used for the …`.
    fn said_of(&mut self, start: usize, rules: u64) -> u64 {
        const REACH: usize = 48;
        const JOINTS: [&str; 21] = [
            "for", "of", "del", "de", "des", "der", "della", "du", "pour", "für", "zur", "para", "untuk", "do", "din",
            "voor", "til", "за", "для", "για", "на",
        ];
        /// A card's, by the word's own ending; so are those of Greek, Cyrillic, Hebrew and Arabic, which UTF-8 begins with these bytes.
        const GENITIVES: [&str; 3] = ["karty", "kartu", "cardului"];
        const BETWEEN: [&str; 15] = [
            "the", "this", "that", "your", "my", "our", "used", "charged", "la", "el", "le", "die", "den", "on", "την",
        ];
        let mut words = Words { low: start.saturating_sub(REACH), end: start };
        let mut joined = false;
        for _ in 0..4 {
            let Some((from, to)) = words.next(self.bytes) else { return 0 };
            let word = self.bytes.get(from..to).unwrap_or_default();
            let is_one_of = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
            if is_one_of(&JOINTS) {
                joined = true;
            } else if !is_one_of(&BETWEEN) {
                let mut facts = self.keys.facts(self.rules, word);
                if is_joint(word)
                    && let Some((first, _)) = words.next(self.bytes)
                {
                    facts = self.keys.facts(self.rules, self.bytes.get(first..to).unwrap_or_default());
                }
                let is_genitive = matches!(word.first(), Some(0xCE..=0xDB)) || is_one_of(&GENITIVES);
                return if joined || is_genitive { (facts.lift | facts.near) & rules } else { 0 };
            }
        }
        0
    }

    /// The word before a digit that counts: `phone 1: …`. Only where nothing else was read.
    fn numbered(&self, at: usize, last: Option<usize>) -> Option<(usize, usize)> {
        let before = self.bytes.get(..at).filter(|_| last.is_none())?.trim_ascii_end().strip_suffix(b":")?;
        let [before @ .., b' ', b'1'..=b'9'] = before else { return None };
        let word = before.iter().rev().take_while(|sign| is_word(**sign)).count();
        (word > 0).then_some((before.len() - word, before.len()))
    }
}

/// Whether `word` is a request's and `behind` opens it.
fn is_carried(word: &[u8], behind: &[u8]) -> bool {
    const NAMES: [&[u8]; 2] = [b"request", b"req"];
    let opens = behind.iter().find(|sign| !matches!(sign, b'"' | b'\'' | b'\\' | b':' | b'=' | b' '));
    matches!(opens, Some(b'{' | b'(' | b'['))
        && NAMES.iter().any(|name| {
            word.len()
                .checked_sub(name.len())
                .and_then(|from| word.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(name))
        })
}
