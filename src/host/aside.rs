//! Where work goes that may block for long, so that it doesn't hold up who waits for it.

/// Beside the caller on a machine; on the spot in a simulation, where one seed must give one order of events.
#[derive(Clone, Copy, Debug)]
pub enum Aside {
    /// On a thread of the caller's runtime that is there for what blocks.
    Thread,
    /// On the caller's own thread.
    Here,
}

/// The work has panicked; the hook has said where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl Aside {
    /// Runs the work to its end and gives what it gave. Needs a tokio runtime.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
        match self {
            Self::Thread => tokio::task::spawn_blocking(work).await.map_err(|_| Panicked),
            Self::Here => Ok(work()),
        }
    }
}
