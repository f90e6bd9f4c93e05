//! Requests that change credentials.

use std::collections::BTreeMap;

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::check::{bearer, secret_line, timestamp};
use super::params::{AUTH_TYPES, SecretParam};
use crate::openai::wire::{
    At, MAX_LINE_CHARS, Patch, Validate, check_line, check_metadata, nested, not_null, take_tag,
    unknown_tag,
};
use crate::openapi::{Given, Metadata, union};

/// `POST /v1/vaults/{vault}/credentials/{credential}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialUpdateParams {
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<RotateParams>")]
    pub(super) auth: Option<RotateParams>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Metadata>")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// New values for a credential's secrets.
#[derive(Debug)]
pub(super) enum RotateParams {
    McpOauth(RotateOauthParams),
    StaticBearer(RotateTokenParams),
    EnvironmentVariable(RotateValueParams),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateOauthParams {
    #[serde(default)]
    pub(super) access_token: Option<SecretParam>,
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    pub(super) expires_at: Patch<String>,
    #[serde(default)]
    pub(super) refresh: Option<RotateRefreshParams>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateRefreshParams {
    #[serde(default)]
    pub(super) refresh_token: Option<SecretParam>,
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) scope: Patch<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth: Option<RotateClientParams>,
}

/// A new client secret; the way it is sent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateClientParams {
    #[serde(rename = "type")]
    pub(super) way: ClientWay,
    #[serde(default)]
    pub(super) client_secret: Option<SecretParam>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum ClientWay {
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "client_secret_post")]
    Post,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateTokenParams {
    pub(super) token: SecretParam,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateValueParams {
    pub(super) secret_value: SecretParam,
}

union!(RotateParams by "type" {
    "mcp_oauth": RotateOauthParams,
    "static_bearer": RotateTokenParams,
    "environment_variable": RotateValueParams,
});

impl<'de> Deserialize<'de> for RotateParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        match tag.as_str() {
            "mcp_oauth" => nested(rest).map(Self::McpOauth),
            "static_bearer" => nested(rest).map(Self::StaticBearer),
            "environment_variable" => nested(rest).map(Self::EnvironmentVariable),
            other => Err(unknown_tag("type", other, &AUTH_TYPES)),
        }
    }
}

impl Validate for CredentialUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_metadata(&at.field("metadata"), self.metadata.as_ref())?;
        let at = at.field("auth");
        match &self.auth {
            None => Ok(()),
            Some(RotateParams::StaticBearer(params)) => bearer(&at.field("token"), &params.token),
            Some(RotateParams::EnvironmentVariable(params)) => {
                secret_line(&at.field("secret_value"), &params.secret_value)
            }
            Some(RotateParams::McpOauth(params)) => params.validate(&at),
        }
    }
}

impl Validate for RotateOauthParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(token) = &self.access_token {
            bearer(&at.field("access_token"), token)?;
        }
        if let Some(time) = self.expires_at.as_set() {
            timestamp(&at.field("expires_at"), time)?;
        }
        let at = at.field("refresh");
        let Some(refresh) = &self.refresh else { return Ok(()) };
        if let Some(token) = &refresh.refresh_token {
            secret_line(&at.field("refresh_token"), token)?;
        }
        if let Some(scope) = refresh.scope.as_set() {
            check_line(&at.field("scope"), scope, MAX_LINE_CHARS)?;
        }
        let client = refresh.token_endpoint_auth.as_ref();
        match client.and_then(|client| client.client_secret.as_ref()) {
            Some(secret) => {
                secret_line(&at.field("token_endpoint_auth").field("client_secret"), secret)
            }
            None => Ok(()),
        }
    }
}
