//! What goes, by count and age; and with which commit a blob goes.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::port::Checkpoint;

use super::{Batch, Keeping, MAX_FREED_BLOBS, Point, batches, next_due_ms};

fn points(seqs: &[u64]) -> Vec<Point> {
    let point = |seq: &u64| Point {
        seq: *seq,
        at_ms: *seq * 10,
        checkpoint: Checkpoint {
            workspace: format!("root {seq}"),
            file_count: 1,
            size_bytes: 1,
            written_bytes: 1,
        },
    };
    seqs.iter().map(point).collect()
}

#[test]
fn a_checkpoint_goes_by_count_and_age_and_never_the_one_that_is_stood_on() {
    let points = points(&[1, 2, 3, 4, 5, 6]);
    let keeping = Keeping { count: 2, age_ms: 0, standing: 6, now_ms: 100 };
    for (what, keeping, going, due) in [
        ("by count", keeping, 4, None),
        ("one is always kept", Keeping { count: 0, ..keeping }, 5, None),
        ("all fit", Keeping { count: 6, ..keeping }, 0, None),
        ("all are young", Keeping { age_ms: 1_000, ..keeping }, 0, Some(1_040)),
        ("some are young", Keeping { age_ms: 75, ..keeping }, 2, Some(115)),
        ("set back to the third", Keeping { standing: 3, ..keeping }, 2, None),
        ("nothing is stood on", Keeping { standing: 0, ..keeping }, 0, None),
    ] {
        assert_eq!(keeping.going(&points), going, "{what}");
        assert_eq!(next_due_ms(&keeping, &points[going..]), due, "{what}");
    }
    assert_eq!(keeping.going(&[]), 0);
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_blob_goes_with_the_last_checkpoint_that_needs_it() {
    let points = points(&[3, 7, 9]);
    let last = [("a", 0), ("both", 1), ("art", 0), ("kept", 2)];
    let last: BTreeMap<_, _> = last.map(|(blob, index)| (blob.to_owned(), index)).into();
    let held = BTreeSet::from(["art".to_owned()]);
    let stays = BTreeMap::from([(0, texts(&["art", "art"]))]);
    let expected = Batch {
        before: 9,
        checkpoint_count: 2,
        frees: texts(&["a", "both"]),
        stays: texts(&["art"]),
    };
    assert_eq!(batches(&points, 2, last, &held, stays), [expected]);
}

#[test]
fn a_commit_frees_a_bounded_number_of_blobs() {
    let points = points(&[3, 7, 9]);
    let last = (0..=MAX_FREED_BLOBS).map(|number| (number.to_string(), number.min(1))).collect();
    let found = batches(&points, 2, last, &BTreeSet::new(), BTreeMap::new());
    let sizes: Vec<_> = found.iter().map(|batch| (batch.before, batch.frees.len())).collect();
    assert_eq!(sizes, [(7, 1), (9, MAX_FREED_BLOBS)]);
}
