"""What must be hidden: for each class its keys and the sentences that people and programs write it in."""

# Keys as their writers spell them: snake, camel, Pascal, kebab, dotted, abbreviated, Pinyin, Chinese.
PAN_KEYS = ["card_number", "cardNumber", "CardNumber", "card-number", "card.number", "card_no", "cardNo", "CARD_NO", "cardNum", "card_num", "pan", "PAN", "card.pan", "cardPan",
            "primary_account_number", "primaryAccountNumber", "PrimaryAcctNbr", "cc_number", "ccNumber", "cc_num", "ccno", "credit_card", "creditCard", "credit_card_number",
            "creditCardNumber", "debit_card_no", "debitCardNumber", "bank_card", "bankCardNo", "bank_card_no", "bankcard", "cardnumber", "cardno", "CardNbr", "crdNo", "accNo",
            "acct_no", "account_number", "payerAcct", "fpan", "dpan", "fundingPan", "payment.card.number", "source.number", "payment_method.card.number", "PlainCardData.PAN", "kahao",
            "yinhangkahao", "yhkh", "bankAccount", "卡号", "银行卡号", "信用卡号", "借记卡号", "付款卡号", "收款账号", "持卡人卡号", "主账号", "卡號", "绑定卡号", "银行账号"]
# Those that leave no doubt, so that a typing error in the number is one too.
CARD_KEYS = ["card_number", "cardNumber", "card_no", "cardNo", "card-number", "pan", "PAN", "cc_number", "creditCardNumber", "credit_card_number", "bankCardNo", "bank_card_no",
             "卡号", "银行卡号", "信用卡号", "primaryAccountNumber", "debitCardNumber"]
# Keys that say nothing.
NEUTRAL_KEYS = ["msg", "note", "data", "value", "input", "remark", "memo", "param1", "arg0", "q", "content", "field_a", "text", "raw", "payload", "comment", "备注", "内容", "src", "key"]
CVV_KEYS = ["cvv", "CVV", "cvv2", "CVV2", "cvc", "CVC", "cvc2", "cvn", "cvn2", "CVN2", "csc", "cid", "cav2", "cardCvv", "card_cvv", "card.cvc", "card_cvc", "cvvCode", "cvv_code", "cvcCode",
            "cvv_number", "cvvNumber", "securityCode", "security_code", "card_security_code", "cardSecurityCode", "cardVerificationValue", "card_verification_code", "cvv_value",
            "payment.card.cvv", "source.cvv", "card[cvc]", "安全码", "卡安全码", "信用卡安全码", "CVN2码", "cvv码", "卡片验证码", "背面后三位", "卡背面末三位", "anquanma"]
PIN_KEYS = ["pin", "PIN", "cardPin", "card_pin", "atm_pin", "pin_value", "pinData", "newPin", "new_pin", "old_pin", "user_pin", "customerPin", "card.pin", "pin_number",
            "PIN码", "交易密码", "支付密码", "取款密码", "银行卡密码", "卡密码", "取现密码"]
PIN_BLOCK_KEYS = ["pin_block", "pinBlock", "PINBlock", "PIN_BLOCK", "pinblock", "encrypted_pin", "encryptedPin", "encrypted_pin_block", "encryptedPinBlock", "epb", "pin-block", "card.pinBlock", "pinBlk", "pin_blk",
                  "pin_data", "enc_pin_block", "密码块"]
TRACK_KEYS = ["track2", "track2Data", "track_2", "track2_data", "Track2", "trk2", "magstripe", "track_data", "trackData", "track2EquivalentData", "磁道信息", "二磁道", "second_track", "raw", "msg", "swipe"]
CN_ID_KEYS = ["id_card", "idCard", "idcard", "id_card_no", "idCardNo", "idCardNumber", "id_no", "idNo", "id_number", "idNumber", "cert_no", "certNo", "certificateNo", "certificate_number", "certifId",
              "identity_no", "identityNo", "identity_card", "identityCard", "identity", "citizenId", "citizen_id", "national_id", "nationalId", "resident_id", "sfz", "sfzh", "shenfenzheng", "shenfenzhenghao", "personId",
              "user.id_card", "身份证", "身份证号", "身份证号码", "证件号", "证件号码", "公民身份号码", "居民身份证号", "法人身份证", "經辦人證件號", "note", "msg"]
