//! What must be known of a session's executor after a crash of this process, in one small file.
//!
//! Invariant: the file is whole at every moment, and on disk when [`Record::write`] returns.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use mainstay_protocol::EffectId;
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

/// How many commands are remembered to have been started; those before are long settled.
const STARTED_LIMIT_COUNT: usize = 256;

/// What is known of a session's executor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// By which it connects; an older one is turned away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registration: Option<String>,
    /// The executor's session, to be asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) executor_session: Option<String>,
    /// The commands that were about to start, oldest first.
    #[serde(default)]
    pub(super) started: VecDeque<Started>,
}

/// A command that was about to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) effect: EffectId,
    pub(super) executor_session: String,
    /// When it is killed.
    pub(super) ends_by_ms: u64,
    /// How much of each of its outputs is kept.
    pub(super) limit_bytes: usize,
}

impl Record {
    /// Reads a file; none when there is none.
    pub(super) async fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that a command is about to start.
    pub(super) fn starts(&mut self, started: Started) {
        self.started.retain(|known| known.effect != started.effect);
        while self.started.len() >= STARTED_LIMIT_COUNT {
            self.started.pop_front();
        }
        self.started.push_back(started);
    }

    /// What is known of a command's start.
    pub(super) fn start_of(&self, effect: &EffectId) -> Option<&Started> {
        self.started.iter().find(|started| &started.effect == effect)
    }

    /// Puts it to disk.
    pub(super) async fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::from)?;
        let fresh = path.with_extension("new");
        let mut file = fs::File::create(&fresh).await?;
        file.write_all(&bytes).await?;
        file.sync_all().await?;
        drop(file);
        fs::rename(&fresh, path).await?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        fs::File::open(folder).await?.sync_all().await
    }
}
