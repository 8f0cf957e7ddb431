//! One file out of several: a POSIX `ustar` archive of the plainest kind, which every `tar` and Python's `tarfile` unpack.
//!
//! The reader takes exactly what the writer makes. A general one lets two readers see two contents (a name twice, links,
//! bytes behind the end, headers that contradict each other), and evidence must not depend on who opens it.

const BLOCK: usize = 512;
/// Longest name: that of a member in this directory, without a path.
const LONGEST_NAME: usize = 64;

/// Puts named members one behind the other. Names are those of [`is_name`].
pub(super) fn write<'a>(members: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        out.extend_from_slice(&header(name, bytes.len()));
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Members in their order; or why these are not bytes that [`write`] makes.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
    let mut members: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_at_checked(BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            let end = behind.len() == BLOCK && behind.iter().all(|byte| *byte == 0);
            return if end { Ok(members) } else { Err("something lies behind its end") };
        }
        let (name, length) = member(head).ok_or("a header is not the one that belongs to its member")?;
        let body = behind.get(..length).ok_or("it ends within a member")?;
        let padding = behind.get(length..length.next_multiple_of(BLOCK)).ok_or("it ends within a member")?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err("something lies behind a member");
        }
        if members.iter().any(|(other, _)| other == name) {
            return Err("it holds a name twice");
        }
        members.push((name.to_owned(), body.to_vec()));
        rest = &behind[length.next_multiple_of(BLOCK)..];
    }
    Err("it has no end")
}

/// Letters, digits, `.`, `-` and `_`, not beginning with a dot.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.bytes().all(plain)
}

/// Name and length of a member, when the header is the one that they make.
fn member(head: &[u8]) -> Option<(&str, usize)> {
    let end = head.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(head.get(..end)?).ok().filter(|name| is_name(name))?;
    let length = std::str::from_utf8(head.get(124..135)?).ok()?;
    let length = usize::from_str_radix(length, 8).ok()?;
    (head == header(name, length)).then_some((name, length))
}

/// Name, mode 0644, no owner, length, time 0, a plain file; the sum is over all bytes with eight spaces in its own place.
fn header(name: &str, length: usize) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let members: [(&str, &[u8]); 3] = [("a.txt", b"one"), ("empty", b""), ("block", &[7; BLOCK])];
        write(members.into_iter())
    }

    #[test]
    fn what_is_written_is_read() {
        let read = read(&sample()).expect("sound");
        let read: Vec<_> = read.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
        assert_eq!(read, [("a.txt", 3), ("empty", 0), ("block", BLOCK)]);
    }

    /// No byte of it can be another one without being another content or none.
    #[test]
    fn one_content_has_one_form() {
        let sound = sample();
        let members = read(&sound).expect("sound");
        for at in 0..sound.len() {
            let mut other = sound.clone();
            other[at] ^= 1;
            assert!(read(&other).map_or(true, |read| read != members), "byte {at}");
        }
        for length in 0..sound.len() {
            assert!(read(&sound[..length]).is_err(), "cut to {length}");
        }
        assert!(read(&[sound.as_slice(), &[0; BLOCK]].concat()).is_err());
        let twice: [(&str, &[u8]); 2] = [("a", b"one"), ("a", b"two")];
        assert_eq!(read(&write(twice.into_iter())), Err("it holds a name twice"));
        for name in ["", ".hidden", "a/b", "a b", "é"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
