//! What the guest answers.

use serde::{Deserialize, Serialize};

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The guest's version of the protocol.
    pub version: u32,
    /// Changes with every start of the agent.
    pub boot: u64,
}

/// The end of a request.
pub type Reply = Result<Answer, Problem>;

/// What a result frame carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was done.
    Ok(Answer),
    /// It was not.
    Error(Problem),
}

/// Why a request was not done, by what is done next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "type", content = "message", rename_all = "snake_case")]
pub enum Problem {
    /// It cannot be: tell whoever asked.
    #[error("{0}")]
    Invalid(String),
    /// A limit is reached: tell whoever asked.
    #[error("{0}")]
    Limit(String),
    /// The machine failed.
    #[error("{0}")]
    Broken(String),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer {
    /// Nothing to add.
    Done,
    /// A command ended.
    Exec(ExecDone),
    /// Code ended.
    Code(CodeDone),
    /// No such command or code was seen.
    NotRun,
    /// It may have been seen so long ago that nothing is known of it any more.
    Forgotten,
    /// A terminal's command ended.
    Terminal {
        /// How.
        end: End,
    },
    /// The file.
    File(FileStat),
    /// A list ended.
    List,
    /// A scan ended.
    Scan(ScanDone),
    /// How the machine is.
    Health(Health),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum End {
    /// It exited.
    Exited {
        /// With this code.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// Its time ran out.
    TimedOut,
    /// The machine's memory ran out.
    OutOfMemory,
}

/// What a command left; its outputs are the data before, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecDone {
    /// How it ended.
    pub end: End,
    /// Standard output: how much of the data.
    pub stdout_bytes: usize,
    /// Standard error: how much of the data.
    pub stderr_bytes: usize,
    /// How much of standard output was left out, from the middle.
    pub stdout_omitted_bytes: u64,
    /// How much of standard error was left out, from the middle.
    pub stderr_omitted_bytes: u64,
    /// Wall time.
    pub duration_ms: u64,
}

/// What code left; its texts and results are the data before, one behind the other, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeDone {
    /// Standard output: how much of the data.
    pub stdout_bytes: usize,
    /// Standard error: how much of the data.
    pub stderr_bytes: usize,
    /// The exception: how much of the data; none without one.
    pub error_bytes: Option<usize>,
    /// The results.
    pub parts: Vec<CodePart>,
    /// Whether the interpreter was started for it.
    pub is_fresh: bool,
    /// Wall time.
    pub duration_ms: u64,
}

/// A result in one form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePart {
    /// Its form.
    pub media_type: String,
    /// How much of the data.
    pub size_bytes: usize,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Other,
}

/// What is known of a file without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Its size.
    pub size_bytes: u64,
    /// When it was changed, Unix nanoseconds.
    pub modified_ns: u64,
    /// Its permission bits.
    pub mode: u32,
}

/// A file in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its absolute path.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub stat: FileStat,
}

/// A difference between two scans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanEntry {
    /// It is new or changed.
    Changed {
        /// Relative to the workspace.
        path: String,
        /// What it is.
        #[serde(flatten)]
        stat: FileStat,
        /// What a link points to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    },
    /// It is gone, with all that was in it.
    Removed {
        /// Relative to the workspace.
        path: String,
    },
}

/// The end of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanDone {
    /// What the next scan may begin from.
    pub generation: u64,
    /// Whether it has everything, and not only what changed.
    pub is_full: bool,
    /// Files, folders and links there are.
    pub entry_count: u64,
    /// What was left out: sockets, pipes, devices, and names that are not UTF-8.
    pub skipped_count: u64,
}

/// How the machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Since the agent's start.
    pub uptime_ms: u64,
    /// Memory of the machine.
    pub memory_total_bytes: u64,
    /// What of it is free or can be freed.
    pub memory_free_bytes: u64,
    /// Processes.
    pub process_count: u64,
    /// Commands, terminals and code that run.
    pub running_count: u64,
    /// Room of the workspace's disk.
    pub disk_total_bytes: u64,
    /// What of it is free.
    pub disk_free_bytes: u64,
    /// Confinement of commands that this kernel does not have; for people.
    pub missing: Vec<String>,
}