CN_ID_OLD_KEYS = ["id_card", "idCardNo", "idcard", "idNo", "id_card_number", "certNo", "identityNo", "身份证", "身份证号", "身份证号码", "证件号码"]
MOBILE_KEYS = ["phone", "mobile", "Mobile", "tel", "telephone", "phone_number", "phoneNumber", "phone_no", "phoneNo", "mobile_no", "mobileNo", "mobile_phone", "mobilePhone", "cellphone", "cell", "contact", "contactPhone",
               "contact_phone", "contact_number", "msisdn", "MSISDN", "sms_to", "to", "recipient", "receiver_phone", "receiverMobile", "customerPhone", "user.phone", "caller", "callee", "shouji", "shoujihao", "sjh", "lxdh",
               "whatsapp", "payerMobile", "手机", "手机号", "手机号码", "电话", "联系电话", "联系方式", "联系人电话", "预留手机号", "绑定手机", "收货人电话", "msg", "note", "user", "login", "account", "username"]
PHONE_KEYS = ["phone", "mobile", "tel", "telephone", "phone_number", "phoneNumber", "phoneNo", "contact_number", "contactPhone", "mobileNo", "fax", "customer_phone", "cell_phone", "homePhone", "work_phone", "landline",
              "联系电话", "电话", "电话号码", "座机", "固定电话", "家庭电话"]
EMAIL_KEYS = ["email", "mail", "e_mail", "e-mail", "emailAddress", "email_address", "user", "username", "login", "from", "to", "cc", "recipient", "reply_to", "customer.email", "billingEmail", "contact", "owner", "principal",
              "youxiang", "邮箱", "电子邮箱", "邮箱地址", "联系邮箱", "msg", "note", "id", "account"]

