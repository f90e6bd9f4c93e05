//! Which calls were sent to machines, as the host knows it.
//!
//! Invariant: a call is written down as sent before its machine can see it. So one that was asked for and
//! never sent did not run, whatever has become of the machine. Nothing is flushed: a line outlives this
//! process, and counts as long as the host has not started anew. Deliberately absent: what became of calls
//! that were sent (their agents know), and calls of other hosts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mainstay_protocol::{EffectId, SessionId};

use super::record;

/// The folder beside the machines' own.
const FOLDER: &str = ".calls";
/// The file of a session is cut to its newer half beyond this: what is old has an outcome.
const LIMIT_BYTES: u64 = 64 * 1024;
/// What says which start of the host this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Asked,
    Sent,
}

/// The calls of all sessions.
#[derive(Debug)]
pub(super) struct Calls {
    folder: PathBuf,
    /// Unknown on a host that does not say.
    boot: Option<String>,
    /// Held while a line is written: one written into a file that is just being cut would be lost, and
    /// a call that was sent would count as unsent.
    writing: Mutex<()>,
}

impl Calls {
    pub(super) fn new(machines: &Path) -> Self {
        let boot = fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned());
        Self { folder: machines.join(FOLDER), boot, writing: Mutex::default() }
    }

    /// Which start of the host this is.
    pub(super) fn boot(&self) -> Option<&str> {
        self.boot.as_deref()
    }

    /// A call waits for its machine.
    pub(super) fn asked(&self, session: &SessionId, effect: &EffectId) -> io::Result<()> {
        self.note(session, Step::Asked, effect)
    }

    /// A call is about to be seen by its machine.
    pub(super) fn sent(&self, session: &SessionId, effect: &EffectId) -> io::Result<()> {
        self.note(session, Step::Sent, effect)
    }

    /// Whether a call surely never reached a machine.
    pub(super) fn is_unsent(&self, session: &SessionId, effect: &EffectId) -> bool {
        let Some(boot) = &self.boot else { return false };
        let Ok(text) = fs::read_to_string(self.file(session)) else { return false };
        let lines = || text.lines().filter_map(read).filter(|(_, _, of)| *of == effect.as_str());
        lines().any(|(step, at, _)| step == Step::Asked && at == boot)
            && lines().all(|(step, _, _)| step == Step::Asked)
    }

    /// A session is gone.
    pub(super) fn forget(&self, session: &SessionId) -> io::Result<()> {
        match fs::remove_file(self.file(session)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn file(&self, session: &SessionId) -> PathBuf {
        record::folder(&self.folder, session)
    }

    fn note(&self, session: &SessionId, step: Step, effect: &EffectId) -> io::Result<()> {
        let Some(boot) = &self.boot else { return Ok(()) };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.file(session);
        let open = || OpenOptions::new().create(true).append(true).open(&path);
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.folder)?;
                open()?
            }
            other => other?,
        };
        let word = match step {
            Step::Asked => "asked",
            Step::Sent => "sent",
        };
        // What a full disk cut off stays a line of its own.
        file.write_all(format!("\n{word} {boot} {effect}\n").as_bytes())?;
        if file.metadata()?.len() > LIMIT_BYTES {
            shorten(&path)?;
        }
        Ok(())
    }
}

/// A line's step, start of the host, and effect.
fn read(line: &str) -> Option<(Step, &str, &str)> {
    let (word, rest) = line.split_once(' ')?;
    let (boot, effect) = rest.split_once(' ')?;
    let step = match word {
        "asked" => Step::Asked,
        "sent" => Step::Sent,
        _ => return None,
    };
    Some((step, boot, effect))
}

/// Keeps the newer half of a file.
fn shorten(path: &Path) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let cut = text.len() / 2;
    let begin = text[cut..].find('\n').map_or(text.len(), |at| cut + at + 1);
    let draft = path.with_extension("new");
    fs::write(&draft, &text[begin..])?;
    fs::rename(draft, path)
}
