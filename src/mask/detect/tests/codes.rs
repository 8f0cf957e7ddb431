//! Codes and PINs, which only their key gives away.

use super::{goes, text};

#[test]
fn a_code_is_found_behind_its_key_whatever_wraps_it() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "cvv=Optional[#]",
            "Charge { cvv: Some(\"#\") }",
            "[\"cvv\"]=>\n  string(3) \"#\"",
            "    [cvv] => #\n",
            "s:3:\"cvv\";s:3:\"#\";",
            "<cvv><![CDATA[#]]></cvv>",
            "<tr><td>cvv</td><td>#</td></tr>",
            "<key>cvv</key><string>#</string>",
            "{\"key\":\"cvv\",\"value\":{\"stringValue\":\"#\"}}",
            "{\"k\":\"cvv\",\"v\":\"#\"}",
            "<f k=\"cvv\">#</f>",
            "form-data; name=\"cvv\"\r\n\r\n#\r\n--x",
            "on field 'cvv': rejected value [#]",
            "card[cvv]=#",
            "CVV: <b>#</b>",
            "<span>CVV</span>: <span>#</span>",
            "cvv:(*string)\"#\"",
            "Cvv: (string) (len=3) \"#\"",
            "cvv: i32 = #",
            "Incorrect string value: '#' for column 'cvv' at row 1",
            "Rejected value [#] for field 'cvv'",
            "cvv 是 #",
            "the CVV on the back is #",
            "CVV__c=#",
            "obj[\"cvv\"] = \"#\"",
            "[cvv] #",
            "cvv **#**",
            "**cvv: #** declined",
            "- **card ok, cvv #**, x",
            "b'\\x83\\xa3pan\\xa3cvv\\xa3#\\xa3amt'",
            "what is your CVV? Customer: #",
            "Could I take the CVV please? Customer: sure, #",
            "客服：背面安全码是？ 客户：#",
            "cvv [3]: #",
            "cvv | #",
            "cvv; #",
            "cvv\n#",
            "java -Dcvv=# -jar pay.jar",
            "security code on the back: #",
            "Key (cvv)=(#) already exists",
            "Sicherheitscode: #",
            "セキュリティコード：#",
            "卡背面三位数字#",
            "验证码(CVV2)：#",
            "卡背面码（CVN2）: #",
            "校验值（CVV2 code）＝#",
            "校验码：#（信用卡）",
            "an_quan_ma: #",
            "<input type=\"password\" name=\"cvc\" maxlength=\"4\" value=\"#\"/>",
            "<input value=\"#\" id=\"f-3\" class=\"form-control form-control-lg\" autocomplete=\"cc-csc\" name=\"cvc\">",
            "{\"key\":\"cvc\",\"stringValue\":\"#\"}",
            "{\"name\":\"cvc\",\"meta\":{\"max\":4},\"value\":\"#\"}",
            "{\\\"key\\\":\\\"cvc\\\",\\\"stringValue\\\":\\\"#\\\"}",
            "{\"fieldName\":\"cvc\",\"fieldValue\":\"#\"}",
            "{\"name\"=>\"cvv\", \"value\"=>\"#\"}",
            "Field(name='cvv', required=True, value='#')",
            "env:\n  - name: CVV\n    value: \"#\"",
            "\x1b[33mcvv\x1b[0m=#",
            "\x1b[33mcvv\x1b[0m=\x1b[1;32m#\x1b[0m next",
            "cvv \x1b[1m= \x1b[0m#",
            "\\x1b[33mcvv\\x1b[0m=#\\x1b[0m",
            "{\"log\":\"\\u001b[36mcvv\\u001b[0m=#\\n\"}",
            "\\033[38;5;208mcvv\\033[0m: #",
            "^[[33mcvv^[[0m=#",
            "[33mcvv[0m=#",
        ],
    );
}

