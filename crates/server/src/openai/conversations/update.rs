//! `POST /v1/conversations/{conversation}`: other metadata.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use mainstay_core::session::Command;
use mainstay_protocol::ApiError;
use mainstay_runtime::Submission;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::get::find;
use super::show::Conversation;
use super::show::conversation;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::wire::{At, Validate, check_metadata};
use crate::openapi::{Doc, Metadata, schema_of};
use crate::state::AppState;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationUpdateParams {
    #[schemars(with = "Option<Metadata>")]
    metadata: Option<BTreeMap<String, String>>,
}

impl Validate for ConversationUpdateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        check_metadata(&At::Root.field("metadata"), self.metadata.as_ref())
    }
}

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateConversation", "Change a conversation's metadata")
    .answers(schema_of::<Conversation>);

/// Answers the conversation as it is then.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(id): Ids<String>,
    request: Checked<ConversationUpdateParams>,
) -> Answer<Json<Value>> {
    let session = find(&state, &caller, &id).await?.id;
    let metadata = request.value.metadata.unwrap_or_default();
    let update =
        Command::Update { agent: None, metadata: Some(metadata), spend_limit: None, wire: None };
    let submission = Submission {
        caller: caller.clone(),
        commands: vec![update],
        idempotency: request.idempotency,
    };
    state.engine().submit(&session, submission).await?;
    Ok(Json(conversation(&find(&state, &caller, &id).await?)))
}
