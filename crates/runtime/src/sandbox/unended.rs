//! Commands and terminals of operators whose server ended before they did.
//!
//! Invariant: each beginning in a journal gets an end: what the machine knows of the command, or that nobody
//! knows. The task that stands for it is written with the beginning and goes with the end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::FutureExt;
use mainstay_core::fact::{Fact, SandboxOperation};
use mainstay_core::port::{ExecEnd, Fate};
use mainstay_core::session::SessionState;
use mainstay_protocol::{ApiError, EffectId, ErrorCode, SessionId, TaskChange, TaskKey};

use crate::due::{self, Desk};
use crate::engine::{Engine, Inner};

const KIND: &str = "operator_command";
const JOURNAL: &str = "operator_commands";
/// How many are looked at at once.
const LOOKS_LIMIT_COUNT: usize = 8;
/// When it is first looked whether a command is still this process's; one that ended by then costs nothing.
const FIRST_LOOK_MS: u64 = 1_000;
/// And how long between later looks.
const LOOK_MS: u64 = 10_000;
/// How long a machine may take to say what became of a command: it waits for its end.
const FATE_WAIT_MS: u64 = 20_000;
/// What stands for a terminal in a task's subject, of which no machine knows.
const TERMINAL: &str = "terminal";

/// What the parts of an engine share about commands of operators.
pub(crate) struct Operating {
    desk: Desk,
    running: Mutex<HashSet<EffectId>>,
}

impl Default for Operating {
    fn default() -> Self {
        Self { desk: Desk::new(KIND, LOOKS_LIMIT_COUNT), running: Mutex::default() }
    }
}

impl Operating {
    fn running(&self) -> MutexGuard<'_, HashSet<EffectId>> {
        self.running.lock().expect("no code panics while it holds the commands")
    }
}

/// A command that this process brings to its end.
pub(super) struct Held {
    inner: Arc<Inner>,
    effect: EffectId,
}

impl Held {
    pub(super) fn new(inner: &Arc<Inner>, effect: &EffectId) -> Self {
        inner.operating.running().insert(effect.clone());
        Self { inner: inner.clone(), effect: effect.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inner.operating.running().remove(&self.effect);
    }
}

/// What is written with the beginning or the end of a command.
pub(crate) fn operated_task(state: &SessionState, fact: &Fact) -> Option<TaskChange> {
    let Fact::SandboxOperated(fact) = fact else { return None };
    let session = &state.config.as_ref()?.id;
    let key = |effect: &EffectId| TaskKey {
        kind: KIND.into(),
        subject: format!("{session}/{effect}").into(),
    };
    match &fact.operation {
        SandboxOperation::ExecBegun { effect, has_terminal, .. } => {
            let mut key = key(effect);
            if *has_terminal {
                key.subject = format!("{}/{TERMINAL}", key.subject).into();
            }
            Some(TaskChange::Put { key, due_at_ms: state.last_active_at_ms + FIRST_LOOK_MS })
        }
        _ => None,
    }
}

pub(super) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.operating.desk,
        |inner, task| async move { handle(&inner, task).await }.boxed(),
    );
}

async fn handle(inner: &Arc<Inner>, task: TaskKey) -> Result<(), ApiError> {
    let is_done = match named(&task.subject) {
        Some((session, effect, is_terminal)) => look(inner, &session, &effect, is_terminal).await?,
        None => true,
    };
    let change = if is_done {
        TaskChange::Delete { key: task }
    } else {
        TaskChange::Put { key: task, due_at_ms: inner.parts.clock.now_ms() + LOOK_MS }
    };
    due::write(inner, JOURNAL, Vec::new(), vec![change]).await
}

fn named(subject: &str) -> Option<(SessionId, EffectId, bool)> {
    let mut parts = subject.split('/');
    let session = SessionId::parse(parts.next()?).ok()?;
    let effect = EffectId::parse(parts.next()?).ok()?;
    Some((session, effect, parts.next() == Some(TERMINAL)))
}

/// Looks after a command. Answers whether its end is in the journal.
async fn look(
    inner: &Arc<Inner>,
    session: &SessionId,
    effect: &EffectId,
    is_terminal: bool,
) -> Result<bool, ApiError> {
    if inner.operating.running().contains(effect) {
        return Ok(false);
    }
    let Some(row) = inner.session_row(session).await? else { return Ok(true) };
    if !row.workspace.is_some_and(|workspace| workspace.commands.contains(effect)) {
        return Ok(true);
    }
    let Some((end, error)) = became(inner, session, effect, is_terminal).await else {
        return Ok(false);
    };
    let caller = inner.as_runtime(row.tenant);
    let ended = SandboxOperation::ExecEnded { effect: effect.clone(), end, error };
    match Engine::of(inner).operate(&caller, session, ended, None).await {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(true),
    }
}

/// What is known of a command that another process began; none while it goes on.
async fn became(
    inner: &Arc<Inner>,
    session: &SessionId,
    effect: &EffectId,
    is_terminal: bool,
) -> Option<(Option<ExecEnd>, Option<String>)> {
    let unknown = |why: &str| Some((None, Some(why.to_owned())));
    if is_terminal {
        return unknown("the server ended while it was open");
    }
    let clock = &inner.parts.clock;
    let deadline = clock.now_ms().saturating_add(FATE_WAIT_MS);
    let fate = tokio::select! {
        biased;
        fate = inner.parts.sandboxes.exec_fate(session, effect) => fate,
        () = clock.sleep_until(deadline) => return None,
    };
    match fate {
        Ok(Fate::Ended(output, _)) => Some((Some(output.end), None)),
        Ok(Fate::NotRun) => unknown("the server ended before it was run"),
        Ok(Fate::Gone) => unknown("the server ended while it ran, and its outcome is not known"),
        Err(error) => Some((
            None,
            Some(format!(
                "the server ended while it ran, and the machine cannot be asked: {error}"
            )),
        )),
    }
}
