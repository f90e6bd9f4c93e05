//! Machines that wait, started, for sessions to come.
//!
//! Invariant: at most as many wait as the operator says, within the host's limits for all machines, and
//! only such as were asked for not long ago. One that waits is in a folder of its own that no session's
//! `machine.json` names: what a crash leaves of it is ended at the next start, and ends itself before. It
//! has run nothing of any session, and gets its name, time and randomness when it is given to one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainstay_core::port::{SandboxError, SandboxSpec};

use super::super::{Driver, MachineSpec, Place};
use super::bring::{create, driver_error, remove};
use super::guest::{Guest, Introduction};
use super::inner::Inner;
use super::record;

/// Machines of a kind that nobody asked for in so long are not kept ready.
const WANTED_FOR_MS: u64 = 60 * 60 * 1000;
/// Kinds of machines that are remembered.
const MAX_WANTED_COUNT: usize = 16;

/// All that wait, and what is waited for.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
    /// Held while one is started or ended.
    tending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Warm>,
    /// What was asked for last is at the end.
    wanted: Vec<Wanted>,
    /// Counts folders of this server's life.
    started_count: u64,
    is_stopped: bool,
}

/// A machine that waits.
pub(super) struct Warm {
    /// Its folder's.
    pub(super) name: String,
    driver: Arc<dyn Driver>,
    spec: MachineSpec,
    place: Place,
    /// Kept, so that it does not count itself for abandoned.
    guest: Arc<dyn Guest>,
}

/// A kind of machine that sessions had.
struct Wanted {
    driver: Arc<dyn Driver>,
    spec: SandboxSpec,
    asked_at_ms: u64,
}

impl Wanted {
    fn is_like(&self, driver: &Arc<dyn Driver>, spec: &SandboxSpec) -> bool {
        let own = &self.spec;
        let is_as_large = (own.cpus, own.memory_mib, own.disk_mib, own.processes)
            == (spec.cpus, spec.memory_mib, spec.disk_mib, spec.processes);
        is_as_large && own.image == spec.image && self.driver.name() == driver.name()
    }

    fn is_kind_of(&self, warm: &Warm) -> bool {
        let (own, spec) = (&self.spec, &warm.spec);
        let is_as_large = (own.cpus, own.memory_mib, own.disk_mib, own.processes)
            == (spec.cpus, spec.memory_mib, spec.disk_mib, spec.processes);
        is_as_large && own.image == spec.image.name && self.driver.name() == warm.driver.name()
    }
}

impl Pool {
    /// Notes what a session needed.
    pub(super) fn want(&self, driver: &Arc<dyn Driver>, spec: &SandboxSpec, now_ms: u64) {
        let mut state = self.lock();
        state.wanted.retain(|wanted| !wanted.is_like(driver, spec));
        if state.wanted.len() >= MAX_WANTED_COUNT {
            state.wanted.remove(0);
        }
        let (driver, spec) = (Arc::clone(driver), spec.clone());
        state.wanted.push(Wanted { driver, spec, asked_at_ms: now_ms });
    }

    /// One that is made like this and answers; it waits no more.
    pub(super) fn take(&self, driver: &Arc<dyn Driver>, spec: &MachineSpec) -> Option<Warm> {
        let mut state = self.lock();
        let is_fit = |warm: &Warm| {
            warm.driver.name() == driver.name() && warm.spec == *spec && !warm.guest.is_closed()
        };
        let place = state.waiting.iter().position(is_fit)?;
        Some(state.waiting.remove(place))
    }

    /// It was not needed after all.
    pub(super) fn put_back(&self, warm: Option<Warm>) {
        self.lock().waiting.extend(warm);
    }

    /// How many wait, and their memory.
    pub(super) fn held(&self) -> (usize, u64) {
        let state = self.lock();
        let memory = state.waiting.iter().map(|warm| warm.spec.memory_mib);
        (state.waiting.len(), memory.fold(0, u64::saturating_add))
    }

    /// Ends all, and has no more started.
    pub(super) async fn stop(&self) {
        self.lock().is_stopped = true;
        let _tending = self.tending.lock().await;
        let waiting = std::mem::take(&mut self.lock().waiting);
        for warm in waiting {
            if let Err(error) = end(warm).await {
                tracing::warn!(%error, "a machine that waited ends by itself");
            }
        }
    }

    /// The kind of which one more is to be started: of those that are wanted the one of which fewest
    /// wait, and of these the one that was asked for last.
    fn next(&self, most: usize) -> Option<(Arc<dyn Driver>, SandboxSpec)> {
        let state = self.lock();
        if state.is_stopped || state.waiting.len() >= most {
            return None;
        }
        let count =
            |wanted: &&Wanted| state.waiting.iter().filter(|warm| wanted.is_kind_of(warm)).count();
        let next = state.wanted.iter().rev().min_by_key(count)?;
        Some((Arc::clone(&next.driver), next.spec.clone()))
    }

