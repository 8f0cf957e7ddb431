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
    "{\"columns\": [\"id\", \"NAME\"], \"index\": [0], \"data\": [[77, #]]}",
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
    goes("1234", "[sad.pin]", &["[\"pin\",#]", "pin ⇒ #"]);
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

/// Lists of cards have the code behind the number and its date, without a name.
#[test]
fn a_code_is_found_behind_a_card_number_and_its_date() {
    const CARD: &str = "4242424242424242";
    const MASKED: &str = "4242********4242";
    for row in [
        "#|12|27|737",
        "#|12|2027|737|DOE JOHN",
        "#,12/27,737",
        "#, 12, 2027, 737",
        "#;12/27;737;x",
        "#|12/27|737",
        "#\t12/27\t737",
        "#\t12/27\t737\tUS",
        "#|12|27|737\n#|01|28|737",
        "# 12/27 737",
        "# 12/2027 737\n",
    ] {
        let (given, masked) = (row.replace('#', CARD), row.replace('#', MASKED).replace("737", "[sad.cvv]"));
        assert_eq!(text(&given), masked, "{row}");
        assert_eq!(text(&masked), masked, "masked again: {row}");
    }
    assert_eq!(text("378282246310005|12|27|7373"), "3782*******0005|12|27|[sad.cvv]");
    for kept in [
        "#|13|27|737",
        "#|12|27|7373",
        "#|12|27|73",
        "#|12|27|737.50",
        "#,12,27;737",
        "# 12/27 737 CNY",
        "# 12/27 737ms",
        "#|12|27",
        "#|1227|7371234",
        "# 12/27/737x",
        "#,11,25,500.00,EUR",
        "#,11/25,500,EUR",
        "#;11;25;500;EUR",
        "#,10,11,192.168.1.1",
        "# 1130 250",
        "#|0930|200|OK",
        "# 12/24 100%",
        "GET /cards/#/12/24/100",
        "#|12|27|212-555-0147",
        "#|12|27|150|978",
    ] {
        assert_eq!(text(&kept.replace('#', CARD)), kept.replace('#', MASKED), "{kept}");
    }
}

#[test]
fn a_code_is_found_behind_the_card_that_it_is_of() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "CVV for card ending 4242 is #",
            "CVV for card ending in 4242: #",
            "cvv of the card ending with 4242 was #",
            "CVV for card ****4242: #",
            "CVV2 for card 4242********4242 = #",
            "security code for my card xxxx-4242 is #",
        ],
    );
    goes("1234", "[sad.pin]", &["PIN for card ending 4242 is #", "PIN for the card ending in 4242: #"]);
    for kept in [
        "cvv for card ending 4242, 737 retries",
        "checked cvv for card ending 4242 and 737 others",
        "card ending 4242 is 737 days old",
    ] {
        assert_eq!(text(kept), kept);
    }
}

