//! The catalogue of known models: prices, bounds, and how their reasoning is controlled.
//!
//! Invariant: prices are in micro-USD per million tokens and the catalogue carries its date; a model
//! that is not in it has no price, never a guessed one. Deliberately absent: fetching newer prices.
//! An operator states them in a provider's settings.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

/// The catalogue that comes with the program.
const BUILT_IN: &str = include_str!("../../data/models.toml");

/// Tokens of one answer, as prices need them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Tokens of the prompt, those read from and written to a cache included.
    pub input: u64,
    /// Tokens of the prompt read from a cache.
    pub cached_input: u64,
    /// Tokens of the prompt written to a cache.
    pub cache_write: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Tokens of the answer that were reasoning.
    pub reasoning: u64,
}

/// Prices in micro-USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of tokens of the prompt.
    pub input: u64,
    /// Of tokens read from a cache; as `input` when left out.
    #[serde(default)]
    pub cached_input: Option<u64>,
    /// Of tokens written to a cache; as `input` when left out.
    #[serde(default)]
    pub cache_write: Option<u64>,
    /// Of tokens of the answer.
    pub output: u64,
}

impl Price {
    /// What an answer cost, in micro-USD, rounded up: a budget must not be exceeded by rounding.
    #[must_use]
    pub fn cost_microusd(&self, tokens: TokenCounts) -> u64 {
        let plain = tokens.input.saturating_sub(tokens.cached_input + tokens.cache_write);
        let parts = [
            (plain, self.input),
            (tokens.cached_input, self.cached_input.unwrap_or(self.input)),
            (tokens.cache_write, self.cache_write.unwrap_or(self.input)),
            (tokens.output, self.output),
        ];
        let total: u128 = parts.iter().map(|(n, price)| u128::from(*n) * u128::from(*price)).sum();
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// How a model's reasoning is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoning {
    /// It has none.
    None,
    /// OpenAI: an effort.
    Effort,
    /// Anthropic: a budget of tokens.
    Budget,
    /// Anthropic: the model decides, guided by an effort; can be turned off.
    Adaptive,
    /// Anthropic: the model decides, guided by an effort; cannot be turned off.
    Always,
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its name, without a date.
    pub name: String,
    /// What it costs.
    pub price: Price,
    /// What it costs when the prompt is longer than a bound.
    #[serde(default)]
    pub long_prompt: Option<LongPrompt>,
    /// Tokens of prompt and answer together.
    pub context_tokens: u64,
    /// Bound on one answer.
    pub max_output_tokens: u64,
    /// How its reasoning is controlled.
    pub reasoning: Reasoning,
}

/// The price of long prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrompt {
    /// Prompts of more tokens than this cost `price` as a whole.
    pub above_tokens: u64,
    /// What they cost.
    pub price: Price,
}

impl KnownModel {
    fn cost_microusd(&self, tokens: TokenCounts) -> u64 {
        match self.long_prompt {
            Some(long) if tokens.input > long.above_tokens => long.price.cost_microusd(tokens),
            Some(_) | None => self.price.cost_microusd(tokens),
        }
    }
}

/// A catalogue that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read the catalogue of models")]
pub struct CatalogueError(#[from] toml::de::Error);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    source: String,
    model: Vec<KnownModel>,
}

/// Known models by name.
#[derive(Debug)]
pub struct Catalogue {
    date: String,
    source: String,
    models: HashMap<String, KnownModel>,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the catalogue in the repository is tested")
    }

    /// Reads a catalogue.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let File { date, source, model } = toml::from_str(text)?;
        let models = model.into_iter().map(|model| (model.name.clone(), model)).collect();
        Ok(Self { date, source, models })
    }

    /// The day its prices were looked up, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Where its prices come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What is known of a model: by its name, or by its name without a vendor before it and a date
    /// after it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&KnownModel> {
        let bare = name.rsplit('/').next().unwrap_or(name);
        self.models.get(bare).or_else(|| self.models.get(undated(bare)))
    }
}

/// A model's name without `-YYYY-MM-DD`, `-YYYYMMDD` or `-latest`.
fn undated(name: &str) -> &str {
    let is_date = |end: &str| {
        let shape: String = end.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
        matches!(shape.as_str(), "-dddd-dd-dd" | "-dddddddd") || end == "-latest"
    };
    [11, 9, 7]
        .into_iter()
        .filter_map(|len| name.split_at_checked(name.len().checked_sub(len)?))
        .find(|(_, end)| is_date(end))
        .map_or(name, |(undated, _)| undated)
}

/// How answers of one model are priced: as the operator says, else from the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Pricing {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) own: Option<Price>,
}

impl Pricing {
    /// What an answer cost, by the name that the provider gave the model, or that was asked for when
    /// it gave none. An answer without any count of tokens has no price.
    pub(super) fn cost_microusd(
        &self,
        answered: &str,
        asked: &str,
        tokens: TokenCounts,
    ) -> Option<u64> {
        if tokens == TokenCounts::default() {
            return None;
        }
        if let Some(own) = self.own {
            return Some(own.cost_microusd(tokens));
        }
        let name = if answered.is_empty() { asked } else { answered };
        Some(self.catalogue.find(name)?.cost_microusd(tokens))
    }

    /// The most that an answer of so many tokens costs: whichever of a prompt that is cached, is
    /// written to a cache or neither costs most.
    pub(super) fn most_microusd(&self, model: &str, input: u64, output: u64) -> Option<u64> {
        let plain = TokenCounts { input, output, ..TokenCounts::default() };
        let kinds = [
            plain,
            TokenCounts { cached_input: input, ..plain },
            TokenCounts { cache_write: input, ..plain },
        ];
        kinds.into_iter().filter_map(|tokens| self.cost_microusd("", model, tokens)).max()
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
