//! What all parts of the hub work on.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_core::port::{Clock, Readiness, SandboxError, SandboxRequest};
use mainstay_protocol::{EffectId, SessionId};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;

use super::calls::Calls;
use super::drivers::Drivers;
use super::guest::{Connector, Images};
use super::pool::Pool;
use super::record;
use super::room::Room;
use super::settings::HubSettings;
use super::slot::{Known, Live, Slot, Use};

/// The hub without its task.
pub(super) struct Inner {
    pub(super) settings: HubSettings,
    pub(super) drivers: Drivers,
    pub(super) images: Arc<dyn Images>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) room: Room,
    pub(super) calls: Calls,
    pub(super) pool: Pool,
    slots: Mutex<HashMap<SessionId, Arc<Slot>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// What breaks before a call reaches its machine has done nothing of it.
fn not_started(error: SandboxError) -> SandboxError {
    match error {
        SandboxError::Broken(why) => SandboxError::NotStarted(why),
        SandboxError::Unavailable(_)
        | SandboxError::Invalid(_)
        | SandboxError::LimitReached(_)
        | SandboxError::NotStarted(_) => error,
    }
}

/// A machine in a call's hands.
pub(super) struct InUse {
    pub(super) live: Arc<Live>,
    pub(super) readiness: Readiness,
    pub(super) session: SessionId,
    pub(super) call: Use,
}

impl Inner {
    pub(super) fn new(
        settings: HubSettings,
        drivers: Drivers,
        images: Arc<dyn Images>,
        connector: Arc<dyn Connector>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let calls = Calls::new(&settings.machines);
        Self {
            settings,
            drivers,
            images,
            connector,
            clock,
            room: Room::default(),
            calls,
            pool: Pool::default(),
            slots: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    pub(super) fn folder(&self, session: &SessionId) -> PathBuf {
        record::folder(&self.settings.machines, session)
    }

    pub(super) fn machines(&self) -> &Path {
        &self.settings.machines
    }

    pub(super) fn slot(&self, session: &SessionId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(session.clone()).or_default())
    }

    /// The slot of a session that somebody asked for before.
    pub(super) fn known_slot(&self, session: &SessionId) -> Option<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned()
    }

    /// Forgets a session's slot, if nobody else holds it.
    pub(super) fn drop_slot(&self, session: &SessionId) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.get(session).is_some_and(|slot| Arc::strong_count(slot) <= 2) {
            slots.remove(session);
        }
    }

    /// Runs to its end, also when whoever waits for it goes away: a machine is not left half made.
    pub(super) async fn whole<T, F>(&self, work: F) -> Result<T, SandboxError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SandboxError>> + Send + 'static,
    {
        let (answer, done) = tokio::sync::oneshot::channel();
        self.spawn(async move {
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(work.await);
        });
        done.await.unwrap_or_else(|_| Err(SandboxError::Broken("the server stops".to_owned())))
    }

    /// Holds a task until the hub falls.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// The machine of a session for a call, made if there is none.
    pub(super) async fn take(
        self: &Arc<Self>,
        request: &SandboxRequest,
    ) -> Result<InUse, SandboxError> {
        self.connector.refresh(request);
        let slot = self.slot(&request.session);
        let call = slot.enter(self.clock.now_ms());
        let known = Arc::clone(&slot.known).lock_owned().await;
        if let Known::Live(live) = &*known
            && !live.guest.is_closed()
        {
            if !live.is_introduced.load(Ordering::Acquire) {
                let introduced = self.connector.introduce(live.guest.as_ref(), request).await;
                introduced.map_err(not_started)?;
                live.is_introduced.store(true, Ordering::Release);
            }
            let (live, session) = (Arc::clone(live), request.session.clone());
            live.told(request.told_resets);
            return Ok(InUse { live, readiness: Readiness::Running, session, call });
        }
        let inner = Arc::clone(self);
        let (request, session) = (request.clone(), request.session.clone());
        let told_resets = request.told_resets;
        let brought = self.whole(async move { inner.bring_into(known, &request).await }).await;
        let (live, readiness) = brought.map_err(not_started)?;
        live.told(told_resets);
        Ok(InUse { live, readiness, session, call })
    }

    /// The machine for a command or code, which is written down before the machine can see it.
    pub(super) async fn take_for(
        self: &Arc<Self>,
        request: &SandboxRequest,
        effect: &EffectId,
    ) -> Result<InUse, SandboxError> {
        let noted = |noted: io::Result<()>| {
            noted.map_err(|error| {
                SandboxError::NotStarted(format!("writing down call {effect}: {error}"))
            })
        };
        noted(self.calls.asked(&request.session, effect))?;
        let used = self.take(request).await?;
        noted(self.calls.sent(&request.session, effect))?;
        Ok(used)
    }

    async fn bring_into(
        &self,
        mut known: OwnedMutexGuard<Known>,
        request: &SandboxRequest,
    ) -> Result<(Arc<Live>, Readiness), SandboxError> {
        *known = Known::InFolder;
        let brought = self.bring(request).await?;
        *known = Known::Live(Arc::clone(&brought.0));
        Ok(brought)
    }

    /// The machine that is there, connected; none is made.
    pub(super) async fn peek(
        self: &Arc<Self>,
        session: &SessionId,
    ) -> Result<Option<Arc<Live>>, SandboxError> {
        let slot = self.slot(session);
        let mut known = Arc::clone(&slot.known).lock_owned().await;
        if let Known::Live(live) = &*known
            && !live.guest.is_closed()
        {
            return Ok(Some(Arc::clone(live)));
        }
        let (inner, session) = (Arc::clone(self), session.clone());
        let found = self.whole(async move {
            *known = Known::InFolder;
            let found = inner.look(&session).await?;
            if let Some(live) = &found {
                *known = Known::Live(Arc::clone(live));
            }
            Ok(found)
        });
        found.await
    }

    /// A call ended. After one that broke the machine, the next call looks for it anew.
    pub(super) async fn give_back<T>(
        &self,
        used: InUse,
        outcome: Result<T, SandboxError>,
    ) -> Result<(T, Readiness), SandboxError> {
        let InUse { live, readiness, session, call } = used;
        if matches!(outcome, Err(SandboxError::Broken(_))) || live.guest.is_closed() {
            self.let_go(&session, &live).await;
        }
        let readiness = live.record().untold().unwrap_or(readiness);
        call.end(self.clock.now_ms());
        outcome.map(|value| (value, readiness))
    }

    /// Forgets a connection, if it is still the one that is known.
    pub(super) async fn let_go(&self, session: &SessionId, live: &Arc<Live>) {
        let Some(slot) = self.known_slot(session) else { return };
        let mut known = slot.known.lock().await;
        if matches!(&*known, Known::Live(current) if Arc::ptr_eq(current, live)) {
            *known = Known::InFolder;
        }
    }
}
