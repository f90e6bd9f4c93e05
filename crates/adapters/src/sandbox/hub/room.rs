//! Room for one more machine: within the host's limits, by parking the machine that was used least
//! recently.
//!
//! Invariant: the limits hold for machines that run, found or made, and who waits for room gets it in
//! order. Deliberately absent: the limits of one machine, which its driver holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_core::port::{SandboxError, SandboxSpec};
use mainstay_protocol::SessionId;

use super::inner::Inner;

/// How long a machine waits for room before its call is refused.
const ROOM_WAIT_LIMIT_MS: u64 = 60_000;
/// How often it looks whether another machine has come to rest.
const ROOM_LOOK_MS: u64 = 50;

/// What runs, by session: its memory, MiB.
#[derive(Debug, Default)]
pub(super) struct Room {
    running: Arc<Mutex<BTreeMap<SessionId, u64>>>,
    /// Held while room is made, so that two do not park the same machine and nobody is overtaken.
    making: tokio::sync::Mutex<()>,
}

impl Room {
    /// A machine was found running.
    pub(super) fn count(&self, session: &SessionId, memory_mib: u64) {
        self.lock().insert(session.clone(), memory_mib);
    }

    /// A machine runs no more.
    pub(super) fn free(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    /// How many run, and their memory.
    pub(super) fn used(&self) -> (usize, u64) {
        let running = self.lock();
        (running.len(), running.values().fold(0, |sum, mib| sum.saturating_add(*mib)))
    }

    /// Takes room if there is, beside what waits for sessions.
    fn take(
        &self,
        session: &SessionId,
        memory_mib: u64,
        waiting: (usize, u64),
        (count, total_mib): (usize, u64),
    ) -> bool {
        let mut running = self.lock();
        let others = running.iter().filter(|(other, _)| *other != session);
        let (used, used_mib) = others.fold(waiting, |(used, sum), (_, memory_mib)| {
            (used + 1, sum.saturating_add(*memory_mib))
        });
        let has_room = used < count && used_mib.saturating_add(memory_mib) <= total_mib;
        if has_room {
            running.insert(session.clone(), memory_mib);
        }
        has_room
    }

    fn sessions(&self) -> Vec<SessionId> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<SessionId, u64>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes room for a machine that is about to run; waits for it while all others are in use.
    pub(super) async fn make_room(
        &self,
        session: &SessionId,
        spec: &SandboxSpec,
    ) -> Result<(), SandboxError> {
        let deadline_ms = self.clock.now_ms().saturating_add(ROOM_WAIT_LIMIT_MS);
        let _making = self.room.making.lock().await;
        let (count, total_mib) = (self.settings.max_machines, self.settings.total_memory_mib());
        let bounds = (count, total_mib);
        while !self.room.take(session, spec.memory_mib, self.pool.held(), bounds) {
            // Nobody misses what nobody has.
            if self.end_one_waiting().await? || self.park_least_used(session).await? {
                continue;
            }
            let now_ms = self.clock.now_ms();
            if now_ms >= deadline_ms {
                return Err(SandboxError::LimitReached(format!(
                    "all machines of this server were in use for {} s (compute.max_machines is \
                     {count}, compute.max_total_memory_mib {total_mib}); try again when another \
                     session rests",
                    ROOM_WAIT_LIMIT_MS / 1_000
                )));
            }
            self.clock.sleep_until(now_ms.saturating_add(ROOM_LOOK_MS)).await;
        }
        Ok(())
    }

    /// Whether a machine that nobody uses was parked.
    async fn park_least_used(&self, but: &SessionId) -> Result<bool, SandboxError> {
        let mut idle: Vec<_> = self.room.sessions().into_iter().filter(|id| id != but).collect();
        idle.sort_by_cached_key(|id| self.known_slot(id).map_or(0, |slot| slot.used_at_ms()));
        for session in idle {
            if self.park_idle(&session).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
