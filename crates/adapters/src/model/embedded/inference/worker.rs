//! The thread that owns the model.
//!
//! Invariant: one model, one thread, one call at a time; calls wait in a bounded queue. A thread that
//! is gone (the file was missing, it panicked) is started again by the next call.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
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

/// What the thread is asked.
enum Job {
    /// To answer.
    Answer(Box<ModelRequest>, Reader),
    /// To be ready.
    Load(oneshot::Sender<Result<(), ModelError>>),
}

/// Who reads an answer.
struct Reader(mpsc::Sender<Result<ModelPart, ModelError>>);

/// The way to the thread.
pub(super) struct Worker {
    settings: EmbeddedSettings,
    queue: Mutex<Option<SyncSender<Job>>>,
}

impl Worker {
    /// Starts nothing yet.
    pub(super) fn new(settings: EmbeddedSettings) -> Self {
        Self { settings, queue: Mutex::new(None) }
    }

    /// Queues a call.
    pub(super) fn answer(&self, request: ModelRequest) -> Result<Parts, ModelError> {
        let (parts, received) = mpsc::channel(MAX_WAITING_PARTS);
        self.submit(Job::Answer(Box::new(request), Reader(parts)))?;
        Ok(received)
    }

    /// Loads the model unless it is loaded.
    pub(super) async fn load(&self) -> Result<(), ModelError> {
        let (loaded, received) = oneshot::channel();
        self.submit(Job::Load(loaded))?;
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
        let started = start(self.settings.clone())?;
        let sent = started.try_send(job);
        *queue = Some(started);
        sent.map_err(|_| gone())
    }

    fn full(&self) -> ModelError {
        let waiting = self.settings.max_waiting_calls;
        let message = format!("{waiting} calls wait for the embedded model already");
        ModelError::new(ModelErrorKind::RateLimited, message)
    }
}

/// What a caller hears when the thread ended in the middle.
pub(super) fn gone() -> ModelError {
    ModelError::new(ModelErrorKind::Unavailable, "the embedded model stopped without an answer")
}

fn start(settings: EmbeddedSettings) -> Result<SyncSender<Job>, ModelError> {
    let (queue, jobs) = sync_channel(settings.max_waiting_calls.max(1));
    let thread = thread::Builder::new().name("embedded-model".to_owned());
    let started = thread.spawn(move || run(&settings, &jobs));
    started.map_err(|error| {
        let message = format!("start the embedded model's thread: {error}");
        ModelError::new(ModelErrorKind::Unavailable, message)
    })?;
    Ok(queue)
}

/// The thread: until nobody can ask any more.
fn run(settings: &EmbeddedSettings, jobs: &Receiver<Job>) {
    let Err(error) = load_and_serve(settings, jobs) else { return };
    tracing::error!(%error, "the embedded model is not available");
    // Whoever waits hears why; whoever comes later starts the next thread.
    while let Ok(job) = jobs.try_recv() {
        job.fail(&error);
    }
}

fn load_and_serve(settings: &EmbeddedSettings, jobs: &Receiver<Job>) -> Result<(), LoadError> {
    let Ok(first) = jobs.recv() else { return Ok(()) };
    let model = match load(settings) {
        Ok(model) => model,
        Err(error) => {
            first.fail(&error);
            return Err(error);
        }
    };
    let vocabulary = Arc::new(Vocabulary::new(model.clone()));
    let made = Engine::new(&model, settings).and_then(|engine| Ok((engine, parsers(&vocabulary)?)));
    let (engine, parsers) = match made {
        Ok(made) => made,
        Err(error) => {
            first.fail(&error);
            return Err(error);
        }
    };
    let mut answerer = Answerer { engine, vocabulary, parsers, settings: settings.clone() };
    first.serve(&mut answerer);
    while let Ok(job) = jobs.recv() {
        job.serve(&mut answerer);
    }
    Ok(())
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
        match self {
            Self::Load(loaded) => {
                let _gone = loaded.send(Ok(()));
            }
            Self::Answer(_, reader) if reader.is_gone() => {}
            Self::Answer(request, reader) => match answerer.answer(&request, &reader) {
                Some(Ok(reply)) => reader.send(Ok(ModelPart::Done(reply))),
                Some(Err(error)) => reader.send(Err(error)),
                None => {}
            },
        }
    }

    fn fail(self, error: &LoadError) {
        let told = ModelError::new(ModelErrorKind::Invalid, error.to_string());
        match self {
            Self::Load(loaded) => {
                let _gone = loaded.send(Err(told));
            }
            Self::Answer(_, reader) => reader.send(Err(told)),
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
