//! What a session's machines connected to, until it is in the journal.
//!
//! Invariant: a connection is in the file before its first byte is moved; one that was open when the
//! server stopped is handed out as such. Numbers rise over restarts. Deliberately absent: fsync; what a
//! power cut takes was not acknowledged to anybody.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_core::port::Connection;
use serde::{Deserialize, Serialize};

use super::address::Destination;
use super::count::Counts;
use super::limits::MAX_RECORDS;
use super::refusal::Refusal;

/// Why a connection that was open at a crash has no other end.
const CUT_OFF: &str = "the server stopped while it was open";

/// The connections of one session that were not forgotten yet.
pub struct ConnectionRecords {
    state: Mutex<State>,
}

struct State {
    path: PathBuf,
    file: File,
    last_number: u64,
    last_open: u64,
    open: BTreeMap<u64, Opened>,
    ended: Vec<Connection>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opened {
    at_ms: u64,
    host: String,
    port: u16,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    /// Numbers up to this were given.
    Last { number: u64 },
    /// A connection was asked for.
    Opened { id: u64, opened: Opened },
    /// It ended.
    Ended { id: u64, connection: Connection },
}

impl ConnectionRecords {
    /// The records in this file, which is made when there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut state = State {
            path: path.to_owned(),
            file: OpenOptions::new().read(true).append(true).create(true).open(path)?,
            last_number: 0,
            last_open: 0,
            open: BTreeMap::new(),
            ended: Vec::new(),
        };
        for line in BufReader::new(File::open(path)?).lines() {
            // A crash may have cut the last line.
            let Ok(line) = serde_json::from_str(&line?) else { break };
            state.take_over(line);
        }
        let cut_off = std::mem::take(&mut state.open);
        for Opened { at_ms, host, port } in cut_off.into_values() {
            state.last_number += 1;
            state.ended.push(Connection {
                number: state.last_number,
                at_ms,
                host,
                port,
                refused: Some(CUT_OFF.to_owned()),
                sent_bytes: 0,
                received_bytes: 0,
                secrets: Vec::new(),
            });
        }
        state.rewrite()?;
        Ok(Self { state: Mutex::new(state) })
    }

    /// The connections that ended behind `number`; those up to it are forgotten.
    pub fn after(&self, number: u64) -> io::Result<Vec<Connection>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.ended.len();
        state.ended.retain(|connection| connection.number > number);
        // A journal that knows of more than this file does: the file was lost.
        state.last_number = state.last_number.max(number);
        if state.ended.len() < before {
            state.rewrite()?;
        }
        Ok(state.ended.clone())
    }

    /// Records that a connection is asked for.
    pub(super) fn begin(
        self: &Arc<Self>,
        at_ms: u64,
        destination: &Destination,
        counts: &Arc<Counts>,
    ) -> Result<Recording, Refusal> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended.len() + state.open.len() >= MAX_RECORDS {
            return Err(Refusal::Overloaded(format!(
                "this turn made {MAX_RECORDS} connections, which is the most that one may make"
            )));
        }
        let id = state.last_open + 1;
        let Destination { host, port } = destination;
        let opened = Opened { at_ms, host: host.to_string(), port: *port };
        state.append(&Line::Opened { id, opened: opened.clone() }).map_err(|error| {
            Refusal::Overloaded(format!("the server cannot record the connection: {error}"))
        })?;
        state.last_open = id;
        state.open.insert(id, opened);
        drop(state);
        Ok(Recording {
            records: Arc::clone(self),
            counts: Arc::clone(counts),
            id,
            outcome: Mutex::new(Outcome::default()),
        })
    }

    fn end(&self, id: u64, counts: &Counts, outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Opened { at_ms, host, port }) = state.open.remove(&id) else {
            return;
        };
        let connection = Connection {
            number: state.last_number + 1,
            at_ms,
            host,
            port,
            refused: outcome.refused,
            sent_bytes: counts.sent(),
            received_bytes: counts.received(),
            secrets: outcome.secrets,
        };
        state.last_number += 1;
        state.ended.push(connection.clone());
        if let Err(error) = state.append(&Line::Ended { id, connection }) {
            tracing::warn!(path = %state.path.display(), %error, "record a machine's connection");
        }
    }
}

impl State {
    fn take_over(&mut self, line: Line) {
        match line {
            Line::Last { number } => self.last_number = number,
            Line::Opened { id, opened } => {
                self.last_open = id;
                self.open.insert(id, opened);
            }
            Line::Ended { id, connection } => {
                self.open.remove(&id);
                self.last_number = self.last_number.max(connection.number);
                self.ended.push(connection);
            }
        }
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }

    /// Writes the file anew, with what is still wanted.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut text = serde_json::to_vec(&Line::Last { number: self.last_number })?;
        let open = self.open.iter();
        let open = open.map(|(id, opened)| Line::Opened { id: *id, opened: opened.clone() });
        let ended = self.ended.iter();
        let ended = ended.map(|connection| Line::Ended { id: 0, connection: connection.clone() });
        for line in open.chain(ended) {
            text.push(b'\n');
            text.extend(serde_json::to_vec(&line)?);
        }
        text.push(b'\n');
        let draft = self.path.with_extension("draft");
        fs::write(&draft, text)?;
        fs::rename(&draft, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

/// A connection that is under way; dropping it records its end.
pub(super) struct Recording {
    records: Arc<ConnectionRecords>,
    counts: Arc<Counts>,
    id: u64,
    outcome: Mutex<Outcome>,
}

#[derive(Debug, Default)]
struct Outcome {
    refused: Option<String>,
    secrets: Vec<String>,
}

impl Recording {
    /// Why it was refused or broke; the first reason counts.
    pub(super) fn refuse(&self, refusal: &Refusal) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.refused.get_or_insert_with(|| refusal.to_string());
    }

    /// A secret was put in.
    pub(super) fn note_secret(&self, variable: &str) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if !outcome.secrets.iter().any(|known| known == variable) {
            outcome.secrets.push(variable.to_owned());
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let outcome = self.outcome.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.records.end(self.id, &self.counts, std::mem::take(outcome));
    }
}
