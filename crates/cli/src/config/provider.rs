//! `[[providers]]`
//!
//! Invariant: the same settings as the adapters', with secrets by reference.

use std::collections::BTreeMap;

use anyhow::Context;
use mainstay_adapters::model::{
    ANTHROPIC_BASE_URL, ModelSettings, ModelTimeouts, OPENAI_BASE_URL, OpenaiApi, Price,
    ProviderKind, ProviderSettings,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::environment::{self, Environment};
use super::secret::{self, SecretRef, Text};
use crate::failure::Failure;

/// Headers whose text is a credential.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"];

/// A company's endpoint, or a server compatible with one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    /// What comes before the `/` in a model's name.
    pub(crate) name: String,
    /// Which wire format it speaks.
    pub(crate) kind: Kind,
    /// OpenAI: with the `/v1`. Azure: the resource. Anthropic: without the `/v1`. The company's own
    /// when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) base_url: Option<Url>,
    /// The key; some local servers want none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<SecretRef>,
    /// Which of OpenAI's APIs is called.
    #[serde(default)]
    pub(crate) api: Api,
    /// Azure only: the `api-version` of the older form of URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_version: Option<String>,
    /// Headers added to every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, Text>,
    /// Whether model names that nobody claims go here; at most one provider.
    #[serde(default)]
    pub(crate) default: bool,
    /// How long it may take until its answer begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_byte_timeout_ms: Option<u64>,
    /// How long its answer may be silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_timeout_ms: Option<u64>,
    /// Models it claims: found without the provider's name before them, and listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) models: Vec<Model>,
}

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// OpenAI and servers compatible with it.
    Openai,
    /// OpenAI's models at Azure.
    AzureOpenai,
    /// Anthropic Messages.
    Anthropic,
}

/// One of OpenAI's APIs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    /// Responses at OpenAI and Azure, Chat Completions elsewhere.
    #[default]
    Auto,
    /// `POST /responses`.
    Responses,
    /// `POST /chat/completions`.
    Chat,
}

/// One model. What is left out comes from the built-in catalogue, else from cautious defaults.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    /// The provider's name for it; at Azure the deployment.
    pub(crate) name: String,
    /// Tokens of prompt and answer together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context_tokens: Option<u64>,
    /// Bound on one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_output_tokens: Option<u64>,
    /// Whether it calls tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<bool>,
    /// Whether it reads images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<bool>,
    /// Summaries of reasoning to ask for: `auto`, `concise` or `detailed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_summary: Option<String>,
    /// What a million tokens cost, in millionths of a dollar. Without it the built-in catalogue's price
    /// counts, if the model is in it; spend limits hold for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<ModelPrice>,
}

/// What a model costs, in millionths of a dollar for a million tokens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelPrice {
    /// Of the prompt.
    pub(crate) input_microusd: u64,
    /// Of what is read from a cache; as `input_microusd` when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached_input_microusd: Option<u64>,
    /// Of what is written to a cache; as `input_microusd` when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_write_microusd: Option<u64>,
    /// Of the answer.
    pub(crate) output_microusd: u64,
}

impl From<ModelPrice> for Price {
    fn from(price: ModelPrice) -> Self {
        Self {
            input: price.input_microusd,
            cached_input: price.cached_input_microusd,
            cache_write: price.cache_write_microusd,
            output: price.output_microusd,
        }
    }
}

impl Provider {
    /// The providers that the environment makes: `OPENAI_BASE_URL` or `OPENAI_API_KEY` the default
    /// one, `ANTHROPIC_API_KEY` or `ANTHROPIC_BASE_URL` another.
    pub(crate) fn of_environment(environment: &Environment) -> anyhow::Result<Vec<Self>> {
        let openai = Self::named_by(
            environment,
            ("openai", Kind::Openai),
            (environment::OPENAI_BASE_URL, environment::OPENAI_API_KEY),
        )?;
        let anthropic = Self::named_by(
            environment,
            ("anthropic", Kind::Anthropic),
            (environment::ANTHROPIC_BASE_URL, environment::ANTHROPIC_API_KEY),
        )?;
        let openai = openai.map(|provider| Self { default: true, ..provider });
        Ok(openai.into_iter().chain(anthropic).collect())
    }

