//! The task of one active session: its single writer.
//!
//! Invariant: messages are decided in order; a batch of decisions is one commit; nothing is
//! answered, shown or dispatched before that commit is durable. The task leaves when the session
//! rests and its mailbox is empty.

mod commit;
mod load;

pub(crate) use commit::due_task;
pub(crate) use load::claimed;

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_core::session::{Command, Decision, Facts, SessionState, decide};
use mainstay_protocol::{ApiError, EffectId, ErrorCode, SessionId};
use mainstay_store::Claim;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::engine::Inner;
use crate::parking::Resting;
use crate::registry::{Activation, Message, Submit};
use crate::saving::Saving;

/// The most messages decided in one commit.
const BATCH_LIMIT_COUNT: usize = 64;

/// Why a task ends.
pub(super) enum Leave {
    /// The session rests, or waits without a need for this process.
    Parked,
    /// Another node has the session.
    Fenced,
    /// The session cannot be read or written.
    Broken(ApiError),
    /// The engine stops.
    Stopped,
}

pub(crate) struct SessionTask {
    inner: Arc<Inner>,
    session: SessionId,
    mailbox: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
    state: SessionState,
    claim: Claim,
    /// Who caused what happens now.
    principal: Arc<str>,
    trace: Arc<str>,
    /// The attempts under way.
    running: HashMap<EffectId, (u32, AbortHandle)>,
    saving: Saving,
    /// What the store holds about this session's work.
    work: commit::Work,
}

/// Starts a session's task.
pub(crate) fn start(inner: &Arc<Inner>, session: SessionId, activation: Activation) {
    let task = run(inner.clone(), session.clone(), activation);
    let panicked = inner.clone();
    inner.spawner.spawn("session", task, move || panicked.session_panicked(&session));
}

async fn run(inner: Arc<Inner>, session: SessionId, activation: Activation) {
    let Activation { mut mailbox, sender, parked } = activation;
    let loaded = load::load(&inner, &session, parked).await;
    let load::Loaded { resting, claim, recover } = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            inner.registry.remove(&session);
            refuse_all(&mut mailbox, &error);
            return;
        }
    };
    let Resting { state, saving } = resting;
    let work = commit::Work::of(&state);
    let principal = inner.runtime_principal.clone();
    let mut task = SessionTask {
        inner,
        session,
        mailbox,
        sender,
        state,
        claim,
        principal,
        trace: Arc::from(""),
        running: HashMap::new(),
        saving,
        work,
    };
    let leave = task.live(recover).await;
    task.end(leave).await;
}

fn refuse_all(mailbox: &mut mpsc::Receiver<Message>, error: &ApiError) {
    mailbox.close();
    while let Ok(message) = mailbox.try_recv() {
        if let Message::Submit(submit) = message {
            submit.refuse(error.clone());
        }
    }
}

