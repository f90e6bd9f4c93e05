//! `POST /v1/conversations`: a session without a turn.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use mainstay_core::agent::AgentDefinition;
use mainstay_core::session::Command;
use mainstay_protocol::{AgentId, ApiError, SessionId};
use mainstay_runtime::{NewSession, NewSessionId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::show::Conversation;
use super::show::MAX_GIVEN_ITEMS;
use super::show::{bodies, conversation};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Checked;
use crate::openai::agents::definition::AgentDraft;
use crate::openai::agents::sessions::find_session;
use crate::openai::responses::InputItem;
use crate::openai::wire::{At, Validate, check_metadata};
use crate::openapi::{Doc, Metadata, schema_of};
use crate::state::AppState;

/// What a model's name is until a response names one.
const NO_MODEL: &str = "none";

/// The body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConversationCreateParams {
    #[schemars(with = "Option<Vec<InputItem>>", length(max = MAX_GIVEN_ITEMS))]
    items: Option<Vec<Value>>,
    #[schemars(with = "Option<Metadata>")]
    metadata: Option<BTreeMap<String, String>>,
}

impl Validate for ConversationCreateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        check_metadata(&At::Root.field("metadata"), self.metadata.as_ref())
    }
}

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createConversation", "Make a conversation").answers(schema_of::<Conversation>);

/// Answers the conversation.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Checked<ConversationCreateParams>,
) -> Answer<Json<Value>> {
    let Checked { value: params, idempotency, .. } = request;
    let items = bodies(params.items.as_deref().unwrap_or_default(), &At::Root.field("items"))?;
    let mut mint = state.mint();
    let session =
        format!("conv_{}", SessionId::mint(&mut mint).as_str().trim_start_matches("ses_"));
    let session = SessionId::parse(&session).expect("made of plain parts");
    let model = state.default_model().unwrap_or_else(|| NO_MODEL.to_owned());
    let agent = AgentDraft::new(AgentId::mint(&mut mint), 0, model).unchecked();
    // Nothing is said for the application unless a response says it.
    let agent = AgentDefinition { instructions: Some(String::new()), ..agent };
    let commands = if items.is_empty() { Vec::new() } else { vec![Command::AddItems { items }] };
    let new = NewSession {
        caller: caller.clone(),
        session: NewSessionId::Minted(session),
        agent,
        metadata: params.metadata.unwrap_or_default(),
        spend_limit_microusd: None,
        sandbox: None,
        wire: Value::Null,
        input: Vec::new(),
        commands,
        idempotency,
        parent: None,
    };
    let accepted = state.engine().create_session(new).await?;
    let row = find_session(&state, &caller, accepted.session.as_str()).await?;
    Ok(Json(conversation(&row)))
}
