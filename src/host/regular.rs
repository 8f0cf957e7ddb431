//! Files that somebody else laid where they are read. A pipe has no end, a device may have none and may act when it is opened, and
//! the length of a file says nothing of how much memory is there for it: so only a regular file is opened, without waiting for
//! whoever holds its other end, and a small one is read to a limit.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Opens a regular file for reading; a link to one counts.
pub fn open(path: &Path) -> io::Result<File> {
    // Asked first, for opening alone rewinds a tape; and again of what was opened, which may have come in its place.
    check(&fs::metadata(path)?)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    check(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of a small file: where it is longer than `limit`, one byte more than that.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As `read`, of a file that must not be longer.
pub fn read_whole(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = read(path, limit)?;
    if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn check(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "what is read was laid there by somebody else")]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nobody_is_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let (pipe, link) = (dir.path().join("pipe"), dir.path().join("link"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("a pipe");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        for path in [pipe.as_path(), &link, dir.path(), Path::new("/dev/zero")] {
            assert!(open(path).is_err(), "{}", path.display());
            assert!(read(path, 10).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn no_more_than_the_limit_and_a_byte_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sparse");
        File::create(&path).and_then(|file| file.set_len(5 << 30)).expect("a file without blocks");
        assert_eq!(read(&path, 1 << 20).expect("it is read").len(), (1 << 20) + 1);
        assert_eq!(read_whole(&path, 1 << 20).map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        File::create(&path).and_then(|file| file.set_len(10)).expect("a file");
        assert_eq!(read_whole(&path, 10).expect("it is read").len(), 10);
    }
}