PAN_SENTENCES = [
    "charge declined for card {}", "card {} was declined by issuer", "Card number {} is not valid", "customer paid with {} at terminal 4", "paying with card no. {} now", "PAN: {}", "pan={} ok",
    "Authorised {} for 120.00 EUR", "could not tokenise {}: timeout", "retry capture for card number: {} (attempt 2)", "Visa {} expired 12/26", "the card ending check failed for {}", "cc# {}", "cc no: {}",
    "please block card {} immediately", "refund to {} completed", "user entered {} in the comment field", "[{}]", "({})", "\"{}\"", "'{}'", "<{}>", "{}", "{} approved", "{}, approved", "{}; approved", "{}|approved", "{}:approved",
    "number={}", "found {} in cache", "cache miss for key card:{}", "lookup bin for {} took 12ms", "validating {}...", "luhn ok: {}", "luhn check passed for {}.", "was it {}? no", "card {} / exp 12/29 / name J DOE", "card={}&exp=1229", "{} 12/29", "{} exp 12/29",
    "card:{},exp:1229", "primary account number {}", "debit card {} added to wallet", "deposit from {} to merchant", "dear customer, your card {} has been charged 15.00", "transfer from {} failed", "token requested for pan {}", "PAN {} not found in vault",
    "卡号{}", "卡号：{}", "卡号:{}，有效期12/29", "银行卡{}扣款失败", "尾号校验失败，卡号为{}。", "用户使用{}支付了100元", "您的信用卡{}已还款", "请核对银行卡号（{}）", "【支付】卡号{}交易成功", "付款方{}收款方张三", "绑卡失败：{}，原因：余额不足", "持卡人卡号是{}", "客户银行卡：{}", "卡號 {} 已停用", "持{}消费",
    "储蓄卡{}", "收款账户{}不存在", "card_{}.pdf saved", "/data/receipts/{}.pdf", "receipt_{}_20261123.txt", "s3://statements/2026/{}/page1.png", "open /tmp/{}.json: no such file", "GET /cards/{} 404", "DELETE /v1/cards/{}/tokens 204", "GET /cards/{}?expand=1 200",
    "card{}", "PAN{}", "No.{}", "#{}", "n°{}", "pan-{}", "pan_{}", "x{}y", "Pan={},Exp=2912", "tel. n/a, card {}", "user 7 card {} amount 3", "4 attempts on {} today", "1) {}", "- {}", "* {}", "> {}", "=> {}", "error 51 for {}",
    "DE2={}", "DE002 [{}]", "F02: {}", "field 2 = {}", "bit 2: \"{}\"", "002 n..19 {}", "<PlainCardData><PAN>{}</PAN></PlainCardData>", "<Acct><Id><Othr><Id>{}</Id></Othr></Acct>", "<field id=\"2\" value=\"{}\"/>", "isomsg 0200 {{2:{}, 3:000000}}",
    "карта {} отклонена", "カード番号：{}", "카드번호 {}", "Kartennummer {} abgelehnt", "numéro de carte {} refusé", "tarjeta {} rechazada", "número do cartão: {}", "numer karty {}", "बैंक कार्ड {}",
]
PAN_TWO = ["{} {}", "{},{}", "{}\n{}", "{}{}", "from {} to {}", "{} -> {}", "{}|{}", "{};{}", '["{}","{}"]', "[{}, {}]", "old={} new={}", "merge card {} into {}", "原卡号{}，新卡号{}", "{}\t{}", "{} / {}"]
CVV_SENTENCES = [
    "cvv {}", "CVV: {}", "cvv={}", "cvv2={} accepted", "cvc is {}", "CVC2 {} mismatch", "card cvv {} was rejected", "security code {} does not match", "security code: {}", "the security code is {}", "bad CVV ({})", "bad cvv [{}]", "cvv \"{}\" rejected", "invalid cvv '{}'",
    "exp 12/29 cvv {}", "exp=1229&cvv={}", "exp: 12/29, cvv: {}", "4111********1111 12/29 cvv {}", "CVV/CVC: {}", "cvv - {}", "cvv:{} exp:1229", "cvv2 [{}]", "CVN {}", "csc={}", "cid: {}", "CVV code {}", "CVV number is {}", "cvv value = {}", "card verification value: {}", "card security code {}", "verification code on the card: {}",
    "安全码{}", "安全码：{}", "安全码为{}", "安全码是 {}", "信用卡安全码:{}", "CVV2码：{}", "cvv码{}错误", "卡背面三位数字{}", "卡背面后三位：{}", "背面末三位{}", "卡片安全码（{}）", "CVN2：{}", "cvn2={}", "有效期1229，安全码{}",
    "entered cvv {} twice", "CVV used: {}", "<cvv2>{}</cvv2>", "Sicherheitscode: {}", "código de seguridad {}", "code de sécurité : {}",
]
PIN_SENTENCES = ["pin {}", "PIN: {}", "pin={}", "pin is {}", "the PIN {} was wrong", "wrong pin ({})", "card pin: {}", "ATM PIN = {}", "entered PIN {}", "PIN码：{}", "支付密码{}", "支付密码：{}", "支付密码为{}", "交易密码是{}", "取款密码: {}", "银行卡密码{}错误", "用户输入的支付密码为 {}", "new PIN: {}", "pin '{}' rejected", "pin \"{}\" rejected", "pin [{}]"]
PIN_BLOCK_SENTENCES = ["pin block {}", "PIN block: {}", "pinblock={}", "PINBLOCK [{}]", "encrypted pin block {}", "DE52={}", "DE052 [{}]", "F52: {}", "field 52: {}", "bit 52 = {}", "translate pin block {} under ZPK", "PIN block is {}", "EPB {}", "iso format 0 pin block: {}", "pinBlock -> {}", "密码块：{}", "0x pin block 0x{}", "<PINBlock>{}</PINBlock>", "<field id=\"52\" value=\"{}\"/>", "pin_block(hex)={}"]
TRACK2_SENTENCES = ["swipe {}", ";{}?", "track2=;{}?", "track 2: {}", "DE35={}", "F35 [{}]", "field 35: {}", "read {} from reader", "magstripe ;{}?\n", "T2:{}", "磁道2：{}", "二磁道数据{}", "bit 35 \"{}\"", "[{}]", "<Track2>{}</Track2>", '{{"track2":"{}"}}', "msr data={}", "card data {} rejected", "card={}&x=1"]
TRACK1_SENTENCES = ["%{}?", "swipe %{}?", "track1=%{}?", "DE45={}", "field 45: {}", '{{"track1":"%{}?"}}', "T1 {}", "一磁道 %{}?", "raw read: %{}?;"]
CN_ID_SENTENCES = [
    "id card {}", "ID number {} not found", "identity card: {}", "national id {}", "verify {} failed", "real-name check for {} passed", "idcard={}", "{}", "[{}]", "user {} registered", "name=zhang&id={}", "certificate {} expired", "citizen {} verified", "id={}", "order for {} placed", "cert no {}",
    "身份证{}", "身份证号：{}", "身份证号码为{}", "身份证号码是 {}", "证件号码：{}", "实名认证失败：{}", "张三（{}）", "张三，{}，已婚", "姓名:张三 身份证:{} 手机:", "公民身份号码{}", "持证人{}已核验", "客户证件{}过期", "请上传{}的照片", "查询{}的征信报告", "{}核验通过", "被保险人：李四 {}",
    "/idphoto/{}.jpg", "front_{}.png", "GET /persons/{} 200", "sfz:{}", "x{}y"]
