//! A connection to an MCP server with the tools that it listed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationCapability,
    FormElicitationCapability, Implementation, PaginatedRequestParams, Tool,
    UrlElicitationCapability,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, RunningService};
use rmcp::{ClientHandler, RoleClient, ServiceError};

use super::elicit::Desk;
use super::stdio::Program;
use crate::tool::cache::lock;

/// The most tools that one server lists.
const MAX_LISTED_TOOLS: usize = 1_000;
/// The most pages that its list has.
const MAX_PAGES: usize = 100;

/// What a server may tell and ask without being asked.
#[derive(Clone, Default)]
pub(super) struct Listener {
    changed: Arc<AtomicBool>,
    desk: Arc<Desk>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let implementation = Implementation::new("mainstay", env!("CARGO_PKG_VERSION"));
        let elicitation = ElicitationCapability::new()
            .with_form(FormElicitationCapability::new().with_schema_validation(true))
            .with_url(UrlElicitationCapability::new());
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(elicitation);
        ClientConfig::new(capabilities, implementation)
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, rmcp::ErrorData> {
        self.desk.elicit(request).await
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Release);
    }
}

/// A connection. It ends, and its program with it, when the last holder lets go.
pub(super) struct Connection {
    // Before the program: the conversation ends before the one it is held with.
    running: RunningService<RoleClient, Listener>,
    listener: Listener,
    tools: Mutex<Arc<[Tool]>>,
    _program: Option<Program>,
}

impl Connection {
    pub(super) fn new(
        running: RunningService<RoleClient, Listener>,
        listener: Listener,
        program: Option<Program>,
    ) -> Self {
        Self { running, listener, tools: Mutex::new(Arc::from([])), _program: program }
    }

    /// Where its calls are asked.
    pub(super) fn desk(&self) -> &Arc<Desk> {
        &self.listener.desk
    }

    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.running.peer()
    }

    /// Whether nothing can be asked through it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.running.is_closed() || self.peer().is_transport_closed()
    }

    pub(super) fn keep_tools(&self, tools: Vec<Tool>) {
        *lock(&self.tools) = tools.into();
    }

    /// The tools as last listed.
    pub(super) fn tools(&self) -> Arc<[Tool]> {
        Arc::clone(&lock(&self.tools))
    }

    /// Whether the server said since the last time that its list is another.
    pub(super) fn take_changed(&self) -> bool {
        self.listener.changed.swap(false, Ordering::AcqRel)
    }
}

/// Every page of a server's list.
pub(super) async fn list_tools(peer: &Peer<RoleClient>) -> Result<Vec<Tool>, ServiceError> {
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = peer.list_tools(Some(page)).await?;
        tools.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() || tools.len() >= MAX_LISTED_TOOLS {
            break;
        }
    }
    if cursor.is_some() || tools.len() > MAX_LISTED_TOOLS {
        tracing::warn!(
            count = tools.len(),
            "an MCP server lists too many tools; the rest is left out"
        );
        tools.truncate(MAX_LISTED_TOOLS);
    }
    Ok(tools)
}
