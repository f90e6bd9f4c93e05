//! A context that is only looked at: what a request would send, without sending it.

use std::sync::Arc;

use mainstay_core::item::{Item, ItemBody, item_id};
use mainstay_protocol::{ApiError, ErrorCode, Principal, Seq, TurnId};
use serde_json::Value;

use super::input::{Brought, foreign, read_input};
use super::rows;
use crate::openai::agents::sessions::find_session;
use crate::openai::transcript::session_items;
use crate::openai::wire::At;
use crate::state::AppState;

/// The items that a request's model call would begin with.
pub(super) async fn items(
    state: &AppState,
    caller: &Principal,
    input: Option<&Value>,
    previous: Option<&str>,
    conversation: Option<&str>,
) -> Result<Vec<Arc<Item>>, ApiError> {
    let mut items = match (previous, conversation) {
        (Some(previous), _) => {
            let row = rows::find(state, caller, previous).await;
            let row = row.map_err(|error| error.with_param("previous_response_id"))?.row;
            let last = row.last_seq.ok_or_else(|| {
                let message = format!("response {} is not done yet", row.id);
                ApiError::new(ErrorCode::SessionBusy, message).with_param("previous_response_id")
            })?;
            session_items(state, &row.session, 0, last).await?
        }
        (None, Some(conversation)) => {
            let row = find_session(state, caller, conversation).await;
            let row = row.map_err(|error| error.with_param("conversation"))?;
            session_items(state, &row.id, 0, Seq::MAX).await?
        }
        (None, None) => Vec::new(),
    };
    let turn = TurnId::mint(&mut state.mint());
    for (index, brought) in read_input(input)?.into_iter().enumerate() {
        let list = At::Root.field("input");
        for body in bodies(brought, &list.index(index))? {
            let id = item_id(0, 0, items.len(), turn.as_str());
            items.push(Item { id, turn: turn.clone(), output_index: None, body });
        }
    }
    Ok(items.into_iter().map(Arc::new).collect())
}

fn bodies(brought: Brought, at: &At<'_>) -> Result<Vec<ItemBody>, ApiError> {
    Ok(match brought {
        Brought::Item(body) => vec![body],
        Brought::Called { call, output } => vec![call, output],
        Brought::Output { call_id, output } => vec![ItemBody::ToolOutput {
            call_id,
            content: output.content,
            is_error: output.is_error,
        }],
        Brought::Approval { .. } | Brought::Reference | Brought::Listed => Vec::new(),
        Brought::Foreign(item) => return Err(foreign(&item, at)),
    })
}
