//! The world that tools act on, outlives every crash, and knows what really happened.
//!
//! Invariant: it counts each application of an effect; the checks compare that with the journal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mainstay_core::port::{
    ExecRequest, Fate, Needs, OutputSink, Reconciliation, Sandboxes, ToolCall, ToolContext,
    ToolError, ToolOutput, Tools, WORKSPACE, WorldChange,
};
use mainstay_core::question::{Asked, Inquiry, Question};
use mainstay_core::subagent::subagent_specs;
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource, ToolSpec};
use mainstay_protocol::EffectId;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::clock::SimClock;
use crate::machines::Machines;

/// What the world did for one effect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deed {
    /// The tool.
    pub(crate) tool: String,
    /// Attempts that reached the tool.
    pub(crate) attempts: u32,
    /// Attempts that changed the world.
    pub(crate) applied: u32,
}

/// What really happened.
#[derive(Clone)]
pub(crate) struct World {
    deeds: Arc<Mutex<BTreeMap<EffectId, Deed>>>,
    chance: Chance,
    clock: SimClock,
    quiet: Arc<AtomicBool>,
    machines: Machines,
}

/// The tools of every simulated agent: name, safety, approval, reconcile.
const TOOLS: &[(&str, Safety, ApprovalMode, bool)] = &[
    ("look", Safety::ReadOnly, ApprovalMode::Never, false),
    ("put", Safety::Idempotent, ApprovalMode::Never, false),
    ("send", Safety::Once, ApprovalMode::Never, false),
    ("pay", Safety::Once, ApprovalMode::Never, true),
    ("sign", Safety::Once, ApprovalMode::Always, false),
];

/// The tool that runs a command in the session's machine.
pub(crate) const MACHINE_TOOL: &str = "run";

/// The name of the function that the client runs.
pub(crate) const CLIENT_TOOL: &str = "ask_client";

/// Names of all tools that the runtime runs.
pub(crate) fn tool_names() -> Vec<&'static str> {
    TOOLS.iter().map(|tool| tool.0).chain([MACHINE_TOOL]).collect()
}

/// The sources of every simulated agent.
pub(crate) fn sources() -> Vec<ToolSource> {
    vec![
        ToolSource::Http { allowed_hosts: Vec::new() },
        ToolSource::Function {
            name: CLIENT_TOOL.to_owned(),
            description: "Asks the client.".to_owned(),
            parameters: json!({ "type": "object" }),
            strict: false,
        },
        ToolSource::Shell {},
        ToolSource::Agents { max_concurrent_count: 3 },
    ]
}

fn spec(
    name: &str,
    source: usize,
    safety: Safety,
    approval: ApprovalMode,
    reconcile: bool,
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
        source,
        strict: false,
        remote_name: name.to_owned(),
        safety,
        approval,
        reconcile,
        timeout_ms: 5_000,
        max_attempts: 3,
        concurrency_limit: 4,
    }
}

impl World {
    pub(crate) fn new(
        chance: &Chance,
        clock: SimClock,
        quiet: Arc<AtomicBool>,
        machines: Machines,
    ) -> Self {
        Self { deeds: Arc::default(), chance: chance.named("world"), clock, quiet, machines }
    }

    /// Runs a command; the machine, not the world, is asked what became of it.
    async fn run(&self, call: &ToolCall) -> Result<ToolOutput, ToolError> {
        let Some(request) = &call.context.sandbox else {
            return Err(self.fails("the session has no machine", WorldChange::No, false));
        };
        let exec = ExecRequest {
            effect: call.effect.clone(),
            argv: vec!["true".to_owned()],
            cwd: WORKSPACE.to_owned(),
            env: BTreeMap::new(),
            stdin: bytes::Bytes::new(),
            timeout_ms: 1_000,
            output_limit_bytes: 1_000,
        };
        // Shown when the command begins, so that it is counted whatever becomes of its answer.
        let (world, seen) = (self.clone(), call.clone());
        let sink: OutputSink = Arc::new(move |_, _| world.apply(&seen));
        match self.machines.exec(request, exec, Some(sink)).await {
            Ok((_, readiness)) => Ok(ToolOutput::text(format!("{readiness:?} did it"))),
            Err(error) => {
                let retry_after_ms = None;
                let (retryable, world) = (true, WorldChange::Maybe);
                Err(ToolError {
                    message: error.to_string(),
                    retryable,
                    world,
                    retry_after_ms,
                    needs: None,
                })
            }
        }
    }

    /// What really happened, by effect.
    pub(crate) fn deeds(&self) -> BTreeMap<EffectId, Deed> {
        self.deeds.lock().expect("no code panics while it holds the deeds").clone()
    }

