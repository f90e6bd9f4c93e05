//! Running effects: each dispatch is a task that ends with an answer to its session.
//!
//! Invariant: runs only after the commit that asked for it; answers once, whatever happens; its
//! time is bounded. Deliberately absent: retries, which are decisions.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use mainstay_core::effect::{Dispatch, DispatchKind, EffectAnswer, LiveOutput};
use mainstay_core::item::item_id;
use mainstay_core::port::{
    Checkpoint, Clock, LiveSink, ModelError, ModelErrorKind, ModelPart, ModelReply, ModelRequest,
    SandboxError, Saved, ToolCall, ToolError, WorldChange,
};
use mainstay_core::tool::ToolSource;
use mainstay_protocol::{EffectId, ItemId, SessionId, TenantId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use crate::engine::Inner;
use crate::feed::{Delta, LiveCall};
use crate::registry::Message;
use crate::sandbox;
use crate::stats::Counters;
use crate::subagents::{self, Told};
use crate::surge::{HOLD_MS, Place, Surge};
use crate::vault;

/// How many model calls run at once in this process.
const MODEL_CALLS_LIMIT_COUNT: usize = 1024;
/// Bound on learning an agent's tools.
const RESOLVE_TIMEOUT_MS: u64 = 30_000;
/// Bound on finding out who grants access to an MCP server.
const ASKING_TIMEOUT_MS: u64 = 30_000;
/// Bound on one attempt to save a machine.
const CHECKPOINT_TIMEOUT_MS: u64 = 60_000;
/// How many distinct tools have a concurrency limit in memory at once.
const TOOL_LIMITS_COUNT: usize = 4096;

/// Bounds on what runs at once.
pub(crate) struct Limits {
    models: Arc<Semaphore>,
    surge: Surge,
    tools: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            models: Arc::new(Semaphore::new(MODEL_CALLS_LIMIT_COUNT)),
            surge: Surge::new(),
            tools: Mutex::new(HashMap::new()),
        }
    }

    fn tool(&self, call: &ToolCall) -> Arc<Semaphore> {
        let label = call.source.label().unwrap_or_default();
        let key = format!("{}/{label}/{}", call.context.tenant, call.spec.remote_name);
        let mut tools = self.tools.lock().expect("no code panics while it holds the limits");
        if tools.len() > TOOL_LIMITS_COUNT {
            // Unused ones are made again when they are needed.
            tools.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let permits = call.spec.concurrency_limit.max(1) as usize;
        tools.entry(key).or_insert_with(|| Arc::new(Semaphore::new(permits))).clone()
    }
}

/// Starts an effect.
pub(crate) fn start(
    inner: &Arc<Inner>,
    session: &SessionId,
    sender: &mpsc::Sender<Message>,
    dispatch: Dispatch,
) -> AbortHandle {
    let Dispatch { effect, attempt, kind } = dispatch;
    let running = Running::new(inner.clone());
    let panicked = panic_answer(&kind);
    let (to, id) = (sender.clone(), effect.clone());
    let (inner, session) = (inner.clone(), session.clone());
    let sender = sender.clone();
    let spawner = inner.spawner.clone();
    let retry_inner = inner.clone();
    let task = async move {
        let (answer, place) = perform(&inner, &session, &effect, attempt, kind).await;
        // A session whose task is gone finds the effect open and settles it when it is taken next.
        let _ = sender.send(Message::Answer { effect, attempt, answer, place }).await;
        drop(running);
    };
    spawner.spawn("effect", task, move || {
        Counters::add(&retry_inner.counters.panics, 1);
        let message = Message::Answer { effect: id, attempt, answer: panicked, place: None };
        let _ = to.try_send(message);
    })
}

/// Counts an effect while it runs, however it ends.
struct Running {
    inner: Arc<Inner>,
}

impl Running {
    fn new(inner: Arc<Inner>) -> Self {
        Counters::add(&inner.counters.running_effects, 1);
        Self { inner }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        Counters::lower(&self.inner.counters.running_effects);
    }
}

fn panic_answer(kind: &DispatchKind) -> EffectAnswer {
    let message = "a bug of mainstay ended the attempt";
    let tool = ToolError {
        message: message.to_owned(),
        retryable: false,
        world: WorldChange::Maybe,
        retry_after_ms: None,
        needs: None,
    };
    match kind {
        DispatchKind::Model { .. } => {
            EffectAnswer::Model(Err(ModelError::new(ModelErrorKind::Invalid, message)))
        }
        DispatchKind::Tool(_) | DispatchKind::Subagent(_) => EffectAnswer::Tool(Err(tool)),
        DispatchKind::Reconcile(_) => EffectAnswer::Reconciled(Err(tool)),
        DispatchKind::ResolveTools { .. } => EffectAnswer::Tools(Err(tool)),
        DispatchKind::Checkpoint { .. } => {
            EffectAnswer::Checkpoint(Err(SandboxError::Broken(message.to_owned())))
        }
    }
}

