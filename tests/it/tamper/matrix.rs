//! Runs the attack matrix, and holds `docs/tampering.md` against it.

use std::fmt::Write as _;

use parquet::file::metadata::ParquetMetaDataReader;
use sealtrail::verify::{Report, Verdict};

use crate::harness::{files, length};

use super::attacks::{Attack, Said, Touches, all};
use super::rewrite::object;
use super::scene::{Legs, RUN, Scene, chain, is_sound, kept, spread, trusted};

/// What the sound chain says of itself, and each attack with the code and the record that stand in the table.
#[test]
fn every_attack_is_found_under_its_code_and_at_its_place() {
    let scene = Scene::new();
    for legs in [Legs::Archive, Legs::Stream, Legs::Both] {
        for options in [trusted(), kept(&chain())] {
            let report = scene.judge(legs, options);
            assert!(is_sound(&report), "untouched, {legs:?}: {}", report.text());
        }
    }
    let attacks = all();
    assert!(attacks.len() >= 40, "{}", attacks.len());
    let mut wrong = Vec::new();
    for attack in &attacks {
        let scene = Scene::new();
        let sound = if attack.spread { spread() } else { chain() };
        if attack.spread {
            scene.replace(&sound);
            assert!(is_sound(&scene.judge(Legs::Both, kept(&sound))), "spread");
        }
        (attack.apply)(&scene);
        let judged = [
            ("archive", attack.archive, Legs::Archive, trusted()),
            ("stream", attack.stream, Legs::Stream, trusted()),
            ("both", attack.both, Legs::Both, trusted()),
            ("both, with a kept checkpoint", attack.kept, Legs::Both, kept(&sound)),
        ];
        for (name, expected, legs, options) in judged {
            let report = scene.judge(legs, options);
            if said(&report) != expected {
                let head = report.text().lines().take(6).collect::<Vec<_>>().join("\n    ");
                wrong.push(format!("{}, {name}: expected {expected:?}, said\n    {head}", attack.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 4 * attacks.len(), wrong.join("\n"));
}

/// Any bit of a column's pages may be another one: what it changes of what is read is found where it lies.
#[test]
fn a_bit_flipped_in_the_columns_is_found_where_it_is_read() {
    let scene = Scene::new();
    let path = object(&scene.archive, RUN).0;
    let sound = std::fs::read(&path).expect("it is there");
    let file = std::fs::File::open(&path).expect("it is there");
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).expect("it is Parquet");
    let chunks = metadata.row_group(0).columns();
    assert!(chunks.len() > 10, "all columns");
    for chunk in chunks {
        let (start, length) = chunk.byte_range();
        let (mut found, column) = (0, chunk.column_path());
        for part in [1, 3, 5, 7] {
            let at = (start + length * part / 8) as usize;
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bytes).expect("written");
            let report = scene.judge(Legs::Archive, trusted());
            if report.verdict == Verdict::Tampered {
                found += 1;
                let place = path.display().to_string();
                assert!(report.findings.iter().any(|finding| *finding.place == *place), "{column}: {}", report.text());
            }
        }
        // Packed numbers, levels and indices end with bits that mean nothing: every row is compared, so what is called intact
        // reads as it was sealed. Contents and hashes have no such bits.
        let least = if ["content", "checksum", "hash"].contains(&column.string().as_str()) { 4 } else { 1 };
        assert!(found >= least, "{column}: {found} of 4");
    }
}

/// What engines believe without reading a row: no hash covers it, and all of it follows from the pages. So do the indexes.
#[test]
fn a_bit_flipped_in_the_footer_or_an_index_is_found() {
    let scene = Scene::new();
    assert!(is_sound(&scene.judge(Legs::Archive, trusted())));
    let path = object(&scene.archive, RUN).0;
    let sound = std::fs::read(&path).expect("it is there");
    let file = std::fs::File::open(&path).expect("it is there");
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).expect("it is Parquet");
    let chunks = metadata.row_group(0).columns();
    let pages = chunks.iter().map(|chunk| chunk.byte_range()).map(|(at, length)| (at + length) as usize).max();
    // A filter of more bits than it needs hides nothing; and which rules masked the records, and which attribute a column without any
    // value was made of, nothing but the object says.
    let filters = chunks.iter().filter_map(|chunk| {
        let (at, length) = (chunk.bloom_filter_offset()? as usize, chunk.bloom_filter_length()? as usize);
        Some(at..at + length)
    });
    let pairs = metadata.file_metadata().key_value_metadata().expect("pairs").iter();
    let claims = pairs.filter(|pair| ["sealtrail.rules", "sealtrail.promotions"].contains(&pair.key.as_str()));
    let claims = claims.map(|pair| {
        let value = pair.value.as_deref().expect("a value");
        let at = sound.windows(value.len()).position(|text| text == value.as_bytes()).expect("it stands there");
        at..at + value.len()
    });
    let free: Vec<_> = filters.chain(claims).collect();
    let (step, bits) = (length("SEALTRAIL_STEP", 13) as usize, length("SEALTRAIL_BITS", 1) as usize);
    let places = (pages.expect("pages")..sound.len()).step_by(step);
    let mut passed = Vec::new();
    for at in places.filter(|at| free.iter().all(|free| !free.contains(at))) {
        for bit in 0..bits {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << ((at + bit) % 8);
            std::fs::write(&path, &bytes).expect("written");
            if is_sound(&scene.judge(Legs::Archive, trusted())) {
                passed.push((at as i64 - sound.len() as i64, (at + bit) % 8));
            }
        }
    }
    assert!(passed.is_empty(), "byte from the end, and bit: {passed:?}");
}

/// A file of messages is covered by its checksums, each byte of it.
#[test]
fn a_bit_flipped_in_the_stream_is_found() {
    let scene = Scene::new();
    assert!(is_sound(&scene.judge(Legs::Stream, trusted())));
    for file in files(&scene.stream) {
        let sound = std::fs::read(&file).expect("it is there");
        for at in (0..sound.len()).step_by(length("SEALTRAIL_STEP", 13) as usize * 97) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bytes).expect("written");
            let report = scene.judge(Legs::Stream, trusted());
            assert_eq!(report.verdict, Verdict::Tampered, "byte {at} of {}: {}", file.display(), report.text());
        }
        std::fs::write(&file, &sound).expect("written");
    }
}

