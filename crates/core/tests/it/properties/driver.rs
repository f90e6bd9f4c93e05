//! Commands and answers that could come next, drawn with an eye on what is open.

use mainstay_core::agent::AgentDefinition;
use mainstay_core::effect::{Dispatch, DispatchKind, EffectAnswer};
use mainstay_core::fact::{RequiredAction, SessionCopied, SpendLimit};
use mainstay_core::item::{DeveloperRole, Item, ItemBody};
use mainstay_core::port::{
    Checkpoint, ModelError, ModelErrorKind, ModelOutput, Reconciliation, SandboxError, Saved,
    StopReason, ToolOutput,
};
use mainstay_core::question::ReplyAction;
use mainstay_core::session::{
    After, ApprovalAnswer, Command, EffectPhase, InputMode, Respond, SessionState,
};
use mainstay_core::subagent::{SubagentChange, SubagentEvent};
use mainstay_protocol::{ApprovalId, CallId, ErrorCode, ResponseId, SessionId, TurnId, Usage};
use serde_json::json;

use super::asks::tool_error;
use super::operate::operate;
use super::random::Dice;
use crate::lab::{
    START_MS, World, agent, call_with, client_only, remote_only, reply, say, think, tools, user,
};

/// The commands of one decision, after some time has passed.
pub(super) fn next(dice: &mut Dice, world: &mut World) -> Vec<Command> {
    world.now_ms += u64::from(dice.below(300));
    world.principal = dice.pick(&["ann", "bob"]).into();
    let count = if dice.one_in(10) { 2 } else { 1 };
    (0..count).filter_map(|_| one(dice, world)).collect()
}

fn one(dice: &mut Dice, world: &mut World) -> Option<Command> {
    match dice.below(78) {
        0..24 => answer(dice, &world.clone()),
        24..31 => Some(input(dice, InputMode::Steer)),
        31..34 => Some(input(dice, InputMode::Queue)),
        34..40 => Some(bring(dice, &world.state)),
        40..48 => {
            world.now_ms = world.state.due_at_ms().unwrap_or(world.now_ms).max(world.now_ms);
            Some(Command::Tick)
        }
        48..51 => Some(Command::Tick),
        51..55 => Some(Command::Recover),
        55..57 => Some(Command::Cancel),
        57..61 => Some(update(dice)),
        61 => late(dice, world),
        64..68 => Some(respond(dice, &world.state)),
        68 | 69 => Some(Command::AddItems { items: given(dice) }),
        70 => remove(dice, &world.state),
        71 => Some(copied(&world.state)),
        72..76 => Some(report(dice)),
        76 if dice.one_in(2) => Some(Command::Close),
        76 | 77 => Some(Command::Reopen),
        62 if dice.one_in(8) => {
            Some(Command::Fail { code: ErrorCode::Internal, message: "it kept failing".to_owned() })
        }
        62 => late(dice, world),
        _ if dice.one_in(4) => Some(Command::Checkpoint),
        _ if dice.one_in(3) => Some(operate(dice, &world.state)),
        _ if dice.one_in(4) => Some(Command::Delete),
        _ => late(dice, world),
    }
}

fn input(dice: &mut Dice, mode: InputMode) -> Command {
    let text = "hello ".repeat(dice.below(400) as usize + 1);
    let count = dice.below(3) as usize + 1;
    let messages = if dice.one_in(20) { vec![] } else { vec![user(&text); count] };
    Command::Input { messages, mode }
}

fn given(dice: &mut Dice) -> Vec<ItemBody> {
    let role = DeveloperRole::Developer;
    let bodies = [
        ItemBody::UserMessage { content: user("given") },
        ItemBody::DeveloperMessage { role, content: user("be brief") },
        ItemBody::AssistantMessage { text: "said before".to_owned() },
        ItemBody::Foreign { value: serde_json::json!({"type": "local_shell_call"}) },
    ];
    (0..dice.below(3)).map(|_| dice.pick(&bodies)).collect()
}

