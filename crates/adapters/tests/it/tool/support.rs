//! A tool set on a folder of its own, and calls without ceremony.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;
use mainstay_adapters::tool::{
    Lookup, McpServerSettings, OauthSettings, ToolSet, ToolSettings, workspace_dir,
};
use mainstay_core::item::Content;
use mainstay_core::port::{
    Clock, Credentials, LiveSink, Sandboxes, ToolCall, ToolContext, ToolError, ToolOutput, Tools,
};
use mainstay_core::tool::{ToolSource, ToolSpec};
use mainstay_protocol::{CallId, EffectId, SessionId, TenantId};
use serde_json::Value;
use tempfile::TempDir;

/// A clock that stands where it is put. Nothing in these tests waits for it.
#[derive(Default)]
pub(super) struct SetClock(AtomicU64);

impl SetClock {
    pub(super) fn advance(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    async fn sleep_until(&self, at_ms: u64) {
        if self.now_ms() < at_ms {
            std::future::pending::<()>().await;
        }
    }
}

/// Names as a test wants them.
#[derive(Default)]
pub(super) struct Names(pub(super) BTreeMap<&'static str, Vec<IpAddr>>);

impl Lookup for Names {
    fn lookup(&self, host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let found = self.0.get(host.as_str()).cloned();
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

/// A tool set with the folder that it works in.
pub(super) struct Bench {
    pub(super) tools: ToolSet,
    pub(super) clock: Arc<SetClock>,
    pub(super) root: TempDir,
}

/// What a test wants to be different.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) private_hosts: Vec<String>,
    pub(super) names: Names,
    pub(super) template: Option<PathBuf>,
    pub(super) mcp_servers: BTreeMap<String, McpServerSettings>,
    pub(super) oauth: OauthSettings,
    pub(super) sandboxes: Option<Arc<dyn Sandboxes>>,
}

impl Bench {
    pub(super) fn new(wanted: Wanted) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SetClock::default());
        let settings = ToolSettings {
            workspaces: root.path().join("workspaces"),
            workspace_template: wanted.template,
            mcp_servers: wanted.mcp_servers,
            oauth: wanted.oauth,
            sandboxes: wanted.sandboxes,
            private_hosts_allowed: wanted
                .private_hosts
                .iter()
                .map(|host| host.parse().expect("host:port"))
                .collect(),
        };
        let tools = ToolSet::with_lookup(
            settings,
            clock.clone(),
            &(Arc::new(wanted.names) as Arc<dyn Lookup>),
        )
        .expect("tools");
        Self { tools, clock, root }
    }

    /// One that may reach a server of the test.
    pub(super) fn reaching(host: &str) -> Self {
        Self::new(Wanted { private_hosts: vec![host.to_owned()], ..Wanted::default() })
    }

    /// The folder of the session that all calls are made for.
    pub(super) fn workspace(&self) -> PathBuf {
        workspace_dir(&self.root.path().join("workspaces"), &context().session)
    }

    pub(super) async fn specs(&self, source: &ToolSource) -> Vec<ToolSpec> {
        self.try_specs(std::slice::from_ref(source)).await.expect("the source resolves")
    }

    pub(super) async fn try_specs(
        &self,
        sources: &[ToolSource],
    ) -> Result<Vec<ToolSpec>, ToolError> {
        self.tools.resolve(sources, &context()).await
    }

    /// A call of the tool with this name.
    pub(super) async fn prepare(
        &self,
        source: &ToolSource,
        tool: &str,
        arguments: Value,
    ) -> ToolCall {
        let specs = self.specs(source).await;
        let spec = specs.into_iter().find(|spec| spec.name == tool).expect("the tool is offered");
        ToolCall {
            effect: EffectId::parse("eff_1").expect("an id"),
            call_id: CallId::parse("call_1").expect("an id"),
            attempt: 1,
            spec: Arc::new(spec),
            source: Arc::new(source.clone()),
            arguments: Arc::new(arguments),
            context: context(),
            live: LiveSink::default(),
        }
    }

    pub(super) async fn try_call(
        &self,
        source: &ToolSource,
        tool: &str,
        arguments: Value,
    ) -> Result<ToolOutput, ToolError> {
        let call = self.prepare(source, tool, arguments).await;
        self.tools.call(call).await
    }

    /// What the model reads: the text, after `error: ` when it is one.
    pub(super) async fn call(&self, source: &ToolSource, tool: &str, arguments: Value) -> String {
        text(&self.try_call(source, tool, arguments).await.expect("an answer for the model"))
    }
}

pub(super) fn context() -> ToolContext {
    ToolContext {
        tenant: TenantId::parse("tenant_1").expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        principal: "prn_1".into(),
        credentials: Credentials::default(),
        sandbox: None,
        replies: Arc::default(),
    }
}

pub(super) fn text(output: &ToolOutput) -> String {
    let texts = output.content.iter().map(|content| match content {
        Content::Text { text } => text.clone(),
        Content::Image { url } => format!("image {url}"),
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    if output.is_error { format!("error: {text}") } else { text }
}
