//! `POST /v1/responses/compact`: a context as a summary that the client carries.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mainstay_core::item::{Content, Item, ItemBody, item_id};
use mainstay_core::port::{ModelOptions, ModelOutput, ModelRequest};
use mainstay_core::session::{CONTEXT_BYTES_PER_TOKEN, summary_request};
use mainstay_protocol::{
    ApiError, EffectId, ErrorCode, ItemId, Principal, ResponseId, SessionId, TurnId,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::items;
use super::project::{show_item, usage};
use super::shapes::{CompactedContext, ResponseInput};
use crate::auth::{Caller, CallerKey};
use crate::error::Answer;
use crate::extract::Checked;
use crate::openai::chat::{Question, whole};
use crate::openai::project::seconds;
use crate::openai::wire::{At, Validate};
use crate::openapi::{Doc, Given, schema_of};
use crate::state::AppState;

/// Bound on a summary.
const SUMMARY_MAX_TOKENS: u64 = 2_000;
/// Bound on the model call.
const TIMEOUT_MS: u64 = 600_000;

/// The body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResponseCompactParams {
    image: Option<Value>,
    #[schemars(with = "Option<ResponseInput>")]
    input: Option<Value>,
    instructions: Option<String>,
    #[schemars(with = "Given<String>", required)]
    model: Option<String>,
    previous_response_id: Option<String>,
    prompt_cache_key: Option<String>,
    prompt_cache_options: Option<Value>,
    prompt_cache_retention: Option<String>,
    service_tier: Option<String>,
}

impl Validate for ResponseCompactParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        if self.model.is_none() {
            return Err(At::Root.field("model").missing("is missing"));
        }
        Ok(())
    }
}

/// Its entry in the document of the API.
pub(crate) const COMPACT: Doc = Doc::new("compactContext", "A context as one item")
    .answers(schema_of::<CompactedContext>)
    .refuses(&[
        ErrorCode::NotFound,
        ErrorCode::BudgetReached,
        ErrorCode::ModelInvalid,
        ErrorCode::ModelRateLimited,
    ])
    .kept();

/// Answers one compaction item, which stands for the context in a later request's input.
pub(crate) async fn compact(
    State(state): State<AppState>,
    Caller(caller): Caller,
    key: CallerKey,
    request: Checked<ResponseCompactParams>,
) -> Answer<Json<Value>> {
    let params = request.value;
    let _permit = state.admit_stream()?;
    let previous = params.previous_response_id.as_deref();
    let context = items(&state, &caller, params.input.as_ref(), previous, None).await?;
    if context.is_empty() {
        let message = "there is nothing to compact: give 'input' or 'previous_response_id'";
        return Err(ApiError::new(ErrorCode::MissingParameter, message).with_param("input").into());
    }
    let model = params.model.unwrap_or_default();
    let mut mint = state.mint();
    let id = ResponseId::mint(&mut mint);
    let question = Question {
        id: id.to_string(),
        route: vec![model.clone()],
        request: summary_of(&state, &caller, &model, &context)?,
    };
    let (_, reply) = whole(&state, &caller, key, question, &request.body).await?;
    let text = reply.outputs.iter().find_map(|output| match output {
        ModelOutput::Message { text } if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    });
    let text = text.ok_or_else(|| {
        ApiError::new(ErrorCode::ModelInvalid, format!("model {model:?} wrote an empty summary"))
    })?;
    let item = Item {
        id: ItemId::mint(&mut mint),
        turn: TurnId::mint(&mut mint),
        output_index: None,
        body: ItemBody::Summary { text },
    };
    Ok(Json(json!({
        "id": id, "object": "response.compaction",
        "created_at": seconds(state.now_ms()), "output": [show_item(&item)],
        "usage": usage(reply.usage),
    })))
}

fn summary_of(
    state: &AppState,
    caller: &Principal,
    name: &str,
    context: &[Arc<Item>],
) -> Result<ModelRequest, ApiError> {
    let Some((model, _)) = state.engine().models().find(name) else {
        let message =
            format!("parameter 'model' names {name:?}, which no configured provider offers");
        return Err(ApiError::new(ErrorCode::ModelNotFound, message).with_param("model"));
    };
    let window = model.capabilities();
    let budget_bytes = window.context_tokens * CONTEXT_BYTES_PER_TOKEN / 2;
    let budget_bytes = usize::try_from(budget_bytes).unwrap_or(usize::MAX);
    let (instructions, text) = summary_request(context, budget_bytes);
    let mut mint = state.mint();
    let turn = TurnId::mint(&mut mint);
    let question = Item {
        id: item_id(0, 0, 0, turn.as_str()),
        turn,
        output_index: None,
        body: ItemBody::UserMessage { content: vec![Content::Text { text }] },
    };
    Ok(ModelRequest {
        effect: EffectId::mint(&mut mint),
        session: SessionId::parse(caller.id.as_str())
            .unwrap_or_else(|_| SessionId::mint(&mut mint)),
        model: Arc::from(""),
        instructions: Arc::from(instructions),
        items: vec![Arc::new(question)],
        tools: Arc::from([]),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions {
            max_output_tokens: Some(SUMMARY_MAX_TOKENS.min(window.max_output_tokens)),
            ..ModelOptions::default()
        },
        timeout_ms: TIMEOUT_MS,
    })
}
