//! Masking keys that AWS KMS wraps: moto, which `tests/parts` fetches, with its policies of users enforced.

mod memory;
mod server;

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Collector, archived, files, http, sealtrail_with, streamed, text, until};
use server::{ALIAS, Environment, Server, nobody};

fn rule(key: &str) -> String {
    format!(
        "version: 1\nrules:\n- id: card\n  class: cardholder.pan\n  detect: {{validator: pan, brands: all}}\n  action: {{encrypt: {key}}}\n  \
         tests: {{must_mask: ['card 4242424242424242'], must_keep: ['order 17']}}\n"
    )
}

fn config(keys: &str) -> String {
    format!("mask:\n  rules: [card.yaml]\n  keys:\n{keys}")
}

/// A collector, what it is sent, and what became of it.
struct Run<'d> {
    dir: &'d Path,
    collector: Collector,
    credentials: Environment,
}

impl<'d> Run<'d> {
    fn start(dir: &'d Path, config: &str, credentials: &Environment) -> Self {
        let collector = Collector::try_start_with(dir, config, &[], credentials).unwrap_or_else(|log| panic!("{log}"));
        Self { dir, collector, credentials: credentials.clone() }
    }

    /// Sends a card under this name; the envelope in its place.
    fn send(&self, name: &str) -> String {
        let record = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{name} 4242424242424242"}}}}]}}]}}]}}"#
        );
        let head = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
        assert_eq!(http(&self.collector.http, head, record.as_bytes()).0, 200);
        let mut found = None;
        until("the record is streamed", || {
            found = streamed(&self.collector.stream()).into_iter().find_map(|(_, content)| {
                let (_, rest) = content.split_once(&format!("\"{name} "))?;
                Some(rest.split('"').next()?.to_owned())
            });
            found.is_some()
        });
        found.expect("it was found")
    }

    fn command(&self, words: &[&str]) -> Output {
        let config = self.dir.join("sealtrail.yaml").display().to_string();
        sealtrail_with(&[words, &["--config", &config]].concat(), &self.credentials)
    }

    fn reveal(&self, envelope: &str) -> String {
        let data = self.dir.join("data").display().to_string();
        text(&self.command(&["reveal", "--reason", "x", "--data-dir", &data, envelope])).trim().to_owned()
    }

    fn count(&self, words: &str) -> usize {
        self.collector.log().matches(words).count()
    }
}