pub(super) fn said(report: &Report) -> Said {
    match (report.verdict, report.findings.first()) {
        (Verdict::Tampered, Some(first)) => Said::Is(first.code, first.first),
        (Verdict::Intact, None) => Said::Sound,
        _ => Said::Open,
    }
}

/// The tables that people read are the tables that the attacks are run by.
#[test]
fn the_documentation_shows_the_matrix() {
    let path = "docs/tampering.md";
    let text = std::fs::read_to_string(path).expect("it is there");
    let mut expected = text.clone();
    for (name, table) in [("attacks", table()), ("asked", asked())] {
        let begin =
            format!("<!-- {name}: written by `SEALTRAIL_DOCS=overwrite cargo test --test it tamper::matrix` -->\n");
        let (before, rest) = expected.split_once(&begin).expect("it has the marks");
        let (_, behind) = rest.split_once(&format!("<!-- /{name} -->")).expect("it has the marks");
        expected = format!("{before}{begin}{table}<!-- /{name} -->{behind}");
    }
    if std::env::var_os("SEALTRAIL_DOCS").is_some_and(|value| value == "overwrite") {
        std::fs::write(path, expected).expect("written");
    } else {
        assert!(text == expected, "the tables in {path} are not those of tests/it/tamper");
    }
}

fn table() -> String {
    let mut table = "\n| attack | archive alone | stream alone | both | both, and a kept checkpoint |\n".to_owned();
    table.push_str("|---|---|---|---|---|\n");
    for attack in all() {
        let [archive, stream, both, kept] = cells(&attack);
        writeln!(table, "| {} | {archive} | {stream} | {both} | {kept} |", attack.name).expect("a String");
    }
    table.push('\n');
    table
}

fn asked() -> String {
    let mut table = "\n| attack | read with | legs | says |\n|---|---|---|---|\n".to_owned();
    for asked in super::asked::all().iter().filter(|asked| asked.name != "nothing") {
        let legs = if asked.stream { "both" } else { "archive" };
        writeln!(table, "| {} | {} | {legs} | {} |", asked.name, asked.with.name, cell(asked.said, true))
            .expect("a String");
    }
    table.push('\n');
    table
}

fn cell(said: Said, touched: bool) -> String {
    match said {
        Said::Is(code, _) => code.id().to_owned(),
        Said::Open => "not all checked".to_owned(),
        Said::Sound if touched => "**no**".to_owned(),
        Said::Sound => "—".to_owned(),
    }
}

fn cells(attack: &Attack) -> [String; 4] {
    [
        cell(attack.archive, attack.touches != Touches::Stream),
        cell(attack.stream, attack.touches != Touches::Archive),
        cell(attack.both, true),
        cell(attack.kept, true),
    ]
}
