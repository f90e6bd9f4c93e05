//! The requests `exec` and `exec_fate`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay_guest::{
    Answer, MAX_COMMANDS, MAX_OUTPUT_LIMIT_BYTES, MAX_STDIN_BYTES, Problem, Reply,
};
use rustix::fs::{MemfdFlags, memfd_create};

use super::outcome::Ended;
use super::program::program;
use super::run::{Watch, follow};
use super::tree::MARK;
use crate::agent::channel::{Channel, Watcher};
use crate::agent::ledger::{Attends, Ends, Fate, Found, Going};
use crate::agent::outgoing::Over;
use crate::agent::service::Service;

/// A command as the host asks for it.
pub(crate) struct Command {
    pub(crate) effect: String,
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) timeout_ms: u64,
    pub(crate) output_limit_bytes: usize,
    pub(crate) is_live: bool,
}

/// None when nobody waits for an answer any more.
pub(crate) fn exec(service: &Service, channel: &Arc<Channel>, command: &Command) -> Option<Reply> {
    if command.output_limit_bytes > MAX_OUTPUT_LIMIT_BYTES {
        let text = format!("at most {MAX_OUTPUT_LIMIT_BYTES} bytes of each output are kept");
        return Some(Err(Problem::Invalid(text)));
    }
    if let Some(run) = service.commands.get(&command.effect) {
        return attend(channel, &run, &ends(&run));
    }
    let stdin = match stdin(channel) {
        Ok(stdin) => stdin,
        Err(Refused::Over) => return None,
        Err(Refused::Problem(problem)) => return Some(Err(problem)),
    };
    let Some(_place) = Place::take(&service.running) else {
        let text = format!("{MAX_COMMANDS} commands run in the machine already");
        return Some(Err(Problem::Limit(text)));
    };
    let run = match service.commands.begin(&command.effect) {
        Ok(Found::New(run)) => run,
        Ok(Found::Known(run)) => {
            return attend(channel, &run, &ends(&run));
        }
        Ok(Found::Forgotten) => return Some(Ok(Answer::Forgotten)),
        Err(error) => return Some(Err(Problem::Broken(format!("follow a command: {error}")))),
    };
    let child = match start(service, command, stdin) {
        Ok(child) => child,
        Err(problem) => {
            service.commands.withdraw(&command.effect);
            return Some(Err(problem));
        }
    };
    channel.watch(&ends(&run));
    let watch = Watch {
        timeout: Duration::from_millis(command.timeout_ms),
        limit_bytes: command.output_limit_bytes,
        cancelled: run.cancelled(),
        mark: &command.effect,
        viewer: command.is_live.then_some(channel),
    };
    let ended = follow(&service.children, child, &watch);
    service.commands.end(&command.effect, &run, ended);
    attend(channel, &run, &attends(&run))
}

pub(crate) fn exec_fate(service: &Service, channel: &Channel, effect: &str) -> Option<Reply> {
    match service.commands.fate(effect) {
        Fate::Known(run) => attend(channel, &run, &attends(&run)),
        Fate::NotRun => Some(Ok(Answer::NotRun)),
        Fate::Forgotten => Some(Ok(Answer::Forgotten)),
    }
}

fn attend(channel: &Channel, run: &Going<Ended>, watcher: &Arc<dyn Watcher>) -> Option<Reply> {
    channel.watch(watcher);
    let ended = run.wait(channel)?;
    ended.send(channel).ok().map(Ok)
}

fn ends(run: &Arc<Going<Ended>>) -> Arc<dyn Watcher> {
    Arc::new(Ends(Arc::clone(run)))
}

fn attends(run: &Arc<Going<Ended>>) -> Arc<dyn Watcher> {
    Arc::new(Attends(Arc::clone(run)))
}

enum Refused {
    Over,
    Problem(Problem),
}

impl From<Over> for Refused {
    fn from(_: Over) -> Self {
        Self::Over
    }
}

/// All that the command will read, in a file without a name.
fn stdin(channel: &Channel) -> Result<Stdio, Refused> {
    let broken = |error: &dyn std::fmt::Display| {
        Refused::Problem(Problem::Broken(format!("keep a command's standard input: {error}")))
    };
    let Some(mut piece) = channel.read()? else { return Ok(Stdio::null()) };
    let file = memfd_create("stdin", MemfdFlags::CLOEXEC).map_err(|error| broken(&error))?;
    let mut file = File::from(file);
    let mut total = 0;
    loop {
        total += piece.len();
        if total > MAX_STDIN_BYTES {
            let text =
                format!("standard input is longer than {MAX_STDIN_BYTES} bytes; write a file");
            return Err(Refused::Problem(Problem::Limit(text)));
        }
        file.write_all(&piece).map_err(|error| broken(&error))?;
        match channel.read()? {
            Some(next) => piece = next,
            None => break,
        }
    }
    file.rewind().map_err(|error| broken(&error))?;
    Ok(file.into())
}

fn start(service: &Service, command: &Command, stdin: Stdio) -> Result<Child, Problem> {
    let mut env = service.env();
    env.extend(command.env.clone());
    env.insert(MARK.to_owned(), command.effect.clone());
    let mut program = program(&command.argv, &command.cwd, &env)?;
    program.process_group(0).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    service.children.spawn(&mut program).map_err(|error| cannot_start(&command.argv[0], &error))
}

/// Which of the many reasons it is decides who is told.
pub(crate) fn cannot_start(name: &str, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind;
    let text = format!("start `{name}` in the machine: {error}");
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::OutOfMemory => Problem::Limit(text),
        _ => Problem::Invalid(text),
    }
}

/// One of the commands that may run at once.
pub(crate) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    pub(crate) fn take(running: &'a AtomicUsize) -> Option<Self> {
        let before = running.fetch_add(1, Ordering::Relaxed);
        let place = Self(running);
        (before < MAX_COMMANDS).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
