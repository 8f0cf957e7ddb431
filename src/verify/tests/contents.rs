//! Contents read from the pages that were looked at: the same as the Parquet library reads, or none.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use super::super::index::Indexes;
use super::built::{payments, put};
use super::directory;
use super::rewrite::{Object, object};
use crate::archive::{ContentPage, Error, Reader};

fn pages(path: &Path) -> Option<Vec<ContentPage>> {
    let footer = Reader::open(path).expect("an object").footer().clone();
    Indexes::of(File::open(path).expect("it is there"), &footer).expect("sound Parquet").contents()
}

/// Sequence and content, and the next row's content as far as it is known.
type Kept = (u64, String, Option<Vec<u8>>);

/// The rows, with contents from these pages. `None`: as the library reads them.
fn rows(path: &Path, pages: Option<Vec<ContentPage>>) -> Result<Vec<Kept>, Error> {
    let (mut reader, mut all) = (Reader::open(path)?, Vec::new());
    let mut each = |row: crate::archive::Row<'_>| {
        all.push((row.sequence.get(), row.content.to_owned(), row.following.map(<[u8]>::to_vec)));
        ControlFlow::Continue(())
    };
    match pages {
        Some(pages) => reader.rows_with(pages, &mut each)?,
        None => reader.rows(&mut each)?,
    }
    Ok(all)
}

#[test]
fn contents_are_the_same_from_their_own_pages() {
    let dir = directory();
    let archive = payments().write_archive(dir.path());
    let Object(path) = object(&archive, 20);
    let found = pages(&path).expect("of the format's own form");
    let own = rows(&path, Some(found.clone())).expect("sound");
    assert_eq!(own, rows(&path, None).expect("sound"));
    assert_eq!(own.len(), 20);
    for (row, next) in own.iter().zip(&own[1..]) {
        assert_eq!(row.2.as_deref(), Some(next.1.as_bytes()), "what is hashed beside a row is the next one");
    }

    type Change = fn(&mut Vec<ContentPage>);
    let cases: [(&str, Change); 5] = [
        ("no page", Vec::clear),
        ("a row without a content", |pages| pages[0].lengths.truncate(19)),
        ("a content beyond its page", |pages| pages[0].lengths[19] += 1),
        ("another size", |pages| pages[0].unpacked -= 1),
        ("no frame", |pages| pages[0].offset += 1),
    ];
    for (name, change) in cases {
        let mut changed = found.clone();
        change(&mut changed);
        assert!(matches!(rows(&path, Some(changed)), Err(Error::Unreadable { .. })), "{name}");
    }
}

/// Who reads on by the footer must see what was judged: where anything does not fit, that is what the library shows.
#[test]
fn of_an_object_in_another_form_no_page_is_taken() {
    let dir = directory();
    let archive = payments().write_archive(dir.path());
    let Object(path) = object(&archive, 0);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[0] = b'p';
    put(&path, &bytes);
    assert_eq!(pages(&path), None);
    assert_eq!(rows(&path, None).expect("the library asks for the last four bytes alone").len(), 20);
}