    /// Whether the effect changed the world.
    pub(crate) fn was_applied(&self, effect: &EffectId) -> bool {
        self.deeds().get(effect).is_some_and(|deed| deed.applied > 0)
    }

    fn apply(&self, call: &ToolCall) {
        let mut deeds = self.deeds.lock().expect("no code panics while it holds the deeds");
        let deed = deeds.entry(call.effect.clone()).or_default();
        deed.tool.clone_from(&call.spec.name);
        deed.attempts += 1;
        // A tool that honours the key does a thing once, however often it is asked.
        if call.spec.safety != Safety::Idempotent || deed.applied == 0 {
            deed.applied += 1;
        }
    }

    fn strikes(&self, rate: u64) -> bool {
        self.chance.permille(rate) && !self.quiet.load(Ordering::Relaxed)
    }

    fn fails(&self, what: &str, world: WorldChange, retryable: bool) -> ToolError {
        let retry_after_ms = self.chance.permille(200).then(|| self.chance.below(2_000));
        ToolError { message: what.to_owned(), retryable, world, retry_after_ms, needs: None }
    }
}

/// The tool's server asks two things before it acts.
fn asks() -> ToolError {
    let server = || "crm".to_owned();
    let consent =
        Question::Authorize { server: server(), url: "https://a.test/".to_owned(), reason: None };
    let form = Question::Form { server: server(), message: "?".to_owned(), schema: json!({}) };
    let asked = [("consent", consent), ("form", form)]
        .map(|(key, question)| Asked { key: key.to_owned(), question });
    let inquiry = Inquiry { asked: asked.into(), keeps_replies: true, state: None };
    ToolError::asks(Needs { inquiry, consent: None })
}

#[async_trait]
impl Tools for World {
    fn check(&self, _source: &ToolSource) -> Result<(), (String, String)> {
        Ok(())
    }

    async fn resolve(
        &self,
        sources: &[ToolSource],
        _context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let once =
            |name, at, reconcile| spec(name, at, Safety::Once, ApprovalMode::Never, reconcile);
        let offered = sources.iter().enumerate().flat_map(|(at, source)| match source {
            ToolSource::Function { .. } => vec![once(CLIENT_TOOL, at, false)],
            ToolSource::Shell {} => vec![once(MACHINE_TOOL, at, true)],
            ToolSource::Agents { .. } => subagent_specs(at),
            _ => TOOLS.iter().map(|tool| spec(tool.0, at, tool.1, tool.2, tool.3)).collect(),
        });
        Ok(offered.collect())
    }

    async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError> {
        if call.spec.name == MACHINE_TOOL {
            return self.run(&call).await;
        }
        self.clock.pass(self.chance.below(300)).await;
        if self.strikes(60) {
            return Err(self.fails("the connection was refused", WorldChange::No, true));
        }
        if self.strikes(30) {
            return Err(self.fails(
                "the connection broke before the tool acted",
                WorldChange::Maybe,
                true,
            ));
        }
        if self.strikes(30) {
            return Err(asks());
        }
        self.apply(&call);
        if self.strikes(40) {
            return Err(self.fails(
                "the connection broke after the tool acted",
                WorldChange::Maybe,
                true,
            ));
        }
        if self.strikes(30) {
            // The answer is lost: only the time limit ends this attempt.
            std::future::pending::<()>().await;
        }
        self.clock.pass(self.chance.below(300)).await;
        if self.strikes(50) {
            return Ok(ToolOutput::error("the tool does not like this"));
        }
        Ok(ToolOutput::text(format!("{} did it", call.spec.name)))
    }

    async fn reconcile(&self, call: ToolCall) -> Result<Reconciliation, ToolError> {
        self.clock.pass(self.chance.below(100)).await;
        if self.strikes(150) {
            return Err(self.fails("the tool does not answer", WorldChange::No, true));
        }
        if self.strikes(100) {
            return Ok(Reconciliation::Unknown);
        }
        if call.spec.name == MACHINE_TOOL {
            let fate = self.machines.exec_fate(&call.context.session, &call.effect).await;
            return Ok(match fate {
                Ok(Fate::Ended(..)) => Reconciliation::Done(ToolOutput::text("it was run before")),
                Ok(Fate::NotRun) => Reconciliation::NotDone,
                Ok(Fate::Gone) | Err(_) => Reconciliation::Unknown,
            });
        }
        if self.was_applied(&call.effect) {
            return Ok(Reconciliation::Done(ToolOutput::text("it was done before")));
        }
        Ok(Reconciliation::NotDone)
    }

    fn check_arguments(&self, _spec: &ToolSpec, arguments: &Value) -> Result<(), String> {
        arguments.is_object().then_some(()).ok_or_else(|| "expected an object".to_owned())
    }
}
