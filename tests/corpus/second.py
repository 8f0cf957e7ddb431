"""The second batch: other systems' lines, with other words. Written from what those systems log, without looking at what the
engine does with them, so that its first run says what text from a stranger would.
"""

import json
import sys
from urllib.parse import quote

from values import FIRST, LAST, Values
from writings import FULLWIDTH, groups

SHARES = {"pan": 3200, "cvv": 1100, "pin": 500, "pin-block": 400, "track": 500, "emv": 300, "cn-id": 900, "phone": 1500, "email": 1000, "clean": 5600}
CLASSES = {"pin-block": "pin"}

PAN_WRITINGS = {
    "basic": [lambda p: p, lambda p: p, lambda p: p, lambda p: " ".join(groups(p)), lambda p: "-".join(groups(p))],
    "hard": [lambda p: "\u00a0".join(groups(p)), lambda p: "\u2009".join(groups(p)), lambda p: "—".join(groups(p)), lambda p: "‐".join(groups(p)), lambda p: ".".join(groups(p)), lambda p: "_".join(groups(p)), lambda p: p.translate(FULLWIDTH), lambda p: "　".join(groups(p)).translate(FULLWIDTH),
             lambda p: "\u200c".join(groups(p)), lambda p: p + ".00", lambda p: p.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")), lambda p: p.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")), lambda p: "%20".join(groups(p)), lambda p: "+".join(groups(p)), lambda p: "&nbsp;".join(groups(p)), lambda p: "&#160;".join(groups(p)),
             lambda p: "\\u00a0".join(groups(p)), lambda p: p + "\\n", lambda p: "\\n" + p, lambda p: "\\t" + p, lambda p: "/".join(groups(p)), lambda p: p[:1] + "\u200b" + p[1:], lambda p: "%3D" + p, lambda p: "%22" + p + "%22", lambda p: "&quot;" + p + "&quot;"],
}
PAN = {
    "basic": [
        '{{"id":"evt_1","type":"charge.failed","data":{{"object":{{"source":{{"object":"card","number":"{}","exp_month":12}}}}}}}}',
        '{{"paymentMethod":{{"type":"scheme","number":"{}","expiryMonth":"03"}},"reference":"A-17"}}',
        "accNo={}&bizType=000201&certId=68759585097&txnAmt=1000", "Charging card {} for EUR 12.00", "Card on file {} updated by agent 12", "cust said his card is {} and it fails", "bank card {} bound to wallet", "PAYMENT DECLINED card={} reason=05",
        "Started POST \"/payments\" Parameters: {{\"payment\"=>{{\"card_number\"=>\"{}\", \"name\"=>\"J\"}}}}", "Illuminate\\Validation: The card number {} is invalid.", "django.core.exceptions.ValidationError: ['Enter a valid card number: {}']", "System.ArgumentException: Card number {} failed validation\n   at Pay.Core.Validate(String pan) in C:\\src\\Pay.cs:line 42",
        "D/PayActivity( 2314): scanned card {}", "com.example.app[512:1203] card scan result: {}", "flutter: card={}", "E AndroidRuntime: java.lang.IllegalStateException: {} not allowed", "2026-11-23 10:00:01 UTC [2314] pay@pay ERROR:  value too long; STATEMENT:  insert into cards(pan) values ('{}')",
        "celery.worker: Task pay.charge[{uuid}] received kwargs={{'pan': '{}'}}", "sidekiq: ChargeJob JID-{hex} start args: [\"{}\", 1200]", "haproxy[14]: 10.0.0.1:5555 [23/Nov/2026:10:00:01] fe be/s1 0/0/1/2/3 200 45 - - \"POST /c?card={} HTTP/1.1\"", "[Envoy] \"GET /cards/{} HTTP/2\" 404 NR", "W3SVC1 GET /pay.aspx cardno={} 443 - 10.0.0.1",
        "Mozilla form data: ccnum={}&ccmonth=12", "autofill: cc-number={}", "Apple Pay DPAN {} provisioned", "HCE token {} activated", "The customer's number is {}.", "Please charge {} again tomorrow, thanks", "Hi, my visa {} was charged twice!!", "Subject: dispute for {}", "chat[17]: <bob> here you go: {}", "OCR: \"{}\" conf=0.93", "IVR digits collected: {}", "SELECT fn_mask('{}')", "call sp_pay(@p1='{}', @p2=1200)", "exec sp_executesql N'update c set x=1 where pan=@p',N'@p varchar(19)',@p='{}'",
        "银联交易：卡号 {} 金额 100.00", "持卡人刷卡：{}", "用户输入卡号【{}】不合法", "绑卡请求参数：{{\"bankCardNo\":\"{}\",\"bankName\":\"工商银行\"}}", "代扣失败，账户:{}，余额不足", "对公转账至{}", "提现到银行卡 {} 处理中", "付款账号：{}", "入账卡号为 {}，请确认", "信用卡还款 {} 成功", "您输入的卡号“{}”有误", "开户行：招商银行 账号：{}",
        "MT103 :50K:/{}\nJANE DOE", "camt.054 <Id><Othr><Id>{}</Id></Othr></Id>", "REJECTED;{};05;2026-11-23", "row 17: ['{}', 'OK']", "tuple=('{}', 12)", "keys=[{}]", "set card:last:{} 1", "topic=cards key={} partition=2", "dedupe hit: {}", "fingerprint({}) computed", "Vault: tokenise {} -> tok_x", "encrypt failed for {}", "hash of {} requested", "masking disabled! pan {}", "number={};brand=visa", "N: {}", "Card: {} (VISA)", "[card] {} [/card]", "--- {} ---", "{} VISA CREDIT", "MASTERCARD {} EXP 12/29", "debit {} 12.00 EUR", "POS purchase {} 12.00", "ATM withdrawal card {} amount 500", "ECOM auth {} resp 51", "chargeback on {} received", "3DS challenge for {} timed out", "SCA required: {}", "velocity rule hit for {}: 5 in 10 min", "blacklist contains {}", "luhn({})=true", "isValid(\"{}\") -> false", "parseLong(\"{}\")", "Long value {} out of range for int", "NumberFormatException: For input string: \"{}\"", "Invalid value '{}' for field 'cardNumber'", "cannot deserialize value of type `int` from String \"{}\"", "json: cannot unmarshal string \"{}\" into Go struct field", "strconv.ParseInt: parsing \"{}\": value out of range", "ValueError: invalid literal for int() with base 10: '{}'", "Uncaught Error: bad number {}", "thread 'main' panicked at 'bad pan {}', src/main.rs:4:5",
    ],
    "hard": [
        "{{\\\"number\\\":\\\"{}\\\"}}", "msg=\"{{\\\"pan\\\":\\\"{}\\\"}}\"", "payload=%7B%22pan%22%3A%22{}%22%7D", "next=%2Fpay%3Fcard%3D{}%26x%3D1", "url=https%3A%2F%2Fx.example%2F%3Fpan%3D{}", "cardno%3D{}", "q%5Bcard%5D={}", "card%20{}%20x", "%7B%22n%22%3A{}%7D", "&lt;pan&gt;{}&lt;/pan&gt;", "&quot;{}&quot;", "card&#58;{}", "pan\\u003d{}", "pan\\x3d{}", "\\\"{}\\\"", "\\n{}\\n", "\\t{}", "a\\r\\n{}\\r\\nb", "'\\'{}\\''", "{{'card': u'{}'}}", "b'{}'", "&{{{} 12 29}}", "{{{} 1229 <nil>}}", "[map[n:{}]]", "[]string{{\"{}\"}}", "(*pay.Card){{Number: (string) (len=16) \"{}\"}}", "#<struct Card number=\"{}\">", "object(Card)#3 (1) {{ [\"n\"]=> string(16) \"{}\" }}", "a:1:{{s:3:\"pan\";s:16:\"{}\";}}", "Just({})", "Some({})", "Ok(\"{}\")", "Result.success({})", "CompletableFuture@1f[{}]", "Card#{}", "Card@{}", "card~{}", "card${}", "tel:card{}", "visa{}x", "card_{}_front.jpg", "IMG-{}.png", "stmt-2026-11-{}.pdf", "/mnt/cards/{}/", "C:\\cards\\{}.txt", "gs://b/{}/o", "file:///tmp/{}.csv", "cards/{}.json.gz", "{}.bak", "~/{}", "卡{}号", "号码{}的卡", "尾款由{}支付", "请用{}付", "支付卡{}已过期", "卡片{}挂失", "客户{}投诉", "将{}加入黑名单", "由{}转至{}", "号{}", "于{}消费100元", "「{}」", "《{}》", "“{}”", "（{}）", "：{}。", "、{}、", "カード{}が無効です", "카드 {}번", "Карта:{}.", "البطاقة {} مرفوضة", "כרטיס {}", "บัตร {}", "thẻ {} bị từ chối", "kart no {} geçersiz", "αριθμός κάρτας {}", "0200 PAN {} PC 000000", "<02>{}", "P-02={}", "fld002:{}", "BMP02 {}", "[002](16) {}", "(002) LL={len} [{}]", "F002: {len}{}", "<Fld n=\"2\">{}</Fld>", "DATA ELEMENT 2 : {}", "PRIMARY ACCOUNT NUMBER......: {}", "pan.........{}", "PAN\t:\t{}", "pan == {}", "pan := {}", "pan => {}", "pan -> {}", "pan | {}", "pan ... {}", "pan (16): {}", "pan[16]={}", "pan {{{}}}", "pan<{}>", "pan `{}`", "PAN=\"{}\" EXP=\"2912\"", "card_number:{},card_exp:1229", "1,{},2,3", "\"a\",\"{}\",\"b\"", "a;{};b", "a|{}|b", "a\t{}\tb", "a~{}~b", "a^{}^b", "{}:1229:USD", "{}/12/29", "{} 1229 100", "12/29 {}", "{} 12", "3 {} 4", "100 {} 12.00", "1. {} 2. x", "${} ", "({} )", "{}...", "{}?!", "{}%0A", "%0D%0A{}", "%09{}", "x%3A{}", "x%2C{}%2Cy", "x%7C{}", "%C2%A0{}",
    ],
}
CVV = {
    "basic": ["cvv: {}", "CVV2={}", "\"cvc\":\"{}\"", "{{\"cvv\":{}}}", "{{\"card\":{{\"number\":\"****\",\"cvc\":\"{}\",\"exp_year\":29}}}}", "cvv2={}&expired=1229", "<cvv2>{}</cvv2>", "<CardSecurityCode>{}</CardSecurityCode>", "<ns:CVV>{}</ns:CVV>", "securityCode={}", "cvn2: {}", "card[cvc]={}", "params: {{\"cvv\"=>\"{}\"}}", "Card(number=****, cvv={})", "Card{{number='****', cvv='{}'}}", "{{'cvv': '{}'}}", "cvv='{}'", "cvv=\"{}\" ok", "CVV {} declined", "wrong CVV {} entered", "with cvv {} and exp 12/29", "the cvc code is {}", "their CVV is {}", "cvv was {}", "安全码:{}", "安全码：{}，有效期：1229", "cvv2：{}", "卡背后三位数是{}", "背面三码{}", "信用卡后三位{}", "CVN2={}", "cvvCode: \"{}\"", "card_cvv={}", "csc {}", "CSC: {}", "CID: {}", "cav2={}", "security code = {}", "Security Code: {}", "card security code is {}", "--cvv={}", "--cvv {}", "CARD_CVV={}", "X-Card-Cvv: {}", "update c set cvv='{}' where id=1", "where cvv = {}", "cvv:{},", "cvv\t{}", "cvv | {}", "[cvv={}]", "[cvv:{}]", "(cvv {})", "cvv/{}", "cvv -> {}", "cvv => {}", "cvv == {}", "cvv;{}", "cvv,{}"],
    "hard": ["{{\\\"cvv\\\":\\\"{}\\\"}}", "{{\\\\\\\"cvv\\\\\\\":\\\\\\\"{}\\\\\\\"}}", "%22cvv%22%3A%22{}%22", "cvv%3D{}%26", "&lt;cvv&gt;{}&lt;/cvv&gt;", "cvv&quot;:&quot;{}", "{{\"name\":\"cvv\",\"value\":\"{}\"}}", "{{\"key\":\"cvc\",\"value\":{{\"stringValue\":\"{}\"}}}}", "<input name=\"cvv\" value=\"{}\">", "<param name=\"securityCode\">{}</param>", "name=\"cvv\"\r\n\r\n{}\r\n--x", "Cvv:{} Exp:1229}}", "map[cvv:{} exp:1229]", "&{{Number:**** Cvv:{}}}", "Cvv: Some(\"{}\")", "cvv=Optional[{}]", "CVV (3 digits): {}", "cvv [3]: {}", "cvv2 {} cvv2 ok", "CVV\u00a0{}", "cvv：{}", "ＣＶＶ：{}", "CVV＝{}", "cvv\u200b={}", "Cvv2 = {};", "string cvv = \"{}\"", "this.cvv='{}'", "user.card.cvv2={}", "payment_method[card][cvc]={}", "cardVerificationNumber={}", "card-verification-value: {}", "card_code={}", "cvc2Value: {}", "cvvNum={}", "verification_value={}", "卡片安全码为 {}", "输入的CVV2为{}", "安全码 [{}]", "安全码（CVV2）：{}", "CVV2(卡背面三位): {}", "背面签名栏后三位：{}", "三位安全码{}", "校验码CVV：{}", "código CVV {}", "cryptogramme visuel : {}", "Kartenprüfnummer: {}", "セキュリティコード：{}", "CVV-код {}", "код безопасности {}", "CVV кодът е {}", "cvv ending? {}", "s:3:\"cvv\";s:3:\"{}\";", "[\"cvv\"]=> string(3) \"{}\"", "[cvv] => {}", "cvv=> {}", "\"cvv\" : \"{}\" ", "cvv : '{}'", "CVV........: {}", "CVV\n{}", "rejected value [{}] on cvv", "Field 'cvv' has invalid value '{}'", "cvv must be 3 digits: {}", "invalid value \"{}\" for cvv"],
}
PIN = {
    "basic": ["pin={}", "PIN: {}", "\"pin\":\"{}\"", "<pin>{}</pin>", "{{\"cardPin\":\"{}\"}}", "pin {} rejected", "the pin is {}", "card pin={}", "支付密码:{}", "交易密码为{}", "PIN码：{}", "--pin={}", "USER_PIN={}", "{{'pin': '{}'}}", "Card(pin={})", "Card{{pin='{}'}}", "set pin = '{}' where id=1", "new PIN is {}", "[pin:{}]", "pin:{},x", "pin -> {}", "取款密码：{}"],
    "hard": ["{{\\\"pin\\\":\\\"{}\\\"}}", "%22pin%22%3A%22{}%22", "&lt;pin&gt;{}&lt;/pin&gt;", "{{\"name\":\"pin\",\"value\":\"{}\"}}", "Pin:{} Exp:1229", "map[pin:{} x:1]", "pin=Optional[{}]", "pin\u00a0{}", "ＰＩＮ：{}", "[\"pin\"]=> string(4) \"{}\"", "[pin] => {}", "银行卡密码是{}", "持卡人密码：{}", "密码键盘输入支付密码{}", "ПИН: {}", "código PIN: {}", "Geheimzahl PIN {}", "暗証番号：{}"],
}
PIN_BLOCK = ["pinblock={}", "PIN BLOCK: {}", "pin_block: \"{}\"", "\"pinBlock\":\"{}\"", "<PinBlock>{}</PinBlock>", "<EncryptedPINBlock>{}</EncryptedPINBlock>", "DE 52: {}", "DE52 {}", "P-52={}", "F052: {}", "[052](16) {}", "52: {}", "fld052:{}", "<Fld n=\"52\">{}</Fld>", "BMP52 {}", "pin block under ZPK: {}", "HSM CA response pin block {}", "PIN_BLK={}", "encPinBlk={}", "PINBLK[{}]", "pinblock 0x{}", "PIN block (ISO-0): {}", "{{\\\"pinBlock\\\":\\\"{}\\\"}}", "cardholder PIN block = {}", "PED returned pinblk {}", "密文PIN：{}", "PIN密文:{}", "encryptedPin='{}'"]
TRACK = ["card read: ;{}?", "{}", "TRACK2[{}]", "T2={}", "track_2_data: {}", "\"track2\": \"{}\"", "{{\\\"track2\\\":\\\"{}\\\"}}", "track2=%3B{}%3F", "<Trck2>{}</Trck2>", "<TrackData><Trck2>;{}?</Trck2></TrackData>", "DE 35: {}", "P-35={}", "[035](37) {}", "35: {}", "fld035:{}", "&#59;{}&#63;", "swipe ok ;{}?;", "raw=;{}?|len=40", "msr: %E?;{}?+E?", "第二磁道：{}", "读取磁条：;{}?", "reader {} done", "a,{},b", "('{}',)", "t2 {} t3 none"]
TRACK1 = ["card read: %{}?", "TRACK1[{}]", "\"track1\": \"%{}?\"", "<Trck1>{}</Trck1>", "DE45: {}", "raw=%{}?;", "track1=%25{}%3F", "第一磁道：%{}?"]
EMV = ["TLV {}", "DE55: {}", "P-55={}", "fld055:{}", "[055] {}", "\"iccData\":\"{}\"", "iccData=0x{}", "<EmvData>{}</EmvData>", "<ICCRltdData>{}</ICCRltdData>", "read record resp {}9000", "70{len}{}9000", "R-APDU: {}", "<< {}", "tags={}", "kernel out [{}]", "IC卡数据域55：{}"]
CN_ID = {
    "basic": ["idNo={}", "certNo: {}", "证件号：{}", "身份证号:{}", "身份证号码：{}，姓名：张伟", "\"idCardNo\":\"{}\"", "<IdNo>{}</IdNo>", "实名信息 张伟 {}", "四要素验证：张伟,{},13*********", "customer id card {} verified", "id_number={}&name=x", "KYC for {} failed", "公安核查 {} 一致", "客户{}，开户成功", "户主:{}", "持有人身份证为{}", "{}", "certificate_number: '{}'", "where id_no='{}'", "{{'idcard': '{}'}}", "Person(idCard={})", "[{}]", "{}|张伟|男", "张伟,{},男", "identityNumber: {}", "社保号{}", "驾驶证号：{}", "纳税人识别号：{}", "身份证{}已过期"],
    "hard": ["{{\\\"idNo\\\":\\\"{}\\\"}}", "%22idNo%22%3A%22{}%22", "id%3D{}", "&lt;id&gt;{}&lt;/id&gt;", "\\\"{}\\\"", "IMG_{}_front.jpg", "/kyc/{}/face.png", "{}_张伟.pdf", "身份证{}号", "证{}件", "a\\n{}\\nb", "user_{}", "sfz{}", "号码{}的客户", "“{}”", "【{}】", "&{{张伟 {} 男}}", "map[id:{}]", "Key (id_no)=({}) already exists.", "Duplicate entry '{}' for key 'uk_id'", "GET /p/{}?x=1", "%2Fp%2F{}", "№{}", "{}。", "，{}，"],
}
PHONE = {
    "basic": ["mobile: {}", "\"phoneNo\":\"{}\"", "<Mobile>{}</Mobile>", "mobile={}&code=x", "手机号码:{}", "手机：{}", "发送短信至{}成功", "用户{}注册", "短信接收人 {}", "拨打客户电话{}", "SMS sent: {}", "sms to {} queued", "login name {}", "where mobile='{}'", "{{'phone': '{}'}}", "User(phone={})", "[{}]", "{}", "联系人：张伟 {}", "张伟，{}，上海", "caller id {}", "user phone {} verified", "contact: {}", "whatsapp {}", "account={}", "预留手机{}不一致", "给{}充值50元", "号码{}已停机", "{} 欠费", "send to {}, retry 2"],
    "hard": ["{{\\\"mobile\\\":\\\"{}\\\"}}", "%22mobile%22%3A%22{}%22", "tel%3D{}", "&lt;tel&gt;{}&lt;/tel&gt;", "tel:{}", "sip:{}@10.0.0.1", "sms:{}?body=x", "wx.user.{}.login", "user:{}:token", "/u/{}/avatar.png", "avatar_{}.png", "acct_{}", "手机{}的用户", "电话{}转人工", "“{}”", "【{}】", "a\\n{}\\nb", "&{{张伟 {} 1}}", "map[to:{}]", "Duplicate entry '{}' for key 'uk_mobile'", "Key (mobile)=({}) already exists.", "<sip:{}@pbx.example>;tag=1", "CDR,{},95588,32", "\"{}\"<{}>", "尾号查询：{}；", "m={}", "p:{}", "机主{}", "回拨{}", "№{}"],
}
MOBILE_WRITINGS = {"basic": [lambda m: m, lambda m: m, lambda m: "+86" + m, lambda m: f"{m[:3]}-{m[3:7]}-{m[7:]}", lambda m: f"{m[:3]} {m[3:7]} {m[7:]}", lambda m: f"+86 {m}"],
                   "hard": [lambda m: "86" + m, lambda m: "0086" + m, lambda m: f"(86){m}", lambda m: f"(+86) {m}", lambda m: f"86 {m[:3]} {m[3:7]} {m[7:]}", lambda m: m.translate(FULLWIDTH), lambda m: f"+86\u00a0{m}", lambda m: f"{m[:3]}‑{m[3:7]}‑{m[7:]}", lambda m: f"{m[:3]}.{m[3:7]}.{m[7:]}", lambda m: f"%2B86{m}", lambda m: f"&#43;86{m}", lambda m: f"\\u002b86{m}", lambda m: f"{m[:7]}\u200b{m[7:]}"]}
