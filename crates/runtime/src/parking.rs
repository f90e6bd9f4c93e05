//! States of sessions at rest, kept while they fit: the next turn then needs no reading.
//!
//! Invariant: the kept states' estimated sizes stay under the limit; the one used longest ago goes
//! first. A kept state may be stale (another node may have written): a commit finds out.

use std::collections::{BTreeMap, HashMap};

use mainstay_core::session::SessionState;
use mainstay_protocol::{JournalId, SessionId};

use crate::saving::Saving;

/// Estimate of what a state takes besides its transcript's text.
const STATE_BYTES: u64 = 4 * 1024;
/// Estimate of what an item takes besides its text.
const ITEM_BYTES: u64 = 512;

/// A session without a task.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) state: SessionState,
    pub(crate) saving: Saving,
}

impl Resting {
    /// A session of which nothing is in the store.
    pub(crate) fn unwritten(journal: JournalId) -> Self {
        Self { state: SessionState::new(journal), saving: Saving::default() }
    }
}

#[derive(Debug)]
pub(crate) struct Parking {
    limit_bytes: u64,
    bytes: u64,
    used: u64,
    states: HashMap<SessionId, Parked>,
    by_use: BTreeMap<u64, SessionId>,
}

#[derive(Debug)]
struct Parked {
    resting: Box<Resting>,
    used: u64,
    bytes: u64,
}

impl Parking {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let (states, by_use) = (HashMap::new(), BTreeMap::new());
        Self { limit_bytes, bytes: 0, used: 0, states, by_use }
    }

    /// Keeps a state, if it fits.
    pub(crate) fn park(&mut self, session: SessionId, resting: Resting) {
        let transcript = &resting.state.transcript;
        let bytes = STATE_BYTES + transcript.bytes() + transcript.len() as u64 * ITEM_BYTES;
        drop(self.take(&session));
        if bytes > self.limit_bytes {
            return;
        }
        self.used += 1;
        self.bytes += bytes;
        self.by_use.insert(self.used, session.clone());
        self.states.insert(session, Parked { resting: Box::new(resting), used: self.used, bytes });
        while self.bytes > self.limit_bytes {
            let Some((_, oldest)) = self.by_use.first_key_value() else { return };
            let oldest = oldest.clone();
            drop(self.take(&oldest));
        }
    }

    /// Takes a state out.
    pub(crate) fn take(&mut self, session: &SessionId) -> Option<Box<Resting>> {
        let parked = self.states.remove(session)?;
        self.by_use.remove(&parked.used);
        self.bytes -= parked.bytes;
        Some(parked.resting)
    }

    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> SessionId {
        SessionId::parse(&format!("ses_{n}")).expect("a plain id")
    }

    fn resting() -> Resting {
        Resting { state: SessionState::new("j".into()), saving: Saving::default() }
    }

    #[test]
    fn the_limit_holds_and_the_oldest_goes_first() {
        let mut parking = Parking::new(3 * STATE_BYTES);
        for n in 0..3 {
            parking.park(id(n), resting());
        }
        let kept = parking.take(&id(0)).expect("all three fit");
        parking.park(id(0), *kept);
        parking.park(id(3), resting());
        assert_eq!(parking.len(), 3);
        assert!(parking.take(&id(1)).is_none(), "used longest ago");
        assert!(parking.take(&id(0)).is_some() && parking.take(&id(3)).is_some());
        assert_eq!(parking.bytes, STATE_BYTES);
    }
}
