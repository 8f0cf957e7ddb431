//! How a command reaches the collector that runs: a socket in the data directory, for the collector's own user alone.
//!
//! One request a connection, a line of JSON; then lines of JSON back, the last of which is `done` or `refused`. Whoever hangs
//! up gives up: what is in hand is brought to its end, nothing else is begun.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use super::import::{Asked, Imported, Importer};
use crate::host::Disk;

/// Name of the socket.
const SOCKET: &str = "control";
/// Longest request that is read.
const LONGEST: u64 = 64 << 10;

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    WalImport { dir: PathBuf, reason: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// So many records are sealed.
    Sealed(u64),
    Done(Imported),
    Refused(String),
}

/// Why a command doesn't get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no collector runs on {}: {source}\n  remedy  name its configuration or data directory, start it if need be, and call this as the same user",
        data_dir.display()
    )]
    NoCollector { data_dir: PathBuf, source: io::Error },
    #[error(
        "the collector went away before it was done\n  remedy  start it and call again: what was imported is not sealed twice"
    )]
    Gone,
    #[error("{0}")]
    Refused(String),
}

/// The socket of a data directory that this process holds; gone when it is dropped.
pub(super) struct Socket {
    listener: UnixListener,
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that stays is replaced by the next start.
        let _ = self.disk.remove(&self.path);
    }
}

/// One that a killed run left is replaced.
pub(super) fn bind(disk: Arc<dyn Disk>, data_dir: &Path) -> io::Result<Socket> {
    let path = data_dir.join(SOCKET);
    match disk.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = short(data_dir, |path| UnixListener::bind(path))?;
    let socket = Socket { listener, disk, path };
    std::fs::set_permissions(&socket.path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// Serves until it is dropped.
pub(super) async fn serve(socket: Socket, importer: Arc<Importer>) {
    loop {
        match socket.listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, Arc::clone(&importer)))),
            Err(error) => {
                warn!(%error, "a command could not be heard");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, importer: Arc<Importer>) {
    let user = stream.peer_cred().ok().map(|peer| peer.uid());
    // The socket's mode says so already; until that was set, another user could have come in.
    let ours = user.is_some_and(|user| user == 0 || user == rustix::process::geteuid().as_raw());
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader.take(LONGEST)).lines();
    let request = lines.next_line().await.ok().flatten();
    let request = request.and_then(|line| serde_json::from_str::<Request>(&line).ok()).filter(|_| ours);
    let Some(Request::WalImport { dir, reason }) = request else { return };
    let given_up = Arc::new(AtomicBool::new(false));
    let user = user.map(|user| format!("uid {user}"));
    let asked = Asked { dir, reason, user, given_up: Arc::clone(&given_up) };
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    // A task of its own: it must not be given up between a part's sealing and the word about it.
    let mut work = tokio::spawn(importer.run(asked, move |sealed| {
        // Whoever hears no more has gone.
        let _ = told.send(sealed);
    }));
    let last = loop {
        tokio::select! {
            Some(sealed) = heard.recv() => {
                if write(&mut writer, &Answer::Sealed(sealed)).await.is_err() {
                    given_up.store(true, Ordering::Relaxed);
                }
            }
            // Nothing more is asked: what comes now is the end.
            _ = lines.next_line(), if !given_up.load(Ordering::Relaxed) => given_up.store(true, Ordering::Relaxed),
            done = &mut work => break done,
        }
    };
    let last = match last {
        Ok(Ok(imported)) => Answer::Done(imported),
        Ok(Err(refusal)) => Answer::Refused(refusal.to_string()),
        Err(_) => Answer::Refused(super::import::Refusal::Panic.to_string()),
    };
    // Whoever has gone doesn't hear it; the chain knows.
    let _ = write(&mut writer, &last).await;
}

async fn write(out: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(io::Error::other)?;
    line.push(b'\n');
    out.write_all(&line).await
}

/// Asks the collector of `data_dir` to import the log in `dir`; `told` hears how many records are sealed.
pub async fn wal_import(
    data_dir: &Path,
    dir: PathBuf,
    reason: String,
    mut told: impl FnMut(u64),
) -> Result<Imported, Error> {
    let none = |source| Error::NoCollector { data_dir: data_dir.to_owned(), source };
    let socket = short(data_dir, std::os::unix::net::UnixStream::connect).map_err(none)?;
    socket.set_nonblocking(true).map_err(none)?;
    let (reader, mut writer) = UnixStream::from_std(socket).map_err(none)?.into_split();
    let mut line = serde_json::to_vec(&Request::WalImport { dir, reason }).map_err(|_| Error::Gone)?;
    line.push(b'\n');
    writer.write_all(&line).await.map_err(|_| Error::Gone)?;
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Answer::Sealed(sealed)) => told(sealed),
            Ok(Answer::Done(imported)) => return Ok(imported),
            Ok(Answer::Refused(text)) => return Err(Error::Refused(text)),
            Err(_) => break,
        }
    }
    Err(Error::Gone)
}

/// A socket's address holds no more than 108 bytes: the directory is named by its handle.
fn short<T>(dir: &Path, open: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let handle = std::fs::File::open(dir)?;
    open(PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", handle.as_raw_fd())))
}