    /// Those that are of no more use.
    fn take_useless(&self, now_ms: u64, image: impl Fn(&str) -> Option<String>) -> Vec<Warm> {
        let mut state = self.lock();
        let State { waiting, wanted, .. } = &mut *state;
        wanted.retain(|wanted| now_ms.saturating_sub(wanted.asked_at_ms) < WANTED_FOR_MS);
        let is_useless = |warm: &mut Warm| {
            let own = &warm.spec;
            let is_wanted = wanted.iter().any(|wanted| wanted.is_kind_of(warm));
            let is_current = image(&own.image.name).as_ref() == Some(&own.image.digest);
            !is_wanted || !is_current || warm.guest.is_closed()
        };
        waiting.extract_if(.., is_useless).collect()
    }

    fn forget(&self, driver: &Arc<dyn Driver>, spec: &SandboxSpec) {
        self.lock().wanted.retain(|wanted| !wanted.is_like(driver, spec));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn end(warm: Warm) -> Result<(), SandboxError> {
    let Warm { driver, place, guest, .. } = warm;
    drop(guest);
    driver.destroy(&place).await.map_err(driver_error)?;
    remove(place.folder()).await
}

impl Inner {
    /// Ends what is of no more use, and starts what is missing.
    pub(super) async fn tend_pool(&self, now_ms: u64) -> Result<(), SandboxError> {
        let _tending = self.pool.tending.lock().await;
        let digest = |name: &str| self.images.image(name).ok().map(|image| image.digest);
        for warm in self.pool.take_useless(now_ms, digest) {
            end(warm).await?;
        }
        while let Some((driver, spec)) = self.pool.next(self.settings.warm_machines) {
            if !self.has_room_to_wait(&spec) {
                break;
            }
            match self.start_warm(&driver, &spec, now_ms).await {
                Ok(warm) => self.pool.put_back(Some(warm)),
                Err(error) => {
                    // The session that asks for one says what is wrong.
                    tracing::warn!(%error, "a machine cannot be started ahead");
                    self.pool.forget(&driver, &spec);
                }
            }
        }
        Ok(())
    }

    /// Whether one more may wait without taking the place of a session's machine.
    fn has_room_to_wait(&self, spec: &SandboxSpec) -> bool {
        let (running, running_mib) = self.room.used();
        let (waiting, waiting_mib) = self.pool.held();
        let memory_mib = running_mib.saturating_add(waiting_mib).saturating_add(spec.memory_mib);
        running + waiting < self.settings.max_machines
            && memory_mib <= self.settings.total_memory_mib()
    }

    async fn start_warm(
        &self,
        driver: &Arc<dyn Driver>,
        spec: &SandboxSpec,
        now_ms: u64,
    ) -> Result<Warm, SandboxError> {
        let spec = self.machine_spec(spec)?;
        let name = {
            let mut state = self.pool.lock();
            state.started_count += 1;
            format!("{now_ms}-{}", state.started_count)
        };
        let place = Place::new(record::warm_folder(self.machines(), &name));
        create(place.folder())?;
        let started = async {
            driver.boot(&place, &spec).await.map_err(driver_error)?;
            self.connect(driver, &place, Introduction::Nobody).await
        };
        match started.await {
            Ok(guest) => {
                guest.warm().await;
                Ok(Warm { name, driver: Arc::clone(driver), spec, place, guest })
            }
            Err(error) => {
                // The first error is the one to tell; what stays is ended at the next start.
                let _ = self.end_place(driver, &place).await;
                Err(error)
            }
        }
    }

    /// Ends one that waits, to make room; whether there was one.
    pub(super) async fn end_one_waiting(&self) -> Result<bool, SandboxError> {
        let warm = self.pool.lock().waiting.pop();
        let Some(warm) = warm else { return Ok(false) };
        end(warm).await.map(|()| true)
    }

    /// Ends what an earlier server had waiting.
    pub(super) async fn end_unused(&self) -> Result<(), SandboxError> {
        let used: Vec<_> = self.records()?.into_iter().filter_map(|(_, own)| own.warm).collect();
        let names = record::warm_names(self.machines()).map_err(|error| {
            SandboxError::Broken(format!("listing machines that wait: {error}"))
        })?;
        for name in names.into_iter().filter(|name| !used.contains(name)) {
            let place = Place::new(record::warm_folder(self.machines(), &name));
            if let Err(error) = self.end_unknown(&place).await {
                tracing::warn!(%error, %name, "a machine that waited for a session stays for now");
            }
        }
        Ok(())
    }
}
