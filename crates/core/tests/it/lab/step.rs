//! The steps of scripts.

use std::sync::Arc;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::effect::{DispatchKind, EffectAnswer, EffectRequest};
use mainstay_core::fact::SpendLimit;
use mainstay_core::item::Content;
use mainstay_core::port::{
    ModelError, ModelErrorKind, ModelOutput, ModelReply, Needs, Reconciliation, StopReason,
    ToolError, ToolOutput, WorldChange,
};
use mainstay_core::question::Inquiry;
use mainstay_core::session::{ApprovalAnswer, Command, EffectPhase, InputMode};
use mainstay_core::tool::ToolSpec;
use mainstay_protocol::{ApprovalId, CallId, ErrorCode, TurnId, Usage};

use super::world::World;

/// Makes the commands of a step from where the session stands.
type Commands = Box<dyn Fn(&World) -> Vec<Command>>;

/// One step of a script.
pub(crate) struct Step {
    pub(super) label: String,
    pub(super) wait_ms: u64,
    pub(super) principal: &'static str,
    pub(super) commands: Commands,
}

impl Step {
    /// The same, later.
    pub(crate) fn after(self, wait_ms: u64) -> Self {
        Self { wait_ms, ..self }
    }

    /// The same, by somebody else.
    pub(crate) fn by(mut self, principal: &'static str) -> Self {
        self.label = format!("{} (by {principal})", self.label);
        self.principal = principal;
        self
    }
}

/// Longest label shown.
const LABEL_CHARS: usize = 100;

pub(crate) fn step(
    label: impl AsRef<str>,
    commands: impl Fn(&World) -> Vec<Command> + 'static,
) -> Step {
    let label: String = label.as_ref().chars().take(LABEL_CHARS).collect();
    let commands = Box::new(commands);
    Step { label, wait_ms: 1, principal: "ann", commands }
}

/// One decision on several steps' commands.
pub(crate) fn together<const N: usize>(steps: [Step; N]) -> Step {
    let labels: Vec<_> = steps.iter().map(|step| step.label.clone()).collect();
    step(labels.join(" and "), move |world| {
        steps.iter().flat_map(|step| (step.commands)(world)).collect()
    })
}

pub(crate) fn user(text: &str) -> Vec<Content> {
    vec![Content::Text { text: text.to_owned() }]
}

fn say_to(label: &str, text: &str, mode: InputMode) -> Step {
    let messages = vec![user(text)];
    step(format!("{label} {text:?}"), move |_| {
        vec![Command::Input { messages: messages.clone(), mode }]
    })
}

/// Input, which steers an active turn.
pub(crate) fn input(text: &str) -> Step {
    say_to("input", text, InputMode::Steer)
}

/// Input of several messages.
pub(crate) fn inputs(messages: Vec<Vec<Content>>) -> Step {
    step(format!("input of {} messages", messages.len()), move |_| {
        vec![Command::Input { messages: messages.clone(), mode: InputMode::Steer }]
    })
}

/// Input that queues behind an active turn.
pub(crate) fn queue(text: &str) -> Step {
    say_to("queue", text, InputMode::Queue)
}

pub(crate) fn cancel() -> Step {
    step("cancel", |_| vec![Command::Cancel])
}

pub(crate) fn delete() -> Step {
    step("delete", |_| vec![Command::Delete])
}

pub(crate) fn recover() -> Step {
    step("recover", |_| vec![Command::Recover])
}

pub(crate) fn fail(message: &'static str) -> Step {
    step(format!("fail {message:?}"), move |_| {
        vec![Command::Fail { code: ErrorCode::Internal, message: message.to_owned() }]
    })
}

/// Time passes, and the session is told.
pub(crate) fn tick(wait_ms: u64) -> Step {
    Step { wait_ms, ..step(format!("tick after {wait_ms}"), |_| vec![Command::Tick]) }
}

// What models answer.

pub(crate) fn say(text: &str) -> ModelOutput {
    ModelOutput::Message { text: text.to_owned() }
}

