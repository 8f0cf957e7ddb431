//! Keys in a PKCS#11 token: SoftHSM, which `tests/parts` fetches. Where it can't be had, each of these says that it proved nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::harness::{Collector, archived, http, sealtrail_with, streamed, text, until};
use crate::parts;

const PIN: &str = "86421357";

/// A token of a test's own.
pub struct Token {
    module: PathBuf,
    pub environment: Vec<(String, String)>,
    pin: PathBuf,
}

impl Token {
    /// Makes one below `dir`.
    pub fn make(dir: &Path) -> Option<Self> {
        static FOUND: OnceLock<Result<[PathBuf; 2], String>> = OnceLock::new();
        let [module, util] = match FOUND.get_or_init(parts::softhsm) {
            Ok(found) => found.clone(),
            Err(reason) => {
                eprintln!("NOT PROVED: no PKCS#11 token to test with: {reason}");
                return None;
            }
        };
        let (tokens, conf, pin) = (dir.join("tokens"), dir.join("softhsm2.conf"), dir.join("pin"));
        std::fs::create_dir_all(&tokens).expect("made");
        let settings = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        std::fs::write(&conf, settings).expect("written");
        std::fs::write(&pin, format!("{PIN}\n")).expect("written");
        let environment = vec![("SOFTHSM2_CONF".to_owned(), conf.display().to_string())];
        let made = Command::new(util)
            .args(["--init-token", "--free", "--label", "audit", "--so-pin", "1234567", "--pin", PIN, "--module"])
            .arg(&module)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .output()
            .expect("softhsm2-util runs");
        assert!(made.status.success(), "{}", text(&made));
        Some(Self { module, environment, pin })
    }

    /// The section `pkcs11` of a configuration.
    pub fn section(&self, key: &str) -> String {
        format!(
            "{{ module: {}, token: audit, key: {key}, pin: '${{file:{}}}' }}",
            self.module.display(),
            self.pin.display()
        )
    }

    /// `sealtrail keys wrap`: the text, or what it complained of.
    fn wrap(&self, id: &str, more: &[&str]) -> Result<String, String> {
        let (module, pin) = (self.module.display().to_string(), self.pin.display().to_string());
        let mut words = vec!["keys", "wrap", id, "--module", &module, "--token", "audit", "--key", "masking"];
        words.extend(["--pin-file", &pin]);
        words.extend(more);
        let output = sealtrail_with(&words, &self.environment);
        assert!(!text(&output).contains(PIN), "{}", text(&output));
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => Err(text(&output)),
        }
    }
}

fn rule(key: &str) -> String {
    format!(
        "version: 1\nrules:\n- id: card\n  class: cardholder.pan\n  detect: {{validator: pan, brands: all}}\n  action: {{encrypt: {key}}}\n  \
         tests: {{must_mask: ['card 4242424242424242'], must_keep: ['order 17']}}\n"
    )
}

