//! Finding: one pass over a view collects candidates (numbers, `@`), validators and the words before them decide.
//!
//! Work is linear: a number looks back at most a fixed window, a group of digits belongs to at most a fixed number of
//! groupings, a token is judged once. Evidence: a sound number of a sound length with clean borders is enough, unless the
//! nearest word before it says that it is an id; a key or word that says card (phone, id card) also lifts what is less sound.

mod bound;
mod called;
pub(super) mod check_code;
pub(super) mod cn_id;
mod columns;
mod dump;
pub(super) mod email;
mod emphasis;
mod evidence;
pub(super) mod given;
mod groupings;
mod hexadecimal;
mod iban;
mod iso8583;
mod joins;
mod key_ends;
mod keyed;
mod lists;
pub(super) mod marker;
mod national;
mod number;
pub(super) mod pan;
pub(super) mod parents;
pub(super) mod phone;
mod placed;
pub(super) mod postal;
mod remote_keys;
mod series;
pub(super) mod shapes;
mod states;
mod tables;
pub(super) mod token;
mod track;
mod tracks;
mod words;
mod wrapped;

#[cfg(test)]
mod tests;

use super::keys::{Facts, KeyCache};
use super::rules::{RuleSet, Validator};
use super::signs::Signs;
use key_ends::KeyEnds;
pub(super) use number::{Group, MAX_DIGITS};
pub(super) use words::{Glue, glue, is_filler};
use words::{Words, is_copula, is_joint};
use wrapped::{area_code, unwrapped};

/// What a rule found in a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    /// Bytes `start..end` of the view.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: u8,
    /// Which view of the text.
    pub(super) view: u8,
    pub(super) shape: Shape,
}

/// How a finding is hidden where its action shows something of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Digits and letters are hidden, separators stay.
    Signs,
    /// The same, of a number that no word speaks for: in a view with fewer escapes, a word may speak against it.
    Unnamed,
    /// The local part is hidden, the domain stays.
    Email,
    /// Nothing of it can be shown: it is encoded, or not written digit by digit.
    Whole,
}

/// A number at `start..end` of a view which the name of an id before it keeps.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub(super) view: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What bytes `start..end` of a view stand for: a token, or bytes that are written one by one.
pub(super) struct Encoded {
    pub(super) view: u8,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) decoded: Vec<u8>,
}

/// The pass over one view.
pub(super) struct Scan<'s, 'v> {
    pub(super) rules: &'s RuleSet,
    pub(super) keys: &'s mut KeyCache,
    /// Rules that are in force at this place.
    pub(super) active: u64,
    /// What the attribute's own key says.
    pub(super) key: &'v Facts,
    pub(super) bytes: &'v [u8],
    /// Where its digits are.
    pub(super) signs: &'s mut Signs,
    pub(super) view: u8,
    pub(super) found: &'s mut Vec<Finding>,
    /// Numbers that the name of an id keeps.
    pub(super) kept: &'s mut Vec<Kept>,
    pub(super) encoded: &'s mut Vec<Encoded>,
    /// The last token that was judged.
    pub(super) token: Token,
    /// End of the last token whose EMV tags were read.
    pub(super) emv_until: usize,
    pub(super) key_ends: KeyEnds,
    /// Up to where tables were looked for.
    pub(super) tables_until: usize,
    /// Numbers in tables that stand under the name of an id, and the rules that it speaks against.
    pub(super) id_cells: Vec<(usize, u64)>,
    /// Up to where bytes were read that are written one by one.
    pub(super) rows_until: usize,
    /// An equals sign was read that is written as quoted-printable does, or a line that it breaks within a number.
    pub(super) quoted: bool,
    /// A tab or a line break was read as rsyslog escapes them.
    pub(super) logged: bool,
    /// A colour code was read.
    pub(super) coloured: bool,
}

/// A run of letters and digits.
#[derive(Clone, Copy, Default)]
pub(super) struct Token {
    start: usize,
    end: usize,
    /// Hexadecimal digits only, and a letter among them; once that was asked.
    hex: Option<bool>,
    /// Was looked at as a keyed value.
    judged: bool,
}

/// What stands before a candidate.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    /// Rules that a key vouches for.
    lift: u64,
    /// Rules that the nearest word speaks for.
    near: u64,
    /// Rules that the nearest word speaks against.
    against: u64,
    /// No word stands between but such that fill.
    adjacent: bool,
    /// No word stands between but such as join a telephone's name to its number.
    glued: bool,
    /// No word at all but `no` or `number`, as in the name of an id.
    beside: bool,
}