/// Each form of a table: `NAME` stands at the head of the column in which the value `#` stands.
const TABLES: [&str; 24] = [
    "id,NAME,took\n77,#,9",
    "id;NAME\r\n77;#\r\n78;#\r\n",
    "holder,NAME\n\"Doe, Jane\",#",
    "2026-11-26 09:00:01 INFO export: id,NAME\n77,#",
    "id\tNAME\n77\t#",
    "| id | NAME |\n|----|:--:|\n| 77 | # |",
    "+----+------+\n| id | NAME |\n+----+------+\n| 77 | #  |\n| 78 | # |\n+----+------+",
    " id | NAME \n----+------\n 77 | #\n(1 row)",
    "id   NAME\n---- ----\n77   #",
    " NAME \n------\n #\n(1 row)",
    "WHO     NAME  STATE\nbob     #  OK\namy x   #  OK",
    "   who  NAME\n0  amy  #\n1  bob  #",
    "COPY t (id, NAME) FROM stdin;\n77\t#\n78\t#\n\\.",
    "INSERT INTO t (id, NAME) VALUES (77, '#'), (78, '#')",
    "insert into t(`NAME`) values (#)",
    "<tr><th>Id</th><th>NAME</th></tr><tr><td>77</td><td>#</td></tr>",
    "<TABLE><TR>\n<TH class='a'><b>NAME</b></TH></TR>\n<TR><TD class='a'>#</TD></TR></TABLE>",
    "{\"headers\":[\"id\",\"NAME\"],\"rows\":[[\"77\",\"#\"],[\"78\",\"#\"]]}",
    "{\"columns\": [\"id\", \"NAME\"], \"index\": [0], \"data\": [[77, \"#\"]]}",
    "{\"columns\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"NAME\"}],\"rows\":[[77,\"#\"]]}",
    "{\"values\":[[\"id\",\"NAME\"],[\"77\",\"#\"]]}",
    "{\"fields\":[\"id\",\"NAME\"],\"values\":[77,\"#\"]}",
    "{\\\"columns\\\":[\\\"id\\\",\\\"NAME\\\"],\\\"rows\\\":[[77,\\\"#\\\"]]}",
    "cols=['id', 'NAME'] rows=[(77, '#')]",
];

#[test]
fn the_head_of_a_column_speaks_for_what_stands_below_it() {
    for (name, value, hidden) in
        [("cvv", "737", "[sad.cvv]"), ("PIN", "4831", "[sad.pin]"), ("phone", "212-555-0147", "21*-***-0147")]
    {
        for table in TABLES {
            goes(value, hidden, &[&table.replace("NAME", name)]);
        }
    }
}

#[test]
fn a_number_under_the_name_of_an_id_stays() {
    for name in ["order_no", "txn_id", "Transaction", "trackingNo", "订单号"] {
        for table in TABLES {
            goes("4242424242424242", "4242424242424242", &[&table.replace("NAME", name)]);
        }
    }
    // Under any other name it is a card's.
    for name in ["pan", "number", "payer", "order card"] {
        for table in TABLES {
            goes("4242424242424242", "4242********4242", &[&table.replace("NAME", name)]);
        }
    }
}

#[test]
fn a_sentence_or_another_table_is_no_head() {
    goes(
        "4242424242424242",
        "4242********4242",
        &[
            "the order is paid, by card\n#, thanks",
            "order_no,sum\n77,1,2\n#,12",
            "order_no,sum\n77,1\n\nnote\n#,12",
            "<tr><th>order_no</th></tr></table><table><tr><td>#</td></tr>",
            "{\"columns\":[\"order_no\"],\"rows\":[[1,\"#\"]]}",
        ],
    );
    goes("7371", "7371", &["WARN   no pin\nwait   # ms", "cvv\n---\n\nid\n--\n#", "| cvv |\n| 1 |\n\n| id |\n| # |"]);
}

#[test]
fn a_code_is_found_over_the_signs_that_join_it_to_its_key() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "cvn2→#",
            "cvv ⇒ #",
            "cvv ⟶ '#'",
            "cvv ➜ #",
            "cvv -> #",
            "CVV [3 digits]: #",
            "CVV (3 digits) = #",
            "cvv[0..3]=\"#\"",
            "「安全码」：「#」",
            "『cvv』=『#』",
            "【CVN2】#",
            "《cvv》：《#》",
            "安全码（CVN2）是 #",
            "${cvv}=#",
            "{{cvv}}: #",
            "{{ card.cvv }} → `#`",
            "- **CVV**: `#`",
            "pan: x\ncvv: &a '#'",
        ],
    );
    assert_eq!(text("cvv: # plain\n  737"), "cvv: # plain\n  [sad.cvv]");
    goes("1234", "[sad.pin]", &["[\"pin\",\"#\"]", "pin ⇒ #"]);
    // JSON stays what it is.
    assert_eq!(text("[\"pin\",1234]"), "[\"pin\",\"[sad.pin]\"]");
    assert_eq!(
        text(r#"{"columns":["id","cvv"],"rows":[[7,737],[8,738]]}"#),
        r#"{"columns":["id","cvv"],"rows":[[7,"[sad.cvv]"],[8,"[sad.cvv]"]]}"#
    );
}

