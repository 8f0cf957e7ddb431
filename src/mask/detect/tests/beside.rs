//! Codes by their place: behind a card, over words that tell of it, in objects and statements; and what stands beside a code.

use super::{goes, text};

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
        "#|2027|12|737",
        "#|27|12|737",
        "\"#\",\"12/27\",\"737\"",
        "'#', '12', '2027', '737'",
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
    // Whoever masks a card forgets the code.
    for given in ["4242********4242|12|27|737", "\"****4242\",\"12/27\",\"737\"", "xxxx4242,12,2027,737\n"] {
        let masked = given.replace("737", "[sad.cvv]");
        assert_eq!((text(given), text(&masked)), (masked.clone(), masked), "{given}");
    }
    assert_eq!(text("378282246310005|12|27|7373"), "3782*******0005|12|27|[sad.cvv]");
    for kept in ["order #1234|12|25|100|paid", "SKU-X1234,10/2026,150,in stock", "****1111,2026,11,500,paid"] {
        assert_eq!(text(kept), kept);
    }
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
        let masked = kept.replace('#', MASKED);
        assert_eq!((text(&kept.replace('#', CARD)), text(&masked)), (masked.clone(), masked), "{kept}");
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
            "CVV for 4242********4242 is #",
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
            "card:\n  security:\n    code: #\n",
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
        "security:\n  enabled: true\n  code: 1003\n",
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
            "INSERT INTO c (a, cvv) VALUES ($1, $2::varchar) parameters: $1='x', $2='#'",
            "SELECT * FROM cards WHERE cvv = $1 DETAIL: parameters: $1 = '#'",
            "UPDATE cards SET cvv = @p0 WHERE id = @p1 [Parameters=[@p0='#' (Size = 4), @p1='5']]",
            "[SQL: INSERT INTO c (holder, cvv) VALUES (%s, %s)]\n[parameters: ('DOE', '#')]",
            "[SQL: UPDATE cards SET cvv=%s]\n[parameters: ('#',)]",
            "insert into c (cvv, at) values (?, ?) with (#, datetime.datetime(2026, 11, 25, 10, 0))",
            "==>  Preparing: INSERT INTO c (a, cvv, at) VALUES (?, ?, ?)\n==> Parameters: x(String), #(String), 2026-11-25 10:00:00.0(Timestamp)\n<==    Updates: 1",
            "UPDATE card SET \"cvv\" = ?, exp = ? WHERE id = ? [[\"#\", \"12/27\", 5]]",
            "[SQL: INSERT INTO c (a, cvv) VALUES (%s, %s)] [parameters: [('x', '#'), ('y', '#'), ('z', '#')]]",
            "UPDATE c SET cvv = ? WHERE id = ? [#, 5] in (200, 404)",
        ],
    );
    // What is bound is a guess: it speaks against nothing.
    let bound = "insert into c (cvv, order_id) values (?, ?) [parameters: ('737', '13812345678')]";
    assert_eq!(text(bound), bound.replace("737", "[sad.cvv]").replace("13812345678", "138****5678"));
    for kept in [
        "INSERT INTO cards (cvv, retries) VALUES ($1, $2) parameters: $1 = NULL, $2 = '737'",
        "SELECT cvv FROM cards WHERE id = $1 parameters: $1 = '737'",
        "UPDATE cards SET (cvv_result, retries) = ('M', 737)",
        "UPDATE cards SET cvv_result = ?, retries = ? ['M', 737]",
        "UPDATE cards SET cvv = ? WHERE id = ? [737]",
        "delete from cards where cvv=? -- took (737)",
        "SELECT cvv FROM cards WHERE id = ? [737]",
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
