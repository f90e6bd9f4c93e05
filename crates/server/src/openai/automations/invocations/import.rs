//! `POST …/invocations/import`: the record of an invocation that ran elsewhere. It does not run here.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{
    AUTOMATION_KIND, INVOCATION_COMPLETED, INVOCATION_KIND, InvocationBody, ResourceRow,
};
use mainstay_protocol::{ApiError, MAX_ID_CHARS, Scope, SessionId};
use mainstay_runtime::NewResource;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::object::Invocation;
use super::object::{new_body, show_row};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::automations::AUTOMATION;
use crate::openai::resource::{Asked, Import, find, import_answer, to_body};
use crate::openai::wire::{At, Validate, not_null};
use crate::openapi::{Doc, Given, schema_of};
use crate::state::AppState;

/// An invocation that was delivered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvocationImportParams {
    /// When, in seconds; now when absent.
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<u32>")]
    created_at: Option<u32>,
    /// The session that it made or told.
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    session_id: Option<String>,
}

impl Validate for InvocationImportParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self.session_id.as_deref().map(SessionId::parse) {
            Some(Err(error)) => Err(at.field("session_id").invalid(format!("names none: {error}"))),
            Some(Ok(_)) | None => Ok(()),
        }
    }
}

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc = Doc::new("importInvocation", "Bring the record of an invocation in")
    .answers(schema_of::<Invocation>)
    .scope(Scope::Import)
    .extension();

/// Answers the invocation, completed. The same one brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    Ids(automation): Ids<String>,
    request: Asked<Import<InvocationImportParams>>,
) -> Answer<Json<Value>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        let row = find(&state, &caller, AUTOMATION, &automation).await?;
        let session_id = value.session_id.as_deref().and_then(|id| SessionId::parse(id).ok());
        let body = InvocationBody { session_id: session_id.clone(), ..new_body(&row)? };
        let new = NewResource {
            kind: INVOCATION_KIND,
            id,
            parent: Some((AUTOMATION_KIND, automation.clone())),
            status: INVOCATION_COMPLETED,
            created_at_ms: value.created_at.map(|seconds| u64::from(seconds) * 1_000),
            body: to_body(&body),
            tasks: Vec::new(),
        };
        let is_same = |row: &ResourceRow| {
            let kept: Option<InvocationBody> = row.read().ok();
            row.parent.as_deref() == Some(&automation)
                && kept.is_some_and(|kept| kept.session_id == session_id)
        };
        let control = state.engine().control();
        show_row(&control.create_resource(&caller, new, key, Some(&is_same)).await?)
    })
    .await
}
