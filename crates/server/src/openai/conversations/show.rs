//! A conversation as an object, and what a client brings to it.

use mainstay_core::item::ItemBody;
use mainstay_core::session::SessionRow;
use mainstay_protocol::{ApiError, ErrorCode};
use serde_json::{Value, json};

use crate::openai::project::seconds;
use crate::openai::responses::{Brought, read_items};
use crate::openai::wire::At;
use crate::openapi::shape;

/// The most items that one request brings, as the API has it.
pub(super) const MAX_GIVEN_ITEMS: usize = 1_000;

pub(super) fn conversation(row: &SessionRow) -> Value {
    json!({
        "id": row.id, "object": "conversation",
        "created_at": seconds(row.created_at_ms), "metadata": row.metadata,
    })
}

/// Items as the session keeps them. What no model here can be given is kept as it came.
pub(super) fn bodies(items: &[Value], at: &At<'_>) -> Result<Vec<ItemBody>, ApiError> {
    if items.len() > MAX_GIVEN_ITEMS {
        let message = format!("has {} items, at most {MAX_GIVEN_ITEMS} are allowed", items.len());
        return Err(at.invalid(message));
    }
    let brought = read_items(items, at)?.into_iter().zip(items).enumerate();
    brought.map(|(index, (brought, item))| body(brought, item, &at.index(index))).collect()
}

fn body(brought: Brought, item: &Value, at: &At<'_>) -> Result<ItemBody, ApiError> {
    Ok(match brought {
        Brought::Item(body) => body,
        Brought::Output { call_id, output } => {
            ItemBody::ToolOutput { call_id, content: output.content, is_error: output.is_error }
        }
        Brought::Called { .. }
        | Brought::Approval { .. }
        | Brought::Listed
        | Brought::Foreign(_) => ItemBody::Foreign { value: item.clone() },
        Brought::Reference => {
            let message = "refers to another item; send the item itself";
            return Err(at.field("type").refuse(ErrorCode::Unsupported, message));
        }
    })
}

shape! {
    /// A session as the Conversations API sees it.
    Conversation = |_| json!({
        "type": "object",
        "required": ["id", "object", "created_at", "metadata"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "conversation"},
            "created_at": {"type": "integer"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    })
}
