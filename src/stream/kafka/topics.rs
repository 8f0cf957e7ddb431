//! Whether the topics are fit to hold an audit trail, and making them where that is asked for.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::super::MAX_MESSAGE;
use super::client::Context;
use super::config::Settings;
use super::error::{Error, Verdict, code_of, unanswered, verdict};

/// What a message takes beside its value: key, headers, the frame of its batch; generously.
const OVERHEAD: u64 = 10_000;
/// Below this a stream of audit records is gone before a long weekend's outage of a reader is over.
const DAY_MS: i64 = 86_400_000;
const STEP: Duration = Duration::from_millis(500);

/// What is wrong with a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error(
        "topic `{topic}` doesn't exist\n  remedy  make it, with 3 copies and `min.insync.replicas=2`; or let us: `stream.kafka.create_topics: true`"
    )]
    Missing { topic: String },
    #[error(
        "topic `{topic}` has {found} partitions, and the chain's is number {partition}\n  remedy  add partitions, or give a new chain another `stream.kafka.partition`"
    )]
    Partition { topic: String, partition: u32, found: usize },
    #[error(
        "topic `{topic}` has {found} copies, {wanted} are asked for (`stream.kafka.require_replication`)\n  remedy  raise its replication factor"
    )]
    Replication { topic: String, found: usize, wanted: u16 },
    #[error(
        "topic `{topic}` confirms what {found} copies have, {wanted} are asked for (`stream.kafka.require_min_insync_replicas`)\n  remedy  raise its `min.insync.replicas`"
    )]
    MinInsync { topic: String, found: u64, wanted: u16 },
    #[error(
        "topic `{topic}` confirms only what all its {copies} copies have: one broker that is down stops it\n  remedy  lower its `min.insync.replicas`, or raise its replication factor"
    )]
    NoSpare { topic: String, copies: usize },
    #[error(
        "topic `{topic}` keeps records for {found_ms} ms, {wanted_ms} are asked for (`stream.kafka.require_retention`)\n  remedy  raise its `retention.ms`"
    )]
    Retention { topic: String, found_ms: i64, wanted_ms: i64 },
    #[error(
        "topic `{topic}` deletes records by size (`retention.bytes`), however young they are\n  remedy  set it to -1"
    )]
    RetentionBytes { topic: String },
    #[error(
        "topic `{topic}` is compacted: all records of a chain have one key, so all but the last would be deleted\n  remedy  set its `cleanup.policy` to `delete`"
    )]
    Compacted { topic: String },
    #[error(
        "topic `{topic}` takes messages of {found} bytes, ours may have {wanted}\n  remedy  raise its `max.message.bytes`"
    )]
    MessageSize { topic: String, found: u64, wanted: u64 },
    #[error(
        "topic `{topic}` may lose confirmed records when brokers fail (`unclean.leader.election.enable`)\n  remedy  set it to `false`"
    )]
    Unclean { topic: String },
    #[error(
        "the settings of topic `{topic}` can't be read ({code}), so whether it is fit to hold an audit trail is not known\n  remedy  allow this user DESCRIBE_CONFIGS on it"
    )]
    Unread { topic: String, code: Code },
}

/// What Kafka tells of a topic.
#[derive(Debug, Clone, Default)]
struct Facts {
    partitions: usize,
    copies: usize,
    min_insync: Option<u64>,
    retention_ms: Option<i64>,
    retention_bytes: Option<i64>,
    cleanup: Option<String>,
    message_bytes: Option<u64>,
    unclean: Option<bool>,
}

/// A topic, and the partition that is needed of it.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    topic: &'a str,
    partition: u32,
}

