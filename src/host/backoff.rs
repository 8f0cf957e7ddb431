//! How long to wait before a server that failed is asked again: doubling, to a limit, and never the same for all.

use std::time::Duration;

/// The waits between attempts that fail one after the other.
pub struct Backoff {
    attempts: u32,
    jitter: Jitter,
}

impl Backoff {
    pub fn new(seed: u64) -> Self {
        Self { attempts: 0, jitter: Jitter(seed) }
    }

    /// How long to wait after one more failure.
    pub fn failed(&mut self) -> Duration {
        let wait = self.jitter.up_to(longest_wait(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        wait
    }

    /// The next failure is the first again.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
    }
}

/// Doubles from 200 ms to 10 s.
fn longest_wait(attempts: u32) -> Duration {
    Duration::from_millis(200u64 << attempts.min(6)).min(Duration::from_secs(10))
}

/// Full jitter: many collectors that lost one target don't come back at one moment. Not for secrets (SplitMix64).
struct Jitter(u64);

impl Jitter {
    fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // At least 10 ms, so that an attempt that fails at once doesn't spin.
        let span = longest.as_millis() as u64 - 10;
        Duration::from_millis(10 + (z ^ (z >> 31)) % (span + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_never_vanish() {
        let mut jitter = Jitter(7);
        for attempts in (0..40).chain([u32::MAX]) {
            let (longest, wait) = (longest_wait(attempts), jitter.up_to(longest_wait(attempts)));
            assert!(longest <= Duration::from_secs(10));
            assert!(wait >= Duration::from_millis(10) && wait <= longest, "{attempts}: {wait:?}");
        }
    }
}
