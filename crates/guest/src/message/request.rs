//! What the host asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sync::NONCE_BYTES;

/// The beginning of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The host's version of the protocol.
    pub version: u32,
    /// Fresh random bytes, which come back in the answer.
    pub nonce: [u8; NONCE_BYTES],
}

/// What holds for a machine from now on; sent at every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Variables of every command.
    pub env: BTreeMap<String, String>,
    /// A certificate authority (PEM) that commands trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The time, Unix nanoseconds; set where the machine has a clock of its own.
    pub now_unix_ns: u64,
    /// Fresh randomness, hexadecimal, for the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<String>,
    /// Bounds of commands; they can be lowered later and not raised.
    pub limits: Limits,
    /// After so long without a host the machine ends itself; 0 is never.
    pub orphan_timeout_ms: u64,
}

/// Bounds of commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Open files of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Size of one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
}

/// A language with a resident interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Python 3.
    Python,
    /// JavaScript on Node.js.
    Javascript,
}

/// A scan that the host has the outcome of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since(
    /// Its generation.
    pub u64,
);

/// What opens a channel. Data that belongs to it follows it and ends with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Sets what holds from now on.
    Configure(Settings),
    /// Runs a command; data is its standard input. The answer's data are its outputs, one behind the
    /// other. Under an id that was seen it runs nothing and answers as [`Self::ExecFate`].
    Exec {
        /// The effect's id.
        effect: String,
        /// Program and arguments.
        argv: Vec<String>,
        /// Working folder.
        cwd: String,
        /// Variables beside those of every command.
        env: BTreeMap<String, String>,
        /// Bound on its run time.
        timeout_ms: u64,
        /// What is kept of each output.
        output_limit_bytes: usize,
        /// Whether outputs are shown while it runs.
        is_live: bool,
    },
    /// What became of a command; waits for one that runs.
    ExecFate {
        /// The effect's id.
        effect: String,
    },
    /// Runs code in the resident interpreter. The answer's data are its outputs and results, one behind
    /// the other. Under an id that was seen it answers as [`Self::CodeFate`].
    Code {
        /// The effect's id.
        effect: String,
        /// Whose interpreter.
        language: Language,
        /// The code.
        source: String,
        /// Bound on its run time.
        timeout_ms: u64,
        /// What is kept of each output.
        output_limit_bytes: usize,
        /// Whether outputs are shown while it runs.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_live: bool,
    },
    /// What became of code; waits for code that runs.
    CodeFate {
        /// The effect's id.
        effect: String,
    },
    /// Has the interpreter wait for code.
    Warm {
        /// Which.
        language: Language,
    },
    /// Runs a command on a terminal; data goes both ways.
    Terminal {
        /// Program and arguments.
        argv: Vec<String>,
        /// Working folder.
        cwd: String,
        /// Variables beside those of every command.
        env: BTreeMap<String, String>,
        /// Width.
        columns: u16,
        /// Height.
        rows: u16,
    },
    /// Part of a file; the answer's data are its bytes.
    ReadFile {
        /// Which.
        path: String,
        /// From where.
        offset: u64,
        /// At most.
        limit_bytes: usize,
    },
    /// Writes a file whole, from the data that follows, and makes the folders above it.
    WriteFile {
        /// Which.
        path: String,
        /// Its permission bits; as it was, or 0644, when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
        /// When it was changed, Unix nanoseconds; now when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modified_ns: Option<u64>,
    },
    /// The files below a folder in the order of their paths; the answer's data are [`FileEntry`]s as
    /// lines of JSON.
    ///
    /// [`FileEntry`]: crate::FileEntry
    ListFiles {
        /// Which.
        folder: String,
        /// Whether folders are entered.
        is_recursive: bool,
        /// Behind this path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// At most.
        limit_count: usize,
    },
    /// Removes a file, or a folder with all that is in it. What is not there is removed already.
    Remove {
        /// Which.
        path: String,
    },
    /// Makes a folder, and those above it, or sets the mode of one that is there.
    MakeFolder {
        /// Which.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Makes a symbolic link, in the place of a file or link that is there.
    MakeLink {
        /// Where.
        path: String,
        /// What it points to; never looked at.
        target: String,
    },
    /// What there is in the workspace, or what changed; the answer's data are [`ScanEntry`]s as lines of
    /// JSON.
    ///
    /// [`ScanEntry`]: crate::ScanEntry
    Scan {
        /// The last that the host knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Since>,
    },
    /// How the machine is.
    Health,
    /// Ends every command, terminal and interpreter.
    Reset,
    /// Ends the machine; as init it is powered off.
    Shutdown,
}
