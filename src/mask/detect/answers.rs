//! Codes that answer a question: `What is your CVV? Customer: sure, 737`.

use super::given::is_one_of;
use super::joins::{Ends, sign_of};
use super::keyed::KEY;
use super::placed::{is_blank, part};
use super::words::is_word;

/// Who answers.
const WHO: [&str; 23] = [
    "customer",
    "client",
    "caller",
    "cardholder",
    "user",
    "guest",
    "cust",
    "buyer",
    "holder",
    "me",
    "cliente",
    "kunde",
    "klant",
    "klient",
    "клиент",
    "客户",
    "客戶",
    "用户",
    "顾客",
    "持卡人",
    "买家",
    "会员",
    "고객",
];

/// What an answer begins with.
const SO: [&str; 33] = [
    "sure",
    "yes",
    "yeah",
    "ok",
    "okay",
    "it",
    "is",
    "s",
    "its",
    "是",
    "好的",
    "好的是",
    "哦",
    "嗯",
    "sí",
    "sim",
    "sì",
    "ja",
    "oui",
    "да",
    "так",
    "tak",
    "dat",
    "das",
    "ist",
    "sono",
    "è",
    "é",
    "son",
    "это",
    "це",
    "мій",
    "Мій",
];

/// What stands between the name that is asked for and the end of the question, as words of their own.
const ASKS: [&str; 12] = ["please", "pls", "thanks", "吗", "呢", "是", "nedir", "क्या", "है", "ạ", "อะไรคะ", "อะไรครับ"];

/// The same, written together with the name.
const CHINESE: Ends = Ends::of(&["是多少", "多少", "是什么", "是什麼", "是几", "是幾", "吗", "嗎", "呢", "哈"]);

/// What is answered with yes or no asks for no code.
const OPEN: [&str; 10] = ["did", "do", "does", "is", "was", "are", "has", "have", "when", "why"];

/// Where the question ends that an answer follows: `what is your cvv? Customer: sure, `, `CVV是多少？——`.
pub(super) fn of_question(before: &[u8]) -> Option<usize> {
    let apart = |sign: u8| is_blank(sign) || matches!(sign, b',' | b'.' | b'-' | b'~');
    let answer = without_words(before, apart, &SO);
    let (question, who) = match answer.strip_suffix(b":") {
        Some(named) => part(named, is_word),
        None => (answer, &b""[..]),
    };
    let blanks = part(question, |sign| sign.is_ascii_whitespace());
    let asked = blanks.0.strip_suffix(b"?").or_else(|| blanks.0.strip_suffix("؟".as_bytes()));
    // A Chinese speaker answers to what is no question, too, which a full stop ends or nothing: `请提供安全码。客户：`.
    let stopped = || blanks.0.strip_suffix(b";").unwrap_or(blanks.0);
    let question = asked.or_else(|| who.first().is_some_and(|sign| !sign.is_ascii()).then(stopped))?;
    // On a line of its own stands an answer only with who gives it.
    if who.is_empty() && before.get(question.len()..)?.contains(&b'\n') {
        return None;
    }
    let said = question.get(question.len().saturating_sub(KEY)..)?;
    let said = said
        .iter()
        .rposition(|sign| matches!(sign, b'.' | b'?' | b'!' | b':' | b';' | b'\n'))
        .map_or(said, |end| said.get(end + 1..).unwrap_or_default());
    let first = said.trim_ascii_start().split(|sign| !is_word(*sign)).next()?;
    if is_one_of(first, &OPEN) {
        return None;
    }
    let asked = without_words(question, apart, &ASKS);
    (who.is_empty() || is_one_of(who, &WHO)).then(|| sign_of(asked, &CHINESE).unwrap_or(asked).len())
}

/// `text` without words of a kind at its end, and what stands between them.
fn without_words<'t>(text: &'t [u8], is_between: impl Fn(u8) -> bool, words: &[&str]) -> &'t [u8] {
    const MOST: usize = 3;
    let mut rest = part(text, &is_between).0;
    for _ in 0..MOST {
        let (head, word) = part(rest, is_word);
        if !is_one_of(word, words) {
            break;
        }
        rest = part(head, &is_between).0;
    }
    rest
}
