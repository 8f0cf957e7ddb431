//! No false alarm: whatever an honest collector may have sealed is intact, in each leg and in both.

use sealtrail::verify::{Options, Trust, Unwatched, Verdict, verify};
use sealtrail_chain::content::By;
use sealtrail_chain::{Checksum, Genesis, Head, UnixNanos};

use super::built::{Built, Keys, own, payment};
use crate::harness::length;

/// `make test` asks for a tenth.
#[test]
fn intact_chains_are_intact() {
    let archives = length("SEALTRAIL_ARCHIVES", 100);
    let seed = length("SEALTRAIL_SEED", 1);
    for number in 0..archives {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number);
        let dir = tempfile::tempdir().expect("a directory");
        let built = honest(seed);
        let (archive, stream) = (built.write_archive(dir.path()), built.write_stream(dir.path()));
        let mut trust = Trust::default();
        let keys = &built.keys;
        trust.add_key(if seed.is_multiple_of(2) { keys.ed25519.vkey() } else { keys.ml_dsa_44.vkey() }.clone());
        for paths in [vec![archive.clone()], vec![stream.clone()], vec![archive, stream]] {
            // The stream's own checkpoints carry Ed25519 alone but for those at segments' ends.
            let options = Options { trust: trust.clone(), threads: 2, ..Options::default() };
            let report = verify(&paths, &options, &Unwatched).expect("there is a chain");
            assert_eq!(report.verdict, Verdict::Intact, "SEALTRAIL_SEED {seed}, {paths:?}: {}", report.text());
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A chain of a few dozen records: segments cut at any record and at midnight, restarts, hours without a record, many records at
/// one time, checkpoints anywhere.
fn honest(seed: u64) -> Built {
    let mut random = Random(seed);
    let name = ["local", "payments-eu-1", "a", "x-0-9"][random.below(4) as usize];
    let chain: sealtrail_chain::ChainName = name.parse().expect("a name");
    let origin = Genesis::origin("audit.example.com", &chain).expect("an origin");
    let keys = Keys::of(&origin, random.below(250) as u8);
    let mut time = 1_795_000_000 * SECOND + random.below(3 * DAY);
    let genesis = Genesis {
        origin,
        chain,
        created: time / SECOND,
        partition: 0,
        ed25519: keys.ed25519.vkey().clone(),
        ml_dsa_44: keys.ml_dsa_44.vkey().clone(),
        recovery: None,
        predecessor: None,
    };
    let genesis = genesis.sign(&keys.ed25519);
    let mut head = Head::genesis(&genesis);
    let count = 1 + random.below(60);
    let (mut records, mut segments, mut checkpoints) = (Vec::new(), vec![0], Vec::new());
    // Bounds of more than 64 bytes are cut, and not every character has a next one.
    let long = ["支".repeat(40), "e".repeat(65), format!("a{}", "\u{7f}".repeat(80)), "\u{10ffff}".repeat(17)];
    let short = ["payment.authorised", "支付 \"\\\n\u{1}", "e"].map(str::to_owned);
    let events = [&short[..], &short[..], &long[..]].concat();
    let mut stopped = false;
    for n in 0..count {
        let pause = [0, 1, SECOND, 20 * SECOND, 600 * SECOND, 5 * 3600 * SECOND][random.below(6) as usize];
        let next = time + pause;
        let started = n == 0 || stopped;
        // A start begins a file of the log, and so does a day.
        if n > 0 && (started || next / DAY != time / DAY || random.below(10) == 0) {
            segments.push(n);
        }
        time = next;
        stopped = !started && (n + 1 == count || random.below(12) == 0);
        let content = match (n, started, stopped) {
            (0, ..) => own("sealtrail.started", &[("sealtrail.genesis", genesis.note())]),
            (_, true, _) => own("sealtrail.started", &[]),
            (_, _, true) => own("sealtrail.stopped", &[]),
            _ if random.below(8) == 0 => own("sealtrail.alive", &[]),
            _ => payment(n, By::Sender, &events[random.below(events.len() as u64) as usize]),
        };
        records.push((head.seal(UnixNanos(time), Checksum::of(content.as_bytes())), content));
        if random.below(7) == 0 {
            checkpoints.push(n + 1);
        }
    }
    checkpoints.extend(segments.iter().copied().skip(1).chain([count]));
    checkpoints.sort_unstable();
    checkpoints.dedup();
    let rules = [random.below(256) as u8; 32];
    Built { keys, genesis, records, segments, checkpoints, signed: None, rules }
}

/// Columns of many pages, dictionaries that were given up, filters that are full, bounds that look alike because they were cut.
#[test]
fn a_large_object_is_intact() {
    for event in ["payment.of-a-very-long-name-that-comes-once", &"payment.of-a-name-longer-than-a-bound".repeat(2)] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut built = honest(7);
        let event = |n: u64| format!("{event}-{:08}", n ^ 0x555);
        let mut head = Head::genesis(&built.genesis);
        let begin = built.records[0].0.observed;
        let first = built.records.swap_remove(0).1;
        let contents = std::iter::once(first).chain((1..12_000).map(|n| payment(n, By::Sender, &event(n))));
        let sealed = contents.map(|content| (head.seal(begin, Checksum::of(content.as_bytes())), content));
        built.records = sealed.collect();
        (built.segments, built.checkpoints) = (vec![0], vec![12_000]);
        // The head is made anew for each object and checkpoint, so few of them.
        let archive = built.write_archive(dir.path());
        let mut trust = Trust::default();
        trust.add_key(built.keys.ed25519.vkey().clone());
        let report =
            verify(&[archive], &Options { trust, ..Options::default() }, &Unwatched).expect("there is a chain");
        assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
    }
}