FOREIGN = {"basic": ["+14155552671", "+1 212 555 0199", "+442079460958", "+44 7911 123456", "+4915112345678", "+33 6 12 34 56 78", "+819012345678", "+85291234567", "+886 912345678", "+6591234567", "+919812345678", "+5511912345678", "+61 491 570 156", "+79161234567", "+34 612 345 678", "+390612345678", "+821012345678", "+353 1 234 5678", "+420 601 123 456", "+48 512 345 678", "+905321234567", "+201001234567", "+6281234567890"],
           "hard": ["+1 (212) 555-0199", "+1.212.555.0199", "+44 (0)20 7946 0958", "+49-151-1234-5678", "+33.6.12.34.56.78", "+81-90-1234-5678", "＋１４１５５５５２６７１", "%2B14155552671", "+86 21 6234 5678", "+86-755-8345-6789", "+852-9123-4567", "+7 (916) 123-45-67", "+55 (11) 91234-5678", "+43 1 234567890"]}
NATIONAL = ["(212) 555-0199", "212-555-0199", "212.555.0199", "2125550199", "020 7946 0958", "02079460958", "07911 123456", "0151 12345678", "030-1234567", "06 12 34 56 78", "0612345678", "03-1234-5678", "09012345678", "0912-345-678", "9123 4567", "021-62345678", "(021)62345678", "0755-83456789", "62345678", "0491 570 156", "98123 45678", "(11) 91234-5678"]
EMAIL = {
    "basic": ["mail={}", "\"email\":\"{}\"", "<Email>{}</Email>", "user {} signed in", "to: {}", "From: <{}>", "bounce <{}>", "invite sent to {}", "邮箱:{}", "邮件{}已发送", "联系邮箱：{}。", "{}", "[{}]", "({})", "{{'user': '{}'}}", "User(email={})", "where email='{}'", "account {} disabled", "owner={},", "{};", "mailto:{}?subject=x", "sub: {}", "upn={}", "login: {} from 10.0.0.1", "password reset for {} requested", "newsletter;{};1", "RCPT TO:<{}>", "550 {} unknown", "key {} not found", "cc {}"],
    "hard": ["{{\\\"email\\\":\\\"{}\\\"}}", "%22email%22%3A%22{}%22", "&lt;{}&gt;", "u%3D{}%26", "a\\n{}\\nb", "/u/{}/x", "user:{}:1", "avatar/{}.png", "邮箱{}的用户", "“{}”", "【{}】", "，{}，", "map[mail:{}]", "&{{x {} y}}", "Duplicate entry '{}' for key 'uk'", "Key (email)=({}) already exists.", "{}:secret@host", "ldap://x/mail={},ou=y", "x={}|y", "x,{}", "({};)", "'{}'", "\\\"{}\\\"", "\\t{}", "发票抬头 {} 已开", "contact%20{}%20now"],
}


