//! The collector's own life, sealed into its chain (FORMAT.md, "The collector's own records").

/// What happened; its name follows `sealtrail.`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Started,
    Stopped,
    Alive,
    RulesChanged,
    ConfigChanged,
    ClockStepped,
    LegDown,
    LegUp,
    Refusing,
    Accepting,
    SenderRefused,
    FieldsDropped,
}

/// One own record before it is sealed. Texts come from the configuration and closed lists (a sender is named by its token's
/// or certificate's name, else by its address), never from what a sender wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub kind: Kind,
    pub user: Option<String>,
    pub outcome: Option<String>,
    pub origin: Option<String>,
    pub resource: Option<String>,
    pub reason: Option<String>,
    pub count: u64,
}

impl Event {
    pub fn new(kind: Kind) -> Self {
        Self { kind, user: None, outcome: None, origin: None, resource: None, reason: None, count: 1 }
    }
}

/// The way into the chain for own records, from any thread; never blocks. Kinds that repeat are merged: at most one a
/// sender (`origin`), kind and minute, with a count.
#[derive(Clone)]
pub struct Reporter {}

impl Reporter {
    pub fn report(&self, event: Event) {
        let _ = event;
        todo!()
    }
}
