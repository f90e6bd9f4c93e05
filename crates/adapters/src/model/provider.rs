//! A provider with its settings checked, and its models.
//!
//! Invariant: what a model can do and costs is settled when the model is made, so that a call only
//! reads it. Deliberately absent: names of models without their provider; the registry knows those.

use std::sync::Arc;

use mainstay_core::port::{Model, ModelCapabilities, ModelRequest, ModelStream};
use reqwest::Client;
use url::Url;

use crate::model::catalogue::{Catalogue, KnownModel, Pricing, Reasoning};
use crate::model::http::{Auth, Call, Decoder, Endpoint, stream};
use crate::model::settings::{
    ModelSettings, OpenaiApi, ProviderKind, ProviderSettings, SettingsError,
};
use crate::model::{anthropic, openai};

/// Context of a model that is not known, tokens.
const DEFAULT_CONTEXT_TOKENS: u64 = 128_000;
/// Bound on an answer of a model that is not known, tokens.
const DEFAULT_MAX_OUTPUT_TOKENS: u64 = 16_384;

/// One provider.
pub(super) struct Provider {
    pub(super) name: Arc<str>,
    endpoint: Arc<Endpoint>,
    catalogue: Arc<Catalogue>,
    base: Url,
    api: Api,
}

/// The API that is spoken, and what is known of the server behind it.
enum Api {
    Responses { host: openai::Host, official: bool },
    Chat { host: openai::Host, official: bool },
    Messages,
}

impl Provider {
    /// Checks the settings.
    pub(super) fn new(
        settings: &ProviderSettings,
        client: Client,
        catalogue: Arc<Catalogue>,
    ) -> Result<Self, SettingsError> {
        let refuse = |problem: String| SettingsError { provider: settings.name.clone(), problem };
        if settings.name.is_empty() || settings.name.contains('/') {
            return Err(refuse("a name is not empty and holds no '/'".to_owned()));
        }
        if !matches!(settings.base_url.scheme(), "http" | "https") {
            return Err(refuse(format!("{} is not an http or https URL", settings.base_url)));
        }
        let api = api(settings).map_err(|problem| refuse(problem.to_owned()))?;
        let auth = match settings.kind {
            ProviderKind::Openai => Auth::Bearer,
            ProviderKind::AzureOpenai => Auth::Header("api-key"),
            ProviderKind::Anthropic => Auth::Header(anthropic::KEY_HEADER),
        };
        let name: Arc<str> = settings.name.as_str().into();
        let mut headers = settings.headers.clone();
        if matches!(api, Api::Messages) {
            let version = headers.entry(anthropic::VERSION_HEADER.as_str().to_owned());
            version.or_insert_with(|| anthropic::VERSION.to_owned());
        }
        let key = settings.api_key.clone();
        let endpoint = Endpoint::new(name.clone(), client, settings.timeouts, auth, key, &headers);
        Ok(Self {
            name,
            endpoint: Arc::new(endpoint.map_err(refuse)?),
            catalogue,
            base: settings.base_url.clone(),
            api,
        })
    }

    /// Whether it is where models of this name live, when nobody says where.
    pub(super) fn is_home_of(&self, name: &str) -> bool {
        match self.api {
            Api::Messages => name.starts_with("claude-"),
            Api::Responses { .. } | Api::Chat { .. } => false,
        }
    }

    /// A model of this provider.
    pub(super) fn model(self: &Arc<Self>, settings: &ModelSettings) -> HttpModel {
        let known = self.catalogue.find(&settings.name);
        HttpModel(Arc::new(Inner {
            provider: self.clone(),
            url: self.url(&settings.name),
            capabilities: self.capabilities(settings, known),
            reasoning: self.reasoning(settings, known),
            reasoning_summary: settings.reasoning_summary.as_deref().map(Into::into),
            pricing: Pricing { catalogue: self.catalogue.clone(), own: settings.price },
        }))
    }

    fn url(&self, model: &str) -> Url {
        let url = match &self.api {
            Api::Responses { host, .. } => {
                openai::api_url(&self.base, host, OpenaiApi::Responses, model)
            }
            Api::Chat { host, .. } => openai::api_url(&self.base, host, OpenaiApi::Chat, model),
            Api::Messages => anthropic::api_url(&self.base),
        };
        url.expect("an http URL holds a path")
    }

    fn capabilities(
        &self,
        settings: &ModelSettings,
        known: Option<&KnownModel>,
    ) -> ModelCapabilities {
        let context = known.map_or(DEFAULT_CONTEXT_TOKENS, |known| known.context_tokens);
        let output = known.map_or(DEFAULT_MAX_OUTPUT_TOKENS, |known| known.max_output_tokens);
        ModelCapabilities {
            context_tokens: settings.context_tokens.unwrap_or(context),
            max_output_tokens: settings.max_output_tokens.unwrap_or(output),
            tools: settings.tools.unwrap_or(true),
            images: settings.images.unwrap_or(known.is_some() || self.is_vendors_own()),
        }
    }

