//! What stands around a value decides whether it is one: one row a form, each as a log would write it.

use std::borrow::Cow;
use std::sync::LazyLock;

use sealtrail_chain::ChainName;
use sealtrail_chain::content::{LogRecord, Value};

use crate::mask::signs::BLOCKS_SEEN;
use crate::mask::{Config, Engine};

mod beside;
mod codes;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let chain: ChainName = "test".parse().expect("a name");
    Engine::load(&Config::default(), "/".as_ref(), &chain).expect("the embedded rules")
});

fn text(text: &str) -> String {
    let mut record = LogRecord { body: Value::String(Cow::Owned(text.to_owned())), ..LogRecord::default() };
    ENGINE.session().record(&mut record, true);
    match record.body {
        Value::String(text) => text.into_owned(),
        _ => panic!("a text stays one"),
    }
}

/// `#` in a row stands for the value, which must go, and nothing else.
#[track_caller]
fn goes(value: &str, hidden: &str, rows: &[&str]) {
    for row in rows {
        let masked = text(&row.replace('#', value));
        assert_eq!(masked, row.replace('#', hidden), "{row}");
        assert_eq!(text(&masked), masked, "masked again: {row}");
    }
}

#[test]
fn a_card_number_is_found_in_other_writings() {
    goes(
        "4242424242424242",
        "4242********4242",
        &[
            "**#**",
            "says **card no. #** was charged twice",
            "request={Number:# CVV:[sad.cvv]}",
            "ChargeRequest[number=#, expMonth=07]",
            "{\"request\":{\"number\":\"#\"}}",
            "{\"content\":\"#\"} of a request: ok",
            "request: {\"content\":\"#\"}",
            "<Acct><Id><Othr><Id>#</Id></Othr></Id></Acct>",
            "F2 [#]",
            "order paid with #",
            "<span>#</span>",
            "<SgnAcctId>#</SgnAcctId>",
            "pan=000#",
            "bitmap=7024048020C09000 data=16#000000000000012000",
            "5A=#F 5F24=291231",
            "Card=20number:=20#=0D=0ACVV:=20[sad.cvv]=0D=0A",
            "=E5=8D=A1=E5=8F=B7=EF=BC=9A#=EF=BC=8C",
            "order 100234, # declined",
            "Duplicate entry '#' for key 'uk_card_id'",
            "orderNo=2026112600001234|#|100",
            "orderNo=2026112600001234;#",
            "orderId=2026112600001234,#,100",
            "order 1: #",
            "card 1: #",
            "the card number for this order is #",
            "card used for transaction: #",
            "receipt_#.pdf",
        ],
    );
    goes("4242 4242 4242 4242", "4242 **** **** 4242", &["20 # 8511.88", "# 2026-11-26 OK"]);
    goes("42424242\n42424242", "4242****\n****4242", &["card # wrapped", "{\"pan\":\"#\"}"]);
    // A typing error is a card number where its key says so.
    goes("4242424242424241", "4242********4241", &["{\"name\":\"card_no\",\"value\":\"#\"}", "<td>PAN</td><td>#</td>"]);
    goes("378282246310005", "3782*******0005", &["5A=#F", "tag 5A: #F, x"]);
    goes("42424242424242424245105105105105105100", "4242***********42425105********5100", &[]);
    goes("9558162872537397980", "9558***********7980", &["卡号 #", "借记卡号：#"]);
    for (before, after) in [
        ("域2[LLVAR]: 15378282246310005", "域2[LLVAR]: 153782*******0005"),
        ("LLVAR 1436227206271667 ok", "LLVAR 143622******1667 ok"),
        (
            ">> msg 02007238000108C080001662220274396596000000000000000903031126040030993156",
            ">> msg 02007238000108C08000166222********96000000000000000903031126040030993156",
        ),
        ("LLVAR35 374242424242424242D30121010000123456", "LLVAR35 37[sad.track]"),
        ("4242 4242 4242 4242 5105 1051 0510 5100", "4242 **** **** 4242 5105 **** **** 5100"),
        ("4242 4242 4242 4242 1227", "4242 **** **** 4242 1227"),
        ("card 4242 4242 4242 4242 1227 0737", "card 4242 **** **** 4242 1227 0737"),
        ("5A 08 42 42 42 42 42 42 42 42 5F 24", "5A 08 42 42 ** ** ** ** 42 42 5F 24"),
        ("9A A7 23 5A 08 42 42 42 42 42 42 42 42", "9A A7 23 5A 08 42 42 ** ** ** ** 42 42"),
        ("iccData=0x5A0842424242424242425F24", "iccData=0x5A084242********42425F24"),
        ("F2 [17622642648271960429]", "F2 [17622642648271960429]"),
        ("5A:08:42:42:42:42:42:42:42:42:5F:24", "5A:08:42:42:**:**:**:**:42:42:5F:24"),
        ("\x1b[33m4242\x1b[0m424242424242", "\x1b[33m4242\x1b[0m********4242"),
        ("pan: 42 42 42 42 42 42 42 42", "pan: 42 42 ** ** ** ** 42 42"),
        (
            "buf = { 0x5A, 0x08, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42 }",
            "buf = { 0x5A, 0x08, 0x[cardholder.pan] }",
        ),
        ("data=70 61 6e 3d 34 32 34 32 34 32 34 32 34 32 34 32 34 32 34 32", "data=[cardholder.pan]"),
        ("7b22637676223a22373337227d", "[sad.cvv]"),
        (
            "57 (Track 2 Equivalent Data): 42 42 42 42 42 42 42 42 D3 01 21 01 00 00 01 23 45 67 8F",
            "57 (Track 2 Equivalent Data): [sad.track]",
        ),
        ("track2=\"4242424242424242 = 3012 101 0000012345678\"", "track2=\"[sad.track]\""),
        (";4242 4242 4242 4242=30121010000012345678?", "[sad.track]"),
        ("4242424242424242 = 3012 units", "4242********4242 = 3012 units"),
        ("&lt;track2&gt;4242424242424242=30121010000012345678&lt;", "&lt;track2&gt;[sad.track]&lt;"),
        ("0200 F23C449108E18000 1642424242424242420000000009", "0200 F23C449108E18000 164242********42420000000009"),
        ("stan 1642424242424242420000000009", "stan 1642424242424242420000000009"),
        ("[002] LLVAR n..19 [15378282246310005]", "[002] LLVAR n..19 [153782*******0005]"),
        // What stands before asterisks may be the rest of one value and the beginning of another.
        ("4851-3233-4163-5080-153****-4279-9649-8283", "4851-3233-4163-5080-153****-4279-9649-8283"),
        ("6200-****-****-***6-151_20261123", "6200-****-****-***6-151_20261123"),
        ("6200 **** **** 0005 138 0013 8000", "6200 **** **** 0005 138 **** 8000"),
    ] {
        assert_eq!(text(before), after, "{before}");
    }
}