    fn named_by(
        environment: &Environment,
        (name, kind): (&str, Kind),
        (url_variable, key_variable): (&str, &str),
    ) -> anyhow::Result<Option<Self>> {
        let (url, key) = (environment.get(url_variable), environment.get(key_variable));
        if url.is_none() && key.is_none() {
            return Ok(None);
        }
        let url =
            url.map(Url::parse).transpose().with_context(|| format!("read {url_variable}"))?;
        Ok(Some(Self {
            name: name.to_owned(),
            kind,
            base_url: url,
            api_key: key.map(|_| SecretRef::Env(key_variable.to_owned())),
            api: Api::Auto,
            api_version: None,
            headers: BTreeMap::new(),
            default: false,
            first_byte_timeout_ms: None,
            idle_timeout_ms: None,
            models: Vec::new(),
        }))
    }

    /// Refuses secrets that stand in the configuration itself, which is printed and shown.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let has_password = |url: &Url| !url.username().is_empty() || url.password().is_some();
        if self.base_url.as_ref().is_some_and(has_password) {
            let message = format!("provider {:?}: base_url holds a name or a password", self.name);
            return Err(Failure::usage(message).hint("put them into api_key or headers"));
        }
        let is_secret = |name: &str| SECRET_HEADERS.iter().any(|it| it.eq_ignore_ascii_case(name));
        let is_plain = |text: &Text| matches!(text, Text::Plain(_));
        let shown = self.headers.iter().find(|(name, text)| is_secret(name) && is_plain(text));
        if let Some((name, _)) = shown {
            let message = format!("provider {:?}: headers.{name} is a secret", self.name);
            return Err(Failure::usage(message).hint(secret::HOW_TO_REFER));
        }
        Ok(())
    }

    /// The settings as the adapters take them, with secrets read.
    pub(crate) fn settings(&self, environment: &Environment) -> anyhow::Result<ProviderSettings> {
        let context = |member: &str| format!("provider {:?}: {member}", self.name);
        let kind = match self.kind {
            Kind::Openai => ProviderKind::Openai,
            Kind::AzureOpenai => ProviderKind::AzureOpenai,
            Kind::Anthropic => ProviderKind::Anthropic,
        };
        let base_url = self.base_url(kind).with_context(|| context("base_url"))?;
        let key = self.api_key.as_ref().map(|key| key.read(environment)).transpose();
        let mut headers = BTreeMap::new();
        for (name, text) in &self.headers {
            let value = text.read(environment);
            headers
                .insert(name.clone(), value.with_context(|| context(&format!("headers.{name}")))?);
        }
        let timeouts = ModelTimeouts::default();
        Ok(ProviderSettings {
            name: self.name.clone(),
            kind,
            base_url,
            api_key: key.with_context(|| context("api_key"))?,
            api: match self.api {
                Api::Auto => OpenaiApi::Auto,
                Api::Responses => OpenaiApi::Responses,
                Api::Chat => OpenaiApi::Chat,
            },
            api_version: self.api_version.clone(),
            headers,
            models: self.models.iter().map(Model::settings).collect(),
            default: self.default,
            timeouts: ModelTimeouts {
                first_byte_timeout_ms: self
                    .first_byte_timeout_ms
                    .unwrap_or(timeouts.first_byte_timeout_ms),
                idle_timeout_ms: self.idle_timeout_ms.unwrap_or(timeouts.idle_timeout_ms),
            },
        })
    }

    fn base_url(&self, kind: ProviderKind) -> anyhow::Result<Url> {
        if let Some(url) = &self.base_url {
            return Ok(url.clone());
        }
        let own = match kind {
            ProviderKind::Openai => OPENAI_BASE_URL,
            ProviderKind::Anthropic => ANTHROPIC_BASE_URL,
            ProviderKind::AzureOpenai => {
                anyhow::bail!("Azure has a URL for each resource; name yours")
            }
        };
        Ok(Url::parse(own)?)
    }
}

impl Model {
    fn settings(&self) -> ModelSettings {
        ModelSettings {
            name: self.name.clone(),
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
            tools: self.tools,
            images: self.images,
            reasoning_summary: self.reasoning_summary.clone(),
            price: self.price.map(Price::from),
            ..ModelSettings::default()
        }
    }
}
