//! The messages: JSON-RPC 2.0 without the member `jsonrpc`.
//!
//! Invariant: nothing of a message is trusted beyond its shape; what cannot be read is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The code of a request that the executor's state does not allow.
pub(super) const INVALID_REQUEST: i64 = -32_600;
/// The code of a file that is not there.
pub(super) const NOT_FOUND: i64 = -32_004;

/// What is asked of the executor.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    pub(super) method: &'a str,
    pub(super) params: Value,
}

/// Why the executor did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(super) struct RpcError {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

/// What the executor says.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The answer to a request.
    Answer(u64, Result<Value, RpcError>),
    /// Something of a process.
    Process(ProcessNotice),
    /// What means nothing here.
    Other,
}

/// Something that a process did, in the order of `seq`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessNotice {
    pub(super) process_id: String,
    pub(super) seq: u64,
    #[serde(skip)]
    pub(super) is_closed: bool,
    #[serde(default)]
    pub(super) stream: Option<Stream>,
    #[serde(default)]
    pub(super) chunk: Option<Chunk>,
    #[serde(default)]
    pub(super) exit_code: Option<i32>,
}

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Stdout,
    Stderr,
    Pty,
}

/// Bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Chunk(pub(super) Vec<u8>);

impl TryFrom<String> for Chunk {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// Bytes as the executor takes them.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error: Option<RpcError>,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Incoming {
    let Ok(message) = serde_json::from_str::<Envelope>(text) else { return Incoming::Other };
    let is_closed = match message.method.as_deref() {
        Some("process/closed") => true,
        Some("process/output" | "process/exited") => false,
        Some(_) => return Incoming::Other,
        None => {
            let Some(id) = message.id.as_ref().and_then(Value::as_u64) else {
                return Incoming::Other;
            };
            let answer = message.error.map_or(Ok(message.result.unwrap_or_default()), Err);
            return Incoming::Answer(id, answer);
        }
    };
    match serde_json::from_value::<ProcessNotice>(message.params) {
        Ok(notice) => Incoming::Process(ProcessNotice { is_closed, ..notice }),
        Err(_) => Incoming::Other,
    }
}

/// The answer to `initialize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Initialized {
    pub(super) session_id: String,
    #[serde(default)]
    pub(super) environment_info: EnvironmentInfo,
}

/// What is known of the executor's machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EnvironmentInfo {
    pub(super) temp_dir: Option<String>,
}

/// The answer to `process/read`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessRead {
    pub(super) chunks: Vec<ReadChunk>,
    pub(super) next_seq: u64,
    pub(super) exited: bool,
    #[serde(default)]
    pub(super) exit_code: Option<i32>,
    pub(super) closed: bool,
    #[serde(default)]
    pub(super) failure: Option<String>,
}

/// Part of a process's output.
#[derive(Debug, Deserialize)]
pub(super) struct ReadChunk {
    pub(super) seq: u64,
    pub(super) stream: Stream,
    pub(super) chunk: Chunk,
}

/// The answer to `fs/getMetadata`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) is_directory: bool,
    pub(super) is_file: bool,
    #[serde(default)]
    pub(super) is_symlink: bool,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) modified_at_ms: i64,
}

/// The answer to `fs/readBlock`.
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    pub(super) chunk: Chunk,
    pub(super) eof: bool,
}

/// The answer to `fs/readDirectory`.
#[derive(Debug, Deserialize)]
pub(super) struct Directory {
    pub(super) entries: Vec<DirectoryEntry>,
}

/// Of a folder.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectoryEntry {
    pub(super) file_name: String,
}

/// The answer to `fs/walk`.
#[derive(Debug, Deserialize)]
pub(super) struct Walk {
    pub(super) entries: Vec<WalkEntry>,
    pub(super) truncated: bool,
}

/// Below a folder.
#[derive(Debug, Deserialize)]
pub(super) struct WalkEntry {
    pub(super) path: String,
}
