//! A request that changes a resource: its body, which may be empty, and what its key remembers.

use axum::extract::{FromRequest, Request};
use mainstay_protocol::ApiError;
use mainstay_runtime::RequestKey;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Answer, Failure};
use crate::extract::read_request;
use crate::openai::wire::{At, Validate, parse_body};
use crate::state::AppState;

/// A checked body with the request's key, if it has one.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    /// The request.
    pub(crate) value: T,
    /// Its `Idempotency-Key`, bound to its method and path.
    pub(crate) key: Option<RequestKey>,
}

impl<T: DeserializeOwned + Validate> FromRequest<AppState> for Asked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &AppState) -> Answer<Self> {
        let scope = format!("{} {}", request.method(), request.uri().path());
        let (body, idempotency) = read_request(request, state).await?;
        // What needs no body may come without one.
        let value = parse_body(if body.is_empty() { b"{}" } else { &body })?;
        let key = idempotency.map(|idempotency| RequestKey { scope, idempotency });
        Ok(Self { value, key })
    }
}

/// The body of a request that needs none: nothing, or an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Validate for Nothing {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}
