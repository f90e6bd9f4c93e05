//! Which call ids stand in a transcript.
//!
//! Invariant: answers yes for every id that was added; a yes for another is rare and harmless (a
//! call gets an id of our own). A clone costs the logarithm of the number of ids, an addition the
//! same on average: sorted runs, each at least twice as long as the next, shared by pointer.

use std::sync::Arc;

use mainstay_protocol::CallId;

#[derive(Debug, Clone, Default)]
pub(super) struct CallIds {
    runs: Vec<Arc<[u64]>>,
}

impl CallIds {
    pub(super) fn add(&mut self, id: &CallId) {
        let mut run: Arc<[u64]> = Arc::from([fingerprint(id)]);
        while self.runs.last().is_some_and(|longer| longer.len() < 2 * run.len()) {
            let Some(longer) = self.runs.pop() else { break };
            run = merged(&longer, &run);
        }
        self.runs.push(run);
    }

    pub(super) fn may_hold(&self, id: &CallId) -> bool {
        let wanted = fingerprint(id);
        self.runs.iter().any(|run| run.binary_search(&wanted).is_ok())
    }
}

fn merged(a: &[u64], b: &[u64]) -> Arc<[u64]> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.into()
}

/// FNV-1a: short texts, and nobody gains by a collision.
fn fingerprint(id: &CallId) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_added_id_is_found_and_runs_stay_few() {
        let id = |n: u32| CallId::parse(&format!("call_{n}")).expect("a plain id");
        let mut ids = CallIds::default();
        for n in 0..1_000 {
            assert!(!ids.may_hold(&id(n)), "{n} was not added yet");
            ids.add(&id(n));
            assert!(ids.runs.len() <= 10, "{} runs for {n} ids", ids.runs.len());
        }
        assert!((0..1_000).all(|n| ids.may_hold(&id(n))));
    }
}
