//! The table of cases and what runs them.

use std::pin::Pin;
use std::sync::Arc;

use crate::conformance::{SPECS, blobs, commits, entries, leases, rows, scans};
use crate::{Store, StoreError};

/// The store under test.
pub(super) type Tested = Arc<dyn Store>;

type Case = (&'static str, fn(Tested) -> Pin<Box<dyn Future<Output = ()>>>);

macro_rules! cases {
    ($($module:ident :: $case:ident,)+) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($case)),
            |store| Box::pin($module::$case(store)),
        ),)+]
    };
}

const CASES: &[Case] = cases! {
    commits::a_commit_is_readable_when_it_returns,
    commits::a_stale_seq_conflicts_and_changes_nothing,
    commits::a_foreign_chain_conflicts,
    commits::an_unsealed_commit_is_invalid,
    commits::a_commit_without_entries_is_held_to_the_seq,
    commits::pipelined_commits_are_applied_in_order,
    commits::of_racing_commits_one_wins,
    commits::a_snapshot_replaces_the_older_one,
    commits::an_erasing_commit_leaves_only_itself,
    commits::watchers_hear_of_commits,
    commits::migrate_is_idempotent,
    blobs::blobs_are_kept_by_their_hash,
    blobs::a_blob_is_found_by_those_who_put_it,
    blobs::a_blob_goes_with_the_last_journal_that_has_it,
    blobs::a_commit_adopts_what_the_other_has,
    blobs::a_commit_frees_what_it_names,
    entries::ranges_go_both_ways,
    entries::entries_come_back_as_they_were_sealed,
    rows::rows_are_put_replaced_and_deleted,
    rows::an_insert_of_an_existing_row_conflicts_whole,
    rows::changes_of_one_commit_apply_in_order,
    rows::undeclared_rows_are_invalid,
    scans::key_order_pages_without_gap_or_duplicate,
    scans::index_order_breaks_ties_by_key,
    scans::prefixes_hold_exactly,
    scans::a_put_moves_a_row_in_its_indexes,
    scans::cursors_behave_when_their_row_is_gone,
    scans::wrong_scans_are_invalid,
    leases::due_tasks_are_claimed_newest_first_and_once,
    leases::a_subject_is_claimed_without_a_task,
    leases::an_expired_lease_can_be_claimed_and_fences,
    leases::renewal_prolongs_what_still_holds,
    leases::a_lease_given_up_is_free_and_fenced,
    leases::epochs_only_grow,
    leases::a_deleted_task_is_not_due,
};

/// Names the case in which a panic happened.
struct Running(&'static str);

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "a failing test must name its case")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("conformance case {} failed", self.0);
        }
    }
}

/// Runs every case, each on a store of its own that `make` gives.
///
/// # Panics
/// When the store does not do what the trait demands.
pub async fn run_all(make: impl AsyncFn() -> Tested) {
    for (name, case) in CASES {
        let _running = Running(name);
        let store = make().await;
        store.migrate(SPECS).await.expect("migrates");
        case(store).await;
    }
}

/// What kind of failure it is.
pub(super) fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict { .. } => "conflict",
        StoreError::Fenced { .. } => "fenced",
        StoreError::Overloaded { .. } => "overloaded",
        StoreError::DiskFull(_) => "disk full",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::Invalid { .. } => "invalid",
    }
}

/// Demands a failure of this kind.
#[track_caller]
pub(super) fn assert_refused<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: &str) {
    let error = result.expect_err("must be refused");
    assert_eq!(kind(&error), expected, "{error}");
}
