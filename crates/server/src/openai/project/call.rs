//! Tool calls from the reply that asks for them to what settles them.
//!
//! Invariant: at most one reply's calls are open at a time, because a model is asked again only when
//! all of them are settled; so an id that the model uses again names the newer call.

use std::collections::BTreeMap;

use mainstay_core::effect::{Outcome, UnknownNext};
use mainstay_core::fact::Fact;
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::ExecRecord;
use mainstay_protocol::{CallId, EffectId, ErrorCode, ItemId, TurnId};

use crate::openai::wire::CallStatus;

/// A call as the model asked for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallView {
    pub(crate) item_id: ItemId,
    pub(crate) turn: TurnId,
    pub(crate) call_id: CallId,
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// The label of the tool's source; none when the client runs it.
    pub(crate) source: Option<String>,
    pub(crate) output_index: u32,
}

impl CallView {
    /// The call that an item is.
    pub(crate) fn of(item: &Item) -> Option<Self> {
        let ItemBody::ToolCall { call_id, name, arguments, source } = &item.body else {
            return None;
        };
        Some(Self {
            item_id: item.id.clone(),
            turn: item.turn.clone(),
            call_id: call_id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            source: source.clone(),
            output_index: item.output_index.unwrap_or_default(),
        })
    }

    /// Whether the client runs it.
    pub(crate) fn is_clients(&self) -> bool {
        self.source.is_none()
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallEnd {
    /// The call.
    pub(crate) call_id: CallId,
    /// The item in which the model reads the output.
    pub(crate) item_id: ItemId,
    pub(crate) content: Vec<Content>,
    pub(crate) is_error: bool,
    pub(crate) status: CallStatus,
    /// Whether the call was refused before it became an effect.
    pub(crate) is_refused: bool,
    /// The command that it ran, when it ran one.
    pub(crate) exec: Option<ExecRecord>,
}

impl CallEnd {
    /// The end that a fact brings to a call.
    pub(crate) fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::EffectCompleted(fact) => match &fact.outcome {
                Outcome::Tool { item, exec, .. } => {
                    Some(Self { exec: exec.clone(), ..Self::settled(item)? })
                }
                Outcome::Model { .. }
                | Outcome::Tools { .. }
                | Outcome::Compacted { .. }
                | Outcome::Checkpoint { .. } => None,
            },
            Fact::EffectFailed(fact) => {
                let mut end = Self::settled(fact.item.as_ref()?)?;
                // Only what closes a whole turn fails an effect with this code.
                if fact.failure.code == ErrorCode::Conflict {
                    end.status = CallStatus::Incomplete;
                }
                Some(end)
            }
            Fact::EffectUnknown(fact) => match &fact.next {
                UnknownNext::Report { item } => {
                    let mut end = Self::settled(item)?;
                    end.status = CallStatus::Incomplete;
                    Some(end)
                }
                UnknownNext::Reconcile | UnknownNext::Ask { .. } | UnknownNext::Retry => None,
            },
            Fact::ApprovalResolved(fact) => Self::settled(fact.item.as_ref()?),
            Fact::CallRefused(fact) => {
                let mut end = Self::settled(&fact.item)?;
                end.is_refused = true;
                Some(end)
            }
            Fact::SessionCreated(_)
            | Fact::SessionUpdated(_)
            | Fact::SessionFailed(_)
            | Fact::SessionDeleted(_)
            | Fact::InputReceived(_)
            | Fact::SessionForked(_)
            | Fact::SessionClosed(_)
            | Fact::SessionReopened(_)
            | Fact::SubagentReported(_)
            | Fact::EffectParked(_)
            | Fact::SessionImported(_)
            | Fact::ItemsAdded(_)
            | Fact::ItemRemoved(_)
            | Fact::SandboxOperated(_)
            | Fact::ResponseRequested(_)
            | Fact::ResponseRemoved(_)
            | Fact::TurnStarted(_)
            | Fact::TurnWaiting(_)
            | Fact::TurnResumed(_)
            | Fact::TurnEnded(_)
            | Fact::EffectRequested(_)
            | Fact::EffectAttempted(_) => None,
        }
    }

    fn settled(output: &Item) -> Option<Self> {
        let ItemBody::ToolOutput { call_id, content, is_error } = &output.body else { return None };
        Some(Self {
            call_id: call_id.clone(),
            item_id: output.id.clone(),
            content: content.clone(),
            is_error: *is_error,
            status: if *is_error { CallStatus::Failed } else { CallStatus::Completed },
            is_refused: false,
            exec: None,
        })
    }

    /// Whether the output of a client's call is an item of its own. What closes a call that the client
    /// never answered is for the model alone.
    pub(crate) fn is_shown(&self) -> bool {
        self.status != CallStatus::Incomplete
    }
}

/// The calls without an end.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenCalls {
    calls: BTreeMap<CallId, CallView>,
    /// Calls of the client that a person must approve before it learns of them.
    held: BTreeMap<EffectId, CallId>,
}

impl OpenCalls {
    /// A reply asks for calls.
    pub(super) fn open(&mut self, items: &[Item]) {
        for call in items.iter().filter_map(CallView::of) {
            self.calls.insert(call.call_id.clone(), call);
        }
    }

    pub(crate) fn get(&self, call_id: &CallId) -> Option<&CallView> {
        self.calls.get(call_id)
    }

    /// A call of the client waits for a person first.
    pub(crate) fn hold(&mut self, effect: &EffectId, call_id: &CallId) {
        self.held.insert(effect.clone(), call_id.clone());
    }

    /// A person approved a call of the client.
    pub(crate) fn release(&mut self, effect: &EffectId) -> Option<&CallView> {
        let call_id = self.held.remove(effect)?;
        self.calls.get(&call_id)
    }

    /// A call ends. Whether it was shown is told too: a held one was not.
    pub(crate) fn close(&mut self, end: &CallEnd) -> Option<(CallView, bool)> {
        let call = self.calls.remove(&end.call_id)?;
        let held = self.held.iter().find(|(_, id)| **id == end.call_id).map(|(id, _)| id.clone());
        let was_held = held.and_then(|effect| self.held.remove(&effect)).is_some();
        Some((call, !was_held && !end.is_refused))
    }

    /// A turn ended: nothing is open any more.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.held.clear();
    }
}
