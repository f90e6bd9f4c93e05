//! An engine in a test: paused time, a model that follows a list of replies, tools that are closures.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::future::BoxFuture;
use mainstay_core::agent::AgentDefinition;
use mainstay_core::fact::Fact;
use mainstay_core::item::Content;
use mainstay_core::policy::ListedTools;
use mainstay_core::port::{
    Clock, Entropy, Model, ModelCapabilities, ModelError, ModelInfo, ModelOptions, ModelOutput,
    ModelPart, ModelReply, ModelRequest, ModelStream, Models, NoCourier, NoSeals, PartKind,
    Reconciliation, StopReason, ToolCall, ToolContext, ToolError, ToolOutput, Tools,
};
use mainstay_core::session::{Command, InputMode, SESSIONS, SessionRow};
use mainstay_core::subagent::subagent_specs;
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource, ToolSpec, UnknownRule};
use mainstay_protocol::{
    AgentId, ApiError, Entry, Principal, PrincipalId, RowKey, Scope, SessionId, TenantId, Usage,
};
use mainstay_runtime::{
    Accepted, Engine, EngineParts, EngineSettings, Idempotency, NewSession, NewSessionId,
    NoEnvironments, Submission,
};
use mainstay_store::{EntryRange, MemoryStore, Store};
use serde_json::{Value, json};

use crate::machines::FakeSandboxes;

/// What the model does at one call.
pub(crate) enum Reply {
    Text(&'static str),
    Call(&'static str),
    Calls(Vec<&'static str>),
    /// Streams the pieces, one every 100 ms, then says them as its answer.
    Slowly(&'static [&'static str]),
    Panics,
}

type Act = Arc<dyn Fn(ToolCall) -> BoxFuture<'static, Result<ToolOutput, ToolError>> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Fakes {
    pub(crate) replies: Arc<Mutex<VecDeque<Reply>>>,
    pub(crate) act: Arc<Mutex<Act>>,
    pub(crate) safety: Safety,
    pub(crate) approval: ApprovalMode,
    pub(crate) concurrency_limit: u32,
    pub(crate) machines: Arc<FakeSandboxes>,
}

impl Fakes {
    pub(crate) fn new(replies: Vec<Reply>) -> Self {
        let act: Act = Arc::new(|_| Box::pin(async { Ok(ToolOutput::text("done")) }));
        Self {
            replies: Arc::new(Mutex::new(replies.into())),
            act: Arc::new(Mutex::new(act)),
            safety: Safety::Once,
            approval: ApprovalMode::Never,
            concurrency_limit: 8,
            machines: Arc::default(),
        }
    }

    /// What the tool does from now on.
    pub(crate) fn tool<F>(&self, act: impl Fn(ToolCall) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        *self.act.lock().expect("test") = Arc::new(move |call| Box::pin(act(call)));
    }
}

pub(crate) struct TestClock(tokio::time::Instant);

#[async_trait]
impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        1_000_000 + u64::try_from(self.0.elapsed().as_millis()).expect("tests are short")
    }

    async fn sleep_until(&self, at_ms: u64) {
        pass(at_ms.saturating_sub(self.now_ms())).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "time in these tests is paused")]
pub(crate) async fn pass(wait_ms: u64) {
    if wait_ms > 0 {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "time in these tests is paused")]
fn test_clock() -> TestClock {
    TestClock(tokio::time::Instant::now())
}

struct Counting(Mutex<u128>);

impl Entropy for Counting {
    fn next(&self) -> u128 {
        let mut count = self.0.lock().expect("test");
        *count += 1;
        *count
    }
}

impl Models for Fakes {
    fn find(&self, name: &str) -> Option<(Arc<dyn Model>, Arc<str>)> {
        Some((Arc::new(self.clone()), name.into()))
    }

    fn list(&self) -> Vec<ModelInfo> {
        Vec::new()
    }
}

