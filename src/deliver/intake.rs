//! `acknowledge: stream`: a sender is told that its records are kept when the stream has committed them, not before.
//!
//! Promise 1 in its second form: what is acknowledged survives the loss of this machine. [`Streamed`] is made here alone, out of
//! what the stream's task says of its commits.
//!
//! In words:
//! - Records go into the log and from there to the stream as ever: there is one way, and the answer waits at its other end.
//! - While the stream is known not to answer, or is not this collector's, records are refused before the log, so that what is
//!   sent again and again doesn't pile up in it.
//! - What is in the log when its commit doesn't come in time is refused too. It stays and is delivered; what its sender sends
//!   again becomes new records.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::stream::Committed;
use crate::wal::{self, Batch, Durable, Keep, Proof, Refused};

/// Proof that records are committed in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed(Durable);

impl Streamed {
    /// The only maker: the commit must reach the last record.
    fn of(durable: Durable, committed: &Committed) -> Option<Self> {
        (durable.last() < committed.next).then_some(Self(durable))
    }
}

impl Proof for Streamed {}

/// The way into the log for receivers whose senders wait for the stream. `L` is the log's own; a test has another.
#[derive(Clone)]
pub struct Intake<L = wal::Intake> {
    log: L,
    committed: watch::Receiver<Committed>,
    timeout: Duration,
}

impl<L: Keep<Proof = Durable>> Intake<L> {
    pub(super) fn new(log: L, committed: watch::Receiver<Committed>, timeout: Duration) -> Self {
        Self { log, committed, timeout }
    }

    async fn committed(&self, durable: Durable) -> Result<Streamed, Refused> {
        let mut committed = self.committed.clone();
        let heard = committed.wait_for(|now| now.fenced || Streamed::of(durable, now).is_some());
        match timeout(self.timeout, heard).await {
            // Fenced, and the commit not heard of: nobody knows yet whether it will stand.
            Ok(Ok(now)) => Streamed::of(durable, &now).ok_or(Refused::Fenced),
            Ok(Err(_)) => Err(Refused::StreamDown),
            Err(_) => Err(Refused::Uncommitted),
        }
    }
}

impl<L: Keep<Proof = Durable>> Keep for Intake<L> {
    type Proof = Streamed;

    fn state(&self) -> Result<(), Refused> {
        self.log.state()?;
        // A task that has ended for good has dropped its end.
        let gone = self.committed.has_changed().is_err();
        let now = self.committed.borrow();
        match () {
            () if now.fenced => Err(Refused::Fenced),
            () if now.down || gone => Err(Refused::StreamDown),
            () => Ok(()),
        }
    }

    async fn keep(
        &self,
        records: Batch,
        rules: [u8; 32],
        held: impl Send + Sync + 'static,
    ) -> Result<Streamed, Refused> {
        self.state()?;
        // Held by the records and by who waits for them.
        let held = Arc::new(held);
        let durable = self.log.keep(records, rules, Arc::clone(&held)).await?;
        let streamed = self.committed(durable).await;
        drop(held);
        streamed
    }

    fn patience(&self) -> Duration {
        self.log.patience() + self.timeout
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_chain::Sequence;

    use super::*;
    use crate::deliver::fakes::content;
    use crate::mask::Masked;

    /// A log that gives each batch the next records at once, and holds what it was given for as long as it is told.
    #[derive(Clone)]
    struct AtOnce(Arc<std::sync::Mutex<u64>>);

    impl Keep for AtOnce {
        type Proof = Durable;
        fn state(&self) -> Result<(), Refused> {
            Ok(())
        }
        async fn keep(&self, records: Batch, _: [u8; 32], _: impl Send + Sync + 'static) -> Result<Durable, Refused> {
            let mut next = self.0.lock().unwrap();
            let first = *next;
            *next += records.len() as u64;
            Ok(Durable::for_test(first, *next - 1))
        }
        fn patience(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn next(next: u64) -> Committed {
        Committed { next: Sequence::new(next), object: 0, finished: false, fenced: false, down: false }
    }

    fn intake() -> (Intake<AtOnce>, watch::Sender<Committed>) {
        let (sender, committed) = watch::channel(next(0));
        (Intake::new(AtOnce(Arc::default()), committed, Duration::from_secs(4)), sender)
    }

    /// Three records, which are numbers 0, 1 and 2 the first time.
    async fn three(intake: &Intake<AtOnce>, held: impl Send + Sync + 'static) -> Result<Streamed, Refused> {
        let records = ["a", "b", "c"].map(|name| Masked::for_test(&content("name", name)));
        intake.keep(records.into_iter().collect(), [0; 32], held).await
    }

    /// Lets the others do what they can do now.
    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_until_the_commit_reaches_its_last_record() {
        let (intake, stream) = intake();
        let held = Arc::new(());
        let (waits, held_there) = (intake.clone(), held.clone());
        let answer = tokio::spawn(async move { three(&waits, held_there).await });
        settle().await;
        stream.send_replace(next(2));
        settle().await;
        assert!(!answer.is_finished(), "record 2 is not committed");
        assert_eq!(Arc::strong_count(&held), 2, "the memory counts for as long as its sender waits");
        stream.send_replace(next(3));
        assert_eq!(answer.await.unwrap(), Ok(Streamed(Durable::for_test(0, 2))));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_committed_in_time_is_refused_and_stays_in_the_log() {
        let (intake, stream) = intake();
        assert_eq!(three(&intake, ()).await, Err(Refused::Uncommitted));
        assert_eq!(*intake.log.0.lock().unwrap(), 3);
        // A failure under way is no reason to give up before the time is over: the next attempt may be at once.
        let waits = intake.clone();
        let answer = tokio::spawn(async move { three(&waits, ()).await });
        settle().await;
        stream.send_modify(|committed| committed.down = true);
        settle().await;
        assert!(!answer.is_finished());
        stream.send_replace(next(6));
        assert!(answer.await.unwrap().is_ok());
    }

    /// Fail closed, and before the log: a stream that is away must not fill it with what is sent again and again.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_taken_while_the_stream_is_away_or_another_s() {
        let (intake, stream) = intake();
        for (committed, refused) in [
            (Committed { down: true, ..next(0) }, Refused::StreamDown),
            (Committed { fenced: true, ..next(0) }, Refused::Fenced),
        ] {
            stream.send_replace(committed);
            assert_eq!(intake.state(), Err(refused));
            assert_eq!(three(&intake, ()).await, Err(refused));
        }
        stream.send_replace(next(0));
        assert_eq!(intake.state(), Ok(()));
        drop(stream);
        assert_eq!(intake.state(), Err(Refused::StreamDown));
        assert_eq!(three(&intake, ()).await, Err(Refused::StreamDown));
        assert_eq!(*intake.log.0.lock().unwrap(), 0, "nothing came as far as the log");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_at_once_that_another_collector_has_the_chain() {
        for committed_before in [0, 3] {
            let (intake, stream) = intake();
            let waits = intake.clone();
            let answer = tokio::spawn(async move { three(&waits, ()).await });
            settle().await;
            stream.send_replace(Committed { fenced: true, ..next(committed_before) });
            assert_eq!(answer.await.unwrap().is_ok(), committed_before == 3, "what was committed before stands");
        }
    }
}
