//! `POST /v1/responses/input_tokens`: how large a request's context is, estimated.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::{CONTEXT_BYTES_PER_TOKEN, item_bytes};
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::context::items;
use super::params::{ConversationRef, TextParams, Truncation};
use super::shapes::{InputTokens, ResponseInput, ResponseTool};
use super::tools::{ToolChoiceParams, agent_tools};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Checked;
use crate::openai::wire::{At, Validate};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// The body: of a request, what makes its context.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InputTokenCountParams {
    conversation: Option<ConversationRef>,
    #[schemars(with = "Option<ResponseInput>")]
    input: Option<Value>,
    instructions: Option<String>,
    model: Option<String>,
    parallel_tool_calls: Option<bool>,
    personality: Option<String>,
    previous_response_id: Option<String>,
    reasoning: Option<Map<String, Value>>,
    text: Option<TextParams>,
    tool_choice: Option<ToolChoiceParams>,
    #[schemars(with = "Option<Vec<ResponseTool>>")]
    tools: Option<Vec<Value>>,
    truncation: Option<Truncation>,
}

impl Validate for InputTokenCountParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        if self.conversation.is_some() && self.previous_response_id.is_some() {
            let message = "cannot be used together with 'conversation'";
            return Err(At::Root.field("previous_response_id").invalid(message));
        }
        Ok(())
    }
}

/// Its entry in the document of the API.
pub(crate) const COUNT: Doc = Doc::new("countInputTokens", "How large a context is, estimated")
    .answers(schema_of::<InputTokens>)
    .refuses(&[ErrorCode::NotFound])
    .kept();

/// Answers the number of tokens, at four bytes each: tokenizers are the providers' own.
pub(crate) async fn count(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Checked<InputTokenCountParams>,
) -> Answer<Json<Value>> {
    let params = request.value;
    agent_tools(params.tools.as_deref().unwrap_or_default())?;
    params.tool_choice.as_ref().map(ToolChoiceParams::choice).transpose()?;
    let previous = params.previous_response_id.as_deref();
    let conversation = params.conversation.as_ref().map(ConversationRef::id);
    let items = items(&state, &caller, params.input.as_ref(), previous, conversation).await?;
    let tools: usize = params.tools.iter().flatten().map(|tool| tool.to_string().len()).sum();
    let said: u64 = items.iter().map(|item| item_bytes(item)).sum();
    let told = params.instructions.map_or(0, |text| text.len());
    let bytes = said + (tools + told) as u64;
    let tokens = bytes.div_ceil(CONTEXT_BYTES_PER_TOKEN);
    Ok(Json(json!({"object": "response.input_tokens", "input_tokens": tokens})))
}