impl Model for Fakes {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities {
            context_tokens: 100_000,
            max_output_tokens: 1_000,
            tools: true,
            images: false,
        }
    }

    fn stream(&self, _request: ModelRequest) -> ModelStream {
        let reply = self.replies.lock().expect("test").pop_front().unwrap_or(Reply::Text("rest"));
        let call = |name: &str, n: usize| ModelOutput::ToolCall {
            call_id: format!("call_{name}_{n}"),
            name: name.to_owned(),
            arguments: "{}".to_owned(),
        };
        let done = |outputs| Ok(ModelPart::Done(reply_of(outputs)));
        match reply {
            Reply::Text(text) => one(done(vec![ModelOutput::Message { text: text.to_owned() }])),
            Reply::Call(name) => one(done(vec![call(name, 0)])),
            Reply::Calls(names) => {
                one(done(names.iter().enumerate().map(|(n, name)| call(name, n)).collect()))
            }
            Reply::Panics => panic!("the model panics, as the test says"),
            Reply::Slowly(pieces) => {
                let parts = futures::stream::iter(pieces).then(|piece| async move {
                    pass(100).await;
                    let text = (*piece).to_owned();
                    Ok(ModelPart::Delta { index: 0, kind: PartKind::Text, text })
                });
                let text = pieces.concat();
                let end = futures::stream::once(async move {
                    pass(100).await;
                    Ok(ModelPart::Done(reply_of(vec![ModelOutput::Message { text }])))
                });
                parts.chain(end).boxed()
            }
        }
    }
}

fn one(part: Result<ModelPart, ModelError>) -> ModelStream {
    futures::stream::once(async move { part }).boxed()
}

fn reply_of(outputs: Vec<ModelOutput>) -> ModelReply {
    let usage = Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() };
    ModelReply { outputs, usage, model: "fake-1".to_owned(), stop: StopReason::End }
}

#[async_trait]
impl Tools for Fakes {
    fn check(&self, _source: &ToolSource) -> Result<(), (String, String)> {
        Ok(())
    }

    async fn resolve(
        &self,
        sources: &[ToolSource],
        _context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let spec = |(source, name): (usize, &str)| ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: json!({}),
            source,
            strict: false,
            remote_name: name.to_owned(),
            safety: self.safety,
            approval: self.approval,
            reconcile: false,
            timeout_ms: 5_000,
            max_attempts: 3,
            concurrency_limit: self.concurrency_limit,
        };
        let name = |source: &ToolSource| if source.label().is_some() { "act" } else { "client" };
        let offered = sources.iter().enumerate().flat_map(|(at, source)| match source {
            ToolSource::Agents { .. } => subagent_specs(at),
            source => vec![spec((at, name(source)))],
        });
        Ok(offered.collect())
    }

    async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError> {
        let act = self.act.lock().expect("test").clone();
        act(call).await
    }

    async fn reconcile(&self, _call: ToolCall) -> Result<Reconciliation, ToolError> {
        Ok(Reconciliation::Unknown)
    }

    fn check_arguments(&self, _spec: &ToolSpec, _arguments: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// An engine and what outlives it.
pub(crate) struct Bench {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) fakes: Fakes,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) engine: Engine,
}

pub(crate) fn session() -> SessionId {
    SessionId::parse("ses_test").expect("a plain id")
}

pub(crate) fn caller(tenant: &str) -> Principal {
    Principal {
        tenant: TenantId::parse(tenant).expect("a plain id"),
        id: PrincipalId::parse("prn_test").expect("a plain id"),
        scopes: vec![Scope::Use],
    }
}

pub(crate) fn text(text: &str) -> Vec<Vec<Content>> {
    vec![vec![Content::Text { text: text.to_owned() }]]
}

pub(crate) fn agent() -> AgentDefinition {
    let client = ToolSource::Function {
        name: "client".to_owned(),
        description: String::new(),
        parameters: json!({}),
        strict: false,
    };
    AgentDefinition {
        id: AgentId::parse("agent_test").expect("a plain id"),
        revision: 0,
        name: None,
        instructions: None,
        model: "fake".to_owned(),
        fallback_models: Vec::new(),
        tools: vec![ToolSource::Files { read_only: false }, client],
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        compact_at_tokens: None,
        unknown_outcome: UnknownRule::Report,
        limits: mainstay_core::agent::TurnLimits::default(),
        wire: Value::Null,
    }
}

