//! Threads that do what the host asks.
//!
//! Invariant: a bounded number of threads and, because channels are bounded, of what waits for one. A
//! thread that cannot be started is no error while another lives: the work waits for that one. What the
//! first gives up, all others give up with it: they are started by it or by one that it started, so that
//! to the kernel they are one domain, and what one of them starts may look at what another did.

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
    first: usize,
    max_threads: usize,
    prepare: fn(),
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    busy: usize,
}

impl Pool {
    /// The first thread begins with `prepare`. `first` of them are started at once.
    pub(crate) fn new(name: &'static str, first: usize, max_threads: usize, prepare: fn()) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { name, first, max_threads, prepare, state, changed });
        if first > 0 {
            shared.add_first();
        }
        Self { shared }
    }

    /// Has a thread do it; false when there is none and none can be started.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.shared.lock().jobs.push_back(Box::new(job));
        self.shared.changed.notify_one();
        self.shared.add_first();
        let mut state = self.shared.lock();
        if state.threads == 0 {
            state.jobs.pop_back();
            return false;
        }
        true
    }
}

impl Shared {
    /// Starts a thread if there is none.
    fn add_first(self: &Arc<Self>) {
        self.add(|state| state.threads == 0, |shared| (shared.prepare)());
    }

    /// Starts one beside the calling thread where all are at work: it is what that one is.
    fn add_spare(self: &Arc<Self>) {
        let (first, most) = (self.first, self.max_threads);
        let is_wanted = |state: &State| {
            (state.threads < first || state.threads == state.busy) && state.threads < most
        };
        self.add(is_wanted, |_| {});
    }

    fn add(self: &Arc<Self>, is_wanted: impl Fn(&State) -> bool, begin: fn(&Self)) {
        {
            let mut state = self.lock();
            if !is_wanted(&state) {
                return;
            }
            state.threads += 1;
        }
        let shared = Arc::clone(self);
        let work = move || {
            begin(&shared);
            shared.work();
        };
        let builder = Builder::new().name(self.name.to_owned()).stack_size(STACK_BYTES);
        if builder.spawn(work).is_err() {
            self.lock().threads -= 1;
        }
    }

    fn work(self: &Arc<Self>) {
        self.add_spare();
        loop {
            let job = self.next();
            self.add_spare();
            job();
            self.lock().busy -= 1;
        }
    }

    fn next(&self) -> Job {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.busy += 1;
                return job;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
