//! The requests `code`, `code_fate` and `warm`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay_guest::{
    Answer, CodeDone, CodePart, Language, MAX_OUTPUT_LIMIT_BYTES, Problem, Reply,
};

use super::cell::{Cell, CellBounds, CellEnd, run};
use super::process::Process;
use crate::agent::channel::{Channel, Watcher};
use crate::agent::clock::{millis, now};
use crate::agent::exec::Place;
use crate::agent::ledger::{Attends, Ends, Fate, Found, Going, Outcome};
use crate::agent::service::Service;

/// The interpreters that wait for code or run it: one of each language, one code at a time.
#[derive(Default)]
pub(crate) struct Interpreters {
    slots: Mutex<HashMap<Language, Slot>>,
}

type Slot = Arc<Mutex<Option<Process>>>;

impl Interpreters {
    fn slot(&self, language: Language) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(language).or_default())
    }

    /// Has those that wait draw fresh randomness: a copy of this machine has the same as it.
    pub(crate) fn reseed(&self) {
        for slot in self.waiting() {
            if let Ok(mut slot) = slot.try_lock()
                && let Some(process) = slot.as_mut()
            {
                process.reseed();
            }
        }
    }

    /// Ends those that wait; those that run code end with it.
    pub(crate) fn end_all(&self, service: &Service) {
        for slot in self.waiting() {
            if let Some(process) = slot.try_lock().ok().and_then(|mut slot| slot.take()) {
                process.kill(service);
            }
        }
    }

    fn waiting(&self) -> Vec<Slot> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.values().cloned().collect()
    }
}

/// Code as the host asks for it.
pub(crate) struct Source {
    pub(crate) effect: String,
    pub(crate) language: Language,
    pub(crate) text: String,
    pub(crate) timeout_ms: u64,
    pub(crate) output_limit_bytes: usize,
    pub(crate) is_live: bool,
}

/// What code left.
pub(crate) struct CodeEnded {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    error: Option<String>,
    parts: Vec<(String, Vec<u8>)>,
    is_fresh: bool,
    duration_ms: u64,
}

impl Outcome for CodeEnded {
    fn kept_bytes(&self) -> usize {
        let parts: usize = self.parts.iter().map(|(_, data)| data.len()).sum();
        self.stdout.len() + self.stderr.len() + parts
    }

    fn without_outputs(&self) -> Self {
        Self {
            stdout: b"[left out: the machine had no room to keep it]".to_vec(),
            stderr: Vec::new(),
            error: self.error.clone(),
            parts: Vec::new(),
            is_fresh: self.is_fresh,
            duration_ms: self.duration_ms,
        }
    }
}

/// None when nobody waits for an answer any more.
pub(crate) fn code(service: &Service, channel: &Arc<Channel>, source: &Source) -> Option<Reply> {
    if source.output_limit_bytes > MAX_OUTPUT_LIMIT_BYTES {
        let text = format!("at most {MAX_OUTPUT_LIMIT_BYTES} bytes of each output are kept");
        return Some(Err(Problem::Invalid(text)));
    }
    let run = match service.codes.begin(&source.effect) {
        Ok(Found::New(run)) => run,
        Ok(Found::Known(run)) => return attend(channel, &run, &ends(&run)),
        Ok(Found::Forgotten) => return Some(Ok(Answer::Forgotten)),
        Err(error) => return Some(Err(Problem::Broken(format!("follow code: {error}")))),
    };
    channel.watch(&ends(&run));
    match perform(service, channel, source, &run) {
        Ok(ended) => service.codes.end(&source.effect, &run, ended),
        Err(problem) => {
            service.codes.withdraw(&source.effect);
            return Some(Err(problem));
        }
    }
    attend(channel, &run, &attends(&run))
}

pub(crate) fn code_fate(service: &Service, channel: &Channel, effect: &str) -> Option<Reply> {
    match service.codes.fate(effect) {
        Fate::Known(run) => attend(channel, &run, &attends(&run)),
        Fate::NotRun => Some(Ok(Answer::NotRun)),
        Fate::Forgotten => Some(Ok(Answer::Forgotten)),
    }
}