impl Bench {
    pub(crate) async fn new(fakes: Fakes) -> Self {
        Self::over(Arc::new(MemoryStore::new()), fakes, EngineSettings::default()).await
    }

    pub(crate) async fn over(
        store: Arc<MemoryStore>,
        fakes: Fakes,
        settings: EngineSettings,
    ) -> Self {
        Self::at(store, fakes, settings, Arc::new(test_clock())).await
    }

    async fn at(
        store: Arc<MemoryStore>,
        fakes: Fakes,
        settings: EngineSettings,
        clock: Arc<TestClock>,
    ) -> Self {
        let parts = EngineParts {
            store: store.clone(),
            models: Arc::new(fakes.clone()),
            tools: Arc::new(fakes.clone()),
            policy: Arc::new(ListedTools),
            clock: clock.clone(),
            entropy: Arc::new(Counting(Mutex::new(7))),
            seals: Arc::new(NoSeals),
            courier: Arc::new(NoCourier),
            sandboxes: fakes.machines.clone(),
            environments: Arc::new(NoEnvironments),
        };
        let engine = Engine::start(parts, settings).await.expect("the engine starts");
        Self { store, fakes, clock, engine }
    }

    /// The process dies, and another starts over the same store.
    pub(crate) async fn crash(self) -> Self {
        self.engine.halt();
        let settings = EngineSettings { owner: "second".into(), ..EngineSettings::default() };
        // The lock of a data folder frees leases at once; the memory store's lapse.
        pass(60_000).await;
        Self::at(self.store, self.fakes, settings, self.clock).await
    }

    pub(crate) async fn create(&self, input: &str) -> Accepted {
        self.engine.create_session(self.new_session(input)).await.expect("the session is created")
    }

    pub(crate) fn new_session(&self, input: &str) -> NewSession {
        NewSession {
            caller: caller("ten_test"),
            session: NewSessionId::Named(session()),
            agent: agent(),
            metadata: BTreeMap::new(),
            spend_limit_microusd: None,
            sandbox: None,
            wire: Value::Null,
            input: if input.is_empty() { Vec::new() } else { text(input) },
            commands: Vec::new(),
            idempotency: None,
            parent: None,
        }
    }

    pub(crate) async fn input(&self, input: &str) -> Result<Accepted, ApiError> {
        let messages = text(input);
        self.submit(Command::Input { messages, mode: InputMode::Steer }, None).await
    }

    pub(crate) async fn submit(
        &self,
        command: Command,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted, ApiError> {
        let commands = vec![command];
        let submission = Submission { caller: caller("ten_test"), commands, idempotency };
        self.engine.submit(&session(), submission).await
    }

    pub(crate) async fn row(&self) -> SessionRow {
        let key = RowKey::new(&SESSIONS, &[session().as_str()]);
        let row = self.store.row(&key).await.expect("answers").expect("the session has a row");
        row.read().expect("a session row")
    }

    /// Lets time pass until nothing is under way.
    pub(crate) async fn rest(&self) {
        for _ in 0..10_000 {
            pass(10).await;
            if self.engine.stats().active_sessions == 0 {
                return;
            }
        }
        panic!("the session does not rest: {:?}", self.row().await);
    }

    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let range = EntryRange::following(0, usize::MAX);
        self.store.entries(&session().as_str().into(), range).await.expect("answers")
    }

    /// The journal's kinds, one a line.
    pub(crate) async fn kinds(&self) -> String {
        let line = |entry: &Entry| {
            let detail = match Fact::read(entry).expect("a known fact") {
                Fact::EffectAttempted(fact) => format!(" {}", fact.attempt),
                Fact::TurnEnded(fact) => format!(" {:?}", fact.end),
                _ => String::new(),
            };
            format!("{}{detail}", entry.kind)
        };
        self.entries().await.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