/// Looks at both topics; makes those that are missing, where that is asked for. What is only unwise is a warning.
pub(super) async fn check(settings: &Settings, limit: Duration) -> Result<(), Error> {
    let asking = Asking::new(settings, limit)?;
    let mut refusals = Vec::new();
    let wanted = [
        Wanted { topic: &settings.topic, partition: settings.partition },
        Wanted { topic: &settings.checkpoint_topic, partition: 0 },
    ];
    for wanted in wanted {
        let topic = || wanted.topic.to_owned();
        let mut found = asking.partitions(wanted.topic, Absent::IsTold)?;
        if found.is_none() && settings.create_topics {
            asking.create(wanted).await?;
            found = asking.partitions(wanted.topic, Absent::IsAwaited)?;
        }
        let Some((partitions, copies)) = found else {
            refusals.push(Problem::Missing { topic: topic() });
            continue;
        };
        let facts = match asking.configured(wanted.topic).await? {
            Ok(facts) => Facts { partitions, copies, ..facts },
            Err(code) => {
                let unread = Problem::Unread { topic: topic(), code };
                if settings.require_min_insync_replicas.is_some() || settings.require_retention.is_some() {
                    refusals.push(unread);
                } else {
                    tracing::warn!("{unread}");
                }
                Facts { partitions, copies, ..Facts::default() }
            }
        };
        let judged = judge(wanted, &facts, settings);
        judged.warnings.iter().for_each(|problem| tracing::warn!("{problem}"));
        refusals.extend(judged.refusals);
    }
    if refusals.is_empty() { Ok(()) } else { Err(Error::Topics(refusals)) }
}

#[derive(Default)]
struct Judged {
    refusals: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Judged {
    /// Refused where the configuration asks for it.
    fn add(&mut self, asked: bool, problem: Problem) {
        if asked { self.refusals.push(problem) } else { self.warnings.push(problem) }
    }
}

fn judge(wanted: Wanted<'_>, facts: &Facts, settings: &Settings) -> Judged {
    let topic = || wanted.topic.to_owned();
    let mut judged = Judged::default();
    if facts.partitions <= wanted.partition as usize {
        judged.add(true, Problem::Partition { topic: topic(), partition: wanted.partition, found: facts.partitions });
    }
    let copies = settings.require_replication.unwrap_or(3);
    if facts.copies < usize::from(copies) {
        let problem = Problem::Replication { topic: topic(), found: facts.copies, wanted: copies };
        judged.add(settings.require_replication.is_some(), problem);
    }
    if let Some(found) = facts.min_insync {
        let insync = settings.require_min_insync_replicas.unwrap_or(2);
        if found < u64::from(insync) {
            let problem = Problem::MinInsync { topic: topic(), found, wanted: insync };
            judged.add(settings.require_min_insync_replicas.is_some(), problem);
        } else if found >= facts.copies as u64 {
            judged.add(false, Problem::NoSpare { topic: topic(), copies: facts.copies });
        }
    }
    if let Some(found_ms) = facts.retention_ms.filter(|found| *found >= 0) {
        let asked = settings.require_retention.map(|time| i64::try_from(time.get().as_millis()).unwrap_or(i64::MAX));
        let wanted_ms = asked.unwrap_or(DAY_MS);
        if found_ms < wanted_ms {
            judged.add(asked.is_some(), Problem::Retention { topic: topic(), found_ms, wanted_ms });
        }
    }
    if facts.retention_bytes.is_some_and(|bytes| bytes >= 0) {
        judged.add(settings.require_retention.is_some(), Problem::RetentionBytes { topic: topic() });
    }
    if facts.cleanup.as_ref().is_some_and(|policy| policy.contains("compact")) {
        judged.add(true, Problem::Compacted { topic: topic() });
    }
    let wanted_bytes = MAX_MESSAGE as u64 + OVERHEAD;
    if let Some(found) = facts.message_bytes.filter(|found| *found < wanted_bytes) {
        judged.add(true, Problem::MessageSize { topic: topic(), found, wanted: wanted_bytes });
    }
    if facts.unclean == Some(true) {
        judged.add(false, Problem::Unclean { topic: topic() });
    }
    judged
}

/// What to do about a topic that a broker doesn't know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// Say so, once a second broker's worth of time has passed: one that has just started may not know yet.
    IsTold,
    /// It was just made: wait.
    IsAwaited,
}

