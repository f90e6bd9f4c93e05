//! Leases kept in memory, for backends whose data one process owns.
//!
//! Invariant: of one subject's claims only the latest epoch may write, and epochs only grow. An
//! expired lease keeps its epoch until somebody claims or gives it up: no write can be lost by
//! letting its owner go on. Deliberately absent: a clock; callers say what time it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{JournalId, TaskKey};

use crate::{Claim, ClaimRequest, StoreError};

/// The kind of task whose lease guards the journal of the same name.
pub(crate) const JOURNAL_TASK_KIND: &str = "session";

#[derive(Debug)]
struct Lease {
    owner: Arc<str>,
    epoch: u64,
    until_ms: u64,
}

/// All leases of one process.
#[derive(Debug)]
pub(crate) struct Leases {
    /// Kind, then subject: looked up by `&str` on every commit.
    by_kind: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Lease>>,
    last_epoch: u64,
}

impl Leases {
    /// No leases; epochs begin behind this one.
    pub(crate) fn new(last_epoch: u64) -> Self {
        Self { by_kind: BTreeMap::new(), last_epoch }
    }

    fn get(&self, kind: &str, subject: &str) -> Option<&Lease> {
        self.by_kind.get(kind)?.get(subject)
    }

    /// Whether nobody holds the subject at this time.
    pub(crate) fn is_free(&self, key: &TaskKey, now_ms: u64) -> bool {
        self.get(&key.kind, &key.subject).is_none_or(|lease| lease.until_ms <= now_ms)
    }

    /// Whether the request's owner may claim this very subject.
    pub(crate) fn may_claim(&self, key: &TaskKey, request: &ClaimRequest) -> bool {
        self.is_free(key, request.now_ms)
            || self.get(&key.kind, &key.subject).is_some_and(|lease| lease.owner == request.owner)
    }

    /// Gives the subject to the request's owner, under a new epoch.
    pub(crate) fn grant(&mut self, key: TaskKey, request: &ClaimRequest) -> Claim {
        self.last_epoch += 1;
        let until_ms = request.now_ms.saturating_add(request.lease_ms);
        let lease = Lease { owner: request.owner.clone(), epoch: self.last_epoch, until_ms };
        self.by_kind.entry(key.kind.clone()).or_default().insert(key.subject.clone(), lease);
        Claim { key, epoch: self.last_epoch, until_ms }
    }

    /// Prolongs (or with `lease_ms` 0 gives up) those claims that are still the latest.
    pub(crate) fn renew(&mut self, claims: &[Claim], now_ms: u64, lease_ms: u64) -> Vec<Claim> {
        let mut held = Vec::new();
        for claim in claims {
            let Some(subjects) = self.by_kind.get_mut(&claim.key.kind) else { continue };
            let Some(lease) = subjects.get_mut(&claim.key.subject) else { continue };
            if lease.epoch != claim.epoch {
                continue;
            }
            if lease_ms == 0 {
                subjects.remove(&claim.key.subject);
                continue;
            }
            lease.until_ms = now_ms.saturating_add(lease_ms);
            held.push(Claim { until_ms: lease.until_ms, ..claim.clone() });
        }
        held
    }

    /// Whether a commit under this epoch may write the journal: it must be the latest claim's, or 0
    /// where nobody claimed.
    pub(crate) fn check(&self, journal: &JournalId, epoch: u64) -> Result<(), StoreError> {
        let latest = self.get(JOURNAL_TASK_KIND, journal).map_or(0, |lease| lease.epoch);
        if latest == epoch {
            return Ok(());
        }
        Err(StoreError::Fenced { journal: journal.clone(), epoch })
    }
}
