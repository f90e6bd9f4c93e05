//! What became of the commands and the code that ran, by the ids of their effects.
//!
//! Invariant: under one id nothing runs twice, as long as its id is kept. What is kept is bounded: of the
//! oldest the outputs go first, then how they ended, and long after that their ids; from then on nobody is
//! told of any id that it was not run. Deliberately absent: a disk; a machine that is made again has seen
//! nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use super::channel::{Channel, Watcher};

/// Outputs of ended ones.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Ended ones whose end is known.
const MAX_KEPT_COUNT: usize = 4096;

/// Ended ones of which no more than the id is known.
const MAX_IDS_COUNT: usize = 65_536;

/// An outcome that can lose its outputs.
pub(crate) trait Outcome: Send + Sync + 'static {
    /// How much memory its outputs take.
    fn kept_bytes(&self) -> usize;
    /// The same without them.
    fn without_outputs(&self) -> Self;
}

/// One that runs or has ended.
pub(crate) struct Going<T> {
    cancel: OwnedFd,
    outcome: Mutex<Option<Arc<T>>>,
    changed: Condvar,
}

impl<T: Outcome> Going<T> {
    fn new() -> rustix::io::Result<Self> {
        let cancel = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { cancel, outcome: Mutex::default(), changed: Condvar::new() })
    }

    /// Becomes readable when it is to end.
    pub(crate) fn cancelled(&self) -> BorrowedFd<'_> {
        self.cancel.as_fd()
    }

    pub(crate) fn cancel(&self) {
        let _ = rustix::io::write(&self.cancel, &1_u64.to_ne_bytes());
    }

    pub(crate) fn end(&self, outcome: T) {
        *self.lock() = Some(Arc::new(outcome));
        self.changed.notify_all();
    }

    /// Waits for the end; none when nobody waits on the channel any more.
    pub(crate) fn wait(&self, channel: &Channel) -> Option<Arc<T>> {
        let mut outcome = self.lock();
        loop {
            if let Some(outcome) = &*outcome {
                return Some(Arc::clone(outcome));
            }
            if channel.is_over() {
                return None;
            }
            outcome = self.changed.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the run when its channel is closed.
pub(crate) struct Ends<T>(pub(crate) Arc<Going<T>>);

impl<T: Outcome> Watcher for Ends<T> {
    fn closed(&self) {
        self.0.cancel();
        self.left();
    }

    fn left(&self) {
        // Taken and given back, so that who has looked and not begun to wait is not missed.
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

/// Wakes who waits for the run, and lets it go on.
pub(crate) struct Attends<T>(pub(crate) Arc<Going<T>>);

impl<T: Outcome> Watcher for Attends<T> {
    fn closed(&self) {
        self.left();
    }

    fn left(&self) {
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

/// The runs of one kind.
pub(crate) struct Ledger<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    runs: HashMap<String, Arc<Going<T>>>,
    /// Those of which no more is known, and the same in the order in which they ended.
    ids: HashSet<Arc<str>>,
    ids_by_age: VecDeque<Arc<str>>,
    /// Whether an id was given up.
    has_lost_ids: bool,
    ended: VecDeque<String>,
    with_outputs: VecDeque<(String, usize)>,
    kept_bytes: usize,
}

/// What an id is.
pub(crate) enum Found<T> {
    /// It was never seen; it is to be run and ended with [`Ledger::end`].
    New(Arc<Going<T>>),
    /// It runs or has ended.
    Known(Arc<Going<T>>),
    /// It ended, and nobody knows how any more.
    Forgotten,
}

/// What is known of an id that runs nothing.
pub(crate) enum Fate<T> {
    /// It runs or has ended.
    Known(Arc<Going<T>>),
    /// It was never seen.
    NotRun,
    /// It may have been seen, long ago.
    Forgotten,
}

impl<T: Outcome> Ledger<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            runs: HashMap::new(),
            ids: HashSet::new(),
            ids_by_age: VecDeque::new(),
            has_lost_ids: false,
            ended: VecDeque::new(),
            with_outputs: VecDeque::new(),
            kept_bytes: 0,
        };
        Self { state: Mutex::new(state) }
    }

    pub(crate) fn get(&self, effect: &str) -> Option<Arc<Going<T>>> {
        self.lock().runs.get(effect).cloned()
    }

    /// What became of an id.
    pub(crate) fn fate(&self, effect: &str) -> Fate<T> {
        let state = self.lock();
        match state.runs.get(effect) {
            Some(run) => Fate::Known(Arc::clone(run)),
            None if state.has_lost_ids || state.ids.contains(effect) => Fate::Forgotten,
            None => Fate::NotRun,
        }
    }

    pub(crate) fn begin(&self, effect: &str) -> rustix::io::Result<Found<T>> {
        let mut state = self.lock();
        if let Some(run) = state.runs.get(effect) {
            return Ok(Found::Known(Arc::clone(run)));
        }
        if state.ids.contains(effect) {
            return Ok(Found::Forgotten);
        }
        let run = Arc::new(Going::new()?);
        state.runs.insert(effect.to_owned(), Arc::clone(&run));
        Ok(Found::New(run))
    }

    /// It could not be started: as if it had not been seen.
    pub(crate) fn withdraw(&self, effect: &str) {
        self.lock().runs.remove(effect);
    }

    pub(crate) fn end(&self, effect: &str, run: &Going<T>, outcome: T) {
        let bytes = outcome.kept_bytes();
        run.end(outcome);
        let mut state = self.lock();
        state.ended.push_back(effect.to_owned());
        state.with_outputs.push_back((effect.to_owned(), bytes));
        state.kept_bytes += bytes;
        while state.kept_bytes > MAX_KEPT_BYTES && state.with_outputs.len() > 1 {
            let Some((oldest, bytes)) = state.with_outputs.pop_front() else { break };
            state.kept_bytes -= bytes;
            if let Some(run) = state.runs.get(&oldest) {
                let mut outcome = run.lock();
                let bare = outcome.as_ref().map(|outcome| Arc::new(outcome.without_outputs()));
                *outcome = bare;
            }
        }
        while state.ended.len() > MAX_KEPT_COUNT {
            state.forget_oldest();
        }
    }

    /// Ends all that run.
    pub(crate) fn cancel_all(&self) {
        for run in self.lock().runs.values() {
            run.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Of the one that ended first only the id is kept.
    fn forget_oldest(&mut self) {
        let Some(oldest) = self.ended.pop_front() else { return };
        self.runs.remove(&oldest);
        if self.with_outputs.front().is_some_and(|(effect, _)| *effect == oldest)
            && let Some((_, bytes)) = self.with_outputs.pop_front()
        {
            self.kept_bytes -= bytes;
        }
        let id: Arc<str> = oldest.into();
        self.ids.insert(Arc::clone(&id));
        self.ids_by_age.push_back(id);
        if self.ids_by_age.len() > MAX_IDS_COUNT
            && let Some(lost) = self.ids_by_age.pop_front()
        {
            self.ids.remove(&lost);
            self.has_lost_ids = true;
        }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