/// Masking keys of three kinds: in the token's wrapping, as they are, and one that was moved into the token later.
#[test]
fn masking_keys_come_out_of_a_token_and_change_without_losing_what_they_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(token) = Token::make(dir.path()) else { return };
    assert!(token.wrap("k1", &[]).expect_err("no key yet").contains("holds no AES-256 key `masking`"));
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("k1.wrapped", &token.wrap("k1", &["--make-key"]).expect("wrapped"));
    assert!(token.wrap("k1", &["--make-key"]).expect_err("there is one").contains("already"));
    write("card.yaml", &rule("k1"));

    let wrapped = |id: &str, file: &str| {
        let file = dir.path().join(file);
        format!("    {id}: {{ wrapped: '${{file:{}}}', pkcs11: {} }}\n", file.display(), token.section("masking"))
    };
    let config = |keys: &str| format!("mask:\n  rules: [card.yaml]\n  keys:\n{keys}");
    let first = config(&wrapped("k1", "k1.wrapped"));
    let start = |config: &str| Collector::try_start_with(dir.path(), config, &[], &token.environment);
    let collector = start(&first).unwrap_or_else(|log| panic!("{log}"));
    let (address, stream) = (collector.http.clone(), collector.stream());
    let send = |name: &str| {
        let record = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{name} 4242424242424242"}}}}]}}]}}]}}"#
        );
        let head = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
        assert_eq!(http(&address, head, record.as_bytes()).0, 200);
    };
    let envelope = |name: &str| {
        let mut found = None;
        until("the record is streamed", || {
            found = streamed(&stream).into_iter().find_map(|(_, content)| {
                let (_, rest) = content.split_once(&format!("\"{name} "))?;
                Some(rest.split('"').next()?.to_owned())
            });
            found.is_some()
        });
        found.expect("it was found")
    };
    let reveal = |envelope: &str| {
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (config, data) = (path("sealtrail.yaml"), path("data"));
        let words = ["reveal", "--reason", "x", "--config", &config, "--data-dir", &data, envelope];
        text(&sealtrail_with(&words, &token.environment)).trim().to_owned()
    };
    send("one");
    let one = envelope("one");
    assert!(one.starts_with("enc:1:k1:card:local:"), "{one}");
    assert_eq!(reveal(&one), "4242424242424242");

    // Rotation: a second key, and the rule names it. What the first one closed is still read.
    let head = std::fs::read_to_string(dir.path().join("sealtrail.yaml")).expect("there");
    let head = head.strip_suffix(&first).expect("it ends with ours").to_owned();
    let second = "    k2: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='\n";
    let reload = |keys: &str| {
        write("sealtrail.yaml", &format!("{head}{}", config(keys)));
        collector.signal("-HUP");
    };
    write("card.yaml", &rule("k2"));
    reload(&(wrapped("k1", "k1.wrapped") + second));
    until("the rules changed", || collector.log().contains("\"message\":\"rules changed\""));
    send("two");
    let two = envelope("two");
    assert!(two.starts_with("enc:1:k2:card:local:"), "{two}");
    assert_eq!((reveal(&one), reveal(&two)), ("4242424242424242".to_owned(), "4242424242424242".to_owned()));

    // Another key under an id that closed something is refused, and the one before stays in force.
    write("k1-other.wrapped", &token.wrap("k1", &[]).expect("wrapped"));
    reload(&(wrapped("k1", "k1-other.wrapped") + second));
    until("it is refused", || collector.log().contains("another key than before"));
    // The same key in another custody is the same key.
    write("k2.txt", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    let existing = dir.path().join("k2.txt").display().to_string();
    write("k2.wrapped", &token.wrap("k2", &["--existing", &existing]).expect("wrapped"));
    let changes = || collector.log().matches("keys for masking changed").count();
    assert_eq!(changes(), 1);
    reload(&(wrapped("k1", "k1.wrapped") + &wrapped("k2", "k2.wrapped")));
    until("it is taken", || changes() == 2);
    send("three");
    assert_eq!(
        (reveal(&two), reveal(&envelope("three"))),
        ("4242424242424242".to_owned(), "4242424242424242".to_owned())
    );

    let shown = dir.path().join("sealtrail.yaml").display().to_string();
    let shown = text(&sealtrail_with(&["config", "show", "--config", &shown], &token.environment));
    assert!(shown.contains("key: masking") && !shown.contains(PIN), "{shown}");

    let archive = collector.archive();
    let (status, log) = collector.stop();
    assert!(status.success() && !log.contains(PIN), "{log}");
    let own: Vec<_> = archived(&archive).into_iter().map(|(_, content)| content).collect();
    let sealed = |words: &[&str]| own.iter().filter(|content| words.iter().all(|word| content.contains(word))).count();
    assert_eq!(sealed(&["\"sealtrail.started\"", "masking keys k1 "]), 1);
    assert_eq!(sealed(&["\"sealtrail.rules.changed\""]), 1);
    // Once, or twice where the watch over the file was faster than the signal.
    assert!((1..=2).contains(&sealed(&["\"sealtrail.config.changed\"", "mask.keys", "failure"])));
    assert_eq!(sealed(&["\"sealtrail.config.changed\"", "mask.keys", "success"]), 2);

    // Each of these refuses the start, and says which key.
    write("pin-wrong", "00000000");
    let wrong_pin = wrapped("k1", "k1.wrapped").replace("/pin}", "/pin-wrong}");
    let other_id = wrapped("k1", "k2.wrapped");
    let other_token = wrapped("k1", "k1.wrapped").replace("token: audit", "token: other");
    let other_key = wrapped("k1", "k1.wrapped").replace("key: masking", "key: other");
    for (keys, expected) in [
        (wrong_pin, "PinIncorrect"),
        (other_id, "what is wrapped is not"),
        (other_token, "has no token `other`"),
        (other_key, "holds no AES-256 key `other`"),
    ] {
        let log = start(&config(&(keys + second))).err().expect("refused");
        assert!(log.contains("key `k1` can't be unwrapped") && log.contains(expected), "{expected}: {log}");
        assert!(!log.contains(PIN) && !log.contains("00000000"), "{log}");
    }
    // A bit of what is wrapped was changed: the token refuses it.
    let changed = std::fs::read_to_string(dir.path().join("k1.wrapped")).expect("there");
    let at = changed.len() - 10;
    let sign = if &changed[at..=at] == "A" { "B" } else { "A" };
    write("changed.wrapped", &format!("{}{sign}{}", &changed[..at], &changed[at + 1..]));
    let log = start(&config(&(wrapped("k1", "changed.wrapped") + second))).err().expect("refused");
    assert!(log.contains("can't decrypt"), "{log}");
}
