//! A decision in the making: facts are folded as they are recorded.

use std::sync::Arc;

use mainstay_protocol::{EffectId, IdMint};

use super::Decision;
use crate::effect::{Awaits, Dispatch, DispatchKind, EffectFailure, EffectRequest, LiveOutput};
use crate::fact::{EffectAttempted, EffectFailed, EffectRequested, Fact, SessionCreated};
use crate::item::{Item, ItemBody, item_id};
use crate::port::{
    Credentials, LiveSink, ModelCapabilities, SandboxRequest, ToolCall, ToolContext, ToolOutput,
};
use crate::session::command::{CreateSession, Facts};
use crate::session::open_effect::{EffectPhase, OpenEffect};
use crate::session::state::SessionState;
use crate::session::{apply, context, projection};
use crate::subagent::SubagentWork;
use crate::tool::Safety;

pub(super) struct Draft<'a> {
    pub(super) state: SessionState,
    pub(super) facts: &'a Facts<'a>,
    pub(super) mint: IdMint,
    recorded: Vec<Fact>,
    dispatches: Vec<Dispatch>,
    aborts: Vec<EffectId>,
    frees: Vec<String>,
}

/// Used for models that no provider describes; such a call fails anyway.
const UNKNOWN_MODEL: ModelCapabilities = ModelCapabilities {
    context_tokens: 128_000,
    max_output_tokens: 8_000,
    tools: true,
    images: false,
};

impl<'a> Draft<'a> {
    pub(super) fn new(state: &SessionState, facts: &'a Facts<'a>) -> Self {
        Self {
            state: state.clone(),
            facts,
            mint: IdMint::new(facts.now_ms, facts.entropy),
            recorded: Vec::new(),
            dispatches: Vec::new(),
            aborts: Vec::new(),
            frees: Vec::new(),
        }
    }

    pub(super) fn finish(mut self, before: &SessionState) -> Decision {
        // A command may have ended what one before it began.
        let state = &self.state;
        self.dispatches.retain(|dispatch| is_current(state, dispatch));
        let rows = projection::projected(before, &self.state, &self.recorded);
        Decision {
            next: self.state,
            facts: self.recorded,
            dispatches: self.dispatches,
            aborts: self.aborts,
            rows,
            frees: self.frees,
        }
    }

    /// Whether a response was asked for in this decision.
    pub(super) fn has_requested_response(&self) -> bool {
        self.recorded.iter().any(|fact| matches!(fact, Fact::ResponseRequested(_)))
    }

    pub(super) fn record(&mut self, fact: Fact) {
        apply(&mut self.state, &fact, self.facts.now_ms);
        self.recorded.push(fact);
    }

    pub(super) fn create(&mut self, create: CreateSession) {
        self.record(Fact::SessionCreated(SessionCreated {
            session: create.session,
            tenant: create.tenant,
            agent: create.agent,
            tools: create.tools,
            metadata: create.metadata,
            spend_limit_microusd: create.spend_limit_microusd,
            sandbox: create.sandbox,
            wire: create.wire,
            parent: create.parent,
        }));
    }

    /// The position of the next fact, for item ids.
    pub(super) fn next_seq(&self) -> u64 {
        self.state.seq + 1
    }

    pub(super) fn window(&self, model: &str) -> ModelCapabilities {
        self.facts.rules.model(model).unwrap_or(UNKNOWN_MODEL)
    }

    /// On whose behalf policy and tools are asked: whoever caused the turn.
    pub(super) fn principal(&self) -> Arc<str> {
        let turn = self.state.turn.as_ref();
        turn.map_or_else(|| self.facts.principal.clone(), |turn| turn.principal.clone())
    }

    /// Asks for an effect that needs nobody's consent, and dispatches it.
    pub(super) fn request(&mut self, request: EffectRequest, safety: Safety) {
        let effect = EffectId::mint(&mut self.mint);
        self.record(Fact::EffectRequested(EffectRequested {
            effect: effect.clone(),
            request,
            safety,
            decision: None,
            awaits: Awaits::Nothing,
            approval: None,
            expires_at_ms: None,
        }));
        self.dispatch(&effect);
    }

    /// Records that the next attempt begins, and dispatches it.
    pub(super) fn attempt(&mut self, effect: &EffectId, attempt: u32) {
        self.record(Fact::EffectAttempted(EffectAttempted { effect: effect.clone(), attempt }));
        self.dispatch(effect);
    }

    /// Records that an attempt failed.
    pub(super) fn failed(
        &mut self,
        effect: &EffectId,
        attempt: u32,
        failure: EffectFailure,
        retry_at_ms: Option<u64>,
        item: Option<Item>,
    ) {
        let effect = effect.clone();
        let failed = EffectFailed { effect, attempt, failure, retry_at_ms, item, asks: None };
        self.record(Fact::EffectFailed(failed));
    }

    /// These blobs are the journal's no longer.
    pub(super) fn free(&mut self, blobs: Vec<String>) {
        self.frees.extend(blobs);
    }

    /// Abandons an effect's attempt once this decision is committed.
    pub(super) fn abort(&mut self, effect: EffectId) {
        self.aborts.push(effect);
    }

