//! The engine: what callers hold.

mod inner;
mod settings;

use std::sync::{Arc, Mutex};

use mainstay_core::agent::AgentDefinition;
use mainstay_core::policy::Policy;
use mainstay_core::port::{
    Clock, Courier, Credentials, Entropy, Models, SandboxSpec, Sandboxes, Seals, ToolContext, Tools,
};
use mainstay_core::resource;
use mainstay_core::session::{
    Command, REMOVED_ITEMS, RESPONSES, SESSION_CONFIGS, SESSIONS, SessionRow, TURNS,
};
use mainstay_core::tool::{ToolSource, ToolSpec};
use mainstay_protocol::{ApiError, ErrorCode, Principal, RowSpec, SessionId};
use mainstay_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

pub(crate) use self::inner::Inner;
pub use self::settings::EngineSettings;
use crate::automations::{Automations, Environments};
use crate::chat::{self, Books};
use crate::control::Control;
use crate::dispatch::Limits;
use crate::feed::{Feed, FollowFrom};
use crate::forgetting::{self, Forgetting};
use crate::registry::Registry;
use crate::rules::InstalledRules;
use crate::sandbox::{self, Collecting, Destroying, Operating, bare_request};
use crate::spawn::Spawner;
use crate::stats::Counters;
use crate::subagents::Subagents;
use crate::submit::{Accepted, Submission};
use crate::webhooks::Webhooks;

/// Kind of the tasks that stand for sessions with work to do.
pub(crate) const SESSION_TASK_KIND: &str = "session";

/// Every row spec of the installation.
pub(crate) const ROW_SPECS: &[RowSpec] = &[
    SESSIONS,
    SESSION_CONFIGS,
    TURNS,
    RESPONSES,
    REMOVED_ITEMS,
    mainstay_core::subagent::SUBAGENTS,
    resource::AGENTS,
    resource::AGENT_REVISIONS,
    resource::KEYS,
    resource::RESOURCES,
    resource::DELIVERIES,
    resource::IDEMPOTENCY,
    mainstay_core::chat::CHAT_CALLS,
    mainstay_core::chat::CHAT_DAYS,
    mainstay_core::spend::KEY_SPENDS,
];

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineParts {
    /// Durable memory.
    pub store: Arc<dyn Store>,
    /// Models.
    pub models: Arc<dyn Models>,
    /// Tools.
    pub tools: Arc<dyn Tools>,
    /// Policy.
    pub policy: Arc<dyn Policy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The encryption of secrets.
    pub seals: Arc<dyn Seals>,
    /// The way to addresses that clients named.
    pub courier: Arc<dyn Courier>,
    /// Machines.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// What machines are made from that automations ask for.
    pub environments: Arc<dyn Environments>,
}