impl SessionTask {
    async fn live(&mut self, recover: bool) -> Leave {
        if recover && let Err(leave) = self.internal(Command::Recover).await {
            return leave;
        }
        let mut batch = Vec::with_capacity(BATCH_LIMIT_COUNT);
        loop {
            if let Some(leave) = self.try_leave() {
                return leave;
            }
            let due = self.state.due_at_ms();
            let clock = self.inner.parts.clock.clone();
            let timer = async move {
                match due {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let ticked = tokio::select! {
                biased;
                count = self.mailbox.recv_many(&mut batch, BATCH_LIMIT_COUNT) => count == 0,
                () = timer => true,
            };
            let done = if ticked {
                self.internal(Command::Tick).await
            } else {
                self.batch(&mut batch).await
            };
            if let Err(leave) = done {
                return leave;
            }
        }
    }

    /// Leaves when nothing here needs this process: the session rests, or waits for somebody.
    fn try_leave(&mut self) -> Option<Leave> {
        if !self.running.is_empty() {
            return None;
        }
        if self.inner.is_stopping() && self.mailbox.is_empty() {
            return Some(Leave::Stopped);
        }
        if !self.state.is_still() || self.is_due() {
            return None;
        }
        let (inner, session) = (self.inner.clone(), self.session.clone());
        let (state, saving) = (&mut self.state, self.saving);
        let journal = state.journal.clone();
        let left = inner.registry.leave(&session, &self.mailbox, || {
            let state = std::mem::replace(state, SessionState::new(journal));
            let is_kept = state.config.is_some() && !state.is_deleted;
            is_kept.then_some(Resting { state, saving })
        });
        left.then_some(Leave::Parked)
    }

    /// Whether time moves the session now. A task that left without that would be woken for it again
    /// and again, and nothing would ever be done.
    fn is_due(&self) -> bool {
        self.state.due_at_ms().is_some_and(|at| at <= self.inner.parts.clock.now_ms())
    }

    async fn batch(&mut self, messages: &mut Vec<Message>) -> Result<(), Leave> {
        let mut pending = commit::Pending::new(&self.state);
        for message in messages.drain(..) {
            match message {
                Message::Answer { effect, attempt, answer, place } => {
                    pending.places.extend(place);
                    // The late answer of an attempt that was given up leaves a newer one alone.
                    if self.running.get(&effect).is_some_and(|(newest, _)| *newest == attempt) {
                        self.running.remove(&effect);
                    }
                    let command = Command::Answer { effect, attempt, answer };
                    if let Ok(decision) = self.decide(pending.state(), vec![command]) {
                        pending.add(decision, &self.principal, None);
                    }
                }
                Message::Submit(submit) => {
                    // One with a key stands alone, so that a conflict is its own.
                    if submit.idempotency.is_some() {
                        self.commit(std::mem::replace(&mut pending, commit::Pending::none()))
                            .await?;
                        self.keyed(submit).await?;
                        pending = commit::Pending::new(&self.state);
                    } else {
                        self.submit(&mut pending, submit);
                    }
                }
                Message::Wake => {}
            }
        }
        self.commit(pending).await
    }

    fn submit(&mut self, pending: &mut commit::Pending, mut submit: Box<Submit>) {
        self.principal = submit.principal.clone();
        let commands = std::mem::take(&mut submit.commands);
        match self.decide(pending.state(), commands) {
            Ok(decision) => pending.add(decision, &self.principal, Some(submit)),
            Err(error) => submit.refuse(error),
        }
    }

    /// Decides on a command of the runtime's own and commits it.
    async fn internal(&mut self, command: Command) -> Result<(), Leave> {
        let mut pending = commit::Pending::new(&self.state);
        if let Ok(decision) = self.decide(&self.state, vec![command]) {
            pending.add(decision, &self.principal, None);
        }
        self.commit(pending).await
    }

    fn decide(&self, state: &SessionState, commands: Vec<Command>) -> Result<Decision, ApiError> {
        let parts = &self.inner.parts;
        let facts = Facts {
            now_ms: parts.clock.now_ms().max(state.last_active_at_ms),
            entropy: parts.entropy.next(),
            principal: self.principal.clone(),
            rules: &self.inner.rules,
        };
        decide(state, commands, &facts).map_err(|rejected| rejected.0)
    }

    fn abort_all(&mut self) {
        for (_, (_, handle)) in self.running.drain() {
            handle.abort();
        }
    }

    async fn end(mut self, leave: Leave) {
        self.abort_all();
        let is_fenced = matches!(leave, Leave::Fenced);
        let error = match leave {
            Leave::Parked => {
                self.inner.release(&self.claim).await;
                return;
            }
            Leave::Stopped => ApiError::new(ErrorCode::ShuttingDown, "the server is stopping"),
            Leave::Fenced => {
                tracing::warn!(session = %self.session, "another node has the session");
                ApiError::new(ErrorCode::Conflict, "the session is with another node; try again")
            }
            Leave::Broken(error) => {
                tracing::error!(session = %self.session, %error, "the session cannot go on");
                error
            }
        };
        self.inner.registry.remove(&self.session);
        refuse_all(&mut self.mailbox, &error);
        self.inner.release(&self.claim).await;
        // Where nobody else can write, it was this process that took the lease (after a jump of the
        // clock, say): the session goes on at once under a new one.
        let goes_on = is_fenced && self.inner.settings.is_only_writer && !self.inner.is_stopping();
        if goes_on && let Err(error) = self.inner.deliver(&self.session, Message::Wake) {
            tracing::warn!(session = %self.session, %error, "the session goes on at the next sweep");
        }
    }
}
