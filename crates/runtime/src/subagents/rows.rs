//! Reading what subagents there are.

use mainstay_core::subagent::{SUBAGENTS, SubagentRow};
use mainstay_protocol::{ApiError, ErrorCode, Row, RowKey, SessionId};
use mainstay_store::{Direction, RowScan};

use crate::engine::{Inner, api_error};

/// How many rows are read at once.
const PAGE_LIMIT_COUNT: usize = 64;

/// Whose subagents.
pub(super) enum Of<'a> {
    /// Those of the whole tree below this session.
    Root(&'a SessionId),
    /// Those that this session made.
    Parent(&'a SessionId),
}

/// A subagent, if this session is one.
pub(super) async fn row(
    inner: &Inner,
    session: &SessionId,
) -> Result<Option<SubagentRow>, ApiError> {
    let key = RowKey::new(&SUBAGENTS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    row.as_ref().map(read).transpose()
}

/// All subagents of a session, oldest first.
pub(super) async fn rows(inner: &Inner, of: Of<'_>) -> Result<Vec<SubagentRow>, ApiError> {
    let (column, session) = match of {
        Of::Root(session) => ("root", session),
        Of::Parent(session) => ("parent", session),
    };
    let mut scan = RowScan {
        spec: SUBAGENTS.name.into(),
        index: vec![column.into(), "opened".into()],
        prefix: vec![session.as_str().into()],
        after: None,
        direction: Direction::Ascending,
        limit_count: PAGE_LIMIT_COUNT,
    };
    let mut found = Vec::new();
    loop {
        let page = inner.parts.store.rows(scan.clone()).await;
        let page = page.map_err(|error| api_error(&error))?;
        for row in &page.rows {
            found.push(read(row)?);
        }
        if !page.has_more {
            return Ok(found);
        }
        scan.after = page.rows.last().map(|row| row.key.clone());
    }
}

fn read(row: &Row) -> Result<SubagentRow, ApiError> {
    row.read().map_err(|error| {
        let message = format!("the row of a subagent does not have its shape: {error}");
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })
}
