//! What an engine's tasks share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use mainstay_core::session::{Command, SESSIONS, SessionRow};
use mainstay_protocol::{ApiError, ErrorCode, Principal, PrincipalId, RowKey, SessionId, TenantId};
use mainstay_store::Claim;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{EngineParts, EngineSettings, api_error};
use crate::automations::Automations;
use crate::chat::Books;
use crate::control::Control;
use crate::dispatch::Limits;
use crate::feed::Hubs;
use crate::forgetting::Forgetting;
use crate::registry::{Activation, Message, Registry, Submit};
use crate::rules::InstalledRules;
use crate::sandbox::{Collecting, Destroying, Operating};
use crate::session_task;
use crate::spawn::Spawner;
use crate::stats::Counters;
use crate::subagents::Subagents;
use crate::webhooks::Webhooks;

/// How often a session whose task panicked is taken up again before it fails.
const PANIC_LIMIT_COUNT: u32 = 3;

pub(crate) struct Inner {
    pub(crate) parts: EngineParts,
    pub(crate) settings: EngineSettings,
    pub(crate) rules: InstalledRules,
    pub(crate) registry: Registry,
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) limits: Limits,
    pub(crate) spawner: Spawner,
    pub(crate) counters: Counters,
    pub(crate) leases: Mutex<BTreeMap<SessionId, Claim>>,
    pub(crate) runtime_principal: Arc<str>,
    pub(super) panics: Mutex<HashMap<SessionId, u32>>,
    pub(crate) stopping: CancellationToken,
    pub(crate) control: Control,
    /// Held while an access token is refreshed.
    pub(crate) refreshes: tokio::sync::Mutex<()>,
    pub(crate) webhooks: Webhooks,
    pub(crate) automations: Automations,
    pub(crate) subagents: Subagents,
    pub(crate) books: Books,
    pub(crate) forgetting: Forgetting,
    pub(crate) destroying: Destroying,
    pub(crate) collecting: Collecting,
    pub(crate) operating: Operating,
}

impl Inner {
    /// Gives a message to a session, starting its task if it has none.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        session: &SessionId,
        message: Message,
    ) -> Result<(), ApiError> {
        self.activate(session, self.registry.send(session, message)?);
        Ok(())
    }

    /// As [`Self::deliver`], for a session of which nothing is in the store.
    pub(crate) fn deliver_first(
        self: &Arc<Self>,
        session: &SessionId,
        message: Message,
    ) -> Result<(), ApiError> {
        self.activate(session, self.registry.send_first(session, message)?);
        Ok(())
    }

    fn activate(self: &Arc<Self>, session: &SessionId, needed: Option<Activation>) {
        if let Some(activation) = needed {
            session_task::start(self, session.clone(), activation);
        }
    }

    /// The runtime itself, at work for a tenant.
    pub(crate) fn as_runtime(&self, tenant: TenantId) -> Principal {
        let id = PrincipalId::parse(&self.runtime_principal).expect("the runtime's name is plain");
        Principal { tenant, id, scopes: Vec::new() }
    }

    /// A session's row, whosever it is.
    pub(crate) async fn session_row(
        &self,
        session: &SessionId,
    ) -> Result<Option<SessionRow>, ApiError> {
        let key = RowKey::new(&SESSIONS, &[session.as_str()]);
        let row = self.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
        Ok(row.and_then(|row| row.read().ok()))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Gives a lease up.
    pub(crate) async fn release(&self, claim: &Claim) {
        let held = {
            let mut leases = self.leases.lock().expect("no code panics while it holds the leases");
            let session = SessionId::parse(&claim.key.subject).ok();
            let current = session.as_ref().and_then(|id| leases.get(id));
            let held = current.is_some_and(|current| current.epoch == claim.epoch);
            if let (true, Some(id)) = (held, &session) {
                leases.remove(id);
            }
            held
        };
        if !held {
            return;
        }
        let now_ms = self.parts.clock.now_ms();
        if let Err(error) = self.parts.store.renew(std::slice::from_ref(claim), now_ms, 0).await {
            tracing::debug!(%error, "a lease was not given up; it lapses by itself");
        }
    }

    /// A session's task panicked: it is taken up again a few times, then the session fails.
    pub(crate) fn session_panicked(self: &Arc<Self>, session: &SessionId) {
        Counters::add(&self.counters.panics, 1);
        self.registry.remove(session);
        let count = {
            let mut panics = self.panics.lock().expect("no code panics while it holds the panics");
            let count = panics.entry(session.clone()).or_default();
            *count += 1;
            *count
        };
        let message = if count < PANIC_LIMIT_COUNT {
            Message::Wake
        } else {
            let (reply, _) = oneshot::channel();
            let fail = Command::Fail {
                code: ErrorCode::Internal,
                message: "the session's task failed again and again".to_owned(),
            };
            let principal = self.runtime_principal.clone();
            let submit = Submit { principal, commands: vec![fail], idempotency: None, reply };
            Message::Submit(Box::new(submit))
        };
        if let Err(error) = self.deliver(session, message) {
            tracing::error!(%session, %error, "a session whose task panicked is not taken up again");
        }
    }
}
