//! Bundles of every version: each is read, verifies, and becomes a session.

use mainstay_core::session::{SESSIONS, SessionRow, SessionStatus};
use mainstay_protocol::RowKey;
use mainstay_runtime::bundle::{BUNDLE_VERSION, BundleError, read_bundle};
use mainstay_store::Store;

use crate::support::{Bench, Fakes, caller};

/// One of each version, written by the version that made it.
const BUNDLES: &[(u32, &[u8])] = &[
    (1, include_bytes!("../../testdata/frozen/session-bundle-1.tar")),
    (2, include_bytes!("../../testdata/frozen/session-bundle-2.tar")),
];

#[tokio::test(start_paused = true)]
async fn every_version_is_read_and_brought_in() {
    assert_eq!(BUNDLES.last().map(|(version, _)| *version), Some(BUNDLE_VERSION));
    for (version, bytes) in BUNDLES {
        let bundle = read_bundle(bytes).expect("a published bundle verifies");
        assert_eq!(bundle.manifest.version, *version);
        // A signature is optional.
        assert_eq!(bundle.signed_by.is_some(), *version == 1);
        assert_eq!(bundle.blobs.is_empty(), *version == 1);
        let (bench, session) = (Bench::new(Fakes::new(Vec::new())).await, bundle.manifest.session);
        let count = bundle.entries.len() as u64;
        let ann = caller("ten_test");
        let accepted = bench
            .engine
            .import(&ann, bundle.entries, bundle.blobs, None)
            .await
            .expect("brought in");
        assert_eq!((accepted.session.clone(), accepted.seq), (session.clone(), count + 1));
        let key = RowKey::new(&SESSIONS, &[session.as_str()]);
        let row = bench.store.row(&key).await.expect("answers").expect("the session has a row");
        let row: SessionRow = row.read().expect("a session row");
        assert_eq!(row.status, SessionStatus::Idle);
    }
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let (_, whole) = BUNDLES[0];
    let mut found = 0;
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        match read_bundle(&bytes) {
            Err(_) => found += 1,
            // What pads the archive, or names its owner, is no part of the bundle.
            Ok(bundle) => assert_eq!(bundle.manifest, read_bundle(whole).expect("whole").manifest),
        }
    }
    assert!(found > 10, "only {found} changes were found");
    assert!(matches!(read_bundle(&[]), Err(BundleError::Missing(_))));
}