pub(crate) fn think(summary: &str) -> ModelOutput {
    ModelOutput::Reasoning { summary: summary.to_owned(), provider_data: None }
}

pub(crate) fn call(call_id: &str, name: &str) -> ModelOutput {
    call_with(call_id, name, "{}")
}

pub(crate) fn call_with(call_id: &str, name: &str, arguments: &str) -> ModelOutput {
    ModelOutput::ToolCall {
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

/// What one answer of a model costs in scripts.
const USAGE: Usage = Usage {
    input_tokens: 100,
    cached_input_tokens: 0,
    output_tokens: 10,
    reasoning_tokens: 0,
    cost_microusd: Some(5),
};

pub(crate) fn reply(outputs: Vec<ModelOutput>, stop: StopReason) -> ModelReply {
    ModelReply { outputs, usage: USAGE, model: "m-1".to_owned(), stop }
}

/// The open model call, or compaction, answers.
pub(crate) fn model<const N: usize>(outputs: [ModelOutput; N]) -> Step {
    model_stops(outputs, StopReason::End)
}

pub(crate) fn model_says(outputs: Vec<ModelOutput>) -> Step {
    model_replies(reply(outputs, StopReason::End))
}

pub(crate) fn model_stops<const N: usize>(outputs: [ModelOutput; N], stop: StopReason) -> Step {
    model_replies(reply(outputs.into(), stop))
}

fn model_replies(reply: ModelReply) -> Step {
    let label = match reply.stop {
        StopReason::End => "model answers".to_owned(),
        stop @ (StopReason::Length | StopReason::Refusal) => format!("model answers, {stop:?}"),
    };
    step(label, move |world| answer_model(world, Ok(reply.clone())))
}

pub(crate) fn model_error(kind: ModelErrorKind) -> Step {
    model_error_after(kind, None)
}

pub(crate) fn model_error_after(kind: ModelErrorKind, retry_after_ms: Option<u64>) -> Step {
    let after = retry_after_ms.map_or_else(String::new, |ms| format!(", retry after {ms}"));
    step(format!("model fails: {kind:?}{after}"), move |world| {
        let error = ModelError { kind, message: format!("it is {kind:?}"), retry_after_ms };
        answer_model(world, Err(error))
    })
}

fn answer_model(world: &World, result: Result<ModelReply, ModelError>) -> Vec<Command> {
    let running = world.state.effects.iter().find(|(_, open)| match open.request {
        EffectRequest::Model { .. } | EffectRequest::Compact { .. } => {
            open.phase == EffectPhase::Running
        }
        EffectRequest::Tool { .. } | EffectRequest::ResolveTools | EffectRequest::Checkpoint => {
            false
        }
    });
    let (effect, open) = running.expect("a model call is under way");
    let answer = EffectAnswer::Model(result);
    vec![Command::Answer { effect: effect.clone(), attempt: open.attempt, answer }]
}

/// An answer to the first attempt of the first model call, whatever happened since.
pub(crate) fn late_model<const N: usize>(outputs: [ModelOutput; N]) -> Step {
    let reply = reply(outputs.into(), StopReason::End);
    step("the first model call answers, late", move |world| {
        let is_model = |kind: &DispatchKind| matches!(kind, DispatchKind::Model { .. });
        let first = world.dispatched.iter().find(|dispatch| is_model(&dispatch.kind));
        let effect = first.expect("a model was called").effect.clone();
        let answer = EffectAnswer::Model(Ok(reply.clone()));
        vec![Command::Answer { effect, attempt: 1, answer }]
    })
}

/// The text that the latest model call was sent, all messages together.
pub(crate) fn text_sent(world: &World) -> String {
    let last = world.last_dispatch(|kind| matches!(kind, DispatchKind::Model { .. }));
    let DispatchKind::Model { request, .. } = &last.kind else { return String::new() };
    request.items.iter().map(|item| format!("{:?}", item.body)).collect()
}

// What tools answer.

fn answer_tool(label: String, call: &'static str, answer: EffectAnswer) -> Step {
    step(label, move |world| {
        let effect = world.effect_of(call);
        let attempt = world.state.effects[&effect].attempt;
        vec![Command::Answer { effect, attempt, answer: answer.clone() }]
    })
}

pub(crate) fn tool(call: &'static str, text: &str) -> Step {
    let answer = EffectAnswer::Tool(Ok(ToolOutput::text(text)));
    answer_tool(format!("{call} answers {text:?}"), call, answer)
}

pub(crate) fn tool_error(call: &'static str, world: WorldChange, retryable: bool) -> Step {
    let label = format!("{call} fails, world {world:?}, retryable {retryable}");
    answer_tool(label, call, EffectAnswer::Tool(Err(error(world, retryable))))
}

/// The attempt ends with questions of the tool's server.
pub(crate) fn tool_asks(call: &'static str, inquiry: Inquiry) -> Step {
    let questions: Vec<_> = inquiry.asked.iter().map(|asked| asked.key.as_str()).collect();
    let label = format!("{call} asks {}", questions.join(", "));
    let error = ToolError::asks(Needs { inquiry, consent: None });
    answer_tool(label, call, EffectAnswer::Tool(Err(error)))
}

pub(crate) fn reconciled(call: &'static str, known: Reconciliation) -> Step {
    let label = format!("{call} reconciles: {known:?}");
    answer_tool(label, call, EffectAnswer::Reconciled(Ok(known)))
}

pub(crate) fn reconcile_error(call: &'static str, retryable: bool) -> Step {
    let label = format!("{call} cannot reconcile, retryable {retryable}");
    let error = error(WorldChange::No, retryable);
    answer_tool(label, call, EffectAnswer::Reconciled(Err(error)))
}

fn error(world: WorldChange, retryable: bool) -> ToolError {
    ToolError {
        message: "it broke".to_owned(),
        retryable,
        world,
        retry_after_ms: None,
        needs: None,
    }
}

/// The oldest tool call without an outcome gets one, from the tool or the client.
pub(crate) fn oldest_call_answers(text: &str) -> Step {
    let output = ToolOutput::text(text);
    step(format!("a call answers {text:?}"), move |world| {
        let mut open: Vec<_> = world.state.effects.iter().collect();
        open.sort_by_key(|(_, effect)| effect.seq);
        let (effect, open) = open.first().expect("a call is open");
        if let (EffectPhase::AwaitsClient, EffectRequest::Tool { call_id, .. }) =
            (&open.phase, &open.request)
        {
            let (call_id, output) = (call_id.clone(), output.clone());
            return vec![Command::ToolResult { turn: None, call_id, output }];
        }
        let answer = EffectAnswer::Tool(Ok(output.clone()));
        vec![Command::Answer { effect: (*effect).clone(), attempt: open.attempt, answer }]
    })
}

/// The latest answer of a tool again: as when it is delivered twice.
pub(crate) fn tool_again(text: &str) -> Step {
    let output = ToolOutput::text(text);
    step(format!("the last tool call answers {text:?} again"), move |world| {
        let last = world.last_dispatch(|kind| matches!(kind, DispatchKind::Tool(_)));
        let answer = EffectAnswer::Tool(Ok(output.clone()));
        vec![Command::Answer { effect: last.effect.clone(), attempt: last.attempt, answer }]
    })
}

/// The first attempt of the last tool call answers, whatever happened since.
pub(crate) fn first_attempt_answers(text: &str) -> Step {
    let output = ToolOutput::text(text);
    step(format!("the first attempt answers {text:?}, late"), move |world| {
        let last = world.last_dispatch(|kind| matches!(kind, DispatchKind::Tool(_)));
        let answer = EffectAnswer::Tool(Ok(output.clone()));
        vec![Command::Answer { effect: last.effect.clone(), attempt: 1, answer }]
    })
}

/// A model's answer to a tool call, and a tool's answer to a model call.
pub(crate) fn wrong_kind(call: &'static str) -> Step {
    let reply = reply(vec![say("hi")], StopReason::End);
    answer_tool(format!("a model answers for {call}"), call, EffectAnswer::Model(Ok(reply)))
}

fn answer_sources(label: &str, result: Result<Vec<ToolSpec>, ToolError>) -> Step {
    step(label, move |world| {
        let learning =
            world.last_dispatch(|kind| matches!(kind, DispatchKind::ResolveTools { .. }));
        let answer = EffectAnswer::Tools(result.clone());
        vec![Command::Answer { effect: learning.effect.clone(), attempt: learning.attempt, answer }]
    })
}

pub(crate) fn sources_offer(tools: &Arc<[ToolSpec]>) -> Step {
    answer_sources(&format!("sources offer {} tools", tools.len()), Ok(tools.to_vec()))
}

pub(crate) fn sources_fail(retryable: bool) -> Step {
    let error = error(WorldChange::No, retryable);
    answer_sources(&format!("sources fail, retryable {retryable}"), Err(error))
}

/// The first question what tools there are is answered, whatever happened since.
pub(crate) fn sources_offer_late(tools: &Arc<[ToolSpec]>) -> Step {
    let tools = tools.to_vec();
    step("sources offer tools, late", move |world| {
        let is_it = |kind: &DispatchKind| matches!(kind, DispatchKind::ResolveTools { .. });
        let first = world.dispatched.iter().find(|dispatch| is_it(&dispatch.kind));
        let first = first.expect("sources were asked");
        let answer = EffectAnswer::Tools(Ok(tools.clone()));
        vec![Command::Answer { effect: first.effect.clone(), attempt: first.attempt, answer }]
    })
}

// What clients and people bring.

pub(crate) fn result(call: &'static str, text: &str) -> Step {
    result_for(None, call, text)
}

pub(crate) fn result_for(turn: Option<&'static str>, call: &'static str, text: &str) -> Step {
    let output = ToolOutput::text(text);
    let of = turn.map_or_else(String::new, |turn| format!(" of {turn}"));
    step(format!("client brings {text:?} for {call}{of}"), move |_| {
        let turn = turn.map(|turn| TurnId::parse(turn).expect("a plain id"));
        let call_id = CallId::parse(call).expect("a plain id");
        vec![Command::ToolResult { turn, call_id, output: output.clone() }]
    })
}

/// A person answers the question about a call.
pub(crate) fn person(call: &'static str, answer: ApprovalAnswer) -> Step {
    step(format!("a person answers for {call}: {answer:?}"), move |world| {
        let open = &world.state.effects[&world.effect_of(call)];
        let approval = match &open.phase {
            EffectPhase::AwaitsApproval { approval, .. }
            | EffectPhase::Unknown { approval, .. } => approval.clone(),
            EffectPhase::Running
            | EffectPhase::RetryAt(_)
            | EffectPhase::AwaitsClient
            | EffectPhase::Parked { .. }
            | EffectPhase::Reconciling
            | EffectPhase::ReconcileAt(_) => panic!("{call} asks nobody"),
        };
        vec![Command::Approval { approval, answer: answer.clone() }]
    })
}

pub(crate) fn stranger(answer: ApprovalAnswer) -> Step {
    step("a person answers a question that nobody asked", move |_| {
        let approval = ApprovalId::parse("apr_unknown").expect("a plain id");
        vec![Command::Approval { approval, answer: answer.clone() }]
    })
}

pub(crate) fn update_agent(agent: AgentDefinition, tools: Option<Arc<[ToolSpec]>>) -> Step {
    let agent = Arc::new(agent);
    step(format!("update to agent revision {}", agent.revision), move |_| {
        vec![Command::Update {
            agent: Some((agent.clone(), tools.clone())),
            metadata: None,
            spend_limit: None,
            wire: None,
        }]
    })
}

pub(crate) fn update_limit(limit: SpendLimit) -> Step {
    step(format!("update spend limit to {limit:?}"), move |_| {
        vec![Command::Update { agent: None, metadata: None, spend_limit: Some(limit), wire: None }]
    })
}
