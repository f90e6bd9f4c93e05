//! Which sessions have a task, and how to reach it.
//!
//! Invariant: at most one task per session in this process. A message is put into a mailbox under
//! the lock under which a task leaves, so that none is lost in between.

use std::collections::BTreeMap;
use std::sync::Mutex;

use mainstay_core::effect::EffectAnswer;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, EffectId, ErrorCode, Seq, SessionId};
use tokio::sync::{mpsc, oneshot};

use crate::parking::{Parking, Resting};
use crate::submit::{Accepted, Idempotency};
use crate::surge::Place;

/// How many messages wait for one session.
pub(crate) const MAILBOX_LIMIT_COUNT: usize = 256;

/// A message to a session's task.
pub(crate) enum Message {
    /// Somebody commands.
    Submit(Box<Submit>),
    /// The world answered.
    Answer { effect: EffectId, attempt: u32, answer: EffectAnswer, place: Option<Place> },
    /// Look at what is due, or that the engine stops.
    Wake,
}

/// See [`Message::Submit`].
pub(crate) struct Submit {
    pub(crate) principal: std::sync::Arc<str>,
    pub(crate) commands: Vec<Command>,
    pub(crate) idempotency: Option<(String, Idempotency)>,
    pub(crate) reply: oneshot::Sender<Result<Accepted, ApiError>>,
}

impl Submit {
    pub(crate) fn accept(self, session: SessionId, first_seq: Seq, seq: Seq, replayed: bool) {
        // A caller that went away has its answer in the journal.
        let _ = self.reply.send(Ok(Accepted { session, first_seq, seq, replayed }));
    }

    pub(crate) fn refuse(self, error: ApiError) {
        let _ = self.reply.send(Err(error));
    }
}

/// What a new task starts from.
pub(crate) struct Activation {
    pub(crate) mailbox: mpsc::Receiver<Message>,
    pub(crate) sender: mpsc::Sender<Message>,
    pub(crate) parked: Option<Box<Resting>>,
}

pub(crate) struct Registry {
    inner: Mutex<Inner>,
}

struct Inner {
    tasks: BTreeMap<SessionId, mpsc::Sender<Message>>,
    parking: Parking,
    is_closed: bool,
}

impl Registry {
    pub(crate) fn new(parked_cache_bytes: u64) -> Self {
        let parking = Parking::new(parked_cache_bytes);
        Self { inner: Mutex::new(Inner { tasks: BTreeMap::new(), parking, is_closed: false }) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no code panics while it holds the registry")
    }

    /// Gives a message to a session's task. When it has none, what a new task needs is answered,
    /// with the message already in its mailbox.
    pub(crate) fn send(
        &self,
        session: &SessionId,
        message: Message,
    ) -> Result<Option<Activation>, ApiError> {
        self.send_on(session, message, |parking| parking.take(session))
    }

    /// Gives its first message to a session of which nothing is in the store.
    pub(crate) fn send_first(
        &self,
        session: &SessionId,
        message: Message,
    ) -> Result<Option<Activation>, ApiError> {
        let unwritten = || Box::new(Resting::unwritten(session.as_str().into()));
        self.send_on(session, message, |_| Some(unwritten()))
    }

    fn send_on(
        &self,
        session: &SessionId,
        message: Message,
        resting: impl FnOnce(&mut Parking) -> Option<Box<Resting>>,
    ) -> Result<Option<Activation>, ApiError> {
        let mut inner = self.lock();
        if inner.is_closed {
            let error = ApiError::new(ErrorCode::ShuttingDown, "the server is stopping");
            return Err(error);
        }
        if let Some(sender) = inner.tasks.get(session) {
            match sender.try_send(message) {
                Ok(()) => return Ok(None),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let text = format!("{MAILBOX_LIMIT_COUNT} messages wait for session {session}");
                    return Err(ApiError::new(ErrorCode::Overloaded, text));
                }
                // A task that ended without leaving (it was dropped): start another.
                Err(mpsc::error::TrySendError::Closed(message)) => {
                    return Ok(Some(inner.activate(session, message, resting)));
                }
            }
        }
        Ok(Some(inner.activate(session, message, resting)))
    }

    /// Whether a session has a task.
    pub(crate) fn is_active(&self, session: &SessionId) -> bool {
        self.lock().tasks.contains_key(session)
    }

    /// A task leaves, unless a message came meanwhile.
    pub(crate) fn leave(
        &self,
        session: &SessionId,
        mailbox: &mpsc::Receiver<Message>,
        park: impl FnOnce() -> Option<Resting>,
    ) -> bool {
        let mut inner = self.lock();
        if !mailbox.is_empty() && !inner.is_closed {
            return false;
        }
        inner.tasks.remove(session);
        if let Some(resting) = park() {
            inner.parking.park(session.clone(), resting);
        }
        true
    }

    /// A task is gone, whatever was in its mailbox.
    pub(crate) fn remove(&self, session: &SessionId) {
        self.lock().tasks.remove(session);
    }

    /// No more messages; every task is told to stop.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        for sender in inner.tasks.values() {
            // Whoever reads a full mailbox sees soon enough that the engine stops.
            let _ = sender.try_send(Message::Wake);
        }
    }

    /// Tasks, parked states.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.tasks.len() as u64, inner.parking.len() as u64)
    }
}

impl Inner {
    fn activate(
        &mut self,
        session: &SessionId,
        message: Message,
        resting: impl FnOnce(&mut Parking) -> Option<Box<Resting>>,
    ) -> Activation {
        let (sender, mailbox) = mpsc::channel(MAILBOX_LIMIT_COUNT);
        let sent = sender.try_send(message);
        debug_assert!(sent.is_ok(), "a new mailbox has room");
        self.tasks.insert(session.clone(), sender.clone());
        Activation { mailbox, sender, parked: resting(&mut self.parking) }
    }
}
