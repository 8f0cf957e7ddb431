//! The attack matrix: what is done, and what `verify` says of the archive, of the stream, of both, and of both beside a
//! checkpoint that somebody kept. The codes and records stand here before anything runs; `docs/tampering.md` shows this table.
//!
//! One file for what is attacked, each with its rows and what they do; here stand the form of a row, and what more than one
//! of them does. The table is in the order of `all`.

mod beside;
mod histories;
mod messages;
mod objects;
mod pages;
mod raw;
mod records;

use std::fs;
use std::path::Path;

use sealtrail::verify::Code;

use super::built::{Built, put};
use super::rewrite::{Object, object};
use super::scene::{RUN, Scene, chain};
use Said::{Is, Sound};

/// The record that most attacks are about: in the middle segment, row `ROW` of its object.
pub const VICTIM: u64 = RUN + ROW as u64;
const ROW: usize = 8;

/// What `verify` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Intact: what was done can't be told from here, or this leg was not touched.
    Sound,
    /// Not all could be checked: exit 3.
    Open,
    /// Tampered; the first finding has this code and begins with this record.
    Is(Code, u64),
}

/// What an attack is done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touches {
    Archive,
    Stream,
    Both,
}

pub struct Attack {
    pub name: &'static str,
    pub touches: Touches,
    pub apply: fn(&Scene),
    /// The times of the chain are spread before.
    pub spread: bool,
    pub archive: Said,
    pub stream: Said,
    pub both: Said,
    pub kept: Said,
}

fn row(name: &'static str, touches: Touches, apply: fn(&Scene), [archive, stream, both, kept]: [Said; 4]) -> Attack {
    Attack { name, touches, apply, spread: false, archive, stream, both, kept }
}

/// On the archive alone, and found there.
fn archive(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    let found = Is(code, at);
    row(name, Touches::Archive, apply, [found, Sound, found, found])
}

/// On the stream alone, and found there.
fn stream(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    let found = Is(code, at);
    row(name, Touches::Stream, apply, [Sound, found, found, found])
}

/// On both legs alike, and found in each.
fn both(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    row(name, Touches::Both, apply, [Is(code, at); 4])
}

pub fn all() -> Vec<Attack> {
    let of_archive = [records::all(), objects::all(), pages::all(), beside::all()];
    let others = [messages::all(), raw::all(), histories::all(), histories::ends()];
    of_archive.into_iter().chain(others).flatten().collect()
}

fn middle(scene: &Scene) -> Object {
    object(&scene.archive, RUN)
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it is there");
}

/// Moves it elsewhere, and leaves a link.
fn link(scene: &Scene, path: &Path) {
    let elsewhere = scene.root().join("elsewhere");
    fs::rename(path, &elsewhere).and_then(|()| std::os::unix::fs::symlink(&elsewhere, path)).expect("linked");
}

fn copy(from: &Path, to: &Path) {
    put(to, &fs::read(from).expect("it is there"));
}

fn edit_text(path: &Path, change: impl FnOnce(String) -> String) {
    put(path, change(fs::read_to_string(path).expect("it is there")).as_bytes());
}

/// Another text of the same kind: its last digit is another.
fn flipped(text: &str) -> String {
    let last = text.trim_end().len() - 1;
    let digit = if text.as_bytes()[last] == b'0' { "1" } else { "0" };
    format!("{}{digit}{}", &text[..last], &text[last + 1..])
}

fn change(content: &mut String) {
    let changed = content.replace("approved", "declined");
    assert_ne!(changed, *content, "there is something to change");
    *content = changed;
}

/// The same record for a reader who takes the first member of a name, another for one who takes the last.
fn two_ways(content: &str) -> String {
    let open = content.strip_suffix('}').expect("an object");
    format!("{open},\"logRecord\":{{\"eventName\":\"payment.declined\"}}}}")
}

/// Another history from the victim on, sealed and signed by whoever holds the keys.
fn fork() -> Built {
    let mut built = chain();
    built.reseal(VICTIM, change);
    built
}

fn origin() -> String {
    chain().genesis.statement().origin.clone()
}

fn without_pair(scene: &Scene, size: u64) {
    let (checkpoint, range) = (scene.checkpoint(size), scene.range(size));
    remove(&checkpoint);
    remove(&range);
}

/// The note without one of its signature lines.
fn without_line(line: usize) -> impl FnOnce(String) -> String {
    move |note| {
        let (text, signatures) = note.split_once("\n\n").expect("a note");
        let kept: Vec<_> = signatures.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| line).collect();
        format!("{text}\n\n{}\n", kept.join("\n"))
    }
}