/// A request of the Responses API, after the newest response, another one, or anything.
fn respond(dice: &mut Dice, state: &SessionState) -> Command {
    let named = |text: &str| ResponseId::parse(text).expect("a plain id");
    let last = state.response.as_ref().map(|last| last.id.clone());
    let after = match dice.below(3) {
        0 => After::Response(last.unwrap_or_else(|| named("resp_none"))),
        1 if dice.one_in(4) => After::Response(named("resp_other")),
        _ => After::Anything,
    };
    let response = named(&format!("resp_{}_{}", state.seq, dice.below(1_000)));
    let items = given(dice).into_iter().filter(|body| !state.is_resting() || !is_said(body));
    let wire = serde_json::Value::Null;
    Command::Respond(Box::new(Respond { response, after, items: items.collect(), wire }))
}

/// What the model is said to have said does not join an answer that waits for outputs.
fn is_said(body: &ItemBody) -> bool {
    matches!(body, ItemBody::AssistantMessage { .. } | ItemBody::Foreign { .. })
}

/// Something that the model said leaves the conversation; what the user said, the laws count.
fn remove(dice: &mut Dice, state: &SessionState) -> Option<Command> {
    let is_said = |item: &Item| matches!(item.body, ItemBody::AssistantMessage { .. });
    let items = state.transcript.items();
    let said: Vec<_> = items.iter().filter(|item| is_said(item)).map(|i| i.id.clone()).collect();
    (!said.is_empty()).then(|| Command::RemoveItem { item: dice.pick(&said) })
}

/// The session is brought in from elsewhere, as it stands.
fn copied(state: &SessionState) -> Command {
    let from = SessionId::parse("ses_elsewhere").expect("a plain id");
    let origin = SessionCopied { from, seq: state.seq, hash: state.hash };
    Command::Copied { is_import: true, origin }
}

fn update(dice: &mut Dice) -> Command {
    let (agent, spend_limit) = match dice.below(6) {
        0 => (Some((remote_only(), None)), None),
        1 => (Some((agent(), Some(tools()))), None),
        2 => {
            let (agent, tools) = client_only();
            (Some((agent, Some(tools))), None)
        }
        3 => {
            let route =
                AgentDefinition { model: "beta".to_owned(), fallback_models: vec![], ..agent() };
            (Some((route, None)), None)
        }
        4 => (None, Some(SpendLimit::Unlimited)),
        _ => (None, Some(SpendLimit::Microusd(u64::from(dice.below(200))))),
    };
    let agent = agent.map(|(agent, tools)| (agent.into(), tools));
    Command::Update { agent, metadata: None, spend_limit, wire: None }
}

/// What a client or a person brings; mostly what is asked for.
fn bring(dice: &mut Dice, state: &SessionState) -> Command {
    let output = ToolOutput::text("brought");
    let required = state.required_actions();
    if required.is_empty() || dice.one_in(8) {
        let call_id = CallId::parse("c1").expect("a plain id");
        let turn = dice.one_in(2).then(|| TurnId::parse("turn_x").expect("a plain id"));
        return Command::ToolResult { turn, call_id, output };
    }
    match dice.pick(&required) {
        RequiredAction::ToolResult { call_id, .. } => {
            Command::ToolResult { turn: None, call_id, output }
        }
        RequiredAction::Question { effect, .. } if dice.one_in(4) => Command::Consented { effect },
        RequiredAction::Approval { approval, .. } | RequiredAction::Question { approval, .. } => {
            Command::Approval { approval, answer: opinion(dice) }
        }
    }
}

fn opinion(dice: &mut Dice) -> ApprovalAnswer {
    dice.pick(&[
        ApprovalAnswer::Approve,
        ApprovalAnswer::Deny,
        ApprovalAnswer::Done(None),
        ApprovalAnswer::NotDone,
        ApprovalAnswer::Retry,
        ApprovalAnswer::Reply(ReplyAction::Accept, Some(json!({"amount": 1}))),
        ApprovalAnswer::Reply(ReplyAction::Accept, None),
        ApprovalAnswer::Reply(ReplyAction::Cancel, None),
    ])
}

