//! What each leg has confirmed, kept beside the WAL so that a leg which lost data is found out at the next start.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealtrail_chain::{Hash, Sequence};

use super::log::replace;
use crate::host::Disk;

/// A delivery target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leg {
    Stream,
    Archive,
}

impl Leg {
    pub const ALL: [Self; 2] = [Self::Stream, Self::Archive];

    /// As configuration, metrics and the `legs` file write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Archive => "archive",
        }
    }
}

/// The last record that a leg holds, or has confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Confirmed {
    pub last: Sequence,
    pub hash: Hash,
}

/// The `legs` file (`FORMAT.md`, "Legs"). `confirm` notes in memory; `persist` writes, at most once a second from the log's
/// keeper and before a file is released. What a crash forgets, the legs themselves still know.
#[derive(Clone)]
pub struct Legs {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    confirmed: [Option<Confirmed>; 2],
    changed: bool,
}

const TITLE: &str = "sealtrail legs v1\n";
const NAME: &str = "legs";

impl Legs {
    /// Reads the file; none means that no leg has confirmed anything. `InvalidData`: it is damaged.
    pub(super) fn load(disk: Arc<dyn Disk>, dir: &Path) -> io::Result<Self> {
        let confirmed = match disk.open(&dir.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => [None; 2],
            file => {
                let mut bytes = [0; 1024];
                let read = file?.read_at(&mut bytes, 0)?;
                decode(&bytes[..read]).ok_or(io::ErrorKind::InvalidData)?
            }
        };
        Ok(Self { disk, dir: dir.to_owned(), state: Arc::new(Mutex::new(State { confirmed, changed: false })) })
    }

    /// The leg holds all records up to `sequence`, for good. A smaller one than before is ignored.
    pub fn confirm(&self, leg: Leg, sequence: Sequence, hash: Hash) {
        let mut state = self.lock();
        let slot = &mut state.confirmed[leg as usize];
        if slot.is_none_or(|before| before.last < sequence) {
            *slot = Some(Confirmed { last: sequence, hash });
            state.changed = true;
        }
    }

    pub fn confirmed(&self, leg: Leg) -> Option<Confirmed> {
        self.lock().confirmed[leg as usize]
    }

    /// Writes the file if a leg has confirmed more since it was written.
    pub fn persist(&self) -> io::Result<()> {
        let text = {
            let mut state = self.lock();
            if !state.changed {
                return Ok(());
            }
            state.changed = false;
            encode(&state.confirmed)
        };
        let path = self.dir.join(NAME);
        let replaced = replace(self.disk.as_ref(), &self.dir, &path, text.as_bytes(), None);
        replaced.map(drop).inspect_err(|_| self.lock().changed = true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two plain values: a thread that panicked can't have left them half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(confirmed: &[Option<Confirmed>; 2]) -> String {
    let mut text = TITLE.to_owned();
    for leg in Leg::ALL {
        if let Some(Confirmed { last, hash }) = confirmed[leg as usize] {
            text += &format!("{} {last} {hash}\n", leg.name());
        }
    }
    let sum = crc_fast::crc32_iscsi(text.as_bytes());
    text + &format!("crc32c {sum:08x}\n")
}

fn decode(bytes: &[u8]) -> Option<[Option<Confirmed>; 2]> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.len().checked_sub("crc32c 01234567\n".len())?;
    let (text, sum) = text.split_at_checked(at)?;
    if sum != format!("crc32c {:08x}\n", crc_fast::crc32_iscsi(text.as_bytes())) {
        return None;
    }
    let mut confirmed = [None; 2];
    for line in text.strip_prefix(TITLE)?.lines() {
        let mut words = line.split(' ');
        let leg = words.next()?;
        let leg = Leg::ALL.into_iter().find(|known| known.name() == leg)?;
        let last = Sequence::new(words.next()?.parse().ok()?);
        confirmed[leg as usize] = Some(Confirmed { last, hash: words.next()?.parse().ok()? });
    }
    Some(confirmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_is_read_again_and_damage_is_seen() {
        let stream = Confirmed { last: Sequence::new(17), hash: Hash([0xab; 32]) };
        let confirmed = [Some(stream), None];
        let text = encode(&confirmed);
        assert_eq!(decode(text.as_bytes()), Some(confirmed));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(decode(&bytes), None, "byte {at} flipped");
            assert_eq!(decode(&text.as_bytes()[..at]), None, "cut at {at}");
        }
    }
}
