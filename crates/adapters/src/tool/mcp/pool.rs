//! Connections that are kept, and made again when they broke.
//!
//! Invariant: one tenant's connection is never another's; a server that cannot be reached is not
//! tried again before its pause is over, however many sessions want it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex as StdMutex};

use lru::LruCache;
use mainstay_core::port::{Clock, Credential, ToolError, WorldChange};
use mainstay_core::tool::McpTransport;
use mainstay_protocol::TenantId;
use tokio::sync::Mutex;

use super::connect::{ConnectFault, connect};
use super::connection::{Connection, list_tools};
use super::oauth::Challenge;
use crate::tool::cache::{Fingerprint, hash_json, lock};
use crate::tool::egress::Egress;
use crate::tool::output::terminal;
use crate::tool::settings::McpServerSettings;

/// The most connections that are kept; the one that was unused for longest goes first.
const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(128).expect("not zero");
/// The pause after the first failure to connect; it doubles with each further one.
const MIN_PAUSE_MS: u64 = 500;
/// The longest pause.
const MAX_PAUSE_MS: u64 = 60_000;
/// How long a list of tools is used before it is asked for again.
const TOOLS_FRESH_MS: u64 = 60_000;

/// A connection proves itself once, so that each revision of a credential has its own.
type Key = (TenantId, Fingerprint, Option<(Arc<str>, u64)>);

/// On whose behalf a server is reached.
#[derive(Clone, Copy)]
pub(super) struct Bearer<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) credential: Option<&'a Credential>,
}

/// Why there is no connection.
pub(super) enum Unreached {
    /// The server wants to be shown a token, or another one.
    Challenged(Challenge),
    /// Something else.
    Failed(ToolError),
}

impl From<ToolError> for Unreached {
    fn from(error: ToolError) -> Self {
        Self::Failed(error)
    }
}

/// The connections to all MCP servers.
pub(super) struct Pool {
    servers: BTreeMap<String, McpServerSettings>,
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    slots: StdMutex<LruCache<Key, Arc<Mutex<Slot>>>>,
}

/// The place of one connection.
#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    listed_at_ms: u64,
    failures: u32,
    paused_until_ms: u64,
}

impl Pool {
    pub(super) fn new(
        servers: BTreeMap<String, McpServerSettings>,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { servers, egress, clock, slots: StdMutex::new(LruCache::new(MAX_CONNECTIONS)) }
    }

    pub(super) fn servers(&self) -> &BTreeMap<String, McpServerSettings> {
        &self.servers
    }

    /// A connection for a call.
    pub(super) async fn get(
        &self,
        bearer: Bearer<'_>,
        transport: &McpTransport,
    ) -> Result<Arc<Connection>, Unreached> {
        let slot = self.slot(bearer, transport);
        let mut slot = slot.lock().await;
        self.connected(&mut slot, bearer, transport).await
    }

    /// A connection whose list of tools is not old.
    pub(super) async fn get_fresh(
        &self,
        bearer: Bearer<'_>,
        transport: &McpTransport,
    ) -> Result<Arc<Connection>, Unreached> {
        let slot = self.slot(bearer, transport);
        let mut slot = slot.lock().await;
        let connection = self.connected(&mut slot, bearer, transport).await?;
        let age_ms = self.clock.now_ms().saturating_sub(slot.listed_at_ms);
        if !connection.take_changed() && age_ms < TOOLS_FRESH_MS {
            return Ok(connection);
        }
        match list_tools(connection.peer()).await {
            Ok(tools) => {
                connection.keep_tools(tools);
                slot.listed_at_ms = self.clock.now_ms();
            }
            // The list as it was is better than none; a broken connection is found by the next call.
            Err(error) => tracing::warn!(%error, "list an MCP server's tools again"),
        }
        Ok(connection)
    }

    fn slot(&self, bearer: Bearer<'_>, transport: &McpTransport) -> Arc<Mutex<Slot>> {
        let credential = bearer.credential.map(|own| (own.id.clone(), own.revision));
        let key = (bearer.tenant.clone(), hash_json(transport).fingerprint, credential);
        Arc::clone(lock(&self.slots).get_or_insert(key, Arc::default))
    }

    async fn connected(
        &self,
        slot: &mut Slot,
        bearer: Bearer<'_>,
        transport: &McpTransport,
    ) -> Result<Arc<Connection>, Unreached> {
        if let Some(connection) =
            slot.connection.as_ref().filter(|connection| !connection.is_closed())
        {
            return Ok(Arc::clone(connection));
        }
        slot.connection = None;
        let pause_ms = slot.paused_until_ms.saturating_sub(self.clock.now_ms());
        if pause_ms > 0 {
            return Err(not_reached(transport, "it failed a moment ago", pause_ms).into());
        }
        let token = bearer.credential.map(|credential| &credential.token);
        match connect(transport, token, &self.servers, &self.egress).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                let listed_at_ms = self.clock.now_ms();
                *slot = Slot {
                    connection: Some(Arc::clone(&connection)),
                    listed_at_ms,
                    ..Slot::default()
                };
                Ok(connection)
            }
            // Nothing is wrong with the server, and another credential may be there at once.
            Err(ConnectFault { challenge: Some(challenge), .. }) => {
                Err(Unreached::Challenged(challenge))
            }
            Err(ConnectFault { reason, retryable, challenge: None }) => {
                let pause_ms = (MIN_PAUSE_MS << slot.failures.min(16)).min(MAX_PAUSE_MS);
                slot.failures += 1;
                slot.paused_until_ms = self.clock.now_ms() + pause_ms;
                if retryable {
                    return Err(not_reached(transport, &reason, pause_ms).into());
                }
                let reason = format!("connect to the MCP server {}: {reason}", name(transport));
                Err(terminal(reason).into())
            }
        }
    }
}

/// Nothing was called, so nothing changed.
fn not_reached(transport: &McpTransport, reason: &str, pause_ms: u64) -> ToolError {
    ToolError {
        message: format!("connect to the MCP server {}: {reason}", name(transport)),
        retryable: true,
        world: WorldChange::No,
        retry_after_ms: Some(pause_ms),
        needs: None,
    }
}

/// What a server is called in messages; URLs may hold secrets in their query.
pub(super) fn name(transport: &McpTransport) -> String {
    match transport {
        McpTransport::Stdio { server } => format!("{server:?}"),
        McpTransport::Http { url, .. } => {
            let without_query = url.split(['?', '#']).next().unwrap_or_default();
            format!("{without_query:?}")
        }
    }
}
