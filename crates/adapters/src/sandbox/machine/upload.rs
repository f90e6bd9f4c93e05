//! Files that are written to a machine part by part.

use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{FileInfo, SandboxError};
use mainstay_guest::{Answer, Request};
use tokio::sync::mpsc;

use super::connect::Machine;
use super::failure::nonsense;
use super::files::info;
use super::request::{Bounds, ask_in_parts};

/// How long a file may take to be written.
const UPLOAD_TIMEOUT_MS: u64 = 15 * 60 * 1000;

impl Machine {
    /// Writes a file from its parts in order; it is there when their sender has fallen. Dropping the
    /// future leaves no file.
    ///
    /// # Errors
    /// It cannot be written, or the agent does not answer.
    pub async fn restore_stream(
        &self,
        path: &str,
        parts: mpsc::Receiver<Bytes>,
        mode: u32,
        modified_ns: u64,
    ) -> Result<FileInfo, SandboxError> {
        let (mode, modified_ns) = (Some(mode), Some(modified_ns));
        let request = Request::WriteFile { path: path.to_owned(), mode, modified_ns };
        let bounds = Bounds {
            attempted: "write a file",
            wait: Duration::from_millis(UPLOAD_TIMEOUT_MS),
            max_bytes: 0,
            sink: None,
        };
        match ask_in_parts(&self.connection, &request, parts, bounds).await? {
            (Answer::File(stat), _) => Ok(info(path.to_owned(), stat)),
            _ => Err(nonsense("another answer than a file")),
        }
    }
}