async fn perform(
    inner: &Arc<Inner>,
    session: &SessionId,
    effect: &EffectId,
    attempt: u32,
    kind: DispatchKind,
) -> (EffectAnswer, Option<Place>) {
    let answer = match kind {
        DispatchKind::Model { name, request, live } => {
            let shown = live.map(|live| Shown::new(inner.clone(), session, effect, attempt, live));
            let mut place = None;
            let reply = model(inner, &name, *request, shown, &mut place).await;
            return (EffectAnswer::Model(reply), place);
        }
        DispatchKind::Tool(mut call) => {
            let source = (call.spec.source, &*call.source);
            let tenant = &call.context.tenant;
            match vault::credentials(inner, session, tenant, &[source], true).await {
                Ok(credentials) => call.context.credentials = credentials,
                Err(error) => return (EffectAnswer::Tool(Err(error)), None),
            }
            if let Some(sandbox) = &call.context.sandbox {
                match sandbox::opened(inner, sandbox).await {
                    Ok(opened) => call.context.sandbox = Some(opened),
                    Err(error) => return (EffectAnswer::Tool(Err(error)), None),
                }
            }
            let timeout_ms = call.spec.timeout_ms;
            let limit = inner.limits.tool(&call);
            let _permit = limit.acquire().await;
            let name = call.spec.name.clone();
            let shown = LiveCall::new(inner.clone(), session, &call);
            call.live = LiveSink(Some(shown.sink()));
            let tenant = call.context.tenant.clone();
            // Asking for consent comes behind the call, and has a time of its own.
            let is_mcp = matches!(*call.source, ToolSource::Mcp { .. });
            let bound_ms = timeout_ms + if is_mcp { ASKING_TIMEOUT_MS } else { 0 };
            let call = inner.parts.tools.call(*call);
            let answer = bounded(inner, bound_ms, &name, WorldChange::Maybe, call).await;
            EffectAnswer::Tool(with_consent(inner, session, &tenant, effect, answer).await)
        }
        DispatchKind::Subagent(work) => {
            let (timeout_ms, name) = (work.call.spec.timeout_ms, work.call.spec.name.clone());
            let told = subagents::call(inner, *work);
            match bounded(inner, timeout_ms, &name, WorldChange::Maybe, told).await {
                Ok(Told::Output(output)) => EffectAnswer::Tool(Ok(output)),
                Ok(Told::Parked { until_ms }) => EffectAnswer::Parked { until_ms },
                Err(error) => EffectAnswer::Tool(Err(error)),
            }
        }
        DispatchKind::Reconcile(call) => {
            let (timeout_ms, name) = (call.spec.timeout_ms, call.spec.name.clone());
            let call = inner.parts.tools.reconcile(*call);
            EffectAnswer::Reconciled(bounded(inner, timeout_ms, &name, WorldChange::No, call).await)
        }
        DispatchKind::Checkpoint { connections_after, last } => {
            EffectAnswer::Checkpoint(save(inner, session, connections_after, last.as_deref()).await)
        }
        DispatchKind::ResolveTools { sources, mut context } => {
            let asked: Vec<_> = sources.iter().enumerate().collect();
            match vault::credentials(inner, session, &context.tenant, &asked, false).await {
                Ok(credentials) => context.credentials = credentials,
                Err(error) => return (EffectAnswer::Tools(Err(error)), None),
            }
            let resolve = inner.parts.tools.resolve(&sources, &context);
            let what = "the agent's tool sources";
            let answer = bounded(inner, RESOLVE_TIMEOUT_MS, what, WorldChange::No, resolve).await;
            let tenant = &context.tenant;
            EffectAnswer::Tools(with_consent(inner, session, tenant, effect, answer).await)
        }
    };
    (answer, None)
}

/// What completes a consent is kept before anybody is asked.
async fn with_consent<T>(
    inner: &Arc<Inner>,
    session: &SessionId,
    tenant: &TenantId,
    effect: &EffectId,
    answer: Result<T, ToolError>,
) -> Result<T, ToolError> {
    match answer {
        Err(ToolError { needs: Some(mut needs), .. }) => {
            vault::consent::keep(inner, session, tenant, effect, &mut needs).await?;
            Err(ToolError::asks(*needs))
        }
        other => other,
    }
}