#[test]
fn each_value_of_a_pair_a_change_or_a_list_is_one_of_its_key() {
    for (before, after) in [
        ("{\"cvv\":[985,492]}", "{\"cvv\":[\"#\",\"#\"]}"),
        ("{\"cvv\":[\"985\",\"492\",\"111\"]}", "{\"cvv\":[\"#\",\"#\",\"#\"]}"),
        ("changed cvv: [nil, \"950\"]", "changed cvv: [nil, \"#\"]"),
        ("expected cvv 824 but got 740", "expected cvv # but got #"),
        ("cvv expected: 581 actual: 197", "cvv expected: # actual: #"),
        ("cvv mismatch: expected 581, got 197", "cvv mismatch: expected #, got #"),
        ("cvv changed from 326 to 983", "cvv changed from # to #"),
        ("cvv changed: 857 -> 501", "cvv changed: # -> #"),
        ("CVV old 402 new 741", "CVV old # new #"),
        ("cvv: \"987\" → \"828\"", "cvv: \"#\" → \"#\""),
        ("cvv: null -> 828", "cvv: null -> #"),
        ("cvv (old: 326, new: 983)", "cvv (old: #, new: #)"),
        ("Cvv{old=326,new=983}", "Cvv{old=#,new=#}"),
        ("cvv updated 326 → 983", "cvv updated # → #"),
        ("cvv mismatch: 326 != 983", "cvv mismatch: # != #"),
        ("CVV由326改为983", "CVV由#改为#"),
        (
            "{\"diff\":{\"cvv\":{\"old\":\"670\",\"new\":\"802\"}}}",
            "{\"diff\":{\"cvv\":{\"old\":\"#\",\"new\":\"#\"}}}",
        ),
        ("{\"cvv\":{\"$ne\":null,\"$eq\":\"516\"}}", "{\"cvv\":{\"$ne\":null,\"$eq\":\"#\"}}"),
    ] {
        let after = after.replace('#', "[sad.cvv]");
        assert_eq!(text(before), after, "{before}");
        assert_eq!(text(&after), after, "masked again: {before}");
    }
    for (before, after) in [("cvv:#012465", "cvv:#012[sad.cvv]"), ("cvv: #012 ok", "cvv: #[sad.cvv] ok")] {
        assert_eq!(text(before), after);
        assert_eq!(text(after), after, "masked again: {before}");
    }
    assert_eq!(text("支付密码：旧328671 新188267"), "支付密码：旧[sad.pin] 新[sad.pin]");
    goes("314092F4452D0AA2", "[sad.pin]", &["translated pin block from # to #", "pin block: # -> #"]);
}

#[test]
fn a_code_is_found_where_another_member_has_its_name() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "{\"field\":\"cvv\",\"old\":\"#\",\"new\":\"#\"}",
            "{\"field\":\"cvv\",\"before\":\"#\"}",
            "{\"param\":\"cvc\",\"input\":\"#\",\"error\":\"too short\"}",
            "{\"type\":\"string_too_long\",\"loc\":[\"body\",\"cvv\"],\"input\":\"#\"}",
            "{\"credentials\":{\"type\":\"cvv\",\"value\":\"#\"}}",
            "{\"name\":\"card-cvc\",\"userInput\":\"#\"}",
            "{\"n\":\"cvc\",\"t\":\"str\",\"v\":\"#\"}",
            "{\"instancePath\":\"/cvv\",\"keyword\":\"maxLength\",\"data\":\"#\"}",
            "{\"column\":\"cvv\",\"from\":\"#\",\"to\":\"#\"}",
            "<change field=\"cvv\" old=\"#\" new=\"#\"/>",
            "<s:element name=\"CVV2\"><s:value>#</s:value></s:element>",
        ],
    );
}

#[test]
fn a_code_is_found_in_a_prefix_a_type_and_in_sql() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "('cvv', b'#')",
            "{'cvv': u'#', 'x': u'y'}",
            "Card(cvv=r'#')",
            "{'cvv': SecretStr('#')}",
            "Card(pan='x', cvv=SecretStr('#'))",
            "cvv=Just \"#\"",
            "WHERE cvv IN ('#')",
            "WHERE cvv LIKE '#'",
            "SELECT '#' AS cvv",
            "SELECT 'x' pan, '#' cvv FROM dual",
        ],
    );
}