CLEAN = [
    lambda c: f"{{\"id\":\"evt_1{c.hex(20)}\",\"created\":{c.ms()[:10]},\"data\":{{\"object\":{{\"id\":\"ch_3{c.hex(20)}\",\"amount\":{c.number(4)},\"payment_method_details\":{{\"card\":{{\"brand\":\"visa\",\"last4\":\"{c.digits(4)}\",\"exp_month\":12,\"exp_year\":2029,\"fingerprint\":\"{c.hex(16)}\"}}}}}}}}}}",
    lambda c: f"pspReference: {c.number(16)}", lambda c: f"{{\"pspReference\":\"{c.number(16)}\",\"resultCode\":\"Authorised\"}}", lambda c: f"queryId={c.compact(14)}{c.digits(7)}&respCode=00&respMsg=success", lambda c: f"trade_no={c.compact(8)}2200{c.digits(16)}&out_trade_no={c.number(18)}", lambda c: f"alipay trade_no: {c.compact(8)}22001{c.digits(15)}", lambda c: f"wechat transaction_id: 42000{c.digits(23)}", lambda c: f"prepay_id=wx{c.compact(14)}{c.hex(18)}",
    lambda c: f"order #{c.number(17)} packed", lambda c: f"Order ID {c.number(16)} cancelled by user", lambda c: f"Order: {c.number(16)}, items: 3", lambda c: f"order-{c.number(16)} done", lambda c: f"orders/{c.number(16)}/items/3", lambda c: f"[order:{c.number(16)}] paid", lambda c: f"order={c.number(16)};state=NEW", lambda c: f"processing order {c.number(18)} for user {c.number(6)}", lambda c: f"Transaction ID: {c.number(16)}", lambda c: f"txn={c.number(16)} ok", lambda c: f"trx no {c.number(16)} posted", lambda c: f"payment id {c.number(16)} captured", lambda c: f"refund id: {c.number(17)}", lambda c: f"reference number {c.number(16)} found", lambda c: f"ref: {c.number(16)}", lambda c: f"confirmation no. {c.number(16)}", lambda c: f"ticket {c.number(16)} closed", lambda c: f"contract number {c.number(16)}", lambda c: f"policy no {c.number(16)} renewed", lambda c: f"message id {c.number(18)} acked", lambda c: f"event id={c.number(19)}", lambda c: f"job {c.number(16)} finished", lambda c: f"batch {c.number(16)} loaded", lambda c: f"voucher {c.number(16)} redeemed", lambda c: f"coupon code {c.number(16)}", lambda c: f"snowflake {c.snowflake()} generated", lambda c: f"userId={c.snowflake()} deviceId={c.hex(16)}", lambda c: f"tweet {c.snowflake()}", lambda c: f"guild 1{c.digits(17)} channel 1{c.digits(17)}",
    lambda c: f"订单 {c.number(18)} 已发货", lambda c: f"订单号为{c.number(16)}的商品", lambda c: f"商户单号:{c.number(18)}", lambda c: f"交易单号{c.number(16)}", lambda c: f"退款单号：{c.number(16)}", lambda c: f"支付流水 {c.number(18)}", lambda c: f"业务流水号:{c.number(18)}，状态成功", lambda c: f"物流单号：{c.number(15)}", lambda c: f"工单{c.number(12)}已处理", lambda c: f"合同号{c.number(16)}", lambda c: f"保单号：{c.number(16)}", lambda c: f"序列号{c.number(16)}", lambda c: f"批次号 {c.number(16)}", lambda c: f"会员编号：{c.number(16)}", lambda c: f"设备编号{c.number(16)}", lambda c: f"消息ID:{c.number(18)}", lambda c: f"请求ID：{c.number(18)}", lambda c: f"商品条码：{c.ean13('69')}", lambda c: f"发票号{c.number(20)}", lambda c: f"税号{c.uscc()}", lambda c: f"信用代码 {c.uscc()}", lambda c: f"金额{c.number(9)}分", lambda c: f"余额：{c.amount()}", lambda c: f"共{c.number(6)}条，耗时{c.number(4)}毫秒", lambda c: f"时间戳{c.ms()}", lambda c: f"客服95533转{c.digits(1)}", lambda c: f"拨打12315投诉", lambda c: f"邮编{c.digits(6)}", lambda c: f"尾号为{c.digits(4)}的卡", lambda c: f"卡尾号{c.digits(4)}", lambda c: f"QQ群{c.number(9)}",
    lambda c: f"time=\"{c.iso()}\" level=info msg=\"done\" elapsed={c.number(9)}ns", lambda c: f"{{\"ts\":{c.ms()}.{c.digits(3)},\"lvl\":\"I\"}}", lambda c: f"{{\"time\":{c.ns()},\"v\":{c.between(1, 99)}}}", lambda c: f"\"startTimeUnixNano\":\"{c.ns()}\",\"endTimeUnixNano\":\"{c.ns()}\"", lambda c: f"@timestamp {c.ms()}", lambda c: f"{c.us()} tick", lambda c: f"[{c.ms()[:10]}.{c.digits(6)}] kernel: usb 1-1", lambda c: f"[{c.number(6)}.{c.digits(6)}] eth0: link up", lambda c: f"date={c.compact(8)} time={c.compact(14)[8:]}", lambda c: f"{c.compact(8)}T{c.digits(6)}Z", lambda c: f"log.{c.compact(8)}-{c.digits(6)}.gz", lambda c: f"backup_{c.compact(14)}", lambda c: f"cron next={c.ms()}", lambda c: f"ttl={c.number(7)} exp={c.ms()[:10]}", lambda c: f"iat {c.ms()[:10]} exp {c.ms()[:10]}", lambda c: f"nbf={c.ms()[:10]}",
    lambda c: f"AbstractApplicationContext@{c.hex(8)}", lambda c: f"at 0x{c.hex(12)} in malloc", lambda c: f"#0 0x0000{c.digits(12)} in ?? ()", lambda c: f"BUILD-ID {c.hex(40)}", lambda c: f"sha1 {c.digits(40)}", lambda c: f"crc32={c.digits(8)}", lambda c: f"md5:{c.hex(32)}", lambda c: f"digest sha256={c.base64(32)}", lambda c: f"ETag: \"{c.hex(16)}-1\"", lambda c: f"uuid {c.uuid()}", lambda c: f"urn:uuid:{c.uuid()}", lambda c: f"{{{c.uuid().upper()}}}", lambda c: f"guid={c.uuid().replace('-', '')}", lambda c: f"ObjectId(\"{c.hex(24)}\")", lambda c: f"ulid 01{c.hex(24, True)}", lambda c: f"xid {c.number(10)}", lambda c: f"ksuid {c.base64(20)[:27].replace('+', 'a').replace('/', 'b')}", lambda c: f"cf-ray: {c.hex(16)}-HKG", lambda c: f"x-amz-id-2: {c.base64(56)}", lambda c: f"EagleEye-TraceID: {c.hex(8)}{c.ms()}{c.digits(4)}", lambda c: f"sw8: 1-{c.base64(24)}-{c.base64(24)}-3", lambda c: f"TID:{c.hex(32)}.{c.number(2)}.{c.ns()[:17]}", lambda c: f"[{c.hex(16)},{c.hex(16)}] INFO", lambda c: f"traceId={c.digits(32)} spanId={c.digits(16)}", lambda c: f"span {c.digits(16)} ended", lambda c: f"trace: {c.number(16)}",
    lambda c: f"GET /v1/products/{c.ean13()} 200", lambda c: f"GTIN {c.ean13()} stock {c.number(3)}", lambda c: f"isbn:{c.ean13('978')}", lambda c: f"imei={c.imei()}&model=x", lambda c: f"IMEI1 {c.imei()} IMEI2 {c.imei()}", lambda c: f"iccid:{c.iccid()}", lambda c: f"imsi {c.digits(15, '4')}", lambda c: f"VIN LSV{c.hex(6, True)}{c.digits(8)}", lambda c: f"meter no {c.number(12)}", lambda c: f"serial {c.number(12)}", lambda c: f"S/N: {c.number(16)}", lambda c: f"asset tag {c.number(10)}", lambda c: f"SKU {c.number(10)} qty {c.between(1, 9)}", lambda c: f"IBAN: {c.iban()}", lambda c: f"<IBAN>{c.iban()}</IBAN>", lambda c: f"\"iban\":\"{c.iban()}\"", lambda c: f"BIC DEUTDEFF500 amount {c.amount()}", lambda c: f"sort code 20-00-00 account {c.number(8)}", lambda c: f"routing {c.number(9)}", lambda c: f"RRN {c.number(12)} STAN {c.digits(6)} AUTH {c.digits(6)}", lambda c: f"P-11={c.digits(6)} P-37={c.number(12)} P-41={c.digits(8)} P-42={c.digits(15)}", lambda c: f"[003](6) 000000 [004](12) {c.digits(12, '0')} [037](12) {c.number(12)}", lambda c: f"MTI 0210 RC 00 STAN {c.digits(6)}", lambda c: f"merchant no. {c.number(15)}", lambda c: f"merchantId: {c.number(15)}", lambda c: f"acquirer {c.number(11)} terminal {c.digits(8)}", lambda c: f"9F02060000000{c.digits(5)}5F2A0201569A03{c.compact(8)[2:]}9C0100", lambda c: f"ARQC {c.hex(16, True)} ATC {c.hex(4, True)}", lambda c: f"KCV {c.hex(6, True)}", lambda c: f"KSN FFFF{c.hex(16, True)}",
    lambda c: f"amount={c.amount()} fee={c.amount()}", lambda c: f"total: {c.number(3)},{c.digits(3)},{c.digits(3)}.{c.digits(2)}", lambda c: f"¥{c.amount()}", lambda c: f"{c.number(12)} IDR", lambda c: f"credit {c.number(10)} debit {c.number(10)}", lambda c: f"rate 0.{c.digits(18)}", lambda c: f"vector [{', '.join('-0.' + c.digits(16) for _ in range(4))}]", lambda c: f"x={c.between(1, 9)}.{c.digits(15)} y=-{c.between(1, 9)}.{c.digits(15)}", lambda c: f"geo:{c.between(1, 80)}.{c.digits(6)},{c.between(1, 170)}.{c.digits(6)}", lambda c: f"bbox {' '.join(str(c.between(1, 90)) + '.' + c.digits(13) for _ in range(4))}", lambda c: f"{c.between(1, 9)}.{c.digits(12)}E{c.between(10, 20)}", lambda c: f"1.{c.digits(15)}e+09", lambda c: f"go_memstats_alloc_bytes {c.between(1, 9)}.{c.digits(7)}e+07", lambda c: f"mem: {c.number(11)}/{c.number(11)} B", lambda c: f"rx_bytes={c.number(12)} tx_bytes={c.number(12)}", lambda c: f"inode {c.number(8)} blocks {c.number(9)}", lambda c: f"seek to {c.number(11)}", lambda c: f"wrote 1{c.pick('3456789')}{c.digits(9)} bytes", lambda c: f"HeapUsed: 1{c.pick('3456789')}{c.digits(9)}", lambda c: f"nanoTime={c.number(15)}", lambda c: f"cycles: {c.number(13)}", lambda c: f"seed={c.number(16)}", lambda c: f"rand {c.number(19)}"[:4] + c.number(10), lambda c: f"counter {c.number(16)} overflow"[:7] + " 5",
    lambda c: f"card ****{c.digits(4)} charged", lambda c: f"card x{c.digits(4)}", lambda c: f"visa ending {c.digits(4)}", lambda c: f"Mastercard •••• {c.digits(4)}", lambda c: f"\"number\":\"{c.masked()}\"", lambda c: f"pan: {c.pan()[:6]}XXXXXX{c.digits(4)}", lambda c: f"PAN {c.pan()[:6]}##########"[:22], lambda c: f"bin={c.pan()[:6]} brand=visa", lambda c: f"iin {c.pan()[:8]}", lambda c: f"card_token=tok_{c.hex(16)}", lambda c: f"token {c.uuid()} maps to card", lambda c: "card number is required", lambda c: "card expired", lambda c: f"card count {c.between(1, 9)}", lambda c: f"cards: {c.between(1, 99)} active of {c.number(4)}", lambda c: "cvv required", lambda c: "cvv mismatch", lambda c: "cvv=not_provided", lambda c: "{\"cvv\":null,\"cvvProvided\":true}", lambda c: "{\"cvc_check\":\"pass\",\"address_zip_check\":\"fail\"}", lambda c: "cvv_match: Y", lambda c: "cvvResponseCode=M", lambda c: "CVV2 resp code: 000"[:15], lambda c: "cvv ****", lambda c: "安全码不能为空", lambda c: "安全码校验失败", lambda c: "pin incorrect", lambda c: "pin changed successfully", lambda c: "pinCode: \"400001\"", lambda c: "PIN attempts 2/3", lambda c: "pin_set=true", lambda c: f"gpio pin {c.between(1, 40)}", lambda c: f"pinned version {c.number(4)}", lambda c: f"spin lock {c.number(6)} us", lambda c: f"shipping {c.number(5)} items", lambda c: "支付密码已重置", lambda c: "密码错误3次", lambda c: "tracking pixel 1x1", lambda c: f"track {c.between(1, 9)} of {c.between(10, 20)}", lambda c: "track2 empty",
    lambda c: f"phone: {c.mobile()[:3]}****{c.digits(4)}", lambda c: f"tel {c.mobile()[:3]}xxxx{c.digits(4)}", lambda c: "phone verified", lambda c: f"call 10086 or 95588", lambda c: f"hotline 400-{c.digits(3)}-{c.digits(4)}", lambda c: f"tel: 110", lambda c: f"ext {c.number(4)}", lambda c: f"mail j***@example.com", lambda c: f"email: ****@example.com", lambda c: "email not verified", lambda c: "a @ b", lambda c: "user@", lambda c: "@2x", lambda c: "x@y", lambda c: f"sprite@{c.between(2, 3)}x.webp", lambda c: f"react@18.{c.between(0, 9)}.{c.between(0, 9)}", lambda c: f"image repo/app:1.{c.between(0, 9)}@sha256:{c.hex(64)}", lambda c: "postgres@localhost", lambda c: "dbus@system.service"[:11], lambda c: f"sshd@{c.between(1, 99)}-10.0.0.1:22.service", lambda c: "@Override public void run", lambda c: "SELECT @@version", lambda c: "user@host:/path", lambda c: f"admin@{c.ip()}", lambda c: f"mongodb+srv://app:x@cluster0", lambda c: "see @types/node", lambda c: "redis://cache@redis-master:6379/0",
    lambda c: f"10.{c.between(0, 255)}.{c.between(0, 255)}.{c.between(1, 254)} - admin [23/Nov/2026:10:00:01 +0000] \"GET /a/{c.number(8)}?v={c.ms()} HTTP/1.1\" 304 0", lambda c: f"{c.iso()} app[web.1]: at=info method=GET path=\"/orders/{c.number(16)}\" request_id={c.uuid()} fwd=\"{c.ip()}\" service={c.number(3)}ms", lambda c: f"level=debug ts={c.ms()[:10]}.{c.digits(7)} caller=wal.go:{c.number(3)} segment={c.number(8)}", lambda c: f"LOG:  checkpoint complete: wrote {c.number(5)} buffers (0.{c.digits(1)}%); lsn=1/{c.hex(8, True)}", lambda c: f"Consumer clientId=c-1, groupId=pay] Seeking to offset {c.number(11)} for partition cards-0", lambda c: f"Pod pay-{c.hex(9)}-{c.hex(5)} Back-off restarting", lambda c: f"name=\"k8s_pay_pay-{c.hex(9)}_{c.uuid()}_0\"", lambda c: f"audit: type=1400 audit({c.ms()[:10]}.{c.digits(3)}:{c.number(6)})", lambda c: f"type=SYSCALL msg=audit({c.ms()[:10]}.{c.digits(3)}:{c.number(5)}): arch=c000003e syscall=59 ppid={c.number(5)} pid={c.number(5)}", lambda c: f"OOM: Killed process {c.number(5)} total-vm:{c.number(8)}kB, anon-rss:{c.number(7)}kB", lambda c: f"EventID 4624 LogonId 0x{c.hex(6)} Sid S-1-5-21-{c.number(10)}-{c.number(10)}-{c.number(9)}-1001", lambda c: f"dotnet: Request finished in {c.number(3)}.{c.digits(4)}ms 200 application/json", lambda c: f"eval_loss 0.{c.digits(17)} epoch 3", lambda c: f"{c.digits(5)} {c.digits(5)} {c.digits(5)} {c.digits(5)} {c.digits(5)}", lambda c: f"lotto {' '.join(str(c.between(10, 45)) for _ in range(6))}", lambda c: f"matrix: {' '.join(c.number(3) for _ in range(9))}", lambda c: f"1234567890 abcdef", lambda c: "0000 0000 0000 0000", lambda c: "0000000000000000", lambda c: "1111 2222 3333 4445", lambda c: f"9999999999999999", lambda c: f"license {c.hex(4, True)}-{c.hex(4, True)}-{c.hex(4, True)}-{c.hex(4, True)}", lambda c: f"wifi {c.mac().replace(':', '-')}", lambda c: f"font 400 500 600 700", lambda c: f"#{c.hex(6)} #{c.hex(6)}", lambda c: f"M10.5 20.{c.digits(2)}L30.{c.digits(2)} 40.{c.digits(2)}Z", lambda c: f"grid 12 24 36 48 60", lambda c: f"-- {c.number(5)} rows --", lambda c: f"v{c.between(1, 20)}.{c.between(0, 20)}.{c.between(0, 20)}-rc.{c.between(1, 9)}+build.{c.compact(12)}", lambda c: f"en-US;q=0.9,zh;q=0.8", lambda c: f"Accept: text/html, */*;q=0.1", lambda c: f"keep-alive: timeout=5, max=1000",
]