CN_ID_OLD_SENTENCES = ["身份证{}", "身份证号：{}", "身份证号码为{}", "id card {}", "idcard={}", "证件号码：{}", "identity card: {}"]
MOBILE_SENTENCES = [
    "call {}", "sms sent to {}", "SMS to {} failed: 42", "send code to {}", "user {} logged in", "phone {}", "phone: {}", "mobile={}", "tel:{}", "Tel. {}", "contact {} for details", "{}", "[{}]", "({})", "{} is busy", "login by {} ok", "customer {} called", "number {} is blocked", "invalid phone number: {}", "registered {} twice", "caller={} callee=95588", "dial {} now",
    "手机{}", "手机号{}", "手机号：{}", "手机号码为{}", "电话{}", "联系电话：{}", "联系人张三{}", "张三 {}", "用户{}登录成功", "已向{}发送验证码", "短信发送失败，号码{}", "请联系{}", "客户来电{}", "收货人：李四，{}，北京市", "【通知】尊敬的{}用户", "绑定手机{}成功", "验证码已发送至{}，请查收", "拨打{}无人接听",
    "/sms/{}/send 200", "user_{}", "wx_{}", "session of {} expired", "account {} locked", "sms:{}:code", "rate:{}", "q{}r", "phone{}", "Mobile{}", "15 failures for {}"]
EMAIL_SENTENCES = [
    "mail to {} bounced", "send receipt to {}", "user {} logged in", "{}", "[{}]", "({})", "{} not found", "from={} to=x", "email: {}", "email={}", "login failed for {}", "invited {}, pending", "contact {}.", "contact {}!", "is it {}?", "owner:{};", "Received: from x (authenticated as {})", "From: Jane <{}>", "To: \"Jane Doe\" <{}>", "Reply-To: {}", "smtp;550 5.1.1 <{}>: Recipient address rejected",
    "邮箱{}", "邮箱：{}", "邮件已发送至{}，请查收", "用户{}登录", "联系{}获取发票", "电子邮箱为{}。", "发票已发到{}邮箱", "postfix/smtp[123]: A1B2C3: to=<{}>, relay=mx.example.net[192.0.2.1]:25", "/users/{}/orders 200", "https://x.example/?u={}&t=1", "mailbox {} is full", "git commit by Jane <{}>", "sub={},iss=x", "a,{},b", "cn=x,mail={},dc=y", "{}|ok", "\t{}\t", "user:{}:cart",
    "principal={}@REALM", "x-user: {}", "error: {}: no such user", "'{}'", "`{}`", "mention {} please", "{}/inbox", "{}: ok", "dev-{}"]

# National writings of telephone numbers that only a key gives away: # is a digit.
NATIONAL = ["(415) 555-####", "415-555-####", "415.555.####", "415 555 ####", "020 7946 0###", "(020) 7946 0###", "0161 496 0###", "010-6234####", "(010)6234####", "010 6234 ####", "0755-8345####", "0755 8345 ####", "021-5888 ####", "6234####",
            "030 1234###", "030/1234###", "01 23 45 ## ##", "03-1234-####", "0412 345 ###", "98765 4####", "0571-8765####-801", "09############"[:10], "07700 900###", "415555####", "02034####56", "2345 ####", "06-6123-####"]
# E.164, with and without separators.
E164 = ["+1 415 555 ####", "+1-415-555-####", "+1415555####", "+1 (415) 555-####", "+1.415.555.####", "+44 20 7946 0###", "+44207946####", "+44 (0)20 7946 0###", "+44 7700 900###", "+49 30 1234###", "+49301234####", "+33 1 23 45 ## ##", "+3312345####", "+81-3-1234-####",
        "+819012345###", "+852 9123 ####", "+8529123####", "+886 912 345 ###", "+886912345###", "+65 9123 ####", "+659123####", "+91 98765 4####", "+919876543###", "+55 11 91234-####", "+55119123####", "+61 412 345 ###", "+61412345###", "+7 912 345-##-##", "+7912345####",
        "+34 612 34 ## ##", "+39 06 1234 ####", "+31 6 1234 ####", "+41 44 123 ## ##", "+82 10-1234-####", "+8210123####", "+60 12-345 ####", "+66 81 234 ####", "+84 91 234 ## ##", "+971 50 123 ####", "+234 803 123 ####", "+27 82 123 ####", "+52 55 1234 ####", "+86 10 6234 ####"]
# Addresses of other shapes, {0} a local part.
EMAILS = ["张三@例子.中国", "用户{0}@例子.公司", "josé.{0}@exämple.com", "{0}@xn--fsq.xn--fiqs8s", "пользователь{0}@пример.рф", "\"john {0}\"@example.com", "\"{0}..x\"@example.org", "{0}@sub.mail.example.co.uk", "{0}+tag@example.com", "{0}'s@example.com", "{0}@[192.0.2.14]", "{0}@museum.museum", "o'{0}@example.ie",
          "{0}@example.technology", "{0}_@example.com", "_{0}@example.com", "{0}@e-x.example", "{0}.dept@example.com", "{0}!x@example.com", "用户@例え.jp", "{0}@mañana.com", "{0}@1and1.com", "{0}@163.com", "{0}@QQ.COM", "a{0}@x.io"]