#[test]
fn phones_and_addresses_are_found_in_other_writings() {
    goes(
        "13800138000",
        "138****8000",
        &["#.0 called", "session of # expired", "caller id #", "订单联系人#", "座机#", "request from #"],
    );
    goes("02079460958", "020****0958", &["contact number: #", "landline=#", "{\"name\":\"phone\",\"value\":\"#\"}"]);
    for (before, after) in [
        ("<string>(020) 7946 0958</string>", "<string>(020) 7946 0958</string>"),
        ("<key>tel</key><string>(020) 7946 0958</string>", "<key>tel</key><string>(020) **** 0958</string>"),
        ("to \"john smith\"@example.com", "to \"j**********@example.com"),
        (r#"{"to":"\u90ae\u7bb1zhao.min18@163.com"}"#, r#"{"to":"\u90ae\u7bb1zh********@163.com"}"#),
        ("to=%E7%AE%B1zhao.min18@163.com", "to=%E7%AE%B1zh********@163.com"),
        (r"to\nzhao.min18@163.com", r"to\nzh********@163.com"),
        ("mail a.person@[192.0.2.14]", "mail a.******@[192.0.2.14]"),
        ("avatar/zhang.san@example.com.png", "avatar/zh*******@example.com.png"),
        ("\x1b[32mzhang.san@163.com\x1b[0m", "\x1b[32mzh*******@163.com\x1b[0m"),
        (r"\x1b[32mzhang.san@163.com\x1b[0m", r"\x1b[32mzh*******@163.com\x1b[0m"),
        ("https://zhang.san@163.com@host.example.com/x", "https://zh*******@163.com@host.example.com/x"),
        ("to +6596616535 +85293752892", "to +65****6535 +852****2892"),
        ("call me at (212) 680-6038", "call me at (21*) ***-6038"),
        ("**phone 212-680-6038** x", "**phone 21*-***-6038** x"),
        ("- **+1 212 680 6038**, x", "- **+1 21* *** 6038**, x"),
        ("**call 13800138000** now", "**call 138****8000** now"),
        (
            r#"{"phone":{"countryCode":1,"nationalNumber":"2126806038"}}"#,
            r#"{"phone":{"countryCode":1,"nationalNumber":"21****6038"}}"#,
        ),
        ("tel. 010-42914874 / 0571-71979781", "tel. 010-****4874 / 057*-****9781"),
        ("phones (212) 680-6038 / (646) 594-5760", "phones (21*) ***-6038 / (64*) ***-5760"),
        ("Phone: 212-680-6038 or 646-594-5760", "Phone: 21*-***-6038 or 64*-***-5760"),
        (r#"{"phones":["212-680-6038","646-594-5760"]}"#, r#"{"phones":["21*-***-6038","64*-***-5760"]}"#),
        (r#"{"type":"phone","value":"212-680-6038"}"#, r#"{"type":"phone","value":"21*-***-6038"}"#),
        ("phone 1: 212-680-6038", "phone 1: 21*-***-6038"),
        ("<ns:to>13800138000</ns:to>", "<ns:to>138****8000</ns:to>"),
        (
            "{\"card_ids\":[\"4242424242424242\",\"5105105105105100\"]}",
            "{\"card_ids\":[\"4242********4242\",\"5105********5100\"]}",
        ),
        ("card 42424242/42424242 ok", "card 4242****/****4242 ok"),
        ("1.138 0013 8000", "1.138 **** 8000"),
        ("Phone 512-334-6597 S. Main St", "Phone 51*-***-6597 S. Main St"),
        ("Bill: 13812345678", "Bill: 138****5678"),
        ("updated preferences <jane.doe@example.com>", "updated preferences <ja******@example.com>"),
        ("candidate references: <jane.doe@example.com>", "candidate references: <ja******@example.com>"),
        ("115.35.181.130 4598 0422", "115.35.181.130 4598 0422"),
        ("zhang.san@163.com→li.si.2@163.com", "zh*******@163.com→li*****@163.com"),
    ] {
        assert_eq!(text(before), after, "{before}");
        assert_eq!(text(after), after, "masked again: {before}");
    }
}

/// Without their automaton, all keys are asked for at every number.
#[test]
fn the_keys_of_the_embedded_rules_are_one_automaton() {
    assert!(ENGINE.rules().named(b"cvv").is_some_and(|named| named.rules != 0));
}

#[test]
fn what_stands_before_an_id_keeps_it() {
    for kept in [
        "<ns2:SpanId xmlns:ns2=\"urn:pay\">4242424242424242</ns2:SpanId>",
        "{\"name\":\"order_id\",\"value\":\"4242424242424242\"}",
        "{\"order\":{\"number\":\"4242424242424242\"}}",
        "request number: 4242424242424242",
        "request(4242424242424242)",
        "Forgot the PIN? Ticket: 48211",
        "at 10:15 052:0412AC89ABCDEF67",
        "txn 4242424242424242 reversed",
        "contract_no=4242424242424242",
        "会员号4242424242424242",
        "IBAN CH74 6185 5497 1770 0140 2",
        "CH9300762011623852957 paid",
        "uptime 13800138000 ns",
        "used 13800138000 of 28887060501 bytes",
        "card amount 679444546087",
        "msgId=162519919542404711",
        "-Xmx=17179869184",
        "seq=13685082451 next=18074694027",
        "call me on 2026-11-26 at 10:30",
        "校验码：373",
        "{\"name\":\"cvv\",\"maxLength\":\"999\"}",
        "fingerprint 5A:08:12:A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D",
        "00:1A:2B:3C:4D:5E pin ok",
        "at 10:15:33, 26-11-26 10:15",
        "card_30230bfd631118354044e8e2",
        "EAN 8615598022307",
        "pin ok trace 4bf92f3577b34da6",
        "pin block ok span_id=4bf92f3577b34da6",
        "pinblock translated, trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
        "line 52: 4bf92f3577b34da6",
        "cvv check failed with 404",
        "cvv\n404 not found",
        "validateCvv(card) 200 OK",
        "统计: 4100 5200 6300 7400 8500 笔",
        "9 4100 5200 6300 7400 8500 8600",
        "4100-5200-6300-7400-8500",
        "shipping to PIN code 560001",
        "pincode 110001",
        "Delhi, PIN Code 110001",
        "注文番号 3530118651628995 を受け付けました",
        "rechnungsnr. 4242424242424242",
        "Заказ № 4242424242424242",
        "1052域=0412AC89ABCDEF67",
        "[INFO] 52: 4bf92f3577b34da6",
        "rows[52]=4bf92f3577b34da6",
        "{\"handle\":\"@example.com\"}",
        "icon@2x.dark.png",
        "orders: 5353943913658384, 4416899983340469 and 4242424242424242",
        "WHERE order_id IN ('5353943913658384', '4242424242424242')",
        r#"{"orderIds":["5353943913658384","4242424242424242"]}"#,
        "order 5353943913658384 -> 4242424242424242",
        "quota used 13812345678 of 19912345678",
        "{&quot;orderNo&quot;:&quot;4242424242424242&quot;}",
        r#"{"message": "\u8ba2\u5355\u53f7\uff1a4242424242424242"}"#,
        "refund_no=4242424242424242",
        "商户号：4242424242424242",
        "card order no 4242424242424242",
        "Duplicate entry '4242424242424242' for key 'uk_order_no'",
        "https://pins.example.com/pin/1768382385349880",
        "mobile data 236961889 bytes",
        "phone verified at 1718000000000",
        "svc@cluster.local up",
        "req-4242424242424242 finished",
        "git clone git@gitlab.example.com:pay/core.git",
        "scp a.txt root@web1.internal:/tmp",
        "Started session-4@7.scope",
        "Message-ID: <20261126091402.395674@smtp.example.com>",
        "References: <0c2643c79d48@mx.example.com> <a71bad5675f5@mx.example.com>",
    ] {
        assert_eq!(text(kept), kept);
    }
}

/// The digits and the addresses of a text are looked for once each, whatever lies between: a text of `@` alone took time that
/// grew with the square of its length.
#[test]
fn the_work_on_a_text_grows_with_its_length() {
    let blocks = |unit: &str, length: usize| {
        let hostile: String = unit.chars().cycle().take(length).collect();
        let before = BLOCKS_SEEN.get();
        text(&hostile);
        BLOCKS_SEEN.get() - before
    };
    for unit in [
        "a@",
        "\"a\"@",
        "4",
        "4242 ",
        "57 11 42 42 42 42 42 42 ",
        "[cvv] 12 ",
        "<td>1</td>",
        "s:3:\"cvv\";s:3:\"1",
        "1.2.",
        "cvv,1\n",
        "cvv 123,4242424242424242\n",
        "|cvv|\n|--|\n|\n",
        "<th>cvv</th><td>123</td>",
        "[[4242424242424242,",
        "(cvv) VALUES (123) ",
        ",\"cvv",
    ] {
        let (one, two) = (blocks(unit, 1 << 15), blocks(unit, 1 << 16));
        assert!(two <= one * 3, "{unit}: {one} blocks, {two} of a text twice as long");
    }
}

/// One hash in a few thousand looks like a card number with its track somewhere, or begins as a telephone number ends.
#[test]
fn a_hash_is_not_looked_into_nor_joined_to_the_number_before_it() {
    use sha2::{Digest, Sha256};

    for number in 0_u64..40_000 {
        let hash = const_hex::encode(Sha256::digest(number.to_be_bytes()));
        let said = format!("records {number} to {} {hash} in {} seconds", 1_300_000 + number * 16, &hash[..32]);
        assert_eq!(text(&said), said);
    }
}
