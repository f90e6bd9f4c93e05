//! The fold that turns a session's entries, in order, into its events.
//!
//! Invariant: [`EventFold::entry`] is given each entry once, in order, from the place that
//! [`super::primed`] prepared it for.

use mainstay_core::effect::{Awaits, EffectRequest, Outcome};
use mainstay_core::fact::{
    Disposition, EffectFailed, EffectRequested, Fact, InputReceived, SessionCreated, SessionFailed,
    SessionUpdated, SpendLimit, SubagentReported, TurnEnd, TurnEnded, TurnStarted, TurnWaiting,
};
use mainstay_core::item::ItemBody;
use mainstay_core::session::SessionStatus;
use mainstay_protocol::{ApiError, Entry, ErrorCode, Seq, TurnId, Usage};

use super::call::{CallEnd, CallView, OpenCalls};
use super::environment;
use super::item;
use super::live::Live;
use super::outputs::Reply;
use super::pieces::{Numbering, Pieces, Shown};
use super::place::FeedPlace;
use super::printed::Printed;
use super::seconds;
use super::session::{SessionExtras, SessionView, required_actions};
use super::subagent::subagent_changed;
use crate::openai::wire::{AgentSession, ErrorObject, EventBody, Turn, TurnError, TurnStatus};

/// The active turn.
#[derive(Debug, Clone)]
struct OpenTurn {
    id: TurnId,
    created_at_ms: u64,
    started_at_ms: Option<u64>,
    usage: Usage,
}

/// The fold. One per connection.
#[derive(Debug)]
pub(crate) struct EventFold {
    pub(super) view: SessionView,
    pub(super) session_id: String,
    status: SessionStatus,
    turn: Option<OpenTurn>,
    pub(super) calls: OpenCalls,
    pub(super) live: Live,
    pub(super) printed: Printed,
    pub(super) numbering: Numbering,
    /// Whether the user has spoken since the model was asked last.
    is_steered: bool,
    rested: bool,
    is_deleted: bool,
}

impl EventFold {
    /// A fold that shows what comes behind a place.
    pub(super) fn new(view: SessionView, seen: FeedPlace) -> Self {
        Self {
            session_id: view.id.to_string(),
            view,
            status: SessionStatus::Idle,
            turn: None,
            calls: OpenCalls::default(),
            live: Live::default(),
            printed: Printed::default(),
            numbering: Numbering::behind(seen),
            is_steered: false,
            rested: false,
            is_deleted: false,
        }
    }

    /// The events of an entry.
    pub(crate) fn entry(&mut self, entry: &Entry) -> Result<Vec<Shown>, ApiError> {
        let mut out = Pieces::default();
        self.fact(&read(entry)?, entry.seq, entry.at, &mut out);
        Ok(self.numbering.place(entry.seq, out))
    }

