//! The steps of scripts with machines.

use mainstay_core::effect::{DispatchKind, EffectAnswer};
use mainstay_core::fact::SandboxOperation;
use mainstay_core::port::{Checkpoint, Connection, ExecEnd, SandboxError, Saved};
use mainstay_core::session::Command;
use mainstay_protocol::{EffectId, Seq};

use super::step::{Step, step};

/// The latest attempt to save ends like this.
fn answer_checkpoint(label: String, result: Result<Saved, SandboxError>) -> Step {
    step(label, move |world| {
        let last = world.last_dispatch(|kind| matches!(kind, DispatchKind::Checkpoint { .. }));
        let answer = EffectAnswer::Checkpoint(result.clone());
        vec![Command::Answer { effect: last.effect.clone(), attempt: last.attempt, answer }]
    })
}

pub(crate) fn saved(workspace: &str) -> Step {
    let connection = Connection {
        number: 3,
        at_ms: 5,
        host: "example.com".to_owned(),
        port: 443,
        refused: None,
        sent_bytes: 1,
        received_bytes: 2,
        secrets: vec![],
    };
    let checkpoint = Checkpoint {
        workspace: workspace.to_owned(),
        file_count: 2,
        size_bytes: 10,
        written_bytes: 4,
    };
    let saved = Saved { checkpoint: Some(checkpoint), connections: vec![connection] };
    answer_checkpoint(format!("machine saved as {workspace}"), Ok(saved))
}

pub(crate) fn nothing_saved() -> Step {
    answer_checkpoint("there is no machine to save".to_owned(), Ok(Saved::default()))
}

pub(crate) fn save_fails(error: SandboxError) -> Step {
    answer_checkpoint(format!("saving fails: {error}"), Err(error))
}

pub(crate) fn checkpoint() -> Step {
    step("checkpoint", |_| vec![Command::Checkpoint])
}

/// An operator does this, and has seen all of the journal.
pub(crate) fn operate(label: &str, operation: SandboxOperation) -> Step {
    step(label, move |world| {
        let as_of = Some(world.state.seq);
        vec![Command::Operate { operation: operation.clone(), as_of }]
    })
}

pub(crate) fn operator_runs() -> SandboxOperation {
    SandboxOperation::ExecBegun {
        effect: EffectId::parse("eff_operator").expect("an id"),
        argv: vec!["true".to_owned()],
        cwd: "/workspace".to_owned(),
        has_terminal: false,
    }
}

pub(crate) fn operator_ran() -> SandboxOperation {
    let effect = EffectId::parse("eff_operator").expect("an id");
    SandboxOperation::ExecEnded { effect, end: Some(ExecEnd::Exited { code: 0 }), error: None }
}

pub(crate) fn set_back(workspace: &str, seq: Seq) -> SandboxOperation {
    let checkpoint = Checkpoint {
        workspace: workspace.to_owned(),
        file_count: 2,
        size_bytes: 10,
        written_bytes: 4,
    };
    SandboxOperation::Restored { seq, checkpoint, lost_calls: 1 }
}
