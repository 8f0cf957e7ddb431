//! Small files that are read and replaced whole.
//!
//! ```text
//! write, fdatasync(file.tmp)     the old text, and a file that the next write replaces
//! rename(file.tmp, file)         the old text or the new one
//! fsync(directory)               the new text
//! ```

use std::io;
use std::path::Path;

use super::Disk;

/// The text of a file, of which `limit` bytes are read; `None`: there is none.
pub fn read(disk: &dyn Disk, path: &Path, limit: usize) -> io::Result<Option<String>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(limit).min(limit)];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    String::from_utf8(bytes).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Makes the file hold `text`, durably; its directory is made where it is missing.
pub fn write(disk: &dyn Disk, path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_added_extension("tmp");
    disk.create_dir_all(dir)?;
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&temporary)?;
    file.write_at(text.as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(dir)
}
