//! Threads that do what the host asks.
//!
//! Invariant: a bounded number of threads and, because channels are bounded, of what waits for one. A
//! thread that cannot be started is no error while another lives: the work waits for that one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

const STACK_BYTES: usize = 512 * 1024;

type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    max_threads: usize,
    prepare: fn(),
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// Each thread begins with `prepare`. `first` of them are started at once.
    pub(crate) fn new(name: &'static str, first: usize, max_threads: usize, prepare: fn()) -> Self {
        let shared =
            Shared { name, max_threads, prepare, state: Mutex::default(), changed: Condvar::new() };
        let pool = Self { shared: Arc::new(shared) };
        for _ in 0..first {
            pool.add_thread();
        }
        pool
    }

    /// Has a thread do it; false when there is none and none can be started.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let needs_thread = {
            let mut state = self.lock();
            state.jobs.push_back(Box::new(job));
            state.jobs.len() > state.idle && state.threads < self.shared.max_threads
        };
        self.shared.changed.notify_one();
        if needs_thread && !self.add_thread() && self.lock().threads == 0 {
            self.lock().jobs.pop_back();
            return false;
        }
        true
    }

    fn add_thread(&self) -> bool {
        self.lock().threads += 1;
        let shared = Arc::clone(&self.shared);
        let started = Builder::new()
            .name(shared.name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || shared.work());
        if started.is_err() {
            self.lock().threads -= 1;
        }
        started.is_ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn work(&self) {
        (self.prepare)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            } else {
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}
