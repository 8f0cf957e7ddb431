//! Postal Index Numbers of India, which are called PIN codes and are no secret.
//!
//! Six digits behind `pincode`, written as one word, are taken for one; behind `PIN code` only where words around it speak of a
//! place. What is neither said to be a place's nor has the digits of one is a customer's secret: a code lost costs less than a
//! PIN kept.

use super::words::is_word;

/// Bytes before a number and behind it in which words are looked for.
pub(in crate::mask) const BEFORE: usize = 96;
pub(in crate::mask) const AFTER: usize = 48;

/// Words of an address.
const PLACE: [&str; 39] = [
    "postal",
    "post",
    "postcode",
    "zip",
    "address",
    "addr",
    "shipping",
    "ship",
    "delivery",
    "deliver",
    "delivered",
    "billing",
    "city",
    "state",
    "district",
    "town",
    "village",
    "taluk",
    "tehsil",
    "area",
    "street",
    "road",
    "locality",
    "landmark",
    "country",
    "india",
    "nagar",
    "serviceable",
    "courier",
    "warehouse",
    "location",
    "region",
    "branch",
    "pickup",
    "hub",
    "mumbai",
    "delhi",
    "bengaluru",
    "maharashtra",
];
/// Those that are said of nothing else, and its parts' names in objects.
const ADDRESS: [&str; 19] = [
    "address",
    "addr",
    "addressline",
    "city",
    "district",
    "taluk",
    "tehsil",
    "village",
    "area",
    "locality",
    "landmark",
    "nagar",
    "marg",
    "colony",
    "postal",
    "postoffice",
    "delivery",
    "shipping",
    "serviceable",
];
const CITIES: [&str; 16] = [
    "mumbai",
    "delhi",
    "bengaluru",
    "bangalore",
    "pune",
    "chennai",
    "hyderabad",
    "kolkata",
    "ahmedabad",
    "jaipur",
    "lucknow",
    "noida",
    "gurgaon",
    "gurugram",
    "kochi",
    "maharashtra",
];
/// What the text of a payment holds.
const CARD: [&str; 8] = ["pan", "cardno", "cardnumber", "cvv", "cvc", "expiry", "exp", "pinblock"];
/// Words of what only a card's holder knows.
const SECRET: [&str; 20] = [
    "atm",
    "card",
    "debit",
    "credit",
    "bank",
    "payment",
    "transaction",
    "security",
    "secret",
    "enter",
    "entered",
    "your",
    "wrong",
    "invalid",
    "incorrect",
    "new",
    "old",
    "upi",
    "customer",
    "cardholder",
];

/// Whether `value`, between `before` and `after`, is a postal code and not a PIN. One of India's has six digits, of which the first
/// is a zone (9 that of the army); what is called `pincode` may be any country's.
pub(in crate::mask) fn is_code(before: &[u8], value: &[u8], after: &[u8]) -> bool {
    let (head, plus_four) = value.split_at_checked(5).unwrap_or((value, b""));
    let zip = matches!(plus_four, [] | [b'-', _, _, _, _]) && head.len() == 5 && head.iter().all(u8::is_ascii_digit);
    let six = value.len() == 6 && value.iter().all(u8::is_ascii_digit);
    if !six && !zip {
        return false;
    }
    let end = before.iter().rposition(|sign| is_word(*sign)).map_or(0, |last| last + 1);
    let before = before.get(..end).unwrap_or_default();
    let Some(head) = without_suffix(before, b"code") else { return six && is_bare(before, value, after) };
    let parted = head.last().is_some_and(|sign| matches!(sign, b' ' | b'_' | b'-' | b'.'));
    let head = if parted { head.get(..head.len() - 1).unwrap_or_default() } else { head };
    let Some(head) = without_suffix(head, b"pin").filter(|head| !head.last().is_some_and(u8::is_ascii_alphanumeric))
    else {
        return false;
    };
    let of_place = || six && value.first() != Some(&b'0') && (holds(head, &PLACE) || holds(after, &PLACE));
    !holds(head, &SECRET) && (!parted || of_place())
}

/// Whether a number that is called no more than `pin` is a postal code: what is near must be said of an address alone, and nothing of a
/// card.
fn is_bare(before: &[u8], value: &[u8], after: &[u8]) -> bool {
    let Some(head) = without_suffix(before, b"pin").filter(|head| !head.last().is_some_and(u8::is_ascii_alphanumeric))
    else {
        return false;
    };
    value.first() != Some(&b'0')
        && (holds(head, &ADDRESS) || holds(head, &CITIES) || holds(after, &CITIES))
        && !holds(head, &SECRET)
        && !holds(head, &CARD)
}

fn without_suffix<'b>(text: &'b [u8], suffix: &[u8]) -> Option<&'b [u8]> {
    let (head, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(head)
}

fn holds(text: &[u8], words: &[&str]) -> bool {
    text.split(|sign| !sign.is_ascii_alphabetic())
        .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_or_one_word_makes_a_postal_code_of_it() {
        for (before, value, after, is_it) in [
            ("pincode ", "560001", "", true),
            ("\"pincode\":\"", "560001", "\"", true),
            ("address.pincode", "560001", "", true),
            ("shipping to PIN code ", "560001", "", true),
            ("postal PIN code: ", "482913", "", true),
            ("\"city\":\"Pune\",\"pin_code\":\"", "411001", "\"", true),
            ("pin_code=", "411001", "&state=MH", true),
            ("pin code: ", "482913", "", false),
            ("pin_code", "482913", "", false),
            ("pincode=", "1234", "", false),
            ("pincode=", "012345", "", true),
            ("pincode='", "62051", "-1055'", true),
            ("pincode", "62051-1055", "", true),
            ("city Pune, pin code ", "012345", "", false),
            ("city Pune, pin code ", "62051", "", false),
            ("your pincode ", "560001", "", false),
            ("card pincode ", "560001", "", false),
            ("pin: ", "560001", " city", false),
            ("city=Pune pin=", "411001", "", true),
            ("PIN - ", "560034", ", Bangalore", true),
            ("city=Pune pin=", "4110", "", false),
            ("city=Pune pin=", "011001", "", false),
            ("city=Pune cvv=x pin=", "411001", "", false),
            ("POST /road pin=", "411001", "", false),
            ("pin ", "411001", "", false),
            ("spincode ", "560001", "", false),
        ] {
            assert_eq!(is_code(before.as_bytes(), value.as_bytes(), after.as_bytes()), is_it, "{before}{value}{after}");
        }
    }
}
