//! `GET /v1/agents/sessions/{session}/artifacts`: a session's artifacts.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{SessionRow, TURNS, TurnRow};
use mainstay_protocol::{ApiError, ErrorCode, Principal, RowKey, TurnId};

use super::left::{Left, environment_id, find_left, is_deleted, left_by};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::{PageScan, invalid_cursor, read_page};
use crate::openai::agents::sessions::rows::find;
use crate::openai::wire::{ArtifactListQuery, List, Order, PageQuery, SessionArtifact};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// How many turns are looked at at once.
const TURN_BATCH_COUNT: u32 = 32;
/// The most entries that one page reads.
const MAX_PAGE_ENTRIES: usize = 65_536;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSessionArtifacts", "List files that turns left")
    .query(&[PAGE, &[Param::text("environment_id", "Only those of this environment.")]])
    .refuses(&[ErrorCode::LimitReached]);

/// Answers a page of artifacts.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<SessionArtifact>>> {
    let query = ArtifactListQuery::parse(query.as_deref().unwrap_or_default())?;
    let session = find(&state, &caller, &session).await?;
    let is_elsewhere = |asked: String| asked != environment_id(&session.id);
    if query.environment_id.is_some_and(is_elsewhere) {
        let has_more = false;
        return Ok(Json(List::page(Vec::new(), has_more, id_of)));
    }
    let limit = usize::try_from(query.page.limit).unwrap_or(usize::MAX);
    let mut found =
        Search { state: &state, caller: &caller, page: &query.page, artifacts: Vec::new() };
    found.run(&session).await?;
    let mut artifacts = found.artifacts;
    let has_more = artifacts.len() > limit;
    artifacts.truncate(limit);
    Ok(Json(List::page(artifacts, has_more, id_of)))
}

fn id_of(artifact: &SessionArtifact) -> &str {
    &artifact.id
}

/// Collects artifacts until there is one more than a page holds.
struct Search<'a> {
    state: &'a AppState,
    caller: &'a Principal,
    page: &'a PageQuery,
    artifacts: Vec<SessionArtifact>,
}

impl Search<'_> {
    async fn run(&mut self, session: &SessionRow) -> Result<(), ApiError> {
        let mut budget = MAX_PAGE_ENTRIES;
        let mut after = None;
        if let Some(cursor) = &self.page.after {
            let place = find_left(self.state, self.caller, session, cursor).await;
            let (turn, _) = place.map_err(|_| invalid_cursor())?;
            let left = left_by(self.state, &turn, &mut budget).await?;
            self.take(&turn, left, Some(cursor)).await?;
            after = Some(turn.id);
        }
        while !self.is_full() {
            let (turns, has_more) = self.turns(session, after.as_ref()).await?;
            for turn in &turns {
                if self.is_full() {
                    return Ok(());
                }
                if budget == 0 {
                    return self.cut();
                }
                let left = left_by(self.state, turn, &mut budget).await?;
                self.take(turn, left, None).await?;
            }
            after = turns.last().map(|turn| turn.id.clone());
            if !has_more || after.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.artifacts.len() > usize::try_from(self.page.limit).unwrap_or(usize::MAX)
    }

    /// The page read all that it may: what it found has a next page, nothing found is refused.
    fn cut(&mut self) -> Result<(), ApiError> {
        if self.artifacts.is_empty() {
            let message =
                format!("there is no artifact among {MAX_PAGE_ENTRIES} entries of the session");
            return Err(ApiError::new(ErrorCode::LimitReached, message));
        }
        Ok(())
    }

    async fn turns(
        &self,
        session: &SessionRow,
        after: Option<&TurnId>,
    ) -> Result<(Vec<TurnRow>, bool), ApiError> {
        let session = session.id.as_str();
        let scan = PageScan {
            spec: &TURNS,
            index: &[],
            prefix: &[session],
            after: after.map(|turn| RowKey::new(&TURNS, &[session, turn.as_str()])),
        };
        let query = PageQuery { after: None, limit: TURN_BATCH_COUNT, order: self.page.order };
        let page = read_page(self.state.store(), scan, &query, |_: &TurnRow| true).await?;
        Ok((page.rows, page.has_more))
    }

    /// Takes what a turn left, in the page's order; of the cursor's turn, what comes after it.
    async fn take(
        &mut self,
        turn: &TurnRow,
        mut left: Vec<Left>,
        cursor: Option<&String>,
    ) -> Result<(), ApiError> {
        if self.page.order == Order::Desc {
            left.reverse();
        }
        let place = cursor.and_then(|cursor| left.iter().position(|left| left.id() == *cursor));
        for left in left.iter().skip(place.map_or(0, |place| place + 1)) {
            if !is_deleted(self.state, self.caller, &turn.session, &left.id()).await? {
                self.artifacts.push(left.show(turn));
            }
        }
        Ok(())
    }
}
