//! Sessions that nobody is to keep: deleted when their time has come, whatever became of whoever was
//! to read them.
//!
//! Invariant: what was announced here is deleted, over restarts too; once the session is gone, so is
//! the announcement.

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, ErrorCode, Principal, SessionId, TaskChange, TaskKey, TenantId};

use crate::due::{self, Desk};
use crate::engine::{Engine, Inner};
use crate::submit::Submission;

const KIND: &str = "forget";
const JOURNAL: &str = "forget";
/// How many sessions are deleted at once.
const DELETIONS_LIMIT_COUNT: usize = 8;

/// What the parts of an engine share about sessions to be forgotten.
pub(crate) struct Forgetting(Desk);

impl Default for Forgetting {
    fn default() -> Self {
        Self(Desk::new(KIND, DELETIONS_LIMIT_COUNT))
    }
}

pub(crate) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.forgetting.0,
        |inner, task| async move { handle(&inner, task).await }.boxed(),
    );
}

impl Engine {
    /// Deletes a session with its journal, whatever it is doing.
    pub async fn erase(&self, caller: &Principal, session: &SessionId) -> Result<(), ApiError> {
        let commands = vec![Command::Cancel, Command::Delete];
        let submission = Submission { caller: caller.clone(), commands, idempotency: None };
        self.submit(session, submission).await?;
        self.forget_consents(caller, session).await;
        Ok(())
    }

    /// Deletes a session with its journal after so long, unless somebody does before.
    pub async fn forget_after(
        &self,
        caller: &Principal,
        session: &SessionId,
        wait_ms: u64,
    ) -> Result<(), ApiError> {
        let subject = format!("{}/{session}", caller.tenant).into();
        let key = TaskKey { kind: KIND.into(), subject };
        let due_at_ms = self.clock().now_ms().saturating_add(wait_ms);
        let tasks = vec![TaskChange::Put { key, due_at_ms }];
        due::write(self.inner(), JOURNAL, Vec::new(), tasks).await
    }
}

async fn handle(inner: &Arc<Inner>, task: TaskKey) -> Result<(), ApiError> {
    let named = task.subject.split_once('/');
    let named = named.and_then(|(tenant, session)| {
        Some((TenantId::parse(tenant).ok()?, SessionId::parse(session).ok()?))
    });
    if let Some((tenant, session)) = named {
        match Engine::of(inner).erase(&inner.as_runtime(tenant), &session).await {
            Err(error) if error.code != ErrorCode::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    due::write(inner, JOURNAL, Vec::new(), vec![TaskChange::Delete { key: task }]).await
}