struct Asking<'a> {
    settings: &'a Settings,
    /// A consumer: asking as a producer may make the topic.
    metadata: BaseConsumer<Context>,
    admin: AdminClient<Context>,
    context: Context,
    limit: Duration,
}

impl<'a> Asking<'a> {
    fn new(settings: &'a Settings, limit: Duration) -> Result<Self, Error> {
        let context = Context::default();
        let failed = |error: rdkafka::error::KafkaError| Error::Configuration { what: error.to_string() };
        let metadata = settings.asking().create_with_context(context.clone()).map_err(failed)?;
        let admin = settings.admin().create_with_context(context.clone()).map_err(failed)?;
        Ok(Self { settings, metadata, admin, context, limit })
    }

    /// Number of partitions, and of copies of each; none: there is no such topic.
    fn partitions(&self, topic: &str, absent: Absent) -> Result<Option<(usize, usize)>, Error> {
        let begin = Instant::now();
        let patience = if absent == Absent::IsTold { Duration::from_secs(2).min(self.limit) } else { self.limit };
        loop {
            let told = self.metadata.fetch_metadata(Some(topic), STEP);
            drop(self.metadata.poll(Duration::from_millis(50)));
            match told {
                Ok(metadata) => {
                    let known = metadata.topics().iter().find(|known| known.name() == topic);
                    if let Some(known) = known.filter(|known| known.error().is_none() && !known.partitions().is_empty())
                    {
                        let copies = known.partitions().iter().map(|partition| partition.replicas().len()).min();
                        return Ok(Some((known.partitions().len(), copies.unwrap_or(0))));
                    }
                    let code = known.and_then(|known| known.error()).map(Code::from);
                    if code == Some(Code::TopicAuthorizationFailed) {
                        return Err(Error::Denied { doing: "ask for a topic", code: Code::TopicAuthorizationFailed });
                    }
                    if begin.elapsed() >= patience {
                        return Ok(None);
                    }
                }
                Err(error) => {
                    let code = code_of(&error).0;
                    if verdict(code, code_of(&error).1) == Verdict::Denied {
                        return Err(Error::Denied { doing: "ask for a topic", code });
                    }
                    if begin.elapsed() >= self.limit {
                        return Err(self.silence("ask for a topic"));
                    }
                }
            }
        }
    }

    /// The settings of a topic, or why they aren't told.
    async fn configured(&self, topic: &str) -> Result<Result<Facts, Code>, Error> {
        let options = AdminOptions::new().request_timeout(Some(self.limit));
        let resource = ResourceSpecifier::Topic(topic);
        let told = match self.admin.describe_configs([&resource], &options).await {
            Ok(told) => told,
            Err(_) => return Err(self.silence("ask for a topic's settings")),
        };
        let entries = match told.into_iter().next() {
            Some(Ok(resource)) => resource,
            Some(Err(code)) => return Ok(Err(code)),
            None => return Ok(Err(Code::NoEnt)),
        };
        let value = |key| entries.get(key).and_then(|entry| entry.value.clone());
        Ok(Ok(Facts {
            partitions: 0,
            copies: 0,
            min_insync: value("min.insync.replicas").and_then(|text| text.parse().ok()),
            retention_ms: value("retention.ms").and_then(|text| text.parse().ok()),
            retention_bytes: value("retention.bytes").and_then(|text| text.parse().ok()),
            cleanup: value("cleanup.policy"),
            message_bytes: value("max.message.bytes").and_then(|text| text.parse().ok()),
            unclean: value("unclean.leader.election.enable").map(|text| text == "true"),
        }))
    }