    /// Takes an entry over without showing it.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), ApiError> {
        self.fact(&read(entry)?, entry.seq, entry.at, &mut Pieces::default());
        self.rested = false;
        Ok(())
    }

    /// Whether a turn ended, or the session failed, since the fold began.
    pub(crate) fn has_rested(&self) -> bool {
        self.rested
    }

    /// Whether nothing follows, ever.
    pub(crate) fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// The number of the last event with a place.
    pub(crate) fn sequence_number(&self) -> u64 {
        self.numbering.last().sequence_number()
    }

    fn fact(&mut self, fact: &Fact, seq: Seq, at_ms: u64, out: &mut Pieces) {
        // What a call saw of the machine comes before the call's end.
        environment::show(&self.view, self.turn.as_ref().map(|turn| turn.id.as_str()), fact, out);
        if let Some(end) = CallEnd::of(fact) {
            self.printed.ended(&end);
            self.call_ended(&end, out);
        }
        match fact {
            Fact::SessionCreated(fact) => self.session_created(fact, at_ms, out),
            Fact::SessionUpdated(fact) => self.session_updated(fact, at_ms, out),
            Fact::SessionFailed(fact) => self.session_failed(fact, at_ms, out),
            Fact::SessionDeleted(_) => self.is_deleted = true,
            Fact::InputReceived(fact) => self.input_received(fact, at_ms, out),
            Fact::TurnStarted(fact) => self.turn_started(fact, at_ms, out),
            Fact::TurnWaiting(fact) => self.turn_waiting(fact, at_ms, out),
            Fact::TurnResumed(_) => self.set_status(SessionStatus::InProgress, at_ms, out),
            Fact::TurnEnded(fact) => self.turn_ended(fact, at_ms, out),
            Fact::EffectRequested(fact) => self.effect_requested(fact, seq, out),
            Fact::EffectAttempted(fact) => {
                self.live.attempt(&self.session_id, &fact.effect, fact.attempt, out);
            }
            Fact::EffectCompleted(fact) => self.effect_completed(&fact.outcome, out),
            Fact::EffectFailed(fact) => self.effect_failed(fact, out),
            Fact::ApprovalResolved(fact) => {
                if let Some(call) = self.calls.release(&fact.effect) {
                    out.keep(call_added(&self.session_id, self.view.among_agents(), call));
                }
            }
            Fact::SubagentReported(fact) => self.subagent_reported(fact, at_ms, out),
            Fact::EffectUnknown(_)
            | Fact::CallRefused(_)
            | Fact::SessionForked(_)
            | Fact::SessionClosed(_)
            | Fact::SessionReopened(_)
            | Fact::EffectParked(_)
            | Fact::SessionImported(_)
            | Fact::ItemsAdded(_)
            | Fact::ItemRemoved(_)
            | Fact::SandboxOperated(_)
            | Fact::ResponseRequested(_)
            | Fact::ResponseRemoved(_) => {}
        }
    }

    fn session_created(&mut self, fact: &SessionCreated, at_ms: u64, out: &mut Pieces) {
        self.view.created_at_ms = at_ms;
        self.view.set_agent(&fact.agent);
        self.view.metadata.clone_from(&fact.metadata);
        self.view.spend_limit_microusd = fact.spend_limit_microusd;
        self.view.extras = SessionExtras::of(&fact.wire);
        self.view.is_subagent = fact.parent.is_some();
        let session = self.view.show(SessionStatus::Idle, at_ms);
        out.keep(EventBody::session_created(session.into()));
        environment::begun(&self.view, fact, out);
    }

    fn session_updated(&mut self, fact: &SessionUpdated, at_ms: u64, out: &mut Pieces) {
        if let Some(agent) = &fact.agent {
            self.view.set_agent(agent);
        }
        if let Some(metadata) = &fact.metadata {
            self.view.metadata.clone_from(metadata);
        }
        match fact.spend_limit {
            Some(SpendLimit::Unlimited) => self.view.spend_limit_microusd = None,
            Some(SpendLimit::Microusd(limit)) => self.view.spend_limit_microusd = Some(limit),
            None => {}
        }
        if let Some(wire) = &fact.wire {
            self.view.extras = SessionExtras::of(wire);
        }
        let spent = self.view.usage.cost_microusd.unwrap_or(0);
        let affordable = self.view.spend_limit_microusd.is_none_or(|limit| spent < limit);
        if self.status == SessionStatus::BudgetReached && affordable {
            self.set_status(SessionStatus::Idle, at_ms, out);
        }
    }

    fn subagent_reported(&mut self, fact: &SubagentReported, at_ms: u64, out: &mut Pieces) {
        self.add_usage(fact.usage);
        let spent = self.view.usage.cost_microusd.unwrap_or(0);
        let is_over = self.view.spend_limit_microusd.is_some_and(|limit| spent >= limit);
        if is_over && self.status == SessionStatus::Idle {
            self.set_status(SessionStatus::BudgetReached, at_ms, out);
        }
    }

    fn session_failed(&mut self, fact: &SessionFailed, at_ms: u64, out: &mut Pieces) {
        let error = ApiError::new(fact.code, fact.message.clone());
        out.keep(EventBody::error(&self.session_id, ErrorObject::from(&error)));
        if let Some(turn) = self.turn.take() {
            let failed = Turn {
                completed_at: Some(seconds(at_ms)),
                error: Some(TurnError::new(fact.code, fact.message.clone())),
                usage: Some(turn.usage.into()),
                ..self.show_turn(&turn, TurnStatus::Failed)
            };
            out.keep_some(EventBody::turn_changed(failed));
        }
        self.status = SessionStatus::Failed;
        self.rested = true;
        self.calls.clear();
        self.printed.clear();
        let session = AgentSession {
            error: Some(fact.message.clone()),
            ..self.view.show(self.status, at_ms)
        };
        out.keep(EventBody::session_changed(session.into()));
    }

    fn input_received(&mut self, fact: &InputReceived, at_ms: u64, out: &mut Pieces) {
        let starts = fact.disposition == Disposition::Starts;
        let turn = OpenTurn {
            id: fact.turn.clone(),
            created_at_ms: at_ms,
            started_at_ms: starts.then_some(at_ms),
            usage: Usage::default(),
        };
        let status = if starts { TurnStatus::InProgress } else { TurnStatus::Queued };
        let shown = self.show_turn(&turn, status);
        if fact.disposition != Disposition::Steers {
            out.keep(EventBody::turn_created(shown.clone()));
        }
        for item in &fact.items {
            if let ItemBody::UserMessage { content } = &item.body {
                let message = item::user_message(item, content);
                out.keep(EventBody::item_added(&self.session_id, message, None));
            }
        }
        self.is_steered |= fact.disposition == Disposition::Steers;
        if starts {
            self.turn = Some(turn);
            self.turn_begins(shown, at_ms, out);
        }
    }

    fn turn_started(&mut self, fact: &TurnStarted, at_ms: u64, out: &mut Pieces) {
        let turn = OpenTurn {
            id: fact.turn.clone(),
            created_at_ms: fact.created_at_ms,
            started_at_ms: Some(at_ms),
            usage: Usage::default(),
        };
        let shown = self.show_turn(&turn, TurnStatus::InProgress);
        self.turn = Some(turn);
        self.turn_begins(shown, at_ms, out);
    }

    fn turn_begins(&mut self, turn: Turn, at_ms: u64, out: &mut Pieces) {
        self.rested = false;
        self.set_status(SessionStatus::InProgress, at_ms, out);
        out.keep_some(EventBody::turn_changed(turn));
    }

    fn turn_waiting(&mut self, fact: &TurnWaiting, at_ms: u64, out: &mut Pieces) {
        self.status = SessionStatus::RequiresAction;
        let session = AgentSession {
            required_actions: required_actions(&fact.required, Some(&fact.turn)),
            ..self.view.show(self.status, at_ms)
        };
        out.keep(EventBody::session_changed(session.into()));
    }

    fn turn_ended(&mut self, fact: &TurnEnded, at_ms: u64, out: &mut Pieces) {
        let (status, error) = match &fact.end {
            TurnEnd::Completed => (TurnStatus::Completed, None),
            TurnEnd::Cancelled => (TurnStatus::Cancelled, None),
            TurnEnd::Failed { code, message } => {
                (TurnStatus::Failed, Some(ApiError::new(*code, message.clone())))
            }
        };
        if let Some(error) = &error {
            out.keep(EventBody::error(&self.session_id, ErrorObject::from(error)));
        }
        let turn = OpenTurn {
            id: fact.turn.clone(),
            created_at_ms: fact.created_at_ms,
            started_at_ms: Some(fact.started_at_ms),
            usage: fact.usage,
        };
        let ended = Turn {
            completed_at: Some(seconds(at_ms)),
            error: error.map(|error| TurnError::new(error.code, error.message)),
            usage: Some(fact.usage.into()),
            ..self.show_turn(&turn, status)
        };
        out.keep_some(EventBody::turn_changed(ended));
        self.turn = None;
        self.is_steered = false;
        self.calls.clear();
        self.printed.clear();
        self.rested = true;
        let rest =
            if fact.budget_reached { SessionStatus::BudgetReached } else { SessionStatus::Idle };
        self.set_status(rest, at_ms, out);
    }

    fn effect_requested(&mut self, fact: &EffectRequested, seq: Seq, out: &mut Pieces) {
        match &fact.request {
            EffectRequest::Model { .. } => {
                self.is_steered = false;
                self.live.begin(&fact.effect, seq);
            }
            EffectRequest::Tool { call_id, .. } => {
                let Some(call) = self.calls.get(call_id) else { return };
                // The official clients run a function as soon as they see it.
                if call.is_clients() && fact.awaits == Awaits::Approval {
                    let call_id = call_id.clone();
                    self.calls.hold(&fact.effect, &call_id);
                } else {
                    out.keep(call_added(&self.session_id, self.view.among_agents(), call));
                }
            }
            EffectRequest::ResolveTools
            | EffectRequest::Compact { .. }
            | EffectRequest::Checkpoint => {}
        }
    }

    fn effect_completed(&mut self, outcome: &Outcome, out: &mut Pieces) {
        match outcome {
            Outcome::Model { items, usage, stop, .. } => {
                self.add_usage(*usage);
                let shown = self.live.answered(&self.session_id, items, out);
                Reply {
                    session_id: &self.session_id,
                    items,
                    stop: *stop,
                    is_steered: self.is_steered,
                    shown,
                }
                .show(out);
                self.calls.open(items);
            }
            Outcome::Compacted { usage, .. } => self.add_usage(*usage),
            Outcome::Tool { subagent: Some(change), .. } => {
                out.keep(subagent_changed(change));
            }
            Outcome::Tool { .. } | Outcome::Tools { .. } | Outcome::Checkpoint { .. } => {}
        }
    }

    fn effect_failed(&mut self, fact: &EffectFailed, out: &mut Pieces) {
        self.live.failed(&self.session_id, &fact.effect, fact.retry_at_ms.is_none(), out);
    }

    fn call_ended(&mut self, end: &CallEnd, out: &mut Pieces) {
        let Some((call, was_shown)) = self.calls.close(end) else { return };
        if call.is_clients() {
            if end.is_shown() {
                let output = item::call_output(&call, end);
                out.keep(EventBody::item_added(&self.session_id, output, None));
            }
        } else if !was_shown {
            out.keep(call_added(&self.session_id, self.view.among_agents(), &call));
        }
        let done = item::call(self.view.among_agents(), &call, Some(end));
        out.keep(EventBody::item_done(&self.session_id, done, call.output_index));
    }

    fn set_status(&mut self, status: SessionStatus, at_ms: u64, out: &mut Pieces) {
        self.status = status;
        out.keep(EventBody::session_changed(self.view.show(status, at_ms).into()));
    }

    fn add_usage(&mut self, usage: Usage) {
        self.view.usage.add(usage);
        if let Some(turn) = &mut self.turn {
            turn.usage.add(usage);
        }
    }

    fn show_turn(&self, turn: &OpenTurn, status: TurnStatus) -> Turn {
        Turn {
            id: turn.id.to_string(),
            session_id: self.session_id.clone(),
            agent_id: self.view.agent.id.clone(),
            subagent_id: None,
            status,
            created_at: seconds(turn.created_at_ms),
            started_at: turn.started_at_ms.map(seconds),
            completed_at: None,
            error: None,
            usage: None,
            prompt_cache_options: self.view.extras.prompt_cache_options,
        }
    }
}

/// Reads an entry's fact.
pub(crate) fn read(entry: &Entry) -> Result<Fact, ApiError> {
    Fact::read(entry).map_err(|error| ApiError::new(ErrorCode::EntryUnknown, error.to_string()))
}

/// A call as clients first see it.
fn call_added(session_id: &str, agent: &str, call: &CallView) -> EventBody {
    EventBody::item_added(session_id, item::call(agent, call, None), Some(call.output_index))
}
