//! Disks that fail: a small file system that fills up, and one whose writes are lost when they are synced. Both need the right
//! to mount; where that is missing, what they would prove is said not to be proved.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, for as long as the test runs.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    /// None where this user may not mount: then nothing can be proved here.
    pub fn mount(dir: &Path, mib: u32) -> Option<Self> {
        std::fs::create_dir_all(dir).expect("a directory");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(dir).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir.to_owned()))
    }

    /// Takes all room that is left.
    pub fn fill(&self) {
        let ballast = self.0.join("ballast");
        let _ = Command::new("dd").args(["if=/dev/zero", "bs=64k", &format!("of={}", ballast.display())]).output();
    }

    /// Gives it back.
    pub fn empty(&self) {
        std::fs::remove_file(self.0.join("ballast")).expect("there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A file system on a device whose medium can be taken away: then every write still succeeds into the page cache, and the sync
/// behind it fails, as on a disk that dies. The device is a file on a small disk that is full.
///
/// It must not lie, as no software can help that: a loop device takes what was written in part for written. So it is given one page
/// at a time, which the medium takes or refuses as a whole. Nor may the file system lose what it keeps its files by, of which it has
/// no journal: all its inodes are on the medium before anything fails.
pub struct FailingDisk {
    pub dir: PathBuf,
    device: String,
    medium: SmallDisk,
}

/// Files that it may hold.
const INODES: &str = "512";

impl FailingDisk {
    /// None where there is no right to mount, or no loop device.
    pub fn mount(dir: &Path, mib: u32) -> Option<Self> {
        let medium = SmallDisk::mount(&dir.join("medium"), mib)?;
        let image = medium.0.join("image");
        std::fs::File::create(&image).and_then(|file| file.set_len(u64::from(mib) << 21)).expect("a sparse file");
        // No journal: a file system that gives itself up as a whole would be another fault.
        let made = Command::new("mkfs.ext2").args(["-q", "-b", "4096", "-N", INODES]).arg(&image).status();
        made.is_ok_and(|status| status.success()).then_some(())?;
        let found = Command::new("losetup").args(["-f", "--show"]).arg(&image).output().ok()?;
        found.status.success().then_some(())?;
        let disk = Self {
            dir: dir.join("failing"),
            device: String::from_utf8(found.stdout).expect("a path").trim().to_owned(),
            medium,
        };
        let name = Path::new(&disk.device).file_name().expect("a device's");
        std::fs::write(Path::new("/sys/block").join(name).join("queue/max_sectors_kb"), "4").ok()?;
        std::fs::create_dir_all(&disk.dir).expect("a directory");
        // Each file that is removed gives its room back: else the medium would be full some day, and stay so.
        let mounted = Command::new("mount").args(["-t", "ext2", "-o", "discard", &disk.device]).arg(&disk.dir).status();
        mounted.is_ok_and(|status| status.success()).then_some(())?;
        disk.use_inodes().expect("an empty file system takes files");
        Some(disk)
    }

    /// Has each block of inodes written, which an image is made without.
    fn use_inodes(&self) -> std::io::Result<()> {
        let files: Vec<_> = (0..)
            .map(|number| self.dir.join(format!("inode-{number}")))
            .map_while(|path| std::fs::File::create(&path).and_then(|file| file.sync_all()).ok().map(|()| path))
            .collect();
        files.iter().try_for_each(std::fs::remove_file)?;
        std::fs::File::open(&self.dir)?.sync_all()
    }

    pub fn fail(&self) {
        self.medium.fill();
    }

    /// From here on, what the medium did not take is nowhere: not in the memory of the kernel either.
    pub fn mend(&self) {
        self.medium.empty();
        std::fs::write("/proc/sys/vm/drop_caches", "1").expect("who may mount may do this");
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
        let _ = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}