/// A key is made by KMS, opened by it at the start and at each reload, and changes without losing what it closed; the plain
/// key is nowhere but in memory.
#[test]
fn a_masking_key_comes_out_of_kms_and_changes_without_losing_what_it_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let kms = Server::start(&[]);
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
    let refused = kms.wrap("k1", &kms.collector, &[]).expect_err("it may only open");
    assert!(refused.contains("can't make a data key: it is not allowed") && refused.contains("remedy"), "{refused}");
    let k1 = kms.wrap("k1", &kms.operator, &[]).expect("wrapped");
    write("k1.wrapped", &k1);
    write("card.yaml", &rule("k1"));

    let first = config(&kms.section(dir, "k1", "k1.wrapped"));
    let run = Run::start(dir, &first, &kms.collector);
    let one = run.send("one");
    assert!(one.starts_with("enc:1:k1:card:local:"), "{one}");
    assert_eq!(run.reveal(&one), "4242424242424242");

    // Where the key comes from, and whether it opens.
    let place = format!("wrapped by key `{ALIAS}` of AWS KMS in eu-central-1");
    for words in [&["keys", "show", "--masking"][..], &["config", "check"], &["rules", "lint"]] {
        let output = run.command(words);
        assert!(output.status.success() && text(&output).contains(&place), "{words:?}: {}", text(&output));
    }
    assert!(text(&run.command(&["keys", "show", "--masking"])).contains("it opens"));
    assert!(text(&run.command(&["config", "show"])).contains(ALIAS));
    let closed = Run { credentials: kms.stranger.clone(), ..run };
    let output = closed.command(&["keys", "show", "--masking"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("it does not open") && text(&output).contains("remedy"), "{}", text(&output));
    let run = Run { credentials: kms.collector.clone(), ..closed };

    // Rotation: a second key, and the rule names it. What the first one closed is still read.
    let head = std::fs::read_to_string(dir.join("sealtrail.yaml")).expect("there");
    let head = head.strip_suffix(&first).expect("it ends with ours").to_owned();
    let reload = |keys: &str| {
        write("sealtrail.yaml", &format!("{head}{}", config(keys)));
        run.collector.signal("-HUP");
    };
    write("k2.txt", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    let existing = dir.join("k2.txt").display().to_string();
    let k2 = kms.wrap("k2", &kms.operator, &["--existing", &existing]).expect("wrapped");
    std::fs::remove_file(&existing).expect("removed");
    write("k2.wrapped", &k2);
    write("card.yaml", &rule("k2"));
    let both = kms.section(dir, "k1", "k1.wrapped") + &kms.section(dir, "k2", "k2.wrapped");
    reload(&both);
    until("the rules changed", || run.count("\"message\":\"rules changed\"") == 1);
    let two = run.send("two");
    assert!(two.starts_with("enc:1:k2:card:local:"), "{two}");
    assert_eq!((run.reveal(&one), run.reveal(&two)), ("4242424242424242".to_owned(), "4242424242424242".to_owned()));

    // Another key under an id that closed something is refused.
    write("k1-other.wrapped", &kms.wrap("k1", &kms.operator, &[]).expect("wrapped"));
    reload(&(kms.section(dir, "k1", "k1-other.wrapped") + &kms.section(dir, "k2", "k2.wrapped")));
    until("it is refused", || run.count("another key than before") > 0);
    // KMS is away: the keys in force stay, and the same reload succeeds when it is back.
    kms.pause();
    write("card.yaml", &rule("k1"));
    reload(&both);
    until("it is refused", || run.count("it gave no answer in time") > 0);
    assert!(run.send("three").starts_with("enc:1:k2:"));
    kms.resume();
    run.collector.signal("-HUP");
    until("the rules changed", || run.count("\"message\":\"rules changed\"") == 2);
    assert!(run.send("four").starts_with("enc:1:k1:"));

    // Nothing but memory holds a plain key: no file, no log, no core.
    let plain: Vec<_> = [("k1", &k1), ("k2", &k2)].map(|(id, wrapped)| kms.open(id, wrapped).expect("it opens")).into();
    assert_eq!(plain[1], (0..32).collect::<Vec<u8>>());
    assert!(kms.open("k3", &k1.replace("k1", "k3")).is_none(), "the context is of this key id");
    let archive = run.collector.archive();
    let log = run.collector.log();
    run.collector.signal("-ABRT");
    let mut collector = run.collector;
    assert!(!collector.wait().success());
    let clean = |bytes: &[u8]| plain.iter().all(|key| writings(key).iter().all(|form| !holds(bytes, form)));
    assert!(
        !clean(&[b"..", &plain[0][..]].concat()) && !clean(writings(&plain[1])[1].as_slice()),
        "the search finds them"
    );
    // What is no file is the socket of the collector's commands.
    for file in files(dir).into_iter().filter(|file| file.is_file()) {
        assert!(clean(&std::fs::read(&file).expect("readable")), "{}", file.display());
        assert!(!file.ends_with("core"), "{}", file.display());
    }
    assert!(clean(log.as_bytes()));
    drop(collector);

    // The chain tells of every change, and its start of every key.
    let run = Run::start(dir, &config(&both), &kms.collector);
    let (status, log) = run.collector.stop();
    assert!(status.success() && clean(log.as_bytes()), "{log}");
    let own: Vec<_> = archived(&archive).into_iter().map(|(_, content)| content).collect();
    let sealed = |words: &[&str]| own.iter().filter(|content| words.iter().all(|word| content.contains(word))).count();
    assert_eq!(sealed(&["\"sealtrail.started\"", "masking keys k1 "]), 2);
    assert_eq!(sealed(&["\"sealtrail.rules.changed\""]), 2);
    // Once, or twice where the watch over the file was faster than the signal.
    assert!((1..=2).contains(&sealed(&["\"sealtrail.config.changed\"", "mask.keys", "failure"])));
}

/// Promise 2 and 4: a key that can't be had refuses the start, and says which, why, and what to do.
#[test]
fn each_refusal_says_which_key_why_and_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let kms = Server::start(&[]);
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
    write("card.yaml", &rule("k1"));
    let wrapped = kms.wrap("k1", &kms.operator, &[]).expect("wrapped");
    let sound = kms.section(dir, "k1", "k1.wrapped");
    write("k1.wrapped", &wrapped);
    let start = |keys: &str, credentials: &Environment| {
        let head = "data_dir: data\nreceivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' } } } }\nhealth_check: { endpoint: \
                    '127.0.0.1:0' }\ntelemetry: { metrics: { endpoint: '127.0.0.1:0' } }\n";
        write("sealtrail.yaml", &format!("{head}{}", config(keys)));
        Command::new("timeout")
            .args(["60", env!("CARGO_BIN_EXE_sealtrail"), "collect", "--config", "sealtrail.yaml"])
            .current_dir(dir)
            .envs(credentials.iter().map(|(key, value)| (key, value)))
            .output()
            .expect("it runs")
    };
    let refuses = |what: &str, keys: &str, credentials: &Environment, expected: &[&str]| {
        let output = start(keys, credentials);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        assert!(said.contains("remedy") && expected.iter().all(|words| said.contains(words)), "{what}: {said}");
        assert!(!dir.join("data/wal").exists(), "{what}: nothing was begun");
    };
    let unwrapped = "key `k1` can't be unwrapped";
    let with = |name: &str, text: &str| {
        write(name, text);
        kms.section(dir, "k1", name)
    };

    refuses("no such key", &sound.replace(ALIAS, "alias/none"), &kms.collector, &[unwrapped, "there is no such key"]);
    refuses("denied", &sound, &kms.stranger, &[unwrapped, "it is not allowed", "kms:Decrypt"]);
    let unknown = server::environment(("AKIAUNKNOWN".to_owned(), "secret".to_owned()));
    refuses("unknown", &sound, &unknown, &[unwrapped, "it is not allowed"]);
    refuses("nobody", &sound, &nobody(), &[unwrapped, "no credentials were found"]);
    let closed = sound.replace(kms.endpoint(), "http://127.0.0.1:1");
    refuses("unreachable", &closed, &kms.collector, &[unwrapped, "it can't be reached"]);
    let other = kms.make_key();
    refuses("other key", &sound.replace(ALIAS, &other), &kms.collector, &[unwrapped, &other, "can't decrypt"]);

    let other_id = kms.wrap("k2", &kms.operator, &[]).expect("wrapped");
    refuses(
        "other id",
        &with("other-id", &other_id),
        &kms.collector,
        &[unwrapped, "`key:1:<key id>:<base64>` of this key id"],
    );
    let passed_off = other_id.replace(":k2:", ":k1:");
    refuses(
        "other context",
        &with("context", &passed_off),
        &kms.collector,
        &[unwrapped, "what is wrapped was changed"],
    );
    let at = wrapped.len() - 10;
    let sign = if &wrapped[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{sign}{}", &wrapped[..at], &wrapped[at + 1..]);
    refuses("damaged", &with("damaged", &damaged), &kms.collector, &[unwrapped, "what is wrapped was changed"]);
    refuses("cut", &with("cut", "key:1:k1:AAAA"), &kms.collector, &[unwrapped, "what is wrapped was changed"]);
    let short = kms.wrap_elsewhere("k1", ALIAS, &[7; 16]);
    refuses("short", &with("short", &short), &kms.collector, &[unwrapped, "has not the 32 bytes"]);

    let in_clear = sound.replace(kms.endpoint(), "http://kms.example");
    refuses("in clear", &in_clear, &kms.collector, &["has no TLS", "mask.keys.k1.aws_kms.endpoint", "sealtrail.yaml:"]);
    let secret = sound.replace("region:", "secret_access_key: x, region:");
    refuses("credentials", &secret, &kms.collector, &["credentials do not stand in the configuration"]);
    let both = sound.replace("aws_kms:", "pkcs11: { module: m, token: t, key: k, pin: p }, aws_kms:");
    refuses("two that wrap", &both, &kms.collector, &["either `pkcs11` or `aws_kms`"]);
    kms.pause();
    refuses("paused", &sound, &kms.collector, &[unwrapped, "it gave no answer in time"]);
    kms.resume();
    // All that was needed is right: what was wrapped elsewhere in the same form opens too.
    let whole = kms.wrap_elsewhere("k1", ALIAS, &[7; 32]);
    let run = Run::start(dir, &config(&with("whole", &whole)), &kms.collector);
    assert!(run.collector.stop().0.success());
}

/// KMS behind an authority of one's own.
#[test]
fn kms_is_believed_by_its_certificate_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let kms = Server::start(&["--tls"]);
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
    let refused = kms.wrap("k1", &kms.operator, &[]).expect_err("an unknown authority");
    assert!(refused.contains("it can't be reached") && refused.contains("remedy"), "{refused}");
    let refused = kms.wrap("k1", &kms.operator, &["--ca-file", "/nowhere.pem"]).expect_err("no file");
    assert!(refused.contains("/nowhere.pem: it can't be read"), "{refused}");
    write("k1.wrapped", &kms.wrap("k1", &kms.operator, &["--ca-file", kms.ca_file()]).expect("wrapped"));
    write("card.yaml", &rule("k1"));
    let section =
        kms.section(dir, "k1", "k1.wrapped").replace("region:", &format!("ca_file: {}, region:", kms.ca_file()));
    let run = Run::start(dir, &config(&section), &kms.collector);
    assert_eq!(run.reveal(&run.send("one")), "4242424242424242");
    assert!(run.collector.stop().0.success());
}

/// How a key may be written: as it is, in hexadecimal, in base64.
fn writings(key: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::prelude::BASE64_STANDARD_NO_PAD.encode(key);
    vec![key.to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes(), base64.into_bytes()]
}

fn holds(text: &[u8], sought: &[u8]) -> bool {
    memchr::memmem::find(text, sought).is_some()
}
