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

/// What a Chinese request has.
const REQUESTS: [&str; 4] = ["请", "請", "麻烦", "麻煩"];

/// What is answered with yes or no asks for no code.
const OPEN: [&str; 10] = ["did", "do", "does", "is", "was", "are", "has", "have", "when", "why"];

/// Where the question ends that an answer follows: `what is your cvv? Customer: sure, `, `CVV是多少？——`.
pub(super) fn of_question(before: &[u8]) -> Option<usize> {
    let apart = |sign: u8| is_blank(sign) || matches!(sign, b',' | b'.' | b'-' | b'~');
    let answer = without_words(before, apart, &SO);
    let (said, who) = match answer.strip_suffix(b":") {
        Some(named) => part(named, is_word),
        None => (answer, &b""[..]),
    };
    let said = part(said, |sign| sign.is_ascii_whitespace()).0;
    let asked = said.strip_suffix(b"?").or_else(|| said.strip_suffix("؟".as_bytes()));
    let question = match asked {
        Some(question) => question,
        // A full stop of Chinese is read as `;`.
        None => requested(said.strip_suffix(b";").unwrap_or(said)).filter(|_| !who.is_empty())?,
    };
    // On a line of its own stands an answer only with who gives it.
    if who.is_empty() && before.get(question.len()..)?.contains(&b'\n') {
        return None;
    }
    let first = last_sentence(question).trim_ascii_start().split(|sign| !is_word(*sign)).next()?;
    if is_one_of(first, &OPEN) || !(who.is_empty() || is_one_of(who, &WHO)) {
        return None;
    }
    let asked = without_words(question, apart, &ASKS);
    Some(sign_of(asked, &CHINESE).unwrap_or(asked).len())
}

/// What is said, where it is a Chinese request: `请提供安全码`.
fn requested(said: &[u8]) -> Option<&[u8]> {
    let sentence = last_sentence(said);
    let holds = |word: &str| memchr::memmem::find(sentence, word.as_bytes()).is_some();
    (REQUESTS.into_iter().any(holds) && !holds("不")).then_some(said)
}

fn last_sentence(text: &[u8]) -> &[u8] {
    let near = text.get(text.len().saturating_sub(KEY)..).unwrap_or_default();
    let end = near.iter().rposition(|sign| matches!(sign, b'.' | b'?' | b'!' | b':' | b';' | b'\n'));
    end.and_then(|end| near.get(end + 1..)).unwrap_or(near)
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