/// Runs sessions. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// Prepares the store and begins to take up sessions with work; serves at once.
    pub async fn start(parts: EngineParts, settings: EngineSettings) -> Result<Self, ApiError> {
        parts.store.migrate(ROW_SPECS).await.map_err(|error| api_error(&error))?;
        let rules = InstalledRules {
            models: parts.models.clone(),
            tools: parts.tools.clone(),
            policy: parts.policy.clone(),
        };
        let control = Control::new(parts.store.clone(), parts.clock.clone());
        let inner = Arc::new(Inner {
            registry: Registry::new(settings.parked_cache_bytes),
            rules,
            hubs: Arc::default(),
            limits: Limits::new(),
            spawner: Spawner::default(),
            counters: Counters::default(),
            leases: Mutex::default(),
            runtime_principal: Arc::from("runtime"),
            panics: Mutex::default(),
            stopping: CancellationToken::new(),
            control,
            refreshes: tokio::sync::Mutex::default(),
            webhooks: Webhooks::default(),
            forgetting: Forgetting::default(),
            destroying: Destroying::default(),
            collecting: Collecting::default(),
            operating: Operating::default(),
            automations: Automations::default(),
            subagents: Subagents::default(),
            books: Books::new(&settings.owner, parts.clock.now_ms()),
            parts,
            settings,
        });
        chat::start(&inner).await?;
        crate::recovery::start(&inner);
        crate::retention::start(&inner);
        forgetting::start(&inner);
        crate::vault::consent::start(&inner);
        sandbox::start(&inner);
        crate::webhooks::start(&inner);
        crate::automations::start(&inner);
        crate::subagents::start(&inner);
        Ok(Self { inner })
    }

    /// Makes commands durable, or says why not.
    pub async fn submit(
        &self,
        session: &SessionId,
        submission: Submission,
    ) -> Result<Accepted, ApiError> {
        let row = self.session_of(session, &submission.caller).await?;
        let feeds = submission
            .commands
            .iter()
            .any(|c| matches!(c, Command::Input { .. } | Command::Respond(_)));
        if feeds {
            self.check_agent(&row).await?;
        }
        let keyed = submission.idempotency.map(|key| (session.to_string(), key));
        self.send(session, &submission.caller, submission.commands, keyed).await
    }

    /// Follows a session's entries and deltas.
    pub async fn follow(&self, session: &SessionId, from: FollowFrom) -> Result<Feed, ApiError> {
        let hubs = &self.inner.hubs;
        let feed = hubs.follow(&self.inner.parts.store, session, from).await;
        feed.map_err(|error| api_error(&error))
    }

    pub(crate) fn of(inner: &Arc<Inner>) -> Self {
        Self { inner: inner.clone() }
    }

    /// Agents and keys.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.inner.control
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.parts.store
    }

    /// The models.
    #[must_use]
    pub fn models(&self) -> &Arc<dyn Models> {
        &self.inner.parts.models
    }

    /// The tools.
    #[must_use]
    pub fn tools(&self) -> &Arc<dyn Tools> {
        &self.inner.parts.tools
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.parts.clock
    }

    /// Randomness.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.inner.parts.entropy
    }

    /// The encryption of secrets.
    #[must_use]
    pub fn seals(&self) -> &Arc<dyn Seals> {
        &self.inner.parts.seals
    }

    /// The way to addresses that clients named.
    #[must_use]
    pub fn courier(&self) -> &Arc<dyn Courier> {
        &self.inner.parts.courier
    }

    /// Machines.
    #[must_use]
    pub fn sandboxes(&self) -> &Arc<dyn Sandboxes> {
        &self.inner.parts.sandboxes
    }

    pub(crate) fn environments(&self) -> &dyn Environments {
        self.inner.parts.environments.as_ref()
    }

    /// Takes no more submissions, lets attempts under way end within `grace_ms`, then stops.
    pub async fn shutdown(&self, grace_ms: u64) {
        self.inner.stopping.cancel();
        self.inner.registry.close();
        let clock = &self.inner.parts.clock;
        let deadline = clock.now_ms().saturating_add(grace_ms);
        tokio::select! {
            biased;
            () = self.inner.spawner.drained() => {}
            () = clock.sleep_until(deadline) => {
                let left = self.inner.spawner.len();
                tracing::warn!(left, "stopping before every task has ended; they are taken up at the next start");
            }
        }
        self.halt();
    }

    /// Stops where it stands, as a crash would: nothing more is committed or answered.
    pub fn halt(&self) {
        self.inner.stopping.cancel();
        self.inner.spawner.halt();
        self.inner.hubs.close();
    }

    /// Tools of an agent without remote sources; none when they must be asked for.
    pub async fn local_tools(
        &self,
        agent: &AgentDefinition,
        caller: &Principal,
        session: &SessionId,
        sandbox: Option<&SandboxSpec>,
    ) -> Result<Option<Arc<[ToolSpec]>>, ApiError> {
        if agent.tools.iter().any(ToolSource::is_remote) {
            return Ok(None);
        }
        let context = ToolContext {
            tenant: caller.tenant.clone(),
            session: session.clone(),
            principal: caller.id.as_str().into(),
            // Sources that need one are remote, and those are asked when the turn begins.
            credentials: Credentials::default(),
            sandbox: sandbox.map(|spec| bare_request(&caller.tenant, session, spec)),
            replies: Arc::default(),
        };
        let tools = self.inner.parts.tools.resolve(&agent.tools, &context).await;
        let invalid = |error: mainstay_core::port::ToolError| {
            ApiError::new(ErrorCode::InvalidParameter, error.message).with_param("agent.tools")
        };
        Ok(Some(tools.map_err(invalid)?.into()))
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) async fn session_of(
        &self,
        session: &SessionId,
        caller: &Principal,
    ) -> Result<SessionRow, ApiError> {
        let row = self.inner.session_row(session).await?;
        row.filter(|row| row.tenant == caller.tenant).ok_or_else(|| {
            ApiError::new(ErrorCode::NotFound, format!("session {session} does not exist"))
        })
    }

    async fn check_agent(&self, row: &SessionRow) -> Result<(), ApiError> {
        let agent = self.inner.control.agent(&row.tenant, &row.agent).await?;
        if agent.is_none_or(|agent| !agent.is_deleted) {
            return Ok(());
        }
        let message = format!("agent {} was deleted; its sessions take no new turns", row.agent);
        Err(ApiError::new(ErrorCode::AgentDeleted, message))
    }
}

/// A store's failure as clients see it.
pub(crate) fn api_error(error: &StoreError) -> ApiError {
    ApiError::new(error.code(), error.to_string())
}
