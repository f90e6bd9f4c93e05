//! The thread that owns the model.
//!
//! Invariant: one thread, one model in memory, one call at a time; calls wait in a bounded queue. A
//! call for another model than the one in memory takes its place. A thread that is gone (the file was
//! missing, it panicked) is started again by the next call.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use llguidance::ParserFactory;
use mainstay_core::port::{ModelError, ModelErrorKind, ModelPart, ModelRequest};
use tokio::sync::{mpsc, oneshot};

use super::answer::{Answerer, Listener};
use super::engine::{Engine, LoadError, load};
use super::settings::EmbeddedSettings;
use super::vocabulary::{Vocabulary, for_grammar};

/// How many parts of an answer wait to be read.
const MAX_WAITING_PARTS: usize = 256;

/// What comes back: parts, and at most one error, which is the last.
pub(super) type Parts = mpsc::Receiver<Result<ModelPart, ModelError>>;

/// What the thread is asked, of which model.
struct Job {
    settings: Arc<EmbeddedSettings>,
    wish: Wish,
}

enum Wish {
    /// To answer.
    Answer(Box<ModelRequest>, Reader),
    /// To be ready.
    Load(oneshot::Sender<Result<(), ModelError>>),
}

/// Who reads an answer.
struct Reader(mpsc::Sender<Result<ModelPart, ModelError>>);

/// The way to the thread.
pub(super) struct Worker {
    max_waiting_calls: usize,
    queue: Mutex<Option<SyncSender<Job>>>,
}

impl Worker {
    /// Starts nothing yet.
    pub(super) fn new(max_waiting_calls: usize) -> Self {
        Self { max_waiting_calls: max_waiting_calls.max(1), queue: Mutex::new(None) }
    }

    /// Queues a call of this model.
    pub(super) fn answer(
        &self,
        settings: &Arc<EmbeddedSettings>,
        request: ModelRequest,
    ) -> Result<Parts, ModelError> {
        let (parts, received) = mpsc::channel(MAX_WAITING_PARTS);
        let wish = Wish::Answer(Box::new(request), Reader(parts));
        self.submit(Job { settings: settings.clone(), wish })?;
        Ok(received)
    }

    /// Loads this model unless it is loaded.
    pub(super) async fn load(&self, settings: &Arc<EmbeddedSettings>) -> Result<(), ModelError> {
        let (loaded, received) = oneshot::channel();
        self.submit(Job { settings: settings.clone(), wish: Wish::Load(loaded) })?;
        received.await.unwrap_or_else(|_| Err(gone()))
    }

    fn submit(&self, job: Job) -> Result<(), ModelError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match queue.as_ref() {
            Some(queue) => queue.try_send(job),
            None => Err(TrySendError::Disconnected(job)),
        };
        let Err(TrySendError::Disconnected(job)) = sent else {
            return sent.map_err(|_| self.full());
        };
        let started = start(self.max_waiting_calls)?;
        let sent = started.try_send(job);
        *queue = Some(started);
        sent.map_err(|_| gone())
    }

    fn full(&self) -> ModelError {
        let waiting = self.max_waiting_calls;
        let message = format!("{waiting} calls wait for the embedded model already");
        ModelError::new(ModelErrorKind::RateLimited, message)
    }
}

/// What a caller hears when the thread ended in the middle.
pub(super) fn gone() -> ModelError {
    ModelError::new(ModelErrorKind::Unavailable, "the embedded model stopped without an answer")
}

fn start(max_waiting_calls: usize) -> Result<SyncSender<Job>, ModelError> {
    let (queue, jobs) = sync_channel(max_waiting_calls);
    let thread = thread::Builder::new().name("embedded-model".to_owned());
    let started = thread.spawn(move || run(&jobs));
    started.map_err(|error| {
        let message = format!("start the embedded model's thread: {error}");
        ModelError::new(ModelErrorKind::Unavailable, message)
    })?;
    Ok(queue)
}

/// The thread: one model after the other, until nobody can ask any more.
fn run(jobs: &Receiver<Job>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next {
        next = serve_model(job, jobs);
    }
}

/// Loads the model that is asked for and answers, until another one is asked for. That job is
/// returned; by then the memory of this model is free.
fn serve_model(first: Job, jobs: &Receiver<Job>) -> Option<Job> {
    let settings = first.settings.clone();
    let loaded = load(&settings).and_then(|model| {
        let vocabulary = Arc::new(Vocabulary::new(model.clone()));
        let parsers = parsers(&vocabulary)?;
        Ok((model, vocabulary, parsers))
    });
    let (model, vocabulary, parsers) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return refuse(first, &error, jobs),
    };
    let engine = match Engine::new(&model, &settings) {
        Ok(engine) => engine,
        Err(error) => return refuse(first, &error, jobs),
    };
    let mut answerer =
        Answerer { engine, vocabulary, parsers, settings: settings.as_ref().clone() };
    let mut job = first;
    while job.settings == settings {
        job.serve(&mut answerer);
        job = jobs.recv().ok()?;
    }
    Some(job)
}

/// A model that is not available: whoever waits for it hears why. The next call tries again.
fn refuse(first: Job, error: &LoadError, jobs: &Receiver<Job>) -> Option<Job> {
    tracing::error!(%error, "the embedded model is not available");
    let settings = first.settings.clone();
    first.fail(error);
    loop {
        match jobs.try_recv() {
            Ok(job) if job.settings == settings => job.fail(error),
            Ok(job) => return Some(job),
            Err(TryRecvError::Empty) => return jobs.recv().ok(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

fn parsers(vocabulary: &Arc<Vocabulary>) -> Result<ParserFactory, LoadError> {
    let parsers = ParserFactory::new_simple(&for_grammar(vocabulary));
    let mut parsers =
        parsers.map_err(|error| LoadError::Vocabulary { problem: error.to_string() })?;
    // It writes to standard error unless it is told not to.
    parsers.quiet();
    Ok(parsers)
}

impl Job {
    fn serve(self, answerer: &mut Answerer<'_>) {
        match self.wish {
            Wish::Load(loaded) => {
                let _gone = loaded.send(Ok(()));
            }
            Wish::Answer(_, reader) if reader.is_gone() => {}
            Wish::Answer(request, reader) => match answerer.answer(&request, &reader) {
                Some(Ok(reply)) => reader.send(Ok(ModelPart::Done(reply))),
                Some(Err(error)) => reader.send(Err(error)),
                None => {}
            },
        }
    }

    fn fail(self, error: &LoadError) {
        let told = ModelError::new(ModelErrorKind::Invalid, error.to_string());
        match self.wish {
            Wish::Load(loaded) => {
                let _gone = loaded.send(Err(told));
            }
            Wish::Answer(_, reader) => reader.send(Err(told)),
        }
    }
}

impl Reader {
    /// Waits while the reader is slow; a reader that is gone is no failure.
    fn send(&self, part: Result<ModelPart, ModelError>) {
        let _gone = self.0.blocking_send(part);
    }
}

impl Listener for Reader {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    fn take(&self, part: ModelPart) {
        self.send(Ok(part));
    }
}
