//! The process guards itself: what was in memory unmasked, and the keys, must not reach a disk by way of a core dump, the swap
//! or a panic's message.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// All of it, at the start of a process that will hold what is not masked yet. What the machine refuses is said, no more:
/// a container without the right to it must still collect.
pub fn process() {
    frugal_heaps();
    quiet_panics();
    if let Err(error) = forbid_dumps() {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    if swap_is_on() {
        tracing::warn!("swap is on: what is not masked yet may reach the disk; switch it off, or encrypt it");
    }
}

/// No core dumps, and no reading of this process's memory by others of its user (`ptrace`, `/proc/<pid>/mem`).
///
/// The limit alone does not stop a `core_pattern` that pipes into a program; a process that isn't dumpable has no dump to pipe.
pub fn forbid_dumps() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// A panic prints where it was, never its message: that may hold a value.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| match info.location() {
        Some(place) => {
            eprintln!("sealtrail: internal error at {}:{}:{}", place.file(), place.line(), place.column());
        }
        None => eprintln!("sealtrail: internal error"),
    }));
}

/// Puts the calling thread, and those that it will start, behind those that answer senders: where both want a processor,
/// this one gets a third of the other's time. What the legs have not done yet lies safely in the log; a sender waits.
pub fn behind_the_intake() -> io::Result<()> {
    rustix::process::nice(5)?;
    Ok(())
}

/// Whether the machine may write this process's memory to a swap device.
pub fn swap_is_on() -> bool {
    rustix::system::sysinfo().totalswap > 0
}

/// What a thread has given back, its heap keeps no more than a little of: glibc would raise both limits by itself to what the
/// largest request once took, in the heap of each thread that ever worked on one. Threads keep heaps of their own: with few
/// to share, they wait for each other at every allocation.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "mallopt has no safe wrapper")]
fn frugal_heaps() {
    const MIB: libc::c_int = 1 << 20;
    // Most requests' bodies and texts lie below this, so that they reuse memory; what is larger is mapped and unmapped.
    let limits = [(libc::M_MMAP_THRESHOLD, MIB), (libc::M_TRIM_THRESHOLD, 4 * MIB)];
    for (parameter, value) in limits {
        // SAFETY: it sets a number in the allocator, which takes it at any time; one that is refused changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

#[cfg(not(target_env = "gnu"))]
fn frugal_heaps() {}

/// Ends the process with this exit code, and runs nothing of what libraries have registered for its end. What was printed is
/// printed; what must be kept is synced long before.
#[allow(unsafe_code, reason = "_exit has no safe wrapper")]
pub fn end(code: i32) -> ! {
    use std::io::Write as _;
    let _ = (io::stdout().flush(), io::stderr().flush());
    // SAFETY: it returns to nobody, and touches no memory of this process.
    unsafe { libc::_exit(code) }
}

/// Keeps the pages of a secret out of the swap for as long as the process runs. An error (`RLIMIT_MEMLOCK`) is worth a
/// warning, not a refusal to start.
///
/// `secret` must be where it will stay (in an `Arc`, not on the stack), and covers what lies in the value itself, not behind
/// its pointers.
#[allow(unsafe_code, reason = "mlock takes an address; there is no safe wrapper")]
pub fn lock_in_memory<T>(secret: &T) -> io::Result<()> {
    // SAFETY: the range is that of a live value, and locking pages changes nothing that Rust can see.
    unsafe { rustix::mm::mlock(std::ptr::from_ref(secret).cast_mut().cast(), size_of::<T>())? };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_cannot_be_dumped() {
        forbid_dumps().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        lock_in_memory(&Box::new([7; 32])).unwrap();
    }
}
