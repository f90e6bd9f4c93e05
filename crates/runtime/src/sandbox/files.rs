//! Files of a session's machine, for clients.
//!
//! Invariant: a file that is acknowledged as written is in a checkpoint. Each call waits for the machine,
//! within a bound.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use mainstay_core::port::{FileInfo, Readiness, SandboxError, SandboxRequest, SandboxSpec};
use mainstay_core::session::{ConfigRow, SESSION_CONFIGS};
use mainstay_protocol::{ApiError, ErrorCode, Principal, RowKey, SessionId};

use super::{bare_request, opened, sandbox_error};
use crate::engine::{Engine, api_error};

/// Bound on one call, with the making of the machine.
const CALL_TIMEOUT_MS: u64 = 180_000;

impl Engine {
    /// Whether such a machine can be had.
    pub async fn check_sandbox(&self, spec: &SandboxSpec) -> Result<(), ApiError> {
        let checked = self.sandboxes().check(spec).await;
        checked.map_err(|error| sandbox_error(&error).with_param("environment"))
    }

    /// Has the session's machine there.
    pub async fn sandbox_ready(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<Readiness, ApiError> {
        let request = self.sandbox_request(caller, session).await?;
        self.bounded(self.sandboxes().ready(&request)).await
    }

    /// Files below a folder of the machine, behind a path.
    pub async fn sandbox_files(
        &self,
        caller: &Principal,
        session: &SessionId,
        folder: &str,
        is_recursive: bool,
        after: Option<&str>,
        limit_count: usize,
    ) -> Result<Vec<FileInfo>, ApiError> {
        let request = self.sandbox_request(caller, session).await?;
        let list = self.sandboxes().list_files(&request, folder, is_recursive, after, limit_count);
        self.bounded(list).await.map(|(files, _)| files)
    }

    /// Part of a file of the machine.
    pub async fn read_sandbox_file(
        &self,
        caller: &Principal,
        session: &SessionId,
        path: &str,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<(Bytes, FileInfo), ApiError> {
        let request = self.sandbox_request(caller, session).await?;
        let read = self.sandboxes().read_file(&request, path, offset, limit_bytes);
        self.bounded(read).await.map(|(bytes, info, _)| (bytes, info))
    }

    /// Writes a file of the machine, and saves it.
    pub async fn write_sandbox_file(
        &self,
        caller: &Principal,
        session: &SessionId,
        path: &str,
        content: Bytes,
    ) -> Result<(), ApiError> {
        let request = self.sandbox_request(caller, session).await?;
        self.bounded(self.sandboxes().write_file(&request, path, content)).await?;
        self.checkpoint(caller, session).await.map(drop)
    }

    /// The session's machine, as its rows know it.
    pub async fn sandbox_request(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<Arc<SandboxRequest>, ApiError> {
        let row = self.session_of(session, caller).await?;
        let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
        let config = self.store().row(&key).await.map_err(|error| api_error(&error))?;
        let config: Option<ConfigRow> = config.and_then(|row| row.read().ok());
        let Some(sandbox) = config.and_then(|config| config.sandbox) else {
            let message = format!("session {session} has no environment");
            return Err(ApiError::new(ErrorCode::NotFound, message));
        };
        let workspace = row.workspace.unwrap_or_default();
        let request = SandboxRequest {
            checkpoint: workspace.checkpoint,
            calls_since: workspace.calls_since,
            told_resets: workspace.reset_count,
            ..SandboxRequest::clone(&bare_request(&row.tenant, session, &sandbox.spec))
        };
        let opened = opened(self.inner(), &request).await;
        opened.map_err(|error| ApiError::new(ErrorCode::ToolUnavailable, error.message))
    }

    pub(super) async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, SandboxError>>,
    ) -> Result<T, ApiError> {
        let deadline = self.clock().now_ms().saturating_add(CALL_TIMEOUT_MS);
        tokio::select! {
            biased;
            done = call => done.map_err(|error| sandbox_error(&error)),
            () = self.clock().sleep_until(deadline) => {
                let message =
                    format!("the environment did not answer within {CALL_TIMEOUT_MS} ms");
                Err(ApiError::new(ErrorCode::ToolUnavailable, message))
            }
        }
    }
}
