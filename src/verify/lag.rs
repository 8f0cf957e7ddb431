//! How long the archive may lie behind the stream, by what the collector sealed of its own life: that the archive was down and
//! up again, that it stopped running and began anew.
//!
//! Only time counts in which the archive could have taken what it lacks. So an outage moves the hour at which an object is due
//! by its own length, and by as much again for what had to be caught up with; it excuses nothing that comes later. An outage
//! that nothing says is over excuses for as long as it lasts, which is until the next start at most: a collector that starts
//! knows nothing of the outage before, and says anew that the archive is down.

use sealtrail_chain::UnixNanos;

/// What the collector said of itself, in the order in which it was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// The archive doesn't take what it is given: since when, and how often that is said. Own records that repeat within a
    /// minute are merged, so only the counts tell whether it was up again in between.
    Down {
        since: UnixNanos,
        count: u64,
    },
    Up {
        at: UnixNanos,
        count: u64,
    },
    /// The collector started; the record before was observed then, where there is one.
    Started {
        before: Option<UnixNanos>,
        at: UnixNanos,
    },
}

#[derive(Clone, Default, Debug)]
pub(super) struct Events(Vec<Event>);

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        self.0.push(event);
    }

    /// Takes in what the next file says; the record before it was observed at `to`.
    pub(super) fn join(&mut self, later: Self, to: Option<UnixNanos>) {
        self.0.extend(later.0.into_iter().map(|event| match event {
            Event::Started { before: None, at } => Event::Started { before: to, at },
            event => event,
        }));
    }

    /// Until when a segment that ended at `ended` has to be in the archive, which may take `lag` for it; `None` while an
    /// outage lasts. All in nanoseconds.
    pub(super) fn due(&self, ended: u64, lag: u64) -> Option<u64> {
        let mut due = Due { ended, at: ended.saturating_add(lag) };
        let mut down: Option<(u64, u64)> = None;
        for (index, event) in self.0.iter().enumerate() {
            match *event {
                Event::Down { since, count } => {
                    let (_, times) = down.get_or_insert((since.0, 0));
                    *times = times.saturating_add(count);
                }
                Event::Up { at, count } => match &mut down {
                    Some((_, times)) if *times > count => *times -= count,
                    Some((since, _)) => {
                        due.outage(*since, at.0);
                        down = None;
                    }
                    // What said that it was down lies before all that was read.
                    None if index == 0 => due.outage(ended.min(at.0), at.0),
                    None => {}
                },
                Event::Started { before, at } => match (down.take(), before) {
                    (Some((since, _)), _) => due.outage(since, at.0),
                    (None, Some(before)) => due.pause(before.0, at.0),
                    (None, None) => {}
                },
            }
        }
        down.is_none_or(|(since, _)| since > due.at).then_some(due.at)
    }
}

struct Due {
    ended: u64,
    at: u64,
}

impl Due {
    /// The archive took nothing. What had gathered goes before the segment, also where that ended behind the outage.
    fn outage(&mut self, since: u64, over: u64) {
        let length = over.saturating_sub(since);
        if since <= self.at && over.saturating_add(length) > self.ended {
            self.at = self.at.saturating_add(length.saturating_mul(2));
        }
    }

    /// The collector did not run.
    fn pause(&mut self, since: u64, over: u64) {
        if since <= self.at && over > self.ended {
            self.at = self.at.saturating_add(over.saturating_sub(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: u64 = 100;

    fn due(ended: u64, events: &[Event]) -> Option<u64> {
        Events(events.to_vec()).due(ended, LAG)
    }

    fn down(since: u64) -> Event {
        Event::Down { since: UnixNanos(since), count: 1 }
    }

    fn up(at: u64) -> Event {
        Event::Up { at: UnixNanos(at), count: 1 }
    }

    fn started(before: u64, at: u64) -> Event {
        Event::Started { before: Some(UnixNanos(before)), at: UnixNanos(at) }
    }

    #[test]
    fn an_outage_excuses_its_own_time_and_as_much_again_to_catch_up() {
        assert_eq!(due(1_000, &[]), Some(1_100));
        assert_eq!(due(1_000, &[down(1_010), up(1_030)]), Some(1_140));
        assert_eq!(due(1_000, &[down(900), up(1_010)]), Some(1_320), "what had gathered before comes first");
        assert_eq!(due(1_000, &[down(1_010), up(1_020), down(1_030), up(1_040)]), Some(1_140));
    }

    #[test]
    fn what_is_due_before_an_outage_or_long_behind_it_is_not_excused() {
        assert_eq!(due(1_000, &[down(1_101), up(9_000)]), Some(1_100));
        assert_eq!(due(1_000, &[down(1_101)]), Some(1_100));
        assert_eq!(due(1_000, &[down(100), up(200)]), Some(1_100));
        assert_eq!(due(1_000, &[down(500), up(900)]), Some(1_900), "it may still be catching up");
    }

    #[test]
    fn an_outage_lasts_until_something_says_that_it_is_over_and_at_most_until_the_next_start() {
        assert_eq!(due(1_000, &[down(1_010)]), None);
        assert_eq!(due(1_000, &[down(1_010), started(1_020, 1_030)]), Some(1_140));
        assert_eq!(due(1_000, &[down(1_010), started(1_020, 1_030), down(1_031)]), None);
    }

    #[test]
    fn time_in_which_nothing_ran_does_not_count() {
        assert_eq!(due(1_000, &[started(1_050, 5_050)]), Some(5_100));
        assert_eq!(due(1_000, &[started(1_101, 5_050)]), Some(1_100), "it was due before");
        assert_eq!(due(1_000, &[started(10, 900)]), Some(1_100));
    }

    /// Down, up, down, up, down within a minute: one record each for what repeats, and it is down at the end.
    #[test]
    fn merged_records_are_counted() {
        let (downs, ups) = (Event::Down { since: UnixNanos(1_020), count: 2 }, up(1_030));
        assert_eq!(due(1_000, &[down(1_000), up(1_010), downs, ups]), None);
        assert_eq!(due(1_000, &[down(1_000), up(1_010), downs, ups, up(1_040)]), Some(1_160));
    }

    /// A stream that is read from its middle on.
    #[test]
    fn the_end_of_an_outage_whose_beginning_is_gone_counts() {
        assert_eq!(due(1_000, &[up(1_500)]), Some(2_100));
        assert_eq!(due(1_000, &[started(990, 995), up(1_500)]), Some(1_100));
    }

    #[test]
    fn a_start_at_the_beginning_of_a_file_counts_from_the_file_before() {
        let mut events = Events::default();
        let started = Event::Started { before: None, at: UnixNanos(5_050) };
        events.join(Events(vec![started]), Some(UnixNanos(1_050)));
        assert_eq!(events.due(1_000, LAG), Some(5_100));
    }
}
