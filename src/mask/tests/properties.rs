//! What holds for any text and any planted value.

use proptest::prelude::*;

use super::*;

fn luhn_completed(prefix: &str, digits: &[u8]) -> String {
    let head: String = prefix.chars().chain(digits.iter().map(|d| char::from(b'0' + d % 10))).take(15).collect();
    (0..10).map(|last| format!("{head}{last}")).find(|number| detect::pan::luhn(number.as_bytes())).unwrap()
}

/// A planted value and the part of it that must not survive.
fn secret() -> impl Strategy<Value = (String, String)> {
    let digits = || proptest::collection::vec(0u8..10, 15);
    prop_oneof![
        (prop_oneof![Just("4"), Just("51"), Just("2221"), Just("62"), Just("3528")], digits()).prop_map(
            |(prefix, digits)| {
                let number = luhn_completed(prefix, &digits);
                (number.clone(), number[4..12].to_owned())
            }
        ),
        ("1[3-9][0-9]{9}")
            .prop_map(|number| (number.clone(), number[3..7].to_owned()))
            .prop_map(|(number, _)| (number.clone(), number)),
        (1950u32..2005, 1u32..13, 1u32..29, 0u32..1000).prop_map(|(year, month, day, sequence)| {
            let head = format!("440524{year:04}{month:02}{day:02}{sequence:03}");
            let number = "0123456789X"
                .chars()
                .map(|last| format!("{head}{last}"))
                .find(|n| detect::cn_id::is_valid(n.as_bytes()))
                .unwrap();
            (number.clone(), number)
        }),
        ("[a-z]{5,12}", "[a-z]{3,9}")
            .prop_map(|(local, domain)| (format!("{local}@{domain}.com"), format!("{local}@"))),
    ]
}

fn write_as(writing: usize, secret: &str) -> String {
    match writing {
        0 => secret.to_owned(),
        1 => secret
            .chars()
            .map(|c| if c.is_ascii_digit() { char::from_u32(c as u32 + 0xFEE0).unwrap() } else { c })
            .collect(),
        2 => secret.chars().map(|c| format!("\\u{:04x}", c as u32)).collect(),
        3 => secret.bytes().map(|b| format!("%{b:02X}")).collect(),
        4 => secret.chars().map(|c| format!("&#{};", c as u32)).collect(),
        5 => secret.chars().flat_map(|c| [c, '\u{200b}']).collect(),
        6 => base64::Engine::encode(&base64::prelude::BASE64_STANDARD, secret),
        _ => format!("{{\\\"value\\\":\\\"{secret}\\\"}}"),
    }
}

/// Undoes every writing that the test uses, so that what survived shows.
fn plain(text: &str) -> String {
    let mut views = [fold::View::default(), fold::View::default(), fold::View::default()];
    let [first, second, raw] = &mut views;
    first.fold_text(text);
    let plain = if second.unescape(first.source(), raw) { &second.bytes } else { &first.bytes };
    String::from_utf8_lossy(plain).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_planted_value_survives((value, hidden) in secret(), writing in 0usize..8, before in "(|paid |note: |用户|\")", after in "(| ok|\"|, x|。)", place in 0usize..5) {
        let planted = format!("{before}{}{after}", write_as(writing, &value));
        let masked = match place {
            0 => text(&planted),
            1 => attribute("note", string(&planted)),
            2 => attribute("note", Value::Array(vec![map("x", string(&planted))])),
            3 => attribute("note", Value::Bytes(Cow::Owned(planted.clone().into_bytes()))),
            _ => attribute(&planted, string("x")),
        };
        prop_assert!(!plain(&masked).contains(&hidden), "{planted} in {masked}");
        prop_assert!(writing != 6 || !masked.contains(&write_as(6, &value)), "{planted} in {masked}");
    }

    #[test]
    fn any_split_into_attributes_masks_no_less(secrets in proptest::collection::vec((secret(), "(|paid |用户|, )"), 1..6), split in 0usize..6) {
        let text = |secrets: &[((String, String), String)]| {
            secrets.iter().map(|((value, _), before)| format!("{before}{value};")).collect::<String>()
        };
        let (first, second) = secrets.split_at(split.min(secrets.len()));
        let values = [first, second].map(|part| string(&text(part)));
        let attributes = values.into_iter().map(|value| KeyValue { key: "note".into(), value }).collect();
        let apart = content(context(By::Sender), LogRecord { attributes, ..LogRecord::default() });
        let whole = content(context(By::Sender), LogRecord { body: string(&text(&secrets)), ..LogRecord::default() });
        for ((_, hidden), _) in &secrets {
            prop_assert!(!apart.contains(hidden) && !whole.contains(hidden), "{apart} {whole}");
        }
    }

    #[test]
    fn masking_twice_is_masking_once(noise in "\\PC{0,80}", (value, _) in secret(), more in "[0-9cvpin@.:=%\\\\&;D*x -]{0,60}") {
        for before in [format!("{noise}{value}{more}"), more.clone(), format!("{more}{noise}")] {
            let once = text(&before);
            prop_assert_eq!(text(&once), once, "{}", before);
        }
    }

    #[test]
    fn random_ids_are_kept(id in "[0-9a-f]{32}", number in 1_600_000_000_000_000_000u64..1_900_000_000_000_000_000) {
        for kept in [format!("trace {id}"), format!("at {number} {} {}", number / 1_000, number / 1_000_000)] {
            prop_assert_eq!(text(&kept), kept);
        }
    }
}
