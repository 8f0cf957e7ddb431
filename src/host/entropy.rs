//! Randomness of the operating system.

/// Fills `buffer` with bytes fit for keys and nonces.
///
/// # Panics
/// When the kernel has no randomness to give (no `getrandom`, no `/dev/urandom`): nothing that needs it may go on without.
#[allow(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("Linux gives randomness once it has booted");
}