    /// Makes an open effect's attempt from state and hands it out.
    pub(super) fn dispatch(&mut self, id: &EffectId) {
        let Some(effect) = self.state.effects.get(id) else { return };
        let kind = match &effect.request {
            EffectRequest::Model { model, context, .. } => {
                let Some(turn) = &self.state.turn else { return };
                let Some(offer) = &turn.offer else { return };
                let request = context::model_request(&self.state, id, *context, offer);
                let request = Box::new(request);
                DispatchKind::Model { name: model.clone(), request, live: self.live(effect) }
            }
            EffectRequest::Compact { model, cut } => {
                let window = self.window(model);
                let tries = effect.too_long_count;
                let request = context::compact_request(&self.state, id, tries, *cut, window);
                let request = Box::new(request);
                DispatchKind::Model { name: model.clone(), request, live: None }
            }
            EffectRequest::ResolveTools => {
                let sources = Arc::from(self.state.config().agent.tools.clone());
                let sandbox = self.sandbox_request();
                let context = self.tool_context(sandbox, effect);
                DispatchKind::ResolveTools { sources, context }
            }
            EffectRequest::Checkpoint => {
                let workspace = &self.state.workspace;
                DispatchKind::Checkpoint {
                    connections_after: workspace.last_connection,
                    last: workspace.checkpoint.clone(),
                }
            }
            EffectRequest::Tool { .. } => {
                let Some(call) = self.tool_call(id, effect) else { return };
                match self.subagent_work(effect) {
                    Some(work) => DispatchKind::Subagent(Box::new(work(call))),
                    None => DispatchKind::Tool(Box::new(call)),
                }
            }
        };
        let attempt = effect.attempt;
        self.dispatches.push(Dispatch { effect: id.clone(), attempt, kind });
    }

    /// Hands out the question what became of an open effect.
    pub(super) fn dispatch_reconcile(&mut self, id: &EffectId) {
        let Some(effect) = self.state.effects.get(id) else { return };
        let Some(call) = self.tool_call(id, effect) else { return };
        let kind = DispatchKind::Reconcile(Box::new(call));
        let attempt = effect.attempt;
        self.dispatches.push(Dispatch { effect: id.clone(), attempt, kind });
    }

    fn live(&self, effect: &OpenEffect) -> Option<LiveOutput> {
        let turn = self.state.turn.as_ref()?;
        Some(LiveOutput { turn: turn.id.clone(), seq: effect.seq, output_base: turn.output_count })
    }

    fn tool_call(&self, id: &EffectId, effect: &OpenEffect) -> Option<ToolCall> {
        let call = effect.call.as_ref()?;
        let EffectRequest::Tool { call_id, .. } = &effect.request else { return None };
        let source = call.config.source(&call.spec)?;
        let sandbox = if source.uses_sandbox() { self.sandbox_request() } else { None };
        Some(ToolCall {
            effect: id.clone(),
            call_id: call_id.clone(),
            attempt: effect.attempt,
            spec: call.spec.clone(),
            source,
            arguments: call.arguments.clone(),
            context: self.tool_context(sandbox, effect),
            live: LiveSink::default(),
        })
    }

    /// What the runtime needs for a call that is its own to make.
    fn subagent_work(&self, effect: &OpenEffect) -> Option<impl FnOnce(ToolCall) -> SubagentWork> {
        let config = effect.call.as_ref().filter(|call| call.is_subagents())?.config.clone();
        let turn = self.state.turn.as_ref()?.id.clone();
        let limit = self.state.config().spend_limit_microusd;
        let spent = self.state.usage.cost_microusd.unwrap_or(0);
        let left_microusd = limit.map(|limit| limit.saturating_sub(spent));
        let until_ms = effect.until_ms;
        Some(move |call| SubagentWork { call, config, turn, left_microusd, until_ms })
    }

    /// The session's machine, as of now. What is secret about it is opened by whoever dispatches.
    fn sandbox_request(&self) -> Option<Arc<SandboxRequest>> {
        let config = self.state.config();
        let sandbox = config.sandbox.as_ref()?;
        Some(Arc::new(SandboxRequest {
            tenant: config.tenant.clone(),
            session: config.id.clone(),
            spec: Arc::new(sandbox.spec.clone()),
            setup: Arc::default(),
            secrets: Arc::from([]),
            checkpoint: self.state.workspace.checkpoint.clone(),
            calls_since: self.state.workspace.calls_since,
            told_resets: self.state.workspace.reset_count,
        }))
    }

    fn tool_context(
        &self,
        sandbox: Option<Arc<SandboxRequest>>,
        effect: &OpenEffect,
    ) -> ToolContext {
        let config = self.state.config();
        ToolContext {
            tenant: config.tenant.clone(),
            session: config.id.clone(),
            principal: self.principal(),
            credentials: Credentials::default(),
            sandbox,
            replies: effect.replies(),
        }
    }

    /// The item in which the model reads a call's output, capped.
    pub(super) fn output_item(&self, effect: &EffectId, output: ToolOutput) -> Option<Item> {
        let open = self.state.effects.get(effect)?;
        let EffectRequest::Tool { call_id, .. } = &open.request else { return None };
        let turn = self.state.turn.as_ref()?;
        Some(Item {
            id: item_id(self.next_seq(), open.attempt, 0, effect.as_str()),
            turn: turn.id.clone(),
            output_index: None,
            body: ItemBody::ToolOutput {
                call_id: call_id.clone(),
                content: context::capped(output.content),
                is_error: output.is_error,
            },
        })
    }
}

/// Whether the attempt is still the one under way.
fn is_current(state: &SessionState, dispatch: &Dispatch) -> bool {
    let phase = match dispatch.kind {
        DispatchKind::Model { .. }
        | DispatchKind::Tool(_)
        | DispatchKind::Subagent(_)
        | DispatchKind::ResolveTools { .. }
        | DispatchKind::Checkpoint { .. } => EffectPhase::Running,
        DispatchKind::Reconcile(_) => EffectPhase::Reconciling,
    };
    let open = state.effects.get(&dispatch.effect);
    open.is_some_and(|open| open.attempt == dispatch.attempt && open.phase == phase)
}
