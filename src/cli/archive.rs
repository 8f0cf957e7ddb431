//! The archive that a command reads: from its path, from `s3://BUCKET/PREFIX`, or from a collector's configuration.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::verify::bucket;
use crate::archive::s3::S3Archive;
use crate::archive::{DirectoryArchive, Place, Target};
use crate::config::Config;
use crate::host::SystemClock;

/// An archive, what errors call it, and what its calls run on.
pub(super) struct Opened {
    pub(super) archive: Target,
    pub(super) place: String,
    pub(super) runtime: Runtime,
}

/// Where an archive lies.
enum Where {
    Directory(std::path::PathBuf),
    Bucket(Box<crate::archive::s3::Config>),
}

/// `source`: the archive's directory, a data directory that holds one, or a bucket; else the configuration's.
pub(super) fn open(source: Option<&Path>, config: &Config) -> Result<Opened, String> {
    let found = match source {
        Some(path) => match bucket(path)? {
            Some(config) => Where::Bucket(config),
            None => Where::Directory(beneath(path)?),
        },
        None => match &config.archive.place {
            Place::Directory(directory) => Where::Directory(beneath(&directory.resolve(&config.data_dir))?),
            Place::S3(s3) => Where::Bucket(s3.clone()),
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("can't start the runtime: {error}"))?;
    Ok(match found {
        Where::Directory(path) => Opened {
            place: path.display().to_string(),
            archive: Target::Directory(DirectoryArchive::at(&path)),
            runtime,
        },
        Where::Bucket(config) => {
            let archive = S3Archive::new(&config, &std::env::temp_dir(), Arc::new(SystemClock::new()));
            let archive = archive.map_err(|error| error.to_string())?;
            Opened { place: config.place(), archive: Target::S3(Arc::new(archive)), runtime }
        }
    })
}

/// The archive's own directory.
fn beneath(path: &Path) -> Result<std::path::PathBuf, String> {
    let inner = path.join("archive");
    let holds = |dir: &Path| dir.join("audit-logs").is_dir() || dir.join("audit-genesis").is_dir();
    match (holds(path), holds(&inner)) {
        (true, _) => Ok(path.to_owned()),
        (false, true) => Ok(inner),
        (false, false) => Err(format!(
            "no archive in {}: looked for audit-logs/ there and below archive/\n  remedy  name the archive's directory, a \
             data directory, or s3://BUCKET/PREFIX",
            path.display()
        )),
    }
}
