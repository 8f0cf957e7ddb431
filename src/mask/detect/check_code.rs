//! 校验码, 验证码 and their like in other languages: a card's code where a card is spoken of; else what an SMS brings, or what a file or a
//! letter is checked with. And 密码, any password: a card's PIN where a card is spoken of.

use super::marker;
use super::words::{is_word, without_filler};

/// 密码.
const PINYIN: &str = "mima";
/// Names, and how many digits a card's code, or its PIN, behind them has at most: what an SMS brings has four or more.
const NAMES: [(&str, usize); 28] = [
    ("校验码", 4),
    ("校驗碼", 4),
    ("校验值", 4),
    ("识别码", 3),
    ("验证码", 3),
    ("驗證碼", 3),
    ("jiaoyanma", 4),
    ("jiao_yan_ma", 4),
    ("ValidationData", 4),
    ("validation_data", 4),
    ("رمز التحقق", 4),
    ("code de vérification", 4),
    ("code de verification", 4),
    ("од проверки", 4),
    ("ОД ПРОВЕРКИ", 4),
    // A PIN, of a card that is spoken of: else what somebody logs in with.
    (PINYIN, 12),
    ("密码", 12),
    ("密碼", 12),
    ("비밀번호", 12),
    ("비밀번호는", 12),
    ("şifre", 12),
    ("şifresi", 12),
    ("şifrem", 12),
    ("şifreniz", 12),
    ("पिन", 12),
    ("clave", 12),
    ("contraseña", 12),
    ("senha", 12),
];
/// The bytes that a name may end with: most others end here.
const ENDS: [bool; 256] = {
    let (mut ends, mut at) = ([false; 256], 0);
    while at < NAMES.len() {
        let name = NAMES[at].0.as_bytes();
        ends[name[name.len() - 1].to_ascii_lowercase() as usize] = true;
        at += 1;
    }
    ends
};
/// Of these, one that stands near is enough.
const CARD: [&str; 28] = [
    "卡",
    "yinhangka",
    "kahao",
    "背面",
    "有效期",
    "银联",
    "card",
    "Card",
    "CARD",
    "cvv",
    "CVV",
    "cvn",
    "CVN",
    "cvc",
    "카드",
    "kart",
    "Kart",
    "carte",
    "Carte",
    "карт",
    "بطاقة",
    "कार्ड",
    "tarjeta",
    "Tarjeta",
    "cartão",
    "Cartão",
    "thẻ",
    "บัตร",
];
const OTHER: [&str; 9] = ["短信", "动态", "图形", "登录", "手机", "邮箱", "sms", "SMS", "otp"];

/// Whether `value`, between `before` and `after`, is such a code of something else than a card.
pub(in crate::mask) fn is_code(before: &[u8], value: &[u8], after: &[u8]) -> bool {
    let end = before.iter().rposition(|sign| is_word(*sign)).map_or(0, |last| last + 1);
    let name = before.get(..end).unwrap_or_default();
    let name = name.get(..without_filler(name)).unwrap_or_default();
    if !name.last().is_some_and(|last| ENDS[usize::from(last.to_ascii_lowercase())]) {
        return false;
    }
    let ends = |known: &str| {
        name.len()
            .checked_sub(known.len())
            .and_then(|from| name.get(from..))
            .is_some_and(|last| last.eq_ignore_ascii_case(known.as_bytes()))
    };
    let Some((known, most)) = NAMES.iter().find(|(known, _)| ends(known)) else { return false };
    // 卡片验证码 is a card's by its own name, 支付密码 a PIN.
    let owner = name.get(..name.len() - known.len()).unwrap_or_default();
    let password = *most > 4;
    if *known == PINYIN {
        // `zhifuMima` is one; alone, it is a name of persons too.
        if owner.last().is_some_and(|sign| is_word(*sign)) {
            return false;
        }
        if !before.get(end..).is_some_and(|joint| joint.contains(&b'=') || joint.contains(&b':')) {
            return true;
        }
    }
    if ["卡", "卡片", "背面", "个人", "카드", "카드 ", "atm", "एटीएम ", "कार्ड "]
        .iter()
        .any(|card| owner.to_ascii_lowercase().ends_with(card.as_bytes()))
        || (password && owner.last().is_some_and(|sign| !sign.is_ascii()))
    {
        return false;
    }
    // What stands in place of a code names it, too: a second look must see what the first one saw.
    let said = |text: &[u8], word: &str| {
        memchr::memmem::find_iter(text, word.as_bytes()).any(|at| !text.get(..at).is_some_and(marker::opens))
    };
    let holds = |words: &[&str]| words.iter().any(|word| said(before, word) || said(after, word));
    // A date, a time or a decimal is no password.
    let goes_on = matches!(after, [b'-' | b'/' | b':' | b'.', b'0'..=b'9', ..]);
    value.len() > *most || (password && goes_on) || holds(&OTHER) || !holds(&CARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_is_spoken_of_makes_a_code_its_own() {
        for (before, value, after, other) in [
            ("校验码:", "373", "（信用卡）", false),
            ("银行卡校验码", "3734", "", false),
            ("校验码:", "373", "", true),
            ("卡号 x 验证码: ", "373", "", false),
            ("卡号 x 验证码: ", "3734", "", true),
            ("卡号 x 短信验证码: ", "373", "", true),
            ("卡片验证码: ", "3734", "", false),
            ("cvv: ", "373", "", false),
            ("sms 카드 비밀번호: ", "1234", "", false),
            ("Atm密码: ", "1234", "", false),
            ("密码: ", "1234", "", true),
            ("clave: ", "4821", " tarjeta", false),
            ("clave: ", "2026", "-11-26 tarjeta", true),
            ("", "373", "", false),
        ] {
            assert_eq!(is_code(before.as_bytes(), value.as_bytes(), after.as_bytes()), other, "{before}{value}{after}");
        }
    }
}
