//! What is written down of a machine in its folder, before anything of it exists.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mainstay_core::port::{Checkpoint, Readiness, SandboxSpec};
use mainstay_protocol::SessionId;
use serde::{Deserialize, Serialize};

use super::super::Place;

/// The file's name.
const FILE: &str = "machine.json";
/// The file's version.
const VERSION: u32 = 1;
/// The folder, within the folder of machines, of those that were started ahead.
const WARM: &str = ".warm";
/// By how much clocks may have been wrong about what came first.
const CLOCK_DOUBT_MS: u64 = 60_000;
/// What begins the folder's name of an id that is not a plain file's name.
const UNUSUAL: char = '=';

/// A machine, as the next server needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineRecord {
    pub(super) version: u32,
    pub(super) session: SessionId,
    /// The driver's name.
    pub(super) driver: String,
    pub(super) spec: SandboxSpec,
    /// Of the image that it was made from.
    pub(super) image_digest: String,
    pub(super) stage: Stage,
    pub(super) created_at_ms: u64,
    /// As of when this was written.
    pub(super) used_at_ms: u64,
    /// When the workspace was saved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) saved_at_ms: Option<u64>,
    /// As what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<Checkpoint>,
    /// Whether its agent has not seen all that the session ran: another machine, or another life of this
    /// one, was before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_forgotten: bool,
    /// When the life of its agent began: it has seen all that was sent since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lives_since_ms: Option<u64>,
    /// The calls whose changes may be lost, until the session's journal tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) untold_calls: Option<u32>,
    /// How often the journal told of such a loss before this one; none when that was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told_resets: Option<u32>,
    /// Whether it went on from a memory image then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_resumed: bool,
    /// When it was parked, as long as its files may not be on the host's disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unflushed: Option<Unflushed>,
    /// The folder in which it was started before it was known for whom; its own when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) warm: Option<String>,
}

/// What is good until the host ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unflushed {
    /// The host's start; unknown on one that does not say.
    pub(super) boot: Option<String>,
    pub(super) at_ms: u64,
}

/// How far a machine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// It is being made, and is of no use until then.
    Making,
    /// It was there for calls.
    Running,
    /// It is being parked, or is.
    Parked,
}

impl MachineRecord {
    pub(super) fn new(
        session: SessionId,
        driver: &str,
        spec: SandboxSpec,
        image_digest: String,
        now_ms: u64,
    ) -> Self {
        Self {
            version: VERSION,
            session,
            driver: driver.to_owned(),
            spec,
            image_digest,
            stage: Stage::Making,
            created_at_ms: now_ms,
            used_at_ms: now_ms,
            saved_at_ms: None,
            checkpoint: None,
            has_forgotten: false,
            lives_since_ms: None,
            untold_calls: None,
            told_resets: None,
            is_resumed: false,
            unflushed: None,
            warm: None,
        }
    }

    /// The machine of a folder; none when there is none that this binary can read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Writes it so that it is there whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join("machine.json.new");
        let mut file = File::create(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(draft, folder.join(FILE))
    }

    /// What the session's agent is to know, until its journal tells of it.
    pub(super) fn untold(&self) -> Option<Readiness> {
        let lost_calls = self.untold_calls?;
        Some(match self.is_resumed {
            true => Readiness::Resumed { lost_calls },
            false => Readiness::Restored { lost_calls },
        })
    }

    /// The journal tells so often of a loss, as of a call; says whether this changed anything.
    pub(super) fn told(&mut self, told_resets: u32) -> bool {
        if self.untold_calls.is_none() || self.told_resets == Some(told_resets) {
            return false;
        }
        if self.told_resets.is_some_and(|before| before < told_resets) {
            self.untold_calls = None;
        }
        self.told_resets = Some(told_resets);
        true
    }

    /// Where its driver has it.
    pub(super) fn place(&self, folder: &Path) -> Place {
        match (&self.warm, folder.parent()) {
            (Some(name), Some(machines)) => Place::new(warm_folder(machines, name)),
            _ => Place::new(folder.to_owned()),
        }
    }

    /// Whether what its agent has not seen was never run. What was asked for well behind the beginning of
    /// its life was sent to no other; how well is a matter of the clocks that both are read from.
    pub(super) fn has_seen_all_since(&self, asked_at_ms: Option<u64>) -> bool {
        if !self.has_forgotten {
            return true;
        }
        let (Some(lives_since_ms), Some(asked_at_ms)) = (self.lives_since_ms, asked_at_ms) else {
            return false;
        };
        asked_at_ms > lives_since_ms.saturating_add(CLOCK_DOUBT_MS)
    }

    /// Whether what was parked is surely as it was.
    pub(super) fn is_whole(&self, boot: Option<&str>) -> bool {
        let is_of_now = |unflushed: &Unflushed| boot.is_some() && unflushed.boot.as_deref() == boot;
        self.unflushed.as_ref().is_none_or(is_of_now)
    }

    /// Whether nothing of the workspace is lost when the machine goes.
    pub(super) fn is_saved(&self) -> bool {
        self.saved_at_ms.is_some_and(|saved| saved >= self.used_at_ms)
    }
}

/// The folder in which a machine is started before it is known for whom.
pub(super) fn warm_folder(machines: &Path, name: &str) -> PathBuf {
    machines.join(WARM).join(name)
}

/// The names of all that were, whether a session has them or not.
pub(super) fn warm_names(machines: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(machines.join(WARM)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// The folder of a session's machine. An id may be any text that is one, `..` too.
pub(super) fn folder(machines: &Path, session: &SessionId) -> PathBuf {
    let id = session.as_str();
    match id.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => machines.join(id),
        false => machines.join(format!("{UNUSUAL}{id}")),
    }
}

/// The session that a machine's folder is named after.
pub(super) fn session(folder: &Path) -> Option<SessionId> {
    let name = folder.file_name()?.to_str()?;
    SessionId::parse(name.strip_prefix(UNUSUAL).unwrap_or(name)).ok()
}

/// The folders of all machines.
pub(super) fn folders(machines: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(machines) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        // What begins with a point is the drivers' own.
        let is_own = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_own && entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Removes a folder with all that a machine left in it, also what its programs made unreadable.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

/// Gives the owner back what it needs to remove folders. Links are not followed.
fn open_up(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(())
}