pub(crate) fn warm(service: &Service, language: Language) -> Reply {
    let slot = service.interpreters.slot(language);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.as_ref().is_none_or(|process| !process.has_run) {
        let mut process = match slot.take() {
            Some(process) => process,
            None => Process::start(service, language)?,
        };
        // Runs nothing, so what it loads for the first code is loaded, and it has no variables yet.
        let nothing = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)
            .map_err(|error| Problem::Broken(format!("warm an interpreter: {error}")))?;
        let bounds = CellBounds {
            timeout: Duration::from_millis(WARM_TIMEOUT_MS),
            limit_bytes: MAX_COMPLAINT_BYTES,
            cancelled: std::os::fd::AsFd::as_fd(&nothing),
            viewer: None,
        };
        let cell = run(service, &mut process, "None", &bounds);
        if !matches!(cell.end, CellEnd::Answered(_)) {
            let status = process.kill(service);
            let (complaint, _) = cell.stderr.finish();
            let text = String::from_utf8_lossy(&complaint).into_owned();
            return Err(Problem::Broken(format!("warm an interpreter: {status}: {text}")));
        }
        process.has_run = false;
        *slot = Some(process);
    }
    Ok(Answer::Done)
}

const WARM_TIMEOUT_MS: u64 = 60_000;
const MAX_COMPLAINT_BYTES: usize = 4096;

fn ends(run: &Arc<Going<CodeEnded>>) -> Arc<dyn Watcher> {
    Arc::new(Ends(Arc::clone(run)))
}

fn attends(run: &Arc<Going<CodeEnded>>) -> Arc<dyn Watcher> {
    Arc::new(Attends(Arc::clone(run)))
}

fn attend(channel: &Channel, run: &Going<CodeEnded>, watcher: &Arc<dyn Watcher>) -> Option<Reply> {
    channel.watch(watcher);
    let ended = run.wait(channel)?;
    channel.write(&ended.stdout).ok()?;
    channel.write(&ended.stderr).ok()?;
    if let Some(error) = &ended.error {
        channel.write(error.as_bytes()).ok()?;
    }
    for (_, data) in &ended.parts {
        channel.write(data).ok()?;
    }
    let part = |(media_type, data): &(String, Vec<u8>)| CodePart {
        media_type: media_type.clone(),
        size_bytes: data.len(),
    };
    Some(Ok(Answer::Code(CodeDone {
        stdout_bytes: ended.stdout.len(),
        stderr_bytes: ended.stderr.len(),
        error_bytes: ended.error.as_ref().map(String::len),
        parts: ended.parts.iter().map(part).collect(),
        is_fresh: ended.is_fresh,
        duration_ms: ended.duration_ms,
    })))
}

fn perform(
    service: &Service,
    channel: &Channel,
    source: &Source,
    run_of: &Going<CodeEnded>,
) -> Result<CodeEnded, Problem> {
    let slot = service.interpreters.slot(source.language);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let _place = Place::take(&service.running)
        .ok_or_else(|| Problem::Limit("too many commands run in the machine already".to_owned()))?;
    let started = now();
    let mut process = match slot.take() {
        Some(process) => process,
        None => Process::start(service, source.language)?,
    };
    let is_fresh = !process.has_run;
    let bounds = CellBounds {
        timeout: Duration::from_millis(source.timeout_ms),
        limit_bytes: source.output_limit_bytes,
        cancelled: run_of.cancelled(),
        viewer: source.is_live.then_some(channel),
    };
    let Cell { stdout, stderr, end } = run(service, &mut process, &source.text, &bounds);
    let over = format!("the code ran longer than {} ms or was called off", source.timeout_ms);
    let (error, parts) = match end {
        CellEnd::Answered(answer) => {
            *slot = Some(process);
            (answer.error, answer.parts)
        }
        CellEnd::Interrupted(answer) => {
            *slot = Some(process);
            let shown = answer.error.unwrap_or_default();
            (
                Some(format!("{shown}\n{over}, and was interrupted; variables are kept")),
                answer.parts,
            )
        }
        CellEnd::Deaf => {
            process.kill(service);
            let text = format!(
                "{over}, and did not stop when it was interrupted; the interpreter was ended and its variables are gone"
            );
            (Some(text), Vec::new())
        }
        CellEnd::Gone => {
            let status = process.kill(service);
            let text = format!("the interpreter ended ({status}) and its variables are gone");
            (Some(text), Vec::new())
        }
        CellEnd::Nonsense(what) => {
            process.kill(service);
            let text = format!(
                "the interpreter's answer makes no sense ({what}); it was ended and its variables are gone"
            );
            (Some(text), Vec::new())
        }
    };
    let (stdout, stderr) = (cut(stdout.finish()), cut(stderr.finish()));
    let duration_ms = millis(now().duration_since(started));
    Ok(CodeEnded { stdout, stderr, error, parts, is_fresh, duration_ms })
}

/// An output whose middle is left out says so where it was.
fn cut((mut kept, omitted): (Vec<u8>, u64)) -> Vec<u8> {
    if omitted > 0 {
        let middle = kept.len() / 2;
        let note = format!("\n[{omitted} bytes left out]\n");
        kept.splice(middle..middle, note.into_bytes());
    }
    kept
}