/// What joins a code to its key joins nothing else to it.
#[test]
fn numbers_beside_the_key_of_a_code_stay() {
    for kept in [
        "cvv_result=404",
        "{\"field\":\"cvv_result\",\"new\":\"404\"}",
        "pin attempts 3",
        "pin attempts: 3000",
        "pin attempts → 3000",
        "cvv check failed with 404",
        "cvv check → 404",
        "[cvv] 200 OK",
        "【cvv】 200 OK",
        "{\"pin\":{\"ttl\":3600,\"attempts\":3}}",
        "{\"cvv\":{\"length\":3,\"max\":999}}",
        "{\"type\":\"cvv\",\"status\":404}",
        "{\"field\":\"amount\",\"old\":\"404\",\"new\":\"500\",\"note\":\"no cvv\"}",
        "pin changed at 10:15",
        "pin changed 2026-11-26",
        "pin changed to 2026-11-26",
        "pin reset after 3000 ms",
        "cvv changed from 10.0.0.1",
        "amount changed from 100 to 200, cvv ok",
        "cvv ok, expected 200 but got 404",
        "no cvv ⇒ 404 not found",
        "{\"path\":\"/pin\",\"received\":2048}",
        "the '404' cvv error",
        "SELECT '404' AS cvv_result",
        "[\"cvv\",\"pan\",404]",
    ] {
        assert_eq!(text(kept), kept);
    }
    // Nor is what stands in place of a code the key of what follows.
    goes(
        "737",
        "[sad.cvv]",
        &["cvv=#, 404", "cvv=#: 404", "cvv=# → ok (404)", "Array\n(\n    [cvc] => #\n    [amount] => 100\n)"],
    );
    assert_eq!(text("cvv 737 in 404 ms"), "cvv [sad.cvv] in 404 ms");
}

#[test]
fn a_pin_block_is_found_by_its_data_element_too() {
    goes(
        "0412AC89ABCDEF67",
        "[sad.pin]",
        &[
            "DE52=#",
            "F52: #",
            "DE052 [#]",
            "P-52=#",
            "F[52]=\"#\"",
            "bit 52 = #",
            "field 52: #",
            "[052](16) #",
            "<field id=\"52\" value=\"#\"/>",
            "<field id=\"52\" type=\"binary\" value=\"#\"/>",
            "[52]=#",
            "[35] = \"x\" [52] = \"#\"",
            "epinblock=#",
            "PINBlock_ISO0: #",
            "[3] 000000\n[52] #",
            "{2:0, 52:#}",
            "pin block under ZPK: #",
            "PIN block (format 0) #",
            "pinBlockHex=#",
            "客户密码密文(PINBLOCK)：#",
            "F52(PIN Data): #",
            "第52域：#",
            "DE052(个人标识码): #",
            "<EncrptdPINBlck>#</EncrptdPINBlck>",
            "PIN密文块:#",
            "\x1b[36mpin_block\x1b[0m=#",
            "msg[2]=0 msg[52]=#",
            "[3:000000][4:000000000100][52:#]",
            "0200 fields: 003:003000 004:000000001000 011:989543 052:#",
            "{\"iso\":{\"003\":\"0\",\"052\":\"#\"}}",
            "Set(52, \"#\")",
            "isoMsg.setField(52, '#')",
        ],
    );
    goes(
        "63 55 19 EA 16 27 A1 DB",
        "[sad.pin]",
        &["pin-block=#", "PIN block: #", "DE52: #", "pinBlock=[#]", "pin block under ZPK: #"],
    );
    goes("AB:CD:EF:EA:16:27:A1:DB", "[sad.pin]", &["pin-block=#", "F52 [#]"]);
    goes("63, 0x55, 0x19, 0xEA, 0x16, 0x27, 0xA1, 0xDB", "[sad.pin]", &["uint8_t pin_block[8] = { 0x# };"]);
    for block in ["0412 AC89 ABCD EF67", "ABCD-EF67-0412-8989", "FDEC 0412 AC89 ABCD"] {
        goes(
            block,
            "[sad.pin]",
            &[
                "PIN block: #",
                "pin_block=#",
                "\"pinBlock\": \"#\"",
                "DE52: #",
                "PIN block: # 2026-11-27",
                "pin block # 1227",
            ],
        );
    }
    for kept in
        ["pin ok, span 0412 AC89 ABCD EF67", "pin block ok at fe80:0412:ac89:abcd:ef67", "PIN block of 0412 AC89"]
    {
        assert_eq!(text(kept), kept);
    }
}
