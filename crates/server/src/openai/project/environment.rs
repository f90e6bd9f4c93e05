//! What entries tell of a session's environment, as events.
//!
//! Invariant: an event follows from its entry alone, so that a stream that begins anywhere tells it
//! alike. Deliberately absent: machines that their host puts away and takes up again by itself: nothing
//! of them is lost, and no entry tells of it.

use mainstay_core::effect::{MachineNews, Outcome};
use mainstay_core::fact::{Fact, SandboxOperation, SessionCreated};
use mainstay_protocol::ErrorCode;

use super::pieces::Pieces;
use super::session::{SessionView, environment_id};
use crate::openai::wire::{
    EnvironmentError, EnvironmentEvent, EnvironmentResetEvent, EnvironmentState, EnvironmentStatus,
    EventBody,
};

/// Shows how the environment of a new session is. A machine of this server is made when it is needed; one
/// of the client's has to come.
pub(super) fn begun(view: &SessionView, fact: &SessionCreated, out: &mut Pieces) {
    let Some(sandbox) = &fact.sandbox else { return };
    let status = match sandbox.spec.executor {
        None => EnvironmentStatus::Ready,
        Some(_) => EnvironmentStatus::Pending,
    };
    out.keep(Environment { view, turn: None }.is(status, None));
}

/// Shows what a later fact tells of the environment, if anything.
pub(super) fn show(view: &SessionView, turn: Option<&str>, fact: &Fact, out: &mut Pieces) {
    let shown = Environment { view, turn };
    match fact {
        Fact::EffectCompleted(fact) => {
            if let Outcome::Tool { machine: Some(news), .. } = &fact.outcome {
                shown.news(news, out);
            }
        }
        Fact::SandboxOperated(fact) => {
            if let Some(status) = operated(&fact.operation) {
                out.keep(shown.is(status, None));
            }
        }
        _ => {}
    }
}

fn operated(operation: &SandboxOperation) -> Option<EnvironmentStatus> {
    match operation {
        SandboxOperation::ExecBegun { .. }
        | SandboxOperation::ExecEnded { .. }
        | SandboxOperation::Collected { .. } => None,
        SandboxOperation::Parked
        | SandboxOperation::Restored { .. }
        | SandboxOperation::Removed => Some(EnvironmentStatus::Suspended),
        SandboxOperation::Arrived => Some(EnvironmentStatus::Connected),
        SandboxOperation::Left => Some(EnvironmentStatus::Disconnected),
    }
}

/// The environment of a session, in a turn or between two.
struct Environment<'a> {
    view: &'a SessionView,
    turn: Option<&'a str>,
}

impl Environment<'_> {
    fn news(&self, news: &MachineNews, out: &mut Pieces) {
        match news {
            MachineNews::Connected => out.keep(self.is(EnvironmentStatus::Connected, None)),
            MachineNews::Replaced { reset_count, .. } => {
                out.keep(EventBody::EnvironmentReset(EnvironmentResetEvent {
                    session_id: self.view.id.to_string(),
                    turn_id: self.turn.map(str::to_owned),
                    environment_id: environment_id(&self.view.id),
                    reset_count: *reset_count,
                }));
                out.keep(self.is(EnvironmentStatus::Connected, None));
            }
            MachineNews::Absent { message, was_connected } => {
                let error = EnvironmentError {
                    code: ErrorCode::ToolUnavailable.as_str().to_owned(),
                    message: message.clone(),
                    kind: "environment_error".to_owned(),
                };
                let is_gone = *was_connected && self.is_clients();
                let status = if is_gone {
                    EnvironmentStatus::Disconnected
                } else {
                    EnvironmentStatus::Failed
                };
                out.keep(self.is(status, Some(error)));
            }
        }
    }

    fn is_clients(&self) -> bool {
        self.view.extras.self_hosted.is_some()
    }

    fn is(&self, status: EnvironmentStatus, error: Option<EnvironmentError>) -> EventBody {
        let kind = if self.is_clients() { "self_hosted" } else { "openai_hosted" };
        let event = EnvironmentEvent {
            session_id: self.view.id.to_string(),
            turn_id: self.turn.map(str::to_owned),
            environment: EnvironmentState {
                id: environment_id(&self.view.id),
                kind: kind.to_owned(),
                status,
                error,
            },
        };
        match status {
            EnvironmentStatus::Pending => EventBody::EnvironmentPending(event),
            EnvironmentStatus::Ready => EventBody::EnvironmentReady(event),
            EnvironmentStatus::Connected => EventBody::EnvironmentConnected(event),
            EnvironmentStatus::Disconnected => EventBody::EnvironmentDisconnected(event),
            EnvironmentStatus::Suspended => EventBody::EnvironmentSuspended(event),
            EnvironmentStatus::Expired => EventBody::EnvironmentExpired(event),
            EnvironmentStatus::Failed => EventBody::EnvironmentFailed(event),
        }
    }
}