    async fn create(&self, wanted: Wanted<'_>) -> Result<(), Error> {
        let settings = self.settings;
        let copies = i32::from(settings.require_replication.unwrap_or(3));
        let insync = settings.require_min_insync_replicas.unwrap_or(2).to_string();
        let retention = settings.require_retention.map(|time| time.get().as_millis().to_string());
        let partitions = i32::try_from(wanted.partition).unwrap_or(0).saturating_add(1);
        let mut topic = NewTopic::new(wanted.topic, partitions, TopicReplication::Fixed(copies))
            .set("cleanup.policy", "delete")
            .set("min.insync.replicas", &insync)
            .set("unclean.leader.election.enable", "false");
        if let Some(retention) = &retention {
            topic = topic.set("retention.ms", retention);
        }
        let options = AdminOptions::new().request_timeout(Some(self.limit)).operation_timeout(Some(self.limit));
        match self.admin.create_topics([&topic], &options).await.map(|made| made.into_iter().next()) {
            Ok(Some(Err((_, Code::TopicAlreadyExists)))) => Ok(()),
            Ok(Some(Err((_, code)))) if verdict(code, Default::default()) == Verdict::Denied => {
                Err(Error::Denied { doing: "make a topic", code })
            }
            Ok(Some(Err((_, code)))) => Err(Error::Refused { doing: "make a topic", code }),
            Ok(_) => {
                tracing::info!(topic = wanted.topic, copies, "topic made");
                Ok(())
            }
            Err(_) => Err(self.silence("make a topic")),
        }
    }

    fn silence(&self, doing: &'static str) -> Error {
        unanswered(doing, self.settings.brokers.join(","), self.limit, self.context.take_trouble())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Duration as Time;

    fn fit() -> Facts {
        Facts {
            partitions: 1,
            copies: 3,
            min_insync: Some(2),
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: Some(-1),
            cleanup: Some("delete".into()),
            message_bytes: Some(1_048_588),
            unclean: Some(false),
        }
    }

    /// Numbers of refusals and of warnings.
    fn judged(facts: impl FnOnce(&mut Facts), settings: impl FnOnce(&mut Settings)) -> (usize, usize) {
        let (mut told, mut asked) = (fit(), Settings::default());
        facts(&mut told);
        settings(&mut asked);
        let judged = judge(Wanted { topic: "audit-logs", partition: 0 }, &told, &asked);
        (judged.refusals.len(), judged.warnings.len())
    }

    #[test]
    fn a_topic_is_refused_where_it_could_not_work_and_as_the_configuration_asks() {
        let (refused, warned, fine) = ((1, 0), (0, 1), (0, 0));
        assert_eq!(judged(|_| {}, |_| {}), fine);
        assert_eq!(judged(|facts| facts.retention_ms = Some(-1), |_| {}), fine, "for ever");
        assert_eq!(judged(|facts| *facts = Facts { partitions: 1, copies: 3, ..Facts::default() }, |_| {}), fine);

        assert_eq!(judged(|facts| facts.copies = 2, |_| {}).0, 0);
        assert_eq!(judged(|facts| facts.copies = 2, |asked| asked.require_replication = Some(3)).0, 1);
        assert_eq!(judged(|facts| facts.min_insync = Some(1), |_| {}), warned);
        let insync = |asked: &mut Settings| asked.require_min_insync_replicas = Some(2);
        assert_eq!(judged(|facts| facts.min_insync = Some(1), insync), refused);
        assert_eq!(judged(|facts| facts.min_insync = Some(3), insync), warned, "no broker to spare");
        assert_eq!(judged(|facts| facts.retention_ms = Some(DAY_MS - 1), |_| {}), warned);
        let month = |asked: &mut Settings| asked.require_retention = Some(Time::from_secs(30 * 86_400));
        assert_eq!(judged(|_| {}, month), refused);
        assert_eq!(judged(|facts| (facts.retention_ms, facts.retention_bytes) = (Some(-1), Some(1)), month), refused);
        assert_eq!(judged(|facts| facts.unclean = Some(true), |_| {}), warned);

        assert_eq!(judged(|facts| facts.partitions = 0, |_| {}), refused);
        assert_eq!(judged(|facts| facts.cleanup = Some("compact,delete".into()), |_| {}), refused);
        assert_eq!(judged(|facts| facts.message_bytes = Some(900_000), |_| {}), refused);
    }
}