impl Scan<'_, '_> {
    /// `numbers`: one may be of interest; `addresses`: an `@` may stand in the view.
    pub(super) fn run(&mut self, numbers: bool, addresses: bool) {
        // Each is looked for once: a text of `@` alone has no digit up to its end, and a text of digits no `@`.
        let mut digit = if numbers { self.signs.next_digit(0) } else { None };
        let mut address = if addresses { self.next_address(0) } else { None };
        loop {
            match (digit, address) {
                (Some(number), address) if address.is_none_or(|sign| number < sign) => {
                    let at = self.number(number);
                    digit = self.signs.next_digit(at);
                }
                (_, Some(sign)) => {
                    self.email(sign);
                    address = self.next_address(sign + 1);
                }
                (_, None) => break,
            }
        }
    }

    /// The first `@` from `at` on.
    fn next_address(&self, at: usize) -> Option<usize> {
        Some(at + memchr::memchr(b'@', self.bytes.get(at..)?)?)
    }

    fn email(&mut self, at: usize) {
        let Some(rule) = self.first(self.with(Validator::Email)) else { return };
        if let Some((start, end)) = email::around(self.bytes, at) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Email });
        }
    }

    /// Active rules with this validator.
    fn with(&self, validator: Validator) -> u64 {
        self.active & self.rules.with(validator)
    }

    /// The first rule of a set.
    fn first(&self, rules: u64) -> Option<u8> {
        (rules != 0).then(|| rules.trailing_zeros() as u8)
    }

    fn hit(&mut self, start: usize, end: usize, rule: u8) {
        self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Signs });
    }

    /// The same of a number that no word speaks for.
    fn hit_unnamed(&mut self, start: usize, end: usize, rule: u8) {
        self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Unnamed });
    }

    /// Notes that a sound number is an id, by the word before it.
    fn keep(&mut self, start: usize, end: usize) {
        self.kept.push(Kept { view: self.view, start, end });
    }

    #[inline]
    fn byte_before(&self, at: usize) -> u8 {
        // Nothing stands at what is below 0.
        self.bytes.get(at.wrapping_sub(1)).copied().unwrap_or(b' ')
    }

    #[inline]
    fn byte_at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b' ')
    }

    /// Whether `start..end` is all that the value holds, but for space and quotes around it.
    fn is_bare(&self, start: usize, end: usize) -> bool {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'"' | b'\'' | b'(' | b')' | b'+' | b'-' | b'[' | b']');
        const MARGIN: usize = 16;
        start <= MARGIN
            && self.bytes.len() - end.min(self.bytes.len()) <= MARGIN
            && self.bytes.iter().take(start).all(blank)
            && self.bytes.iter().skip(end).all(blank)
    }

    /// The token around `at`.
    fn token_at(&mut self, at: usize) -> Token {
        if at >= self.token.start && at < self.token.end {
            return self.token;
        }
        let (start, end) = self.signs.word(self.bytes, at);
        self.token = Token { start, end, hex: None, judged: false };
        self.token
    }

    fn is_hex(&mut self, token: Token) -> bool {
        token.hex.unwrap_or_else(|| {
            let signs = self.bytes.get(token.start..token.end).unwrap_or_default();
            let hex = signs.iter().all(u8::is_ascii_hexdigit) && signs.iter().any(u8::is_ascii_alphabetic);
            if self.token.start == token.start && self.token.end == token.end {
                self.token.hex = Some(hex);
            }
            hex
        })
    }

    /// Whether a token is as long as hashes and ids are, from 128 bits up.
    fn is_hash(&mut self, token: Token) -> bool {
        token.end - token.start >= 32 && self.is_hex(token)
    }

    /// Whether a token begins with `0x`.
    fn is_prefixed(&self, token: Token) -> bool {
        matches!(self.bytes.get(token.start..token.end), Some([b'0', b'x' | b'X', ..]))
    }

    /// What the nearest word within the window before `at` says for or against `rules`, and the attribute's own key.
    fn before(&mut self, at: usize, bare: bool, rules: u64) -> Before {
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
        // An element's name, or the name that is given to a value, stands before all other words.
        let mut named = self.name_of(at, rules).or_else(|| self.tag_before(at)).or_else(|| self.name_in_pair(number));
        named = named.or_else(|| self.label_of(number));
        let (mut adjacent, mut glued, mut beside) = (true, true, true);
        let mut bracketed = false;
        let (mut last, mut named_to) = (None, None);
        for count in 0..MAX_WORDS {
            if count >= FEW_WORDS && !glued {
                break;
            }
            let next = named.take().or_else(|| words.next(self.bytes)).map(|(start, end)| (start, end, false));
            let numbered = || self.numbered(at, last).map(|(start, end)| (start, end, true));
            let Some((start, end, numbered)) = next.or_else(numbered) else { break };
            let word = self.bytes.get(start..end).unwrap_or_default();
            // ISO 20022: what stands in `<Othr><Id>` is an account of any kind.
            if word == b"Id" && self.bytes.get(..start).is_some_and(|before| before.ends_with(b"<Othr><")) {
                words.end = start;
                beside = false;
                continue;
            }
            let mut facts = self.keys.facts(self.rules, word);
            // Written together with a number before it, it is no name of an id, nor does the number of a line make one of it.
            if numbered || (word.is_ascii() && start > 0 && self.byte_before(start).is_ascii_digit()) {
                facts.against = 0;
            }
            // `request={number: …}`: what a request carries is not what it is called by.
            if last.is_some() && is_carried(word, self.bytes.get(end..at).unwrap_or_default()) {
                facts.against = 0;
            }
            // `card number for this order is`: what the name of an id is said of has a name of its own.
            if facts.against & rules != 0 && (facts.lift | facts.near) & rules == 0 {
                let said = self.said_of(start, rules);
                facts.near |= said;
                facts.against &= !said;
            }
            // `contact number`, `id card`: what the word says alone counts less than what it says together with the next.
            if let Some(last) = named_to.filter(|last| end < *last && (facts.lift & rules == 0 || !adjacent))
                && self.bytes.get(end).is_some_and(|sign| matches!(sign, b' ' | b'-' | b'.'))
            {
                let together = self.bytes.get(start..last).unwrap_or_default();
                let named = self.keys.facts(self.rules, together).lift & rules;
                facts.lift |= named;
                // The name ends right before the value.
                adjacent |= named != 0;
            }
            // `delivery note`: two words may be the name of an id of which none says anything, nor calls a card.
            if facts.second
                && beside
                && (facts.lift | facts.near | facts.against) & rules == 0
                && let Some((first, _)) = self.word_right_before(start, words.low)
            {
                let both = self.keys.facts(self.rules, self.bytes.get(first..end).unwrap_or_default());
                facts.against |= both.against & !both.near & !both.lift;
            }
            // `caller id`: what speaks against the value alone may speak for it together with the word before.
            if facts.against & !facts.lift & rules != 0
                && let Some((first, _)) = self.word_right_before(start, words.low)
            {
                facts.lift |= self.keys.facts(self.rules, self.bytes.get(first..end).unwrap_or_default()).lift & rules;
            }
            if (facts.lift | facts.near | facts.against) & rules != 0 {
                before = Before {
                    lift: before.lift | facts.lift,
                    near: facts.near,
                    against: facts.against,
                    adjacent: adjacent || self.key.lift & rules != 0,
                    glued: glued || self.key.lift & rules != 0,
                    beside,
                };
                break;
            }
            // What stands in brackets is said of the name before it: `phone (home): …`, `card no (as typed): …`.
            let aside = bracketed || (self.byte_at(end) == b')' && self.opens_before(start, word));
            bracketed = aside && self.byte_before(start) != b'(';
            adjacent &= facts.filler || aside;
            glued &= facts.filler
                || aside
                || match facts.glue {
                    Glue::Joins => true,
                    Glue::Within => last.is_some() || matches!(self.byte_at(end), b':' | b'='),
                    Glue::None => false,
                };
            // What is written together with the number is part of an id's name: `MsgId MSG42…`.
            let glued_on = end == at && word.last().is_some_and(u8::is_ascii_uppercase);
            // SQL: `order_id IN (…)`.
            let listed = word.eq_ignore_ascii_case(b"in")
                && matches!(self.bytes.get(end..at), Some([b'(', ..] | [b' ', b'(', ..]));
            beside = beside && (glued_on || listed || is_joint(word));
            last.get_or_insert(end);
            if !is_copula(word) {
                named_to.get_or_insert(end);
            }
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

    /// Whether a bracket is open right before `word`, which begins at `start`, or before others that a blank parts from it. What is said
    /// of a time ends with a preposition: `phone (created at): …`.
    fn opens_before(&self, start: usize, word: &[u8]) -> bool {
        const REMARK: usize = 24;
        const OF_TIME: [&[u8]; 5] = [b"at", b"in", b"on", b"since", b"until"];
        let before = self.bytes.get(start.saturating_sub(REMARK)..start).unwrap_or_default();
        before.ends_with(b"(")
            || (before.iter().rev().find(|sign| !(words::is_word(**sign) || **sign == b' ')) == Some(&b'(')
                && !OF_TIME.iter().any(|last| word.eq_ignore_ascii_case(last)))
    }

    /// The word before another one at `at`, with one sign between them.
    fn word_right_before(&self, at: usize, low: usize) -> Option<(usize, usize)> {
        let parted = self.bytes.get(at.wrapping_sub(1)).is_some_and(|sign| matches!(sign, b' ' | b'-' | b'.'));
        (Words { low, end: at }).next(self.bytes).filter(|_| parted)
    }

    /// Whether the number at `at`, of which no word tells what it is, stands in a list that the name of an id is before.
    fn is_listed_id(&mut self, at: usize, rule: u8) -> bool {
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
        let word = before.iter().rev().take_while(|sign| words::is_word(**sign)).count();
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
