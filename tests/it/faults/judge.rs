//! What every row ends with: no acknowledged record is missing, none stands twice, the order is kept, both legs hold the same,
//! they are intact, and `reconcile` finds that they agree.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sealtrail_chain::Checksum;
use sealtrail_chain::content::{self, Value};

use super::load::{NAME, Outcome, Told};
use super::scene::Scene;
use crate::harness::{files, sealtrail_with, text};
use crate::kafka::topic::{Topic, decode};

/// What was found in the legs.
pub struct Found {
    /// Records in each leg.
    pub records: usize,
    /// Of them, the collector's own.
    pub own: usize,
    /// Their names.
    pub events: HashSet<String>,
    /// Records of attempts that nobody was told about, and that are kept all the same.
    pub unanswered: usize,
}

/// Reads both legs from outside, and compares them with each other and with what the senders were told.
pub fn judge(scene: &Scene, told: &[Told]) -> Found {
    let archive = scene.dir().join("judged");
    scene.block_on(async {
        let versions = scene.bucket.versions().await;
        let keys = versions.iter().map(|(key, _)| key).collect::<HashSet<_>>();
        assert_eq!(keys.len(), versions.len(), "a key has two versions: {versions:?}");
        scene.bucket.download(&archive).await;
    });
    let streamed = streamed(scene);
    let mut asked = Asked::new(told);
    let archived = archived(&archive, &mut asked);
    assert_eq!(archived.len(), streamed.len(), "the legs differ in length");
    if let Some(place) = (0..archived.len()).find(|place| archived[*place] != streamed[*place]) {
        panic!("the legs differ at record {place}");
    }
    let found = asked.answered(archived.len());
    commands(scene);
    found
}

/// What a person would ask, of the real legs: `verify`, and `reconcile` of every day that the row has seen.
fn commands(scene: &Scene) {
    let path = |path: PathBuf| path.display().to_string();
    let (config, data) = (path(scene.home.join("sealtrail.yaml")), path(scene.data()));
    let config = ["--config", &config, "--data-dir", &data];
    let ask = |arguments: &[&str]| {
        let output = sealtrail_with(&[arguments, &config].concat(), scene.environment());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    };
    ask(&["verify", "--public-key", &path(scene.data().join("keys/log.vkey"))]);
    for day in scene.days() {
        ask(&["reconcile", "--day", &day]);
    }
}

/// The checksum of each record's content, in order of sequence, which must have no gap: what a plain consumer reads, and a
/// decoder that is not ours agrees with.
fn streamed(scene: &Scene) -> Vec<Checksum> {
    let mut checksums = Vec::new();
    Topic::each(scene.kafka.get("KAFKA_BOOTSTRAP"), &scene.topic("logs"), |message| {
        decode(&message.value, scene.name(), &mut |sequence, content| {
            assert_eq!(sequence, checksums.len() as u64, "a gap or a repeat in the stream");
            checksums.push(Checksum::of(content.as_bytes()));
        });
    });
    checksums
}

fn archived(archive: &Path, asked: &mut Asked<'_>) -> Vec<Checksum> {
    let mut objects = files(archive);
    objects.retain(|file| file.extension().is_some_and(|kind| kind == "parquet"));
    // By first sequence: days come in the way of names.
    objects.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
    let mut checksums = Vec::new();
    for object in objects {
        let failed = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", object.display()) };
        let mut reader = sealtrail::archive::Reader::open(&object).unwrap_or_else(|error| failed(&error));
        let read = reader.rows(&mut |row| {
            assert_eq!(row.sequence.get(), checksums.len() as u64, "a gap or a repeat in the archive");
            checksums.push(Checksum::of(row.content.as_bytes()));
            asked.count(row.content);
            ControlFlow::Continue(())
        });
        read.unwrap_or_else(|error| failed(&error));
    }
    checksums
}

/// What the senders were told against what is there.
struct Asked<'a> {
    told: &'a [Told],
    /// How often each record of each attempt was found.
    found: Vec<Vec<u8>>,
    /// Each sender's last acknowledged attempt that was found.
    last: Vec<usize>,
    own: usize,
    events: HashSet<String>,
}

impl<'a> Asked<'a> {
    fn new(told: &'a [Told]) -> Self {
        let found = told.iter().map(|told| vec![0; told.outcomes.len() * told.records]).collect();
        Self { told, found, last: vec![0; told.len()], own: 0, events: HashSet::new() }
    }

    fn count(&mut self, content: &str) {
        let record = content::read(content).expect("canonical text");
        let name = record.log.attributes.iter().find(|attribute| attribute.key == NAME);
        let Some(Value::String(name)) = name.map(|attribute| &attribute.value) else {
            self.own += 1;
            self.events.insert(record.log.event_name.clone().into_owned());
            return;
        };
        let mut numbers = name.split('.').map(|number| number.parse::<usize>().expect("a number"));
        let [Some(sender), Some(attempt), Some(place)] = std::array::from_fn(|_| numbers.next()) else {
            panic!("no name of ours: {name}")
        };
        let told = &self.told[sender];
        self.found[sender][attempt * told.records + place] += 1;
        // A sender goes on to its next request when it has its answer: so its answers are in the order of the chain.
        if told.outcomes[attempt] == Outcome::Acknowledged {
            assert!(self.last[sender] <= attempt, "attempt {attempt} of sender {sender} stands behind a later one");
            self.last[sender] = attempt;
        }
    }

    fn answered(self, records: usize) -> Found {
        let mut unanswered = 0;
        for (sender, (told, found)) in self.told.iter().zip(&self.found).enumerate() {
            for (attempt, (outcome, found)) in told.outcomes.iter().zip(found.chunks(told.records)).enumerate() {
                match outcome {
                    Outcome::Acknowledged => {
                        assert!(
                            found.iter().all(|times| *times > 0),
                            "{sender}.{attempt} was acknowledged and is missing"
                        );
                    }
                    Outcome::Refused | Outcome::Unanswered => {
                        unanswered += found.iter().filter(|times| **times > 0).count();
                    }
                }
                assert!(found.iter().all(|times| *times <= 1), "{sender}.{attempt} stands twice");
            }
        }
        Found { records, own: self.own, events: self.events, unanswered }
    }
}