/// Ends a call at its time limit.
async fn bounded<T>(
    inner: &Arc<Inner>,
    timeout_ms: u64,
    what: &str,
    world: WorldChange,
    call: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ToolError> {
    let deadline = inner.parts.clock.now_ms().saturating_add(timeout_ms);
    tokio::select! {
        biased;
        result = call => result,
        () = inner.parts.clock.sleep_until(deadline) => Err(ToolError {
            message: format!("{what} did not answer within {timeout_ms} ms"),
            retryable: true,
            world,
            retry_after_ms: None,
            needs: None,
        }),
    }
}

/// Saves the session's machine, within a bound.
async fn save(
    inner: &Arc<Inner>,
    session: &SessionId,
    connections_after: u64,
    last: Option<&Checkpoint>,
) -> Result<Saved, SandboxError> {
    let clock = &inner.parts.clock;
    let deadline = clock.now_ms().saturating_add(CHECKPOINT_TIMEOUT_MS);
    tokio::select! {
        biased;
        saved = inner.parts.sandboxes.save(session, connections_after, last) => saved,
        () = clock.sleep_until(deadline) => Err(SandboxError::Broken(format!(
            "it was not saved within {CHECKPOINT_TIMEOUT_MS} ms"
        ))),
    }
}

async fn model(
    inner: &Arc<Inner>,
    name: &str,
    mut request: ModelRequest,
    mut shown: Option<Shown>,
    place: &mut Option<Place>,
) -> Result<ModelReply, ModelError> {
    let Some((model, at_provider)) = inner.parts.models.find(name) else {
        let message = format!("no configured provider offers the model {name:?}");
        return Err(ModelError::new(ModelErrorKind::Invalid, message));
    };
    let _permit = inner.limits.models.acquire().await;
    *place = inner.limits.surge.place(name).await;
    request.model = at_provider;
    let timeout_ms = request.timeout_ms;
    let clock: &dyn Clock = &*inner.parts.clock;
    let begun_ms = clock.now_ms();
    let deadline = clock.sleep_until(begun_ms.saturating_add(timeout_ms));
    let hold = clock.sleep_until(begun_ms.saturating_add(HOLD_MS));
    tokio::pin!(deadline, hold);
    let mut stream = model.stream(request);
    loop {
        let part = tokio::select! {
            biased;
            part = stream.next() => part,
            () = &mut hold, if place.is_some() => {
                *place = None;
                continue;
            }
            () = &mut deadline => {
                let message = format!("the model did not answer within {timeout_ms} ms");
                return Err(ModelError::new(ModelErrorKind::Unavailable, message));
            }
        };
        match part {
            Some(Ok(ModelPart::Delta { index, kind, text })) => {
                if let Some(shown) = &mut shown {
                    shown.delta(index, kind, text);
                }
            }
            Some(Ok(ModelPart::Done(reply))) => {
                inner.limits.surge.answered(name, clock.now_ms().saturating_sub(begun_ms));
                return Ok(reply);
            }
            Some(Err(error)) => return Err(error),
            None => {
                let message = "the model's stream ended before its answer did";
                return Err(ModelError::new(ModelErrorKind::Unavailable, message));
            }
        }
    }
}

/// What followers see of a model call under way; forgotten when the call ends.
struct Shown {
    inner: Arc<Inner>,
    session: SessionId,
    effect: EffectId,
    attempt: u32,
    live: LiveOutput,
    items: Vec<ItemId>,
}

impl Shown {
    fn new(
        inner: Arc<Inner>,
        session: &SessionId,
        effect: &EffectId,
        attempt: u32,
        live: LiveOutput,
    ) -> Self {
        let (session, effect) = (session.clone(), effect.clone());
        Self { inner, session, effect, attempt, live, items: Vec::new() }
    }

    fn delta(&mut self, index: u32, kind: mainstay_core::port::PartKind, text: String) {
        let item = item_id(self.live.seq, self.attempt, index as usize, self.effect.as_str());
        if !self.items.contains(&item) {
            self.items.push(item.clone());
        }
        let output_index = self.live.output_base + index;
        let turn = self.live.turn.clone();
        let delta = Delta { turn, item, output_index, kind, text, offset: 0 };
        self.inner.hubs.delta(&self.session, delta);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.inner.hubs.settle(&self.session, &self.items);
    }
}
