//! Made-up payment audit records: several services, Chinese and English, with generated card numbers, verification codes, ID
//! numbers, phones and e-mails in attributes and bodies. No value belongs to anyone: all come from a seeded generator.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// What must be found nowhere at rest, of one record.
#[derive(Clone, Debug)]
pub struct Planted {
    pub pan: String,
    pub cvv: String,
    pub id_card: String,
    pub phone: String,
    pub email: String,
}

/// A generator of payments; the same seed gives the same records.
pub struct Payments {
    random: Random,
    number: u64,
    time: u64,
}

/// The services that take turns as senders.
pub const SERVICES: [&str; 4] = ["payment-gateway", "card-vault", "risk-engine", "ledger"];

const ACTIONS: [&str; 5] = ["payment.authorise", "payment.capture", "payment.refund", "payment.void", "card.tokenise"];
const NAMES: [&str; 8] =
    ["zhang.san", "li.si", "wang.wu", "zhao.liu", "anna.schmidt", "j.doe", "maria.rossi", "ken.sato"];
const ISSUERS: [(&str, usize); 6] =
    [("411111", 16), ("555555", 16), ("622588", 16), ("378282", 15), ("353011", 16), ("621700", 19)];
const AGENTS: [&str; 4] = [
    "checkout-web/5.12.0 (Chrome; Windows)",
    "wallet-ios/8.3.1 (iPhone; zh-CN)",
    "pos-terminal/2.7.4 (Linux; armv7)",
    "wallet-android/8.3.0 (Pixel; en-GB)",
];
const REGIONS: [&str; 5] = ["110101", "310104", "440106", "330102", "510104"];

impl Payments {
    /// `time`: Unix nanoseconds of the first record; each is some microseconds after the one before.
    pub fn new(seed: u64, time: u64) -> Self {
        Self { random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), number: 0, time }
    }

    /// One request of `count` records by one service, and what was planted in them.
    pub fn request(&mut self, count: usize) -> (ExportLogsServiceRequest, Vec<Planted>) {
        let service = SERVICES[self.random.below(SERVICES.len() as u64) as usize];
        let (log_records, planted) = (0..count).map(|_| self.record()).unzip();
        let resource = Resource {
            attributes: vec![text("service.name", service), text("deployment.environment.name", "demo")],
            ..Resource::default()
        };
        let scope =
            InstrumentationScope { name: "audit".into(), version: "1.4.0".into(), ..InstrumentationScope::default() };
        let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, schema_url: String::new() }];
        let resource_logs = vec![ResourceLogs { resource: Some(resource), scope_logs, schema_url: String::new() }];
        (ExportLogsServiceRequest { resource_logs }, planted)
    }

    fn record(&mut self) -> (LogRecord, Planted) {
        self.number += 1;
        self.time += 1_000 + self.random.below(1_000_000);
        let planted = self.planted();
        let action = ACTIONS[self.random.below(ACTIONS.len() as u64) as usize];
        let amount = self.random.below(100_000_000) as f64 / 1_000.0;
        let transaction = format!("tx-{:08x}-{:06}", self.random.next() as u32, self.number);
        let mut attributes = vec![
            text("transaction_id", &transaction),
            text("card_number", &planted.pan),
            text("cvv", &planted.cvv),
            text("id_card", &planted.id_card),
            text("phone", &planted.phone),
            text("email", &planted.email),
            key("amount", any_value::Value::DoubleValue(amount)),
            text("actor", &format!("operator-{:04}", self.random.below(10_000))),
            text("action", action),
            text("outcome", if self.random.below(20) == 0 { "failure" } else { "success" }),
            text(
                "client.address",
                &format!("10.{}.{}.{}", self.random.below(256), self.random.below(256), self.random.below(256)),
            ),
            text("merchant_id", &format!("mch-{}", self.random.digits(8))),
            text("user_agent.original", AGENTS[self.random.below(AGENTS.len() as u64) as usize]),
        ];
        if self.number.is_multiple_of(7) {
            let inner = vec![text("卡号", &planted.pan), text("安全码", &planted.cvv)];
            attributes.push(key("request", any_value::Value::KvlistValue(KeyValueList { values: inner })));
        }
        let record = LogRecord {
            time_unix_nano: self.time,
            observed_time_unix_nano: self.time + 1_000,
            severity_number: 9,
            severity_text: "INFO".into(),
            body: Some(AnyValue { value: Some(any_value::Value::StringValue(self.body(&planted, amount))) }),
            attributes,
            trace_id: self.random.bytes(16),
            span_id: self.random.bytes(8),
            event_name: action.to_owned(),
            ..LogRecord::default()
        };
        (record, planted)
    }

    fn body(&mut self, planted: &Planted, amount: f64) -> String {
        let Planted { pan, cvv, id_card, phone, email } = planted;
        let spaced = pan.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(" ");
        match self.random.below(5) {
            0 => format!("payment authorised: card {spaced}, cvv {cvv}, holder {email}, amount {amount:.3}"),
            1 => format!("支付成功 卡号{pan} 安全码:{cvv} 身份证{id_card} 手机号{phone} 金额{amount:.2}元"),
            2 => format!(
                r#"{{"event":"capture","card":{{"pan":"{pan}","cvv":"{cvv}"}},"contact":"{email}","phone":"{phone}"}}"#
            ),
            3 => format!("POST /v2/charge?pan={pan}&cvc={cvv}&mail={} 200", email.replace('@', "%40")),
            _ => format!("退款完成，持卡人 {id_card}，联系电话 +86 {phone}，邮箱 {email}"),
        }
    }

    fn planted(&mut self) -> Planted {
        let (prefix, length) = ISSUERS[self.random.below(ISSUERS.len() as u64) as usize];
        let name = NAMES[self.random.below(NAMES.len() as u64) as usize];
        Planted {
            pan: luhn(format!("{prefix}{}", self.random.digits(length - prefix.len() - 1))),
            cvv: self.random.digits(3),
            id_card: self.id_card(),
            phone: format!("13{}", self.random.digits(9)),
            email: format!("{name}.{}@example.com", self.random.digits(4)),
        }
    }

    /// A citizen's number by GB 11643: region, date of birth, sequence, check digit (ISO 7064 MOD 11-2).
    fn id_card(&mut self) -> String {
        let region = REGIONS[self.random.below(REGIONS.len() as u64) as usize];
        let (year, month, day) = (1950 + self.random.below(55), 1 + self.random.below(12), 1 + self.random.below(28));
        let body = format!("{region}{year}{month:02}{day:02}{}", self.random.digits(3));
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
    }
}

fn key(name: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(name: &str, value: &str) -> KeyValue {
    key(name, any_value::Value::StringValue(value.to_owned()))
}

/// Appends the check digit (ISO/IEC 7812-1).
fn luhn(mut number: String) -> String {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 1 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    number.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    number
}

/// xorshift64*: repeatable and plenty for made-up data; nothing secret comes from it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }
    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_public_test_numbers() {
        assert_eq!(luhn("424242424242424".into()), "4242424242424242");
        assert_eq!(luhn("37828224631000".into()), "378282246310005");
    }
}