/// An answer to an attempt that is under way.
fn answer(dice: &mut Dice, world: &World) -> Option<Command> {
    let open = under_way(world);
    if open.is_empty() {
        return None;
    }
    let dispatch = dice.pick(&open);
    Some(answered(&dispatch, drawn_answer(dice, &dispatch)))
}

/// An answer to any attempt that ever was.
fn late(dice: &mut Dice, world: &World) -> Option<Command> {
    if world.dispatched.is_empty() {
        return None;
    }
    let dispatch = dice.pick(&world.dispatched);
    Some(answered(&dispatch, drawn_answer(dice, &dispatch)))
}

fn answered(dispatch: &Dispatch, answer: EffectAnswer) -> Command {
    Command::Answer { effect: dispatch.effect.clone(), attempt: dispatch.attempt, answer }
}

fn under_way(world: &World) -> Vec<Dispatch> {
    let is_open = |dispatch: &&Dispatch| {
        let open = world.state.effects.get(&dispatch.effect);
        let is_running =
            |phase: &EffectPhase| matches!(phase, EffectPhase::Running | EffectPhase::Reconciling);
        open.is_some_and(|open| open.attempt == dispatch.attempt && is_running(&open.phase))
    };
    world.dispatched.iter().filter(is_open).cloned().collect()
}

fn drawn_answer(dice: &mut Dice, dispatch: &Dispatch) -> EffectAnswer {
    match &dispatch.kind {
        DispatchKind::Model { .. } => EffectAnswer::Model(match dice.below(10) {
            0..8 => {
                let stops =
                    [StopReason::End, StopReason::End, StopReason::Length, StopReason::Refusal];
                Ok(reply(outputs(dice), dice.pick(&stops)))
            }
            _ => Err(model_error(dice)),
        }),
        DispatchKind::Tool(_) => EffectAnswer::Tool(match dice.below(3) {
            0 | 1 => Ok(ToolOutput::text("output ".repeat(dice.below(400) as usize))),
            _ => Err(tool_error(dice)),
        }),
        DispatchKind::Subagent(_) => match dice.below(6) {
            0 | 1 => EffectAnswer::Tool(Ok(made(dice))),
            2 => EffectAnswer::Tool(Err(tool_error(dice))),
            _ => EffectAnswer::Parked { until_ms: START_MS + u64::from(dice.below(200_000)) },
        },
        DispatchKind::Reconcile(_) => EffectAnswer::Reconciled(match dice.below(4) {
            0 => Ok(Reconciliation::Done(ToolOutput::text("was done"))),
            1 => Ok(Reconciliation::NotDone),
            2 => Ok(Reconciliation::Unknown),
            _ => Err(tool_error(dice)),
        }),
        DispatchKind::Checkpoint { .. } => EffectAnswer::Checkpoint(match dice.below(6) {
            0..3 => Ok(saved(dice.below(1_000))),
            3 => Ok(Saved::default()),
            4 => Err(SandboxError::Broken("it is gone".to_owned())),
            _ => Err(SandboxError::Unavailable("there is none".to_owned())),
        }),
        DispatchKind::ResolveTools { .. } => EffectAnswer::Tools(match dice.below(4) {
            0 | 1 => Ok(tools().to_vec()),
            2 => Ok(client_only().1.to_vec()),
            _ => Err(tool_error(dice)),
        }),
    }
}

fn subagent(dice: &mut Dice) -> SessionId {
    SessionId::parse(dice.pick(&["ses_a", "ses_b"])).expect("a plain id")
}

/// A subagent was made, or an attempt before made it.
fn made(dice: &mut Dice) -> ToolOutput {
    let change = SubagentChange {
        event: dice.pick(&[SubagentEvent::Created, SubagentEvent::Closed, SubagentEvent::Resumed]),
        subagent: subagent(dice),
        root: SessionId::parse("ses_1").expect("a plain id"),
        parent_agent: "agent_a".to_owned(),
        name: None,
        task: "go".to_owned(),
        opened_at_ms: START_MS,
        closed_at_ms: None,
    };
    ToolOutput { subagent: Some(Box::new(change)), ..ToolOutput::text("made") }
}

