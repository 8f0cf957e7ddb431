//! Admission by memory: a counter of the bytes that requests hold, charged as they arrive and returned with the answer.
//!
//! It counts what grows with the senders: bodies as sent, decompressed, and masked. What a connection costs beside that is
//! bounded by its windows and `max_connections`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::observe::Metrics;

/// The limit that all requests of the process share.
pub(super) struct Limiter {
    limit: usize,
    used: AtomicUsize,
}

/// The request would have gone over the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Limiter {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// An empty charge for a new request; refused at once when the limit is already reached.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Charge, Full> {
        if self.used.load(Ordering::Relaxed) >= self.limit {
            return Err(Full);
        }
        Ok(Charge { limiter: Arc::clone(self), bytes: 0 })
    }

    fn take(&self, bytes: usize) -> Result<(), Full> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Full);
        }
        Metrics::get().requests_in_flight_bytes.inc_by(bytes as i64);
        Ok(())
    }
}

/// What one request holds; returned when dropped, so no path out of a request can forget it.
pub(super) struct Charge {
    limiter: Arc<Limiter>,
    bytes: usize,
}

impl Charge {
    /// An empty charge for more of the same request.
    pub(super) fn beside(&self) -> Self {
        Self { limiter: Arc::clone(&self.limiter), bytes: 0 }
    }

    /// Holds `bytes` more. After an error the request must be given up.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), Full> {
        self.limiter.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.limiter.used.fetch_sub(self.bytes, Ordering::Relaxed);
        Metrics::get().requests_in_flight_bytes.dec_by(self.bytes as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_comes_back_and_a_refused_charge_holds_nothing() {
        let limiter = Limiter::new(100);
        let mut first = limiter.admit().unwrap();
        first.add(60).unwrap();
        let mut second = limiter.admit().unwrap();
        assert_eq!(second.add(41), Err(Full));
        second.add(40).unwrap();
        assert!(limiter.admit().is_err());
        drop(first);
        second.add(60).unwrap();
        drop(second);
        assert_eq!(limiter.used.load(Ordering::Relaxed), 0);
    }
}