class Maker:
    tables = sys.modules[__name__]

    def __init__(self, seed):
        self.c = Values(seed)

    def fill(self, sentence, written):
        text = sentence.replace("{uuid}", self.c.uuid()).replace("{hex}", self.c.hex(24)).replace("{len}", f"{len(written):02}")
        return text.replace("{}", "\0", 1).replace("{{", "{").replace("}}", "}").replace("\0", written)

    def sentence(self, table, writings, value):
        level = self.c.pick(["basic", "hard"])
        sentence = self.c.pick(table[level])
        writing = self.c.pick(["basic", "basic", "hard"]) if len(writings) > 1 else "basic"
        write = self.c.pick(writings[writing])
        text = self.fill(sentence, write(value))
        level = "hard" if "hard" in (level, writing) else "basic"
        row = {"text": text, "level": level, "secrets": [value], "template": sentence}
        if self.c.random.random() < 0.1:
            row["text"] = json.dumps({"msg": text}, ensure_ascii=self.c.random.random() < 0.5)
            row["level"] = "hard"
        elif self.c.random.random() < 0.05 and writing == "basic":
            row["text"] = "/log?line=" + quote(text)
            row["level"] = "hard"
        return row

    def pan(self):
        return self.sentence(self.tables.PAN, PAN_WRITINGS, self.c.pan())

    def cvv(self):
        return self.sentence(self.tables.CVV, {"basic": [str]}, self.c.cvv())

    def pin(self):
        return self.sentence(self.tables.PIN, {"basic": [str]}, self.c.pin())

    def pin_block(self):
        return self.sentence({"basic": self.tables.PIN_BLOCK, "hard": self.tables.PIN_BLOCK}, {"basic": [str]}, self.c.pin_block())

    def track(self):
        pan = self.c.pan(self.c.pick(["visa", "mastercard", "amex", "unionpay"]))
        month, year = self.c.expiry()
        rest = year + month + self.c.pick(["101", "201", "206", "121"]) + self.c.digits(self.c.between(6, 12))
        if self.c.random.random() < 0.3:
            sentence = self.c.pick(self.tables.TRACK1)
            text = self.fill(sentence, f"B{pan}^{self.c.pick(LAST).upper()}/{self.c.pick(FIRST).upper()} {self.c.pick('ABC')}^{rest}")
        else:
            sentence = self.c.pick(self.tables.TRACK)
            text = self.fill(sentence, pan + self.c.pick("==D") + rest)
        return {"text": text, "level": "hard", "secrets": [pan, rest], "template": sentence}

    def emv(self):
        pan = self.c.pan(self.c.pick(["visa", "mastercard", "unionpay", "amex"]))
        pan += "F" * (len(pan) % 2)
        month, year = self.c.expiry()
        body = self.c.pick(["", "820219808407A0000000041010", "9F3303E0F8C8"]) + f"5A{len(pan) // 2:02X}{pan}5F2403{year}{month}30" + self.c.pick(["", "9F1E083132333435363738", "5F2A020156"])
        sentence = self.c.pick(self.tables.EMV)
        return {"text": self.fill(sentence.replace("{len}", f"{len(body) // 2:02X}"), body), "level": "hard", "secrets": [pan.strip("F")], "template": sentence}

    def cn_id(self):
        return self.sentence(self.tables.CN_ID, {"basic": [str]}, self.c.cn_id())

    def phone(self):
        kind = self.c.random.random()
        if kind < 0.6:
            return self.sentence(self.tables.PHONE, MOBILE_WRITINGS, self.c.mobile())
        if kind < 0.85:
            level = self.c.pick(["basic", "hard"])
            written = self.c.pick(FOREIGN[level])
        else:
            level, written = "hard", self.c.pick(NATIONAL)
        sentence = self.c.pick(["tel {}", "phone: {}", "\"phone\":\"{}\"", "mobile={}", "联系电话：{}", "<Phone>{}</Phone>", "phone_number: '{}'", "Tel.: {}", "customer phone {}", "contactPhone={};"] + ([] if kind >= 0.85 else ["sms to {}", "call from {}", "{}", "[{}]"]))
        digits = "".join(sign for sign in written.translate(str.maketrans("０１２３４５６７８９", "0123456789")).replace("%2B", "") if sign.isdigit())
        return {"text": self.fill(sentence, written), "level": level, "secrets": [digits[-8:]], "template": f"{sentence} {written}"}

    def email(self):
        return self.sentence(self.tables.EMAIL, {"basic": [str]}, self.c.email())

    def clean(self):
        line = self.c.pick(self.tables.CLEAN)
        return {"text": line(self.c), "level": "clean", "secrets": [], "template": f"line {self.tables.CLEAN.index(line)}"}

    def row(self, share):
        while True:
            row = getattr(self, share.replace("-", "_"))()
            short = [value for value in row["secrets"] if len(value) < 7]
            if all(row["text"].count(value) <= 1 for value in short):
                return {"class": CLASSES.get(share, share), **row}
