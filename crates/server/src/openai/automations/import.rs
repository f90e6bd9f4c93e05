//! `POST /v1/agents/automations/import`: an automation under the id that it had elsewhere.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use mainstay_core::resource::{AutomationBody, ResourceRow};
use mainstay_protocol::{ErrorCode, Scope};
use serde_json::Value;

use super::create::{check_room, new_automation};
use super::environment::Owner;
use super::object::Automation;
use super::object::show_row;
use super::params::AutomationCreateParams;
use super::target::same_target;
use crate::auth::Caller;
use crate::error::Answer;
use crate::executor::remote_url;
use crate::openai::resource::{Asked, Import, import_answer};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc =
    Doc::new("importAutomation", "Bring an automation in under an id that it had")
        .answers(schema_of::<Automation>)
        .refuses(&[ErrorCode::NotFound, ErrorCode::ToolUnavailable])
        .scope(Scope::Import)
        .extension();

/// Answers the automation, which is active. The same automation brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    request: Asked<Import<AutomationCreateParams>>,
) -> Answer<Json<Value>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        check_room(&state, &caller).await?;
        let owner = Owner {
            engine: state.engine(),
            caller: &caller,
            automation: &id,
            remote_url: remote_url(&headers),
        };
        let (new, body) = new_automation(&state, &owner, value).await?;
        let is_same = |row: &ResourceRow| is_same(row, &body, &owner);
        let control = state.engine().control();
        let row = control.create_resource(&caller, new, key, Some(&is_same)).await?;
        state.engine().automations_changed();
        show_row(&row)
    })
    .await
}

/// Whether an automation was made from the same request.
fn is_same(row: &ResourceRow, new: &AutomationBody, owner: &Owner<'_>) -> bool {
    let Ok(kept) = row.read::<AutomationBody>() else { return false };
    kept.name == new.name
        && kept.metadata == new.metadata
        && kept.schedule == new.schedule
        && same_target(&kept.target, &new.target, owner)
}
