//! Which model the agent gets: the configured one, else the one in this binary, else a recording.

use mainstay_adapters::http_client;
use mainstay_adapters::model::embedded::DEFAULT_MODEL;
use mainstay_adapters::model::{OPENAI_BASE_URL, ProviderKind, ProviderSettings};
use serde_json::Value;

use super::display::{Display, Tone};
use crate::config::{Config, Environment};
use crate::embedded::{self, Told};
use crate::failure::Failure;
use crate::wire;

/// What OpenAI's own API is asked for when nobody says.
const OPENAI_MODEL: &str = "gpt-5.4-mini";
/// What Anthropic's is.
const ANTHROPIC_MODEL: &str = "claude-haiku-4-5";

/// The model that was chosen.
pub(super) struct Choice {
    /// What the agent's `model` says.
    pub(super) name: String,
    /// For people.
    pub(super) label: String,
    /// Whether it is a recording.
    pub(super) is_replay: bool,
}

/// What the user says about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    /// This model.
    pub(super) model: Option<String>,
    /// The recording.
    pub(super) replay: bool,
}

/// Chooses, and gets what has to be got.
pub(super) async fn choose(
    config: &Config,
    environment: &Environment,
    wish: &Wish,
    display: &mut Display,
) -> Result<Choice, Failure> {
    if wish.replay {
        return Ok(recording(display, "it was asked for with --replay")?);
    }
    if let Some(name) = &wish.model {
        return Ok(Choice { name: name.clone(), label: name.clone(), is_replay: false });
    }
    if let Some(provider) = config.providers.iter().find(|provider| provider.default) {
        return of_provider(&provider.settings(environment)?).await;
    }
    if let Some(provider) = config.providers.first() {
        return of_provider(&provider.settings(environment)?).await;
    }
    if !embedded::IS_BUILT_IN {
        let why = "no provider is configured, and this binary was built without the embedded model";
        return Ok(recording(display, why)?);
    }
    of_binary(config, environment, display).await
}

async fn of_provider(settings: &ProviderSettings) -> Result<Choice, Failure> {
    let model = match settings.models.first() {
        Some(model) => model.name.clone(),
        None => match settings.kind {
            ProviderKind::Anthropic => ANTHROPIC_MODEL.to_owned(),
            ProviderKind::Openai if settings.base_url.as_str() == OPENAI_BASE_URL => {
                OPENAI_MODEL.to_owned()
            }
            ProviderKind::Openai | ProviderKind::AzureOpenai => first_listed(settings).await?,
        },
    };
    let label = format!("{model}, at {}", settings.base_url);
    Ok(Choice { name: format!("{}/{model}", settings.name), label, is_replay: false })
}

/// The first model that a compatible server says it has.
async fn first_listed(settings: &ProviderSettings) -> Result<String, Failure> {
    let url = format!("{}/models", settings.base_url.as_str().trim_end_matches('/'));
    let unusable = |why: String| {
        Failure::new(format!("ask {url} which models it has: {why}"))
            .hint("name one with `--model`")
    };
    let client = http_client::provider_client().map_err(|error| unusable(error.to_string()))?;
    let mut request = client.get(&url);
    if let Some(key) = &settings.api_key {
        request = request.bearer_auth(key.expose());
    }
    let answer = request.send().await.map_err(|error| unusable(error.to_string()))?;
    let list: Value = answer.json().await.map_err(|error| unusable(error.to_string()))?;
    let first = list["data"][0]["id"].as_str().map(str::to_owned);
    first.ok_or_else(|| unusable("it lists none".to_owned()))
}

async fn of_binary(
    config: &Config,
    environment: &Environment,
    display: &mut Display,
) -> Result<Choice, Failure> {
    let chosen = |name: &str| Choice {
        name: format!("{}/{name}", embedded::PROVIDER),
        label: format!("{name}, in the server itself: nothing leaves this machine"),
        is_replay: false,
    };
    let name = config.embedded_model.model.as_deref().unwrap_or(DEFAULT_MODEL);
    let ready = embedded::ready(config, environment)?;
    if ready.iter().any(|(file, _)| file.name == name) {
        return Ok(chosen(name));
    }
    let file = embedded::named(name)?;
    let folder = embedded::folder(config, environment)?;
    let is_live = display.is_live();
    let mut tell = |told: Told| {
        // A screen that cannot be written to must not stop a download.
        let _ = match told {
            Told::Line(line) => display.line(Tone::Plain, &line),
            Told::Bar(bar) => display.status("").and_then(|()| display.more(&bar)),
        };
    };
    let pulled = embedded::pull(file, &folder, is_live, &mut tell).await;
    display.rest()?;
    match pulled {
        Ok(_) => Ok(chosen(file.name)),
        Err(error) => {
            let why = format!("the embedded model could not be had: {error:#}");
            Ok(recording(display, &why)?)
        }
    }
}

fn recording(display: &mut Display, why: &str) -> std::io::Result<Choice> {
    display.mark_replay();
    display.line(Tone::Bad, "THIS IS A REPLAY: no model answers.")?;
    display.line(Tone::Plain, &format!("Why: {why}."))?;
    display.line(
        Tone::Plain,
        "What a model answered in an earlier run is played back; everything else is real: the server,\n\
         the tools, the kill, the recovery. Set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL,\n\
         or build with the embedded model, to see one work.",
    )?;
    Ok(Choice {
        name: format!("{}/replay", wire::REPLAY_PROVIDER),
        label: "a recorded run of qwen2.5-coder-1.5b-instruct".to_owned(),
        is_replay: true,
    })
}
