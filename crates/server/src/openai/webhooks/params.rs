//! Requests about webhook endpoints.

use mainstay_core::port::SecretText;
use mainstay_core::resource::WEBHOOK_EVENT_TYPES;
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::openai::resource::server_url;
use crate::openai::wire::{At, MAX_LINE_CHARS, MAX_NAME_CHARS, Validate, check_line, not_null};
use crate::openapi::{Given, shape};
use crate::state::AppState;

/// `POST /v1/webhook_endpoints`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointCreateParams {
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub(super) name: String,
    #[schemars(regex(pattern = "^[hH][tT][tT][pP][sS]?:"), length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) url: String,
    #[schemars(with = "Vec<EventType>", length(min = 1))]
    pub(super) event_types: Vec<String>,
}

/// `POST /v1/webhook_endpoints/import`, without its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointImportParams {
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub(super) name: String,
    #[schemars(regex(pattern = "^[hH][tT][tT][pP][sS]?:"), length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) url: String,
    #[schemars(with = "Vec<EventType>", length(min = 1))]
    pub(super) event_types: Vec<String>,
    /// The secret that it had; a new one when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) signing_secret: Option<Value>,
}

/// `POST /v1/webhook_endpoints/{webhook_endpoint}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointUpdateParams {
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(regex(pattern = "^[hH][tT][tT][pP][sS]?:"), length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) url: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Vec<EventType>>", length(min = 1))]
    pub(super) event_types: Option<Vec<String>>,
}

/// `POST /v1/webhook_endpoints/{webhook_endpoint}/rotate_secret`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RotateSecretParams")]
pub(crate) struct RotateParams {
    #[serde(default)]
    pub(super) keep_old_secret_active_for_24_hours: bool,
}

/// `POST /v1/webhook_endpoints/{webhook_endpoint}/test`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestParams {
    #[schemars(with = "EventType")]
    pub(super) event_type: String,
}

impl EndpointImportParams {
    /// What creates the endpoint, and the secret that it had.
    pub(super) fn split(self) -> (EndpointCreateParams, Option<SecretText>) {
        let secret = match self.signing_secret {
            Some(Value::String(text)) => Some(SecretText::from(text)),
            Some(_) | None => None,
        };
        let Self { name, url, event_types, signing_secret: _ } = self;
        (EndpointCreateParams { name, url, event_types }, secret)
    }
}

impl Validate for EndpointCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_line(&at.field("name"), &self.name, MAX_NAME_CHARS)?;
        server_url(&at.field("url"), &self.url)?;
        check_types(&at.field("event_types"), &self.event_types)
    }
}

impl Validate for EndpointImportParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_line(&at.field("name"), &self.name, MAX_NAME_CHARS)?;
        server_url(&at.field("url"), &self.url)?;
        check_types(&at.field("event_types"), &self.event_types)?;
        match &self.signing_secret {
            Some(Value::String(_)) | None => Ok(()),
            Some(_) => Err(at.field("signing_secret").invalid("is not a string")),
        }
    }
}

impl Validate for EndpointUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            check_line(&at.field("name"), name, MAX_NAME_CHARS)?;
        }
        if let Some(url) = &self.url {
            server_url(&at.field("url"), url)?;
        }
        match &self.event_types {
            Some(types) => check_types(&at.field("event_types"), types),
            None => Ok(()),
        }
    }
}

impl Validate for RotateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}

impl Validate for TestParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_type(&at.field("event_type"), &self.event_type).map(drop)
    }
}

/// Refuses an address that nothing can be sent to.
pub(super) fn check_reach(state: &AppState, url: &str) -> Result<(), ApiError> {
    let at = At::Root;
    let checked = state.engine().courier().check(url);
    checked.map_err(|reason| at.field("url").invalid(format!("cannot be sent to: {reason}")))
}

/// The types as they are kept: sorted, each once.
pub(super) fn sorted(mut types: Vec<String>) -> Vec<String> {
    types.sort_unstable();
    types.dedup();
    types
}

fn check_types(at: &At<'_>, types: &[String]) -> Result<(), ApiError> {
    if types.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    let mut places = types.iter().enumerate();
    places.try_for_each(|(index, kind)| check_type(&at.index(index), kind).map(drop))
}

/// The type, if this server ever tells of it.
pub(super) fn check_type(at: &At<'_>, kind: &str) -> Result<&'static str, ApiError> {
    let found = WEBHOOK_EVENT_TYPES.into_iter().find(|own| *own == kind);
    found.ok_or_else(|| {
        let message = format!(
            "is {kind:?}, which this server never sends; it sends {}",
            WEBHOOK_EVENT_TYPES.join(", ")
        );
        at.refuse(ErrorCode::Unsupported, message)
    })
}

shape! {
    /// A type of event that this server sends.
    EventType = |_| serde_json::json!({"type": "string", "enum": WEBHOOK_EVENT_TYPES})
}
