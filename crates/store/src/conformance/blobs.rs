//! Blobs, and to whom they belong.

use mainstay_protocol::{JournalId, sha256_hex};

use crate::conformance::Chain;
use crate::conformance::suite::{Tested, assert_refused};
use crate::{Adoption, Commit};

/// Larger than what any backend keeps beside small things.
const LARGE_BYTES: usize = 100_000;

async fn put(store: &Tested, journal: &str, bytes: &[u8]) -> String {
    store.put_blob(&journal.into(), bytes).await.expect("kept")
}

async fn has(store: &Tested, journal: &str, hash: &str) -> bool {
    store.blob(&journal.into(), hash).await.expect("readable").is_some()
}

fn adopting(chain: &mut Chain, from: &str, hashes: &[&String]) -> Commit {
    let hashes = hashes.iter().map(|hash| (*hash).clone()).collect();
    Commit { adopts: Some(Adoption { from: from.into(), hashes }), ..chain.commit(&["1"]) }
}

pub(super) async fn blobs_are_kept_by_their_hash(store: Tested) {
    let large = vec![7; LARGE_BYTES];
    let journal: JournalId = "ses_a".into();
    for bytes in [b"".as_slice(), b"abc", &large, &large, b"abc"] {
        let hash = put(&store, &journal, bytes).await;
        assert_eq!(hash, sha256_hex(bytes));
        assert_eq!(store.blob(&journal, &hash).await.expect("readable").as_deref(), Some(bytes));
    }
    let unknown = "0".repeat(64);
    let upper = sha256_hex(b"abc").to_uppercase();
    for name in [unknown.as_str(), "", "abc", "../../etc/passwd", "ü", &upper] {
        assert_eq!(store.blob(&journal, name).await.expect("readable"), None, "{name}");
    }
}

pub(super) async fn a_blob_is_found_by_those_who_put_it(store: Tested) {
    let large = vec![7; LARGE_BYTES];
    for bytes in [b"abc".as_slice(), &large] {
        let hash = put(&store, "ses_a", bytes).await;
        assert!(!has(&store, "ses_b", &hash).await, "knowing a hash opens nothing");
        put(&store, "ses_b", bytes).await;
        assert!(has(&store, "ses_a", &hash).await && has(&store, "ses_b", &hash).await);
    }
}

pub(super) async fn a_blob_goes_with_the_last_journal_that_has_it(store: Tested) {
    let large = vec![7; LARGE_BYTES];
    let (mut a, mut b) = (Chain::new("ses_a"), Chain::new("ses_b"));
    for chain in [&mut a, &mut b] {
        store.commit(chain.commit(&["1"])).await.expect("committed");
    }
    let mut shared = Vec::new();
    for bytes in [b"shared".as_slice(), &large] {
        shared.push(put(&store, "ses_a", bytes).await);
        put(&store, "ses_b", bytes).await;
    }
    let own = put(&store, "ses_a", b"own").await;
    let erasing = Commit { erases: true, ..a.commit(&["2"]) };
    store.commit(erasing).await.expect("committed");
    for hash in shared.iter().chain([&own]) {
        assert!(!has(&store, "ses_a", hash).await);
    }
    for hash in &shared {
        assert!(has(&store, "ses_b", hash).await, "a neighbour keeps its own");
    }

    // Without an entry an erasing commit takes the blobs alone.
    let erasing = Commit { erases: true, ..b.commit(&[]) };
    store.commit(erasing).await.expect("committed");
    for hash in &shared {
        assert!(!has(&store, "ses_b", hash).await);
    }
    store.commit(b.commit(&["2"])).await.expect("its entries are all there");
    assert_eq!(super::commits::seqs(&store, "ses_b").await, [1, 2]);

    // What is gone can come back.
    let hash = put(&store, "ses_b", &large).await;
    assert_eq!(store.blob(&b.journal, &hash).await.expect("readable"), Some(large));
}

pub(super) async fn a_commit_adopts_what_the_other_has(store: Tested) {
    let (mut a, mut b) = (Chain::new("ses_a"), Chain::new("ses_b"));
    store.commit(a.commit(&["1"])).await.expect("committed");
    let small = put(&store, "ses_a", b"small").await;
    let large = put(&store, "ses_a", &vec![7; LARGE_BYTES]).await;
    let kept = put(&store, "ses_a", b"kept").await;
    let foreign = put(&store, "ses_c", b"foreign").await;

    let nothing = "not a hash".to_owned();
    for missing in [&foreign, &nothing, &"0".repeat(64)] {
        let refused = adopting(&mut b.clone(), "ses_a", &[&small, missing]);
        assert_refused(store.commit(refused).await, "conflict");
        assert!(!has(&store, "ses_b", &small).await, "a refused commit changes nothing");
    }
    store.commit(adopting(&mut b, "ses_a", &[&small, &large, &small])).await.expect("committed");
    store.commit(Commit { erases: true, ..a.commit(&["2"]) }).await.expect("committed");
    assert!(has(&store, "ses_b", &small).await && has(&store, "ses_b", &large).await);
    assert!(!has(&store, "ses_b", &kept).await, "only what was named");
}

pub(super) async fn a_commit_frees_what_it_names(store: Tested) {
    let (mut a, mut b) = (Chain::new("ses_a"), Chain::new("ses_b"));
    for chain in [&mut a, &mut b] {
        store.commit(chain.commit(&["1"])).await.expect("committed");
    }
    let large = vec![7; LARGE_BYTES];
    let gone = [put(&store, "ses_a", b"small").await, put(&store, "ses_a", &large).await];
    let kept = put(&store, "ses_a", b"kept").await;
    let shared = put(&store, "ses_a", b"shared").await;
    put(&store, "ses_b", b"shared").await;
    let foreign = put(&store, "ses_b", b"foreign").await;
    let mut frees = gone.to_vec();
    frees.extend([shared.clone(), foreign.clone(), "not a hash".to_owned(), "0".repeat(64)]);

    let late = Commit { frees: frees.clone(), expected_seq: 0, ..a.clone().commit(&[]) };
    assert_refused(store.commit(late).await, "conflict");
    assert!(has(&store, "ses_a", &gone[0]).await, "a refused commit changes nothing");

    store.commit(Commit { frees, ..a.commit(&["2"]) }).await.expect("committed");
    for hash in gone.iter().chain([&shared]) {
        assert!(!has(&store, "ses_a", hash).await);
    }
    assert!(has(&store, "ses_a", &kept).await, "only what was named");
    for hash in [&shared, &foreign] {
        assert!(has(&store, "ses_b", hash).await, "a neighbour keeps its own");
    }

    // What is gone can come back.
    let hash = put(&store, "ses_a", &large).await;
    assert_eq!(store.blob(&a.journal, &hash).await.expect("readable"), Some(large));
}