    fn reasoning(&self, settings: &ModelSettings, known: Option<&KnownModel>) -> Reasoning {
        if let Some(reasoning) = settings.reasoning.or(known.map(|known| known.reasoning)) {
            return reasoning;
        }
        let name = settings.name.as_str();
        let families = ["gpt-5", "gpt-6", "o1", "o3", "o4", "codex", "gpt-oss"];
        match self.api {
            // Models newer than the catalogue reason as the newest in it do.
            Api::Messages => Reasoning::Adaptive,
            Api::Responses { .. } | Api::Chat { .. } => {
                let of_family = families.iter().any(|family| name.starts_with(family));
                if of_family && !name.contains("chat") {
                    Reasoning::Effort
                } else {
                    Reasoning::None
                }
            }
        }
    }

    fn is_vendors_own(&self) -> bool {
        match self.api {
            Api::Responses { official, .. } | Api::Chat { official, .. } => official,
            Api::Messages => true,
        }
    }
}

fn api(settings: &ProviderSettings) -> Result<Api, &'static str> {
    let version = settings.api_version.clone();
    if version.is_some() && settings.kind != ProviderKind::AzureOpenai {
        return Err("an api_version belongs to Azure alone");
    }
    if settings.kind == ProviderKind::Anthropic && settings.api != OpenaiApi::Auto {
        return Err("a choice of API belongs to OpenAI and Azure alone");
    }
    let official = openai::is_openai(&settings.base_url);
    Ok(match (settings.kind, settings.api, version) {
        (ProviderKind::Anthropic, _, _) => Api::Messages,
        (ProviderKind::AzureOpenai, OpenaiApi::Responses, Some(_)) => {
            return Err("an api_version means deployments, which have Chat Completions alone");
        }
        (ProviderKind::AzureOpenai, OpenaiApi::Auto | OpenaiApi::Chat, Some(api_version)) => {
            Api::Chat { host: openai::Host::AzureDeployments { api_version }, official: true }
        }
        (ProviderKind::AzureOpenai, OpenaiApi::Auto | OpenaiApi::Responses, None) => {
            Api::Responses { host: openai::Host::Azure, official: true }
        }
        (ProviderKind::AzureOpenai, OpenaiApi::Chat, None) => {
            Api::Chat { host: openai::Host::Azure, official: true }
        }
        (ProviderKind::Openai, OpenaiApi::Responses, _) => {
            Api::Responses { host: openai::Host::Plain, official }
        }
        (ProviderKind::Openai, OpenaiApi::Auto, _) if official => {
            Api::Responses { host: openai::Host::Plain, official }
        }
        (ProviderKind::Openai, OpenaiApi::Auto | OpenaiApi::Chat, _) => {
            Api::Chat { host: openai::Host::Plain, official }
        }
    })
}

/// A model reached over HTTP.
pub(super) struct HttpModel(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    url: Url,
    capabilities: ModelCapabilities,
    reasoning: Reasoning,
    reasoning_summary: Option<Arc<str>>,
    pricing: Pricing,
}

impl Model for HttpModel {
    fn capabilities(&self) -> ModelCapabilities {
        self.0.capabilities
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let model = self.0.clone();
        stream(move || model.call(request))
    }

    fn most_microusd(&self, model: &str, input_tokens: u64, output_tokens: u64) -> Option<u64> {
        self.0.pricing.most_microusd(model, input_tokens, output_tokens)
    }
}

impl Inner {
    fn call(&self, request: ModelRequest) -> Call {
        Call {
            endpoint: self.provider.endpoint.clone(),
            url: self.url.clone(),
            body: self.body(&request),
            decoder: self.decoder(),
            pricing: self.pricing.clone(),
            effect: request.effect,
            model: request.model,
            timeout_ms: request.timeout_ms,
        }
    }

    fn body(&self, request: &ModelRequest) -> Vec<u8> {
        let reasoning = self.reasoning == Reasoning::Effort;
        let provider = self.provider.name.as_ref();
        match self.provider.api {
            Api::Responses { official, .. } => openai::responses::body(
                request,
                openai::Dialect { official, reasoning },
                provider,
                self.reasoning_summary.as_deref(),
            ),
            Api::Chat { official, .. } => {
                openai::chat::body(request, openai::Dialect { official, reasoning })
            }
            Api::Messages => anthropic::body(
                request,
                anthropic::Thinking { style: self.reasoning, provider },
                self.capabilities.max_output_tokens,
            ),
        }
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let provider = self.provider.name.as_ref();
        match self.provider.api {
            Api::Responses { .. } => Box::new(openai::responses::ResponsesDecoder::new(provider)),
            Api::Chat { .. } => Box::new(openai::chat::ChatDecoder::default()),
            Api::Messages => Box::new(anthropic::MessagesDecoder::new(provider)),
        }
    }
}
