//! What the agent has and does: each request to a thread, and to the module that knows how.
//!
//! Invariant: what touches files or starts commands runs on confined threads alone. What the machine
//! itself needs (its clock, its end) runs on the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use mainstay_guest::{Answer, Health, Problem, Reply, Request};

use super::channel::Channel;
use super::children::Children;
use super::clock::{boot_number, now};
use super::conversation::Conversation;
use super::exec::{self, Ended};
use super::files;
use super::health;
use super::interpreter::{self, CodeEnded, Interpreters, Source};
use super::ledger::Ledger;
use super::pool::Pool;
use super::presence::Presence;
use super::scan::{self, Scans};
use super::settings::Standing;
use super::terminal::{self, Wanted};
use super::{confine, init, machine};

/// Threads for commands, files and code. Channels are more, and wait.
const MAX_WORKERS: usize = 128;

/// Threads that wait for work from the start, so that a machine without room for more still answers.
const FIRST_WORKERS: usize = 2;

/// Threads for what is quick and must always be answered.
const MAX_KEEPERS: usize = 2;

/// What the kernel does not have of the confinement of commands.
static MISSING: OnceLock<String> = OnceLock::new();

pub(crate) struct Service {
    pub(crate) children: Arc<Children>,
    pub(crate) commands: Ledger<Ended>,
    pub(crate) codes: Ledger<CodeEnded>,
    pub(crate) interpreters: Interpreters,
    pub(crate) running: AtomicUsize,
    pub(crate) standing: Standing,
    scans: Mutex<Scans>,
    workers: Pool,
    keepers: Pool,
    pub(crate) is_init: bool,
    pub(crate) presence: Presence,
    current: Mutex<Option<Arc<Conversation>>>,
    boot: u64,
    started: Instant,
}

/// No thread could be had for a request.
pub(crate) struct Overwhelmed;

impl Service {
    /// Its threads give up what they must, so that what needs more is opened here.
    pub(crate) fn new(is_init: bool) -> Arc<Self> {
        let disk = is_init.then_some(Path::new(init::DISK_DEVICE));
        if is_init {
            exec::open_log();
        }
        Arc::new(Self {
            children: Arc::default(),
            commands: Ledger::new(),
            codes: Ledger::new(),
            interpreters: Interpreters::default(),
            running: AtomicUsize::new(0),
            standing: Standing::default(),
            scans: Mutex::new(Scans::new(disk)),
            workers: Pool::new("worker", FIRST_WORKERS, MAX_WORKERS, prepare_worker),
            keepers: Pool::new("keeper", MAX_KEEPERS, MAX_KEEPERS, || {}),
            is_init,
            presence: Presence::default(),
            current: Mutex::default(),
            boot: boot_number(),
            started: now(),
        })
    }

    pub(crate) fn boot(&self) -> u64 {
        self.boot
    }

    /// Variables of every command.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        self.standing.env()
    }

    /// The conversation that is going on.
    pub(crate) fn conversation(&self) -> Option<Arc<Conversation>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn joined(&self, conversation: &Arc<Conversation>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::clone(conversation));
        self.presence.joined();
    }

    pub(crate) fn left(&self, conversation: &Arc<Conversation>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|current| Arc::ptr_eq(current, conversation));
        self.presence.left();
    }

    /// Has a request done.
    pub(crate) fn take(
        self: &Arc<Self>,
        conversation: Arc<Conversation>,
        channel: Arc<Channel>,
        request: Result<Request, Problem>,
    ) -> Result<(), Overwhelmed> {
        let service = Arc::clone(self);
        let is_quick = matches!(
            request,
            Err(_)
                | Ok(Request::Configure(_) | Request::Health | Request::Reset | Request::Shutdown)
        );
        let pool = if is_quick { &self.keepers } else { &self.workers };
        let job = move || {
            let reply = match request {
                Ok(request) => service.answer(&channel, request),
                Err(problem) => Some(Err(problem)),
            };
            conversation.remove(channel.id());
            let nobody = || Problem::Invalid("the host has closed the channel".to_owned());
            channel.finish(reply.unwrap_or_else(|| Err(nobody())));
        };
        if pool.run(job) { Ok(()) } else { Err(Overwhelmed) }
    }

    /// None when nobody waits for an answer any more.
    fn answer(&self, channel: &Arc<Channel>, request: Request) -> Option<Reply> {
        match request {
            Request::Configure(settings) => {
                let reply = self.standing.configure(settings, self.is_init);
                self.interpreters.reseed();
                Some(reply)
            }
            Request::Health => Some(Ok(Answer::Health(self.health()))),
            Request::Reset => {
                self.commands.cancel_all();
                self.codes.cancel_all();
                self.interpreters.end_all(self);
                Some(Ok(Answer::Done))
            }
            Request::Shutdown => machine::end(self.is_init),
            Request::Exec { effect, argv, cwd, env, timeout_ms, output_limit_bytes, is_live } => {
                let command = exec::Command {
                    effect,
                    argv,
                    cwd,
                    env,
                    timeout_ms,
                    output_limit_bytes,
                    is_live,
                };
                exec::exec(self, channel, &command)
            }
            Request::ExecFate { effect } => exec::exec_fate(self, channel, &effect),
            Request::ReadFile { path, offset, limit_bytes } => {
                files::read(channel, &path, offset, limit_bytes)
            }
            Request::WriteFile { path, mode, modified_ns } => {
                files::write(channel, &files::Target { path: &path, mode, modified_ns })
            }
            Request::ListFiles { folder, is_recursive, after, limit_count } => {
                files::list(channel, &folder, is_recursive, after.as_deref(), limit_count)
            }
            Request::Remove { path } => Some(files::remove(&path)),
            Request::MakeFolder { path, mode } => Some(files::make_folder(&path, mode)),
            Request::MakeLink { path, target } => Some(files::make_link(&path, &target)),
            Request::Scan { since } => scan::scan(&self.scans, channel, since),
            Request::Code { effect, language, source, timeout_ms, output_limit_bytes, is_live } => {
                let source = Source {
                    effect,
                    language,
                    text: source,
                    timeout_ms,
                    output_limit_bytes,
                    is_live,
                };
                interpreter::code(self, channel, &source)
            }
            Request::CodeFate { effect } => interpreter::code_fate(self, channel, &effect),
            Request::Warm { language } => Some(interpreter::warm(self, language)),
            Request::Terminal { argv, cwd, env, columns, rows } => {
                let wanted = Wanted { argv, cwd, env, columns, rows };
                Some(terminal::terminal(self, channel, &wanted))
            }
        }
    }

    /// Has a confined thread do it.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.workers.run(job)
    }

    fn health(&self) -> Health {
        let running = self.running.load(Ordering::Relaxed);
        health::health(self.started, running, MISSING.get().cloned())
    }
}

fn prepare_worker() {
    match confine::confine_thread() {
        Ok(None) => {}
        Ok(Some(missing)) => {
            let _ = MISSING.set(missing);
        }
        Err(reason) => machine::die(&reason),
    }
}
