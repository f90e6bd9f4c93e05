//! Random requests to a store, drawn from a seed.

use mainstay_protocol::{Hash, RowChange, TaskChange, TaskKey, sha256_hex};
use mainstay_store::conformance::{Chain, SPECS, note, thing};
use mainstay_store::{Adoption, Commit, Direction, EntryRange, RowScan, Snapshot};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

pub(crate) const JOURNALS: &[&str] = &["ses_0", "ses_1", "ses_2", "control:ten_1"];
pub(crate) const OWNERS: &[&str] = &["me", "you"];
const TEXTS: &[&str] = &["", "a", "a\u{0}", "b", "ab", "ü", "z"];

pub(crate) fn pick<'a>(rng: &mut ChaCha8Rng, from: &[&'a str]) -> &'a str {
    from.choose(rng).copied().expect("not empty")
}

pub(crate) fn direction(rng: &mut ChaCha8Rng) -> Direction {
    if rng.random() { Direction::Ascending } else { Direction::Descending }
}

/// A commit that follows from `chain`, or misses it in one way.
pub(crate) fn commit(rng: &mut ChaCha8Rng, chain: &Chain, epochs: &[u64]) -> (Commit, Chain) {
    let mut chain = chain.clone();
    match rng.random_range(0..20) {
        0 => chain.seq = chain.seq.saturating_sub(1),
        1 => chain.seq += 1,
        2 => chain.hash = Hash([1; 32]),
        3 => chain.epoch = epochs.choose(rng).copied().unwrap_or(0),
        4 => chain.epoch = 0,
        _ => {}
    }
    let payloads: Vec<_> = (0..rng.random_range(0..4)).map(|_| payload(rng)).collect();
    let payloads: Vec<_> = payloads.iter().map(String::as_str).collect();
    let mut commit = chain.commit(&payloads);
    commit.rows = (0..rng.random_range(0..5)).map(|_| row_change(rng)).collect();
    commit.tasks = (0..rng.random_range(0..3)).map(|_| task_change(rng)).collect();
    if rng.random_ratio(1, 5) {
        let bytes = vec![rng.random(); rng.random_range(0..3_000)].into();
        let beyond = u64::from(rng.random_ratio(1, 10));
        let seq = rng.random_range(0..=chain.seq + beyond);
        commit.snapshot = Some(Snapshot { seq, version: rng.random(), bytes });
    }
    commit.erases = rng.random_ratio(1, 12);
    if rng.random_ratio(1, 8) {
        let hashes = (0..rng.random_range(0..3)).map(|_| sha256_hex(&blob(rng))).collect();
        commit.adopts = Some(Adoption { from: pick(rng, JOURNALS).into(), hashes });
    }
    (commit, chain)
}

/// How many different blobs there are; one of them is large.
const BLOB_COUNT: u8 = 5;

/// All blobs that may be put.
pub(crate) fn all_blobs() -> Vec<Vec<u8>> {
    (0..BLOB_COUNT)
        .map(|n| if n == 0 { vec![0; 70_000] } else { vec![n; usize::from(n)] })
        .collect()
}

pub(crate) fn blob(rng: &mut ChaCha8Rng) -> Vec<u8> {
    all_blobs().choose(rng).cloned().expect("not empty")
}

fn payload(rng: &mut ChaCha8Rng) -> String {
    let length = if rng.random_ratio(1, 20) { 5_000 } else { rng.random_range(0..600) };
    format!("{{\"text\":\"{}\"}}", "x".repeat(length))
}

fn row_change(rng: &mut ChaCha8Rng) -> RowChange {
    let row = if rng.random() {
        let key = [pick(rng, TEXTS), pick(rng, TEXTS)];
        thing(key, pick(rng, TEXTS), pick(rng, TEXTS), pick(rng, TEXTS), rng.random_range(0..9))
    } else {
        let length = rng.random_range(0..1_500);
        note(pick(rng, TEXTS), &"y".repeat(length))
    };
    match rng.random_range(0..10) {
        0..=6 => RowChange::Put(row),
        7 => RowChange::Insert(row),
        _ => RowChange::Delete(row.key),
    }
}

fn task_change(rng: &mut ChaCha8Rng) -> TaskChange {
    let kind = pick(rng, &["session", "timer"]).into();
    let key = TaskKey { kind, subject: pick(rng, JOURNALS).into() };
    if rng.random_ratio(1, 4) {
        return TaskChange::Delete { key };
    }
    TaskChange::Put { key, due_at_ms: rng.random_range(0..2_000) }
}

pub(crate) fn range(rng: &mut ChaCha8Rng) -> EntryRange {
    let after = if rng.random_ratio(1, 4) { u64::MAX } else { rng.random_range(0..60) };
    EntryRange { after, direction: direction(rng), limit_count: rng.random_range(0..20) }
}

/// A scan, mostly a valid one.
pub(crate) fn scan(rng: &mut ChaCha8Rng) -> RowScan {
    let spec = &SPECS[rng.random_range(0..SPECS.len())];
    let index: &[&str] = match rng.random_range(0..=spec.indexes.len()) {
        0 => &[],
        number => spec.indexes[number - 1],
    };
    let prefix_count = rng.random_range(0..=index.len() + spec.key.len());
    let prefix_count = if rng.random() { 0 } else { prefix_count };
    let after = rng.random_ratio(1, 3).then(|| {
        let values: Vec<_> = spec.key.iter().map(|_| pick(rng, TEXTS)).collect();
        mainstay_protocol::RowKey::new(spec, &values)
    });
    RowScan {
        spec: spec.name.into(),
        index: index.iter().map(|column| (*column).into()).collect(),
        prefix: (0..prefix_count).map(|_| pick(rng, TEXTS).into()).collect(),
        after,
        direction: direction(rng),
        limit_count: rng.random_range(0..12),
    }
}