/// What a flattened record would have as one key, `card.security.code`.
#[test]
fn a_code_is_found_by_its_name_and_those_of_the_objects_around_it() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            r##"{"card":{"number":"x","security":{"code":"#"}}}"##,
            r##"{"security":{"code":"#"}}"##,
            r##"{"security": {"present": true, "code": "#"}}"##,
            r##"{"card": {"verification": {"code": "#"}}}"##,
            r##"{\"security\":{\"code\":\"#\"}}"##,
            "{'security': {'code': '#'}}",
        ],
    );
    goes("0412AC89ABCDEF67", "[sad.pin]", &[r##"{"pin":{"block":"#"}}"##]);
    assert_eq!(text(r#"{"security":{"code":737}}"#), r#"{"security":{"code":"[sad.cvv]"}}"#);
    for kept in [
        r#"{"error":{"code":"737"}}"#,
        r#"{"status":{"code":200}}"#,
        r#"{"security":{"code":"73741"}}"#,
        r#"{"security":{"level":"737"}}"#,
        r#"{"security":[],"code":"737"}"#,
        r#"{"security":{},"code":"737"}"#,
    ] {
        assert_eq!(text(kept), kept);
    }
}

/// A statement names the columns, and what it is given stands behind it.
#[test]
fn a_code_is_found_among_the_parameters_of_a_statement() {
    goes(
        "737",
        "[sad.cvv]",
        &[
            "UPDATE cards SET (holder, cvv) = ('DOE', '#') WHERE id = 7",
            "UPDATE cards SET (holder,cvv)=('DOE',#)",
            "execute <unnamed>: INSERT INTO cards (holder, cvv) VALUES ($1, $2)\nDETAIL:  parameters: $1 = 'DOE', $2 = '#'",
            "INSERT INTO c (a, cvv) VALUES ($1, $2), ($3, $4); $1='x', $2='[sad.cvv]', $3='y', $4='#'",
            "insert into cards (cvv, holder) values ($1, $2) parameters: $1 = #, $2 = 'DOE'",
            "exec sp_executesql N'INSERT INTO c (a, cvv) VALUES (@p0, @p1)', N'@p0 varchar(19), @p1 varchar(4)', @p0 = '42', @p1 = '#'",
            "exec sp_executesql N'INSERT INTO c (a, cvv) VALUES (@p0, @p1)', N'@p0 int, @p1 int', @p0=42, @p1=N'#'",
            "INSERT INTO c (a, cvv) VALUES (:a, :code) -- {:a = 1, :code = #}",
        ],
    );
    for kept in [
        "INSERT INTO cards (cvv, retries) VALUES ($1, $2) parameters: $1 = NULL, $2 = '737'",
        "SELECT cvv FROM cards WHERE id = $1 parameters: $1 = '737'",
        "UPDATE cards SET (cvv_result, retries) = ('M', 737)",
    ] {
        assert_eq!(text(kept), kept);
    }
}

/// What was near a code was masked without it, and must be beside it.
#[test]
fn what_stands_beside_a_code_is_masked_too() {
    for (given, masked) in [
        ("pin_block=ABCDEFABCDEFABC1 a@b.co", "pin_block=[sad.pin] *@b.co"),
        ("pin block 12 AB CD EF AB CD EF AB a@b.co", "pin block [sad.pin] *@b.co"),
        ("pin: 1234 4242 4242 4242 4242", "pin: [sad.pin] 4242 **** **** 4242"),
        ("cvv: 1234 4242 4242 4242 4242", "cvv: [sad.cvv] 4242 **** **** 4242"),
        ("pin: 1234 5678 4242 4242 4242 4242", "pin: [sad.pin] 5678 4242 **** **** 4242"),
        ("pin block 0412 AC89 ABCD EF67 accepted", "pin block [sad.pin] accepted"),
        ("pin block 0412 AC89 ABCD EF67 4242424242424242", "pin block [sad.pin] 4242********4242"),
        ("id,kind,cvv\n1,order,[sad.cvv]\n2,refund,738", "id,kind,cvv\n1,order,[sad.cvv]\n2,refund,[sad.cvv]"),
        ("id|kind|pin\n1|invoice|[sad.pin]\n2|refund|4821", "id|kind|pin\n1|invoice|[sad.pin]\n2|refund|[sad.pin]"),
        ("id,cvv [sad.cvv],pin\n2,737,4821", "id,cvv [sad.cvv],pin\n2,737,[sad.pin]"),
        ("378282246310005|12|27|4242-4242-4242-4242", "3782*******0005|12|27|4242-****-****-4242"),
        ("378282246310005,12,27,5555 5555 5555 4444", "3782*******0005,12,27,5555 **** **** 4444"),
        ("4242424242424242|12|27|138-1234-5678", "4242********4242|12|27|138-****-5678"),
        ("4242 4242 4242 4242 12 27 138 1234 5678", "4242 **** **** 4242 12 27 138 **** 5678"),
        ("order for card ending in 4242 is 6011000990139424", "order for card ending in 4242 is 6011********9424"),
        ("amount for card ending in 4242: 13912345678", "amount for card ending in 4242: 139****5678"),
        ("paid at parking meter 4242424242424242", "paid at parking meter 4242********4242"),
        (r#"{"security":{"code":"1234-bobby@example.com"}}"#, r#"{"security":{"code":"12********@example.com"}}"#),
    ] {
        assert_eq!(text(given), masked);
        assert_eq!(text(masked), masked, "masked again");
    }
}

/// What stands in place of a code is a value: it calls nothing beside it a code, neither at once nor when it is masked again.
#[test]
fn a_masked_code_is_no_key() {
    for (given, masked) in [
        (
            r#"{"security":{"code":737},"old":100,"new":200}"#,
            r#"{"security":{"code":"[sad.cvv]"},"old":100,"new":200}"#,
        ),
        (
            r#"{"card":{"security":{"code":"737"}},"number":1000}"#,
            r#"{"card":{"security":{"code":"[sad.cvv]"}},"number":1000}"#,
        ),
        (
            r#"{"name":"4242424242424242|12|27|737","value":500}"#,
            r#"{"name":"4242********4242|12|27|[sad.cvv]","value":500}"#,
        ),
        (
            r#"{"card":{"number":"4242","security":{"code":"737"}}}"#,
            r#"{"card":{"number":"4242","security":{"code":"[sad.cvv]"}}}"#,
        ),
        (r#"{"card":{"number":4242,"code":"737"}}"#, r#"{"card":{"number":4242,"code":"[sad.cvv]"}}"#),
        ("Card(number=4242, security-code=737)", "Card(number=4242, security-code=[sad.cvv])"),
        ("CVV for card ending in 4242 is 737,x\n500,y", "CVV for card ending in 4242 is [sad.cvv],x\n500,y"),
        (
            "[\"{\\\"security\\\": {\\\"code\\\": 737}}\",\n 498,\n 8725]",
            "[\"{\\\"security\\\": {\\\"code\\\": \\\"[sad.cvv]\\\"}}\",\n 498,\n 8725]",
        ),
    ] {
        assert_eq!(text(given), masked);
        assert_eq!(text(masked), masked, "masked again");
    }
}

#[test]
fn what_is_said_of_a_card_beside_its_code_stays() {
    for kept in [
        "cvv error for card ending 4242 is 401",
        "cvv mismatch for card ending in 4242: 402",
        "cvv for card ending in 4242: 503 Service Unavailable",
        "cvv for card ending in 4242: 737 ms",
        "pin for card ending in 4242 was 2026-11-27",
        "cvv for card 1234567: 404",
        r#"{"verification":{"value":"2026-11-27T10:00:00Z"}}"#,
        r#"{"card":{"code":"192.168.1.1"}}"#,
        r#"{"card":{"code":"404 Not Found"}}"#,
        r#"{"card":{"code":404}}"#,
        r#"{"pin":{"block":"2048"}}"#,
        "card **** 12/27, 150",
        r#"{"pin":{"format":0,"block":"2026-11-27"}}"#,
        "pin fe80:0000:0000:0000:0412:ac89:abcd:ef67",
    ] {
        assert_eq!(text(kept), kept);
    }
}
