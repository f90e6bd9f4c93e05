//! Requests that create credentials.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mainstay_core::port::SecretText;
use mainstay_protocol::ApiError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::check::{bearer, hosts, secret_line, secret_name, timestamp};
use crate::openai::resource::server_url;
use crate::openai::vaults::{MAX_VAULT_NAME_BYTES, check_name};
use crate::openai::wire::{
    At, MAX_LINE_CHARS, Validate, check_line, check_metadata, nested, not_null, take_tag,
    unknown_tag,
};
use crate::openapi::{Given, Metadata, union};

/// A secret as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretParam(pub(super) SecretText);

impl JsonSchema for SecretParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "writeOnly": true,
        })
    }
}

impl<'de> Deserialize<'de> for SecretParam {
    /// What is not a text is refused without being repeated.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(SecretText::from(text))),
            _ => Err(D::Error::custom("the secret is not a string")),
        }
    }
}

/// `POST /v1/vaults/{vault}/credentials`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialCreateParams {
    #[schemars(length(min = 1, max = MAX_VAULT_NAME_BYTES))]
    pub(super) name: String,
    pub(super) auth: AuthParams,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Metadata>")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// What a credential opens, and how.
#[derive(Debug)]
pub(super) enum AuthParams {
    McpOauth(McpOauthParams),
    StaticBearer(StaticBearerParams),
    EnvironmentVariable(EnvironmentVariableParams),
}

/// OAuth tokens for an MCP server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct McpOauthParams {
    pub(super) access_token: SecretParam,
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) mcp_server_url: String,
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    pub(super) expires_at: Option<String>,
    #[serde(default)]
    pub(super) refresh: Option<RefreshParams>,
}

/// How to get another access token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshParams {
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) client_id: String,
    pub(super) refresh_token: SecretParam,
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) token_endpoint: String,
    pub(super) token_endpoint_auth: EndpointAuthParams,
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) resource: Option<String>,
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) scope: Option<String>,
}

/// How the client proves itself at the token endpoint.
#[derive(Debug)]
pub(super) enum EndpointAuthParams {
    None,
    Basic(SecretParam),
    Post(SecretParam),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClientSecret {
    client_secret: SecretParam,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoMembers {}

/// A bearer token for an MCP server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticBearerParams {
    pub(super) token: SecretParam,
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub(super) mcp_server_url: String,
}

/// A secret that a sandbox knows by a placeholder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentVariableParams {
    pub(super) networking: NetworkingParams,
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(min = 1, max = 256))]
    pub(super) secret_name: String,
    pub(super) secret_value: SecretParam,
}

/// Where the secret may go.
#[derive(Debug)]
pub(super) enum NetworkingParams {
    Unrestricted,
    Limited(Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limited {
    #[schemars(length(min = 1, max = 16))]
    allowed_hosts: Vec<String>,
}

union!(AuthParams by "type" {
    "mcp_oauth": McpOauthParams,
    "static_bearer": StaticBearerParams,
    "environment_variable": EnvironmentVariableParams,
});

union!(EndpointAuthParams by "type" {
    "none": NoMembers,
    "client_secret_basic": ClientSecret,
    "client_secret_post": ClientSecret,
});

union!(NetworkingParams by "type" { "unrestricted": NoMembers, "limited": Limited });

impl<'de> Deserialize<'de> for AuthParams {
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

/// The types of credentials.
pub(super) const AUTH_TYPES: [&str; 3] = ["mcp_oauth", "static_bearer", "environment_variable"];

impl<'de> Deserialize<'de> for EndpointAuthParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        let secret = |rest| nested::<ClientSecret, _>(rest).map(|secret| secret.client_secret);
        match tag.as_str() {
            "none" => nested::<NoMembers, _>(rest).map(|_| Self::None),
            "client_secret_basic" => secret(rest).map(Self::Basic),
            "client_secret_post" => secret(rest).map(Self::Post),
            other => {
                let known = ["none", "client_secret_basic", "client_secret_post"];
                Err(unknown_tag("type", other, &known))
            }
        }
    }
}

impl<'de> Deserialize<'de> for NetworkingParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        match tag.as_str() {
            "unrestricted" => nested::<NoMembers, _>(rest).map(|_| Self::Unrestricted),
            "limited" => nested::<Limited, _>(rest).map(|own| Self::Limited(own.allowed_hosts)),
            other => Err(unknown_tag("type", other, &["unrestricted", "limited"])),
        }
    }
}

impl Validate for CredentialCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_name(&at.field("name"), &self.name)?;
        check_metadata(&at.field("metadata"), self.metadata.as_ref())?;
        let at = at.field("auth");
        match &self.auth {
            AuthParams::StaticBearer(params) => {
                bearer(&at.field("token"), &params.token)?;
                server_url(&at.field("mcp_server_url"), &params.mcp_server_url)
            }
            AuthParams::McpOauth(params) => params.validate(&at),
            AuthParams::EnvironmentVariable(params) => {
                secret_name(&at.field("secret_name"), &params.secret_name)?;
                secret_line(&at.field("secret_value"), &params.secret_value)?;
                match &params.networking {
                    NetworkingParams::Unrestricted => Ok(()),
                    NetworkingParams::Limited(list) => {
                        hosts(&at.field("networking").field("allowed_hosts"), list)
                    }
                }
            }
        }
    }
}

impl Validate for McpOauthParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        bearer(&at.field("access_token"), &self.access_token)?;
        server_url(&at.field("mcp_server_url"), &self.mcp_server_url)?;
        if let Some(time) = &self.expires_at {
            timestamp(&at.field("expires_at"), time)?;
        }
        let at = at.field("refresh");
        let Some(refresh) = &self.refresh else { return Ok(()) };
        check_line(&at.field("client_id"), &refresh.client_id, MAX_LINE_CHARS)?;
        secret_line(&at.field("refresh_token"), &refresh.refresh_token)?;
        server_url(&at.field("token_endpoint"), &refresh.token_endpoint)?;
        for (name, text) in [("resource", &refresh.resource), ("scope", &refresh.scope)] {
            if let Some(text) = text {
                check_line(&at.field(name), text, MAX_LINE_CHARS)?;
            }
        }
        match &refresh.token_endpoint_auth {
            EndpointAuthParams::None => Ok(()),
            EndpointAuthParams::Basic(secret) | EndpointAuthParams::Post(secret) => {
                secret_line(&at.field("token_endpoint_auth").field("client_secret"), secret)
            }
        }
    }
}
