//! What standards and engine allow of a rule, of all rules together, and what is only worth a warning.

use super::actions::MIN_HIDDEN_PAN;
use super::parse::{Draft, Parser};
use super::problem::{Problem, RuleError};
use super::{Class, Validator};
use crate::mask::action::{Action, Keep};
use crate::mask::detect::pan::{self, Brands};
use crate::yaml::Node;

/// Card numbers that the brands and processors publish for tests; nobody's account.
const PUBLIC_CARDS: [&str; 44] = [
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "4000056655665556",
    "4000000000000002",
    "4222222222222",
    "4917610000000000",
    "4263982640269299",
    "4988438843884305",
    "4166676667666746",
    "4646464646464644",
    "4000620000000007",
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "5454545454545454",
    "5425233430109903",
    "5577000055770004",
    "2223003122003222",
    "2222400070000005",
    "2223000048400011",
    "2222405343248877",
    "378282246310005",
    "371449635398431",
    "378734493671000",
    "370000000000002",
    "6011111111111117",
    "6011000990139424",
    "6011000000000004",
    "6445644564456445",
    "30569309025904",
    "38520000023237",
    "3056930009020004",
    "36227206271667",
    "36006666333344",
    "3530111333300000",
    "3566002020360505",
    "3569990010095841",
    "6200000000000005",
    "6250946000000016",
    "6243030000000001",
    "6771798021000008",
    "6759649826438453",
    "6034932528973614",
];
/// What `compliance` names where a token stands beside a truncation: its key is the control against putting them together.
const CONTROL: &str = "PCI-DSS-3.5.1.1";

impl Parser<'_> {
    /// What the standards and the engine allow for a class.
    pub(super) fn allowed(
        &mut self,
        class: Class,
        action: &Action,
        (validator, brands): (Option<Validator>, Brands),
        line: u64,
    ) {
        let may_be_kept = !class.is_sad() && validator != Some(Validator::Track);
        if !may_be_kept && *action != Action::Drop {
            self.reader.wrong(line, Problem::SadKept(action.name()));
        }
        let is_pan = class == Class::CardholderPan || validator == Some(Validator::Pan);
        match action {
            Action::KeepFirstLast(keep) if is_pan && keep.by_brand => {
                let most = if brands.allow_more() { pan::LONGEST } else { pan::BASELINE };
                if keep.first > most.first || keep.last > most.last {
                    let (first, last) = (keep.first as u64, keep.last as u64);
                    self.reader.wrong(line, Problem::BrandKept { first, last, most: most.first as u64 });
                }
            }
            Action::KeepFirstLast(keep) if keep.by_brand => self.reader.wrong(line, Problem::NoBrands),
            Action::KeepFirstLast(keep) if is_pan && (keep.first > 6 || keep.last > 4) => {
                self.reader.wrong(line, Problem::PanKept { first: keep.first as u64, last: keep.last as u64 });
            }
            Action::KeepFirstLast(keep) if is_pan && (keep.min_hidden as u64) < MIN_HIDDEN_PAN => {
                self.reader.wrong(line, Problem::PanHidden { min_hidden: keep.min_hidden as u64 });
            }
            Action::TruncateNumber if validator.is_some() => self.reader.wrong(line, Problem::TruncateInText),
            _ => {}
        }
    }

    /// What else a rule says of itself.
    pub(super) fn described(&mut self, node: &Node) -> Vec<String> {
        let compliance =
            node.entry("compliance").map(|entry| self.reader.texts(entry, "compliance")).unwrap_or_default();
        for key in ["compliance", "owner", "since"] {
            match node.entry(key) {
                None => self.reader.warn(node.line, Problem::Undescribed(key)),
                Some(entry) if key != "compliance" => drop(self.reader.text(entry, key)),
                Some(_) => {}
            }
        }
        compliance.into_iter().map(|(text, _)| text).collect()
    }

    /// Warns of cards in a rule's own tests that may be somebody's: rule files are read by many.
    pub(super) fn cards_are_public(&mut self, before: usize) {
        let lines: Vec<u64> = self
            .cases
            .get(before..)
            .unwrap_or_default()
            .iter()
            .filter(|case| case.must_mask && holds_a_card(&case.value.as_text()))
            .map(|case| case.line)
            .collect();
        for line in lines {
            self.reader.warn(line, Problem::UnknownCard);
        }
    }

    /// What can only be said of all rules: one card number must not be rebuilt from what several of them leave.
    pub(super) fn together(&mut self) {
        let pans: Vec<&Draft> = self.drafts.iter().filter(|draft| draft.is_pan()).collect();
        let keep = |draft: &Draft| match draft.rule.action {
            Action::KeepFirstLast(keep) => Some(keep),
            _ => None,
        };
        let error = |draft: &Draft, problem| RuleError {
            file: draft.file.clone(),
            line: draft.action_line,
            rule: Some(draft.rule.id.to_string()),
            problem,
        };
        for (at, draft) in pans.iter().enumerate() {
            let Some(own) = keep(draft) else { continue };
            let other = pans.iter().take(at).find(|other| keep(other).is_some_and(|other| !nest(own, other)));
            if let Some(other) = other {
                let problem = Problem::NotNested { other: other.rule.id.to_string() };
                self.reader.errors.push(error(draft, problem));
            }
        }
        let truncates = pans.iter().any(|draft| keep(draft).is_some());
        for draft in pans.iter().filter(|draft| matches!(draft.rule.action, Action::Token { .. })) {
            if truncates && !draft.compliance.iter().any(|text| text == CONTROL) {
                self.reader.warnings.push(error(draft, Problem::ControlUnstated));
            }
        }
    }
}

/// Whether one of two truncations shows nothing that the other hides. (4+4 in 6+4 in 8+4: no digits add up.)
fn nest(one: Keep, other: Keep) -> bool {
    (one.first <= other.first && one.last <= other.last) || (other.first <= one.first && other.last <= one.last)
}

/// Whether a text holds a sound card number, digit by digit, that is on no list of test numbers.
fn holds_a_card(text: &str) -> bool {
    let part = |sign: char| matches!(sign, ' ' | '-');
    let mut runs = vec![String::new()];
    for sign in text.chars() {
        match (sign.to_digit(10), runs.last_mut()) {
            (Some(_), Some(run)) => run.push(sign),
            _ if part(sign) => {}
            _ => runs.push(String::new()),
        }
    }
    runs.iter().any(|run| {
        pan::fit(run.as_bytes(), pan::Brands::ALL) == pan::Fit::Strong
            && pan::luhn(run.as_bytes())
            && !PUBLIC_CARDS.contains(&run.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_public_cards_holds_cards_only() {
        for card in PUBLIC_CARDS {
            assert!(pan::luhn(card.as_bytes()), "{card}");
        }
        assert!(holds_a_card("card 4539 1488 0343 6467") && !holds_a_card("card 4242-4242-4242-4242, order 17"));
    }

    #[test]
    fn truncations_nest_where_one_shows_all_that_the_other_does() {
        let keep = |first, last| Keep { first, last, min_hidden: 6, by_brand: false };
        assert!(nest(keep(4, 4), keep(8, 4)) && nest(keep(4, 4), keep(6, 4)) && nest(keep(6, 4), keep(0, 0)));
        assert!(!nest(keep(6, 0), keep(4, 4)));
    }
}