/// What a subagent reports; the same may come again, and late.
fn report(dice: &mut Dice) -> Command {
    let count = u64::from(dice.below(20));
    let usage = Usage { input_tokens: count, cost_microusd: Some(count), ..Usage::default() };
    let total = (!dice.one_in(6)).then_some(usage);
    Command::SubagentReport { subagent: subagent(dice), total }
}

fn saved(number: u32) -> Saved {
    let checkpoint = Checkpoint {
        workspace: format!("root{number}"),
        file_count: 1,
        size_bytes: 1,
        written_bytes: 1,
    };
    Saved { checkpoint: Some(checkpoint), connections: vec![] }
}

fn outputs(dice: &mut Dice) -> Vec<ModelOutput> {
    let names = [
        "read",
        "put",
        "pay",
        "send",
        "lookup",
        "ask_pay",
        "ask_lookup",
        "deny_pay",
        "strict",
        "run",
        "run",
        "ask_run",
        "read_file",
        "write_file",
        "create_subagent",
        "wait_for_subagents",
        "wait_for_subagents",
        "no such tool",
    ];
    let mut outputs = Vec::new();
    for _ in 0..dice.below(5) {
        outputs.push(match dice.below(8) {
            0 => say(&"words ".repeat(dice.below(400) as usize)),
            1 => think("hm"),
            _ => {
                let id = format!("c{}", dice.below(6));
                let arguments = dice.pick(&["{}", "{\"path\":\"a\"}", "", "not json", "[]"]);
                let waits = "{\"subagent_ids\":[\"ses_a\",\"ses_b\"]}";
                match dice.pick(&names) {
                    name @ "wait_for_subagents" => call_with(&id, name, waits),
                    name => call_with(&id, name, arguments),
                }
            }
        });
    }
    outputs
}

fn model_error(dice: &mut Dice) -> ModelError {
    let kinds = [
        ModelErrorKind::Unavailable,
        ModelErrorKind::RateLimited,
        ModelErrorKind::Garbled,
        ModelErrorKind::ContextTooLong,
        ModelErrorKind::Refused,
        ModelErrorKind::Invalid,
    ];
    ModelError::new(dice.pick(&kinds), "it failed")
}

/// The next step to the session's rest: everything that is open is answered, well.
pub(super) fn towards_rest(world: &mut World) -> Option<Command> {
    world.principal = "ann".into();
    // What lapsed takes no answer any more.
    if world.state.due_at_ms().is_some_and(|due| due <= world.now_ms) {
        return Some(Command::Tick);
    }
    if let Some(action) = world.state.required_actions().into_iter().next() {
        return Some(match action {
            RequiredAction::ToolResult { call_id, .. } => {
                Command::ToolResult { turn: None, call_id, output: ToolOutput::text("brought") }
            }
            RequiredAction::Approval { approval, unknown_outcome, .. } => {
                agreed(approval, unknown_outcome)
            }
            RequiredAction::Question { approval, .. } => agreed(approval, false),
        });
    }
    if let Some(dispatch) = under_way(world).into_iter().next_back() {
        let answer = match &dispatch.kind {
            DispatchKind::Model { .. } => {
                EffectAnswer::Model(Ok(reply(vec![say("done")], StopReason::End)))
            }
            DispatchKind::Tool(_) | DispatchKind::Subagent(_) => {
                EffectAnswer::Tool(Ok(ToolOutput::text("output")))
            }
            DispatchKind::Reconcile(_) => EffectAnswer::Reconciled(Ok(Reconciliation::Unknown)),
            DispatchKind::ResolveTools { .. } => EffectAnswer::Tools(Ok(tools().to_vec())),
            DispatchKind::Checkpoint { .. } => EffectAnswer::Checkpoint(Ok(saved(1))),
        };
        return Some(answered(&dispatch, answer));
    }
    let due = world.state.due_at_ms()?;
    world.now_ms = world.now_ms.max(due);
    Some(Command::Tick)
}

fn agreed(approval: ApprovalId, is_unknown: bool) -> Command {
    let answer = if is_unknown { ApprovalAnswer::Done(None) } else { ApprovalAnswer::Approve };
    Command::Approval { approval, answer }
}
