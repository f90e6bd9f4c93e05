//! The models of this installation, found by name.
//!
//! Invariant: finding a listed model allocates nothing; a name is looked for among listed models,
//! then behind its provider's name, then where its family lives, then at the default. Deliberately
//! absent: lists of fallbacks, which an agent's definition holds and the centre follows.

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_core::port::{Model, ModelInfo, Models};
use reqwest::Client;

use crate::model::catalogue::Catalogue;
use crate::model::provider::Provider;
use crate::model::settings::{ModelSettings, ProviderSettings, SettingsError};

/// A model with the name it has at its provider.
type Found = (Arc<dyn Model>, Arc<str>);

/// Providers and the models they claim.
pub struct ModelRegistry {
    client: Client,
    catalogue: Arc<Catalogue>,
    providers: Vec<Arc<Provider>>,
    named: HashMap<String, Found>,
    listed: Vec<ModelInfo>,
    default: Option<Default>,
}

/// Where names go that nobody claims.
enum Default {
    /// To a provider, as they are.
    Provider(Arc<Provider>),
    /// To one model, whatever the name.
    Model(Found),
}

impl ModelRegistry {
    /// An empty registry. Providers share the client.
    #[must_use]
    pub fn new(client: Client, catalogue: Arc<Catalogue>) -> Self {
        Self {
            client,
            catalogue,
            providers: Vec::new(),
            named: HashMap::new(),
            listed: Vec::new(),
            default: None,
        }
    }

    /// Adds a provider. Of two that claim one bare name the earlier keeps it; with the provider's
    /// name before it, each model is found in any case.
    pub fn add_provider(&mut self, settings: &ProviderSettings) -> Result<(), SettingsError> {
        self.check_new(&settings.name, settings.default)?;
        let provider =
            Provider::new(settings, self.client.clone(), self.catalogue.clone()).map(Arc::new)?;
        for model in &settings.models {
            let found: Found = (Arc::new(provider.model(model)), model.name.as_str().into());
            self.claim(&settings.name, &model.name, found);
        }
        if settings.default {
            self.default = Some(Default::Provider(provider.clone()));
        }
        self.providers.push(provider);
        Ok(())
    }

    /// Adds a model that is not reached over HTTP, as `provider/name`. Where it is the default it
    /// answers to every name that nobody else claims.
    pub fn add_model(
        &mut self,
        provider: &str,
        name: &str,
        model: Arc<dyn Model>,
        default: bool,
    ) -> Result<(), SettingsError> {
        self.check_new(provider, default)?;
        let found: Found = (model, name.into());
        if default {
            self.default = Some(Default::Model(found.clone()));
        }
        self.claim(provider, name, found);
        Ok(())
    }

    fn check_new(&self, provider: &str, default: bool) -> Result<(), SettingsError> {
        let refuse = |problem: &str| {
            Err(SettingsError { provider: provider.to_owned(), problem: problem.to_owned() })
        };
        if self.providers.iter().any(|known| known.name.as_ref() == provider) {
            return refuse("another provider has this name");
        }
        if default && self.default.is_some() {
            return refuse("another provider is the default");
        }
        Ok(())
    }

    fn claim(&mut self, provider: &str, name: &str, found: Found) {
        let full = format!("{provider}/{name}");
        self.listed.push(ModelInfo { name: full.clone(), provider: provider.to_owned() });
        self.named.entry(name.to_owned()).or_insert_with(|| found.clone());
        self.named.insert(full, found);
    }
}

impl Models for ModelRegistry {
    fn find(&self, name: &str) -> Option<Found> {
        if let Some(found) = self.named.get(name) {
            return Some(found.clone());
        }
        if let Some((provider, model)) = name.split_once('/')
            && let Some(provider) = self.providers.iter().find(|p| p.name.as_ref() == provider)
        {
            return unlisted(provider, model);
        }
        if let Some(provider) = self.providers.iter().find(|provider| provider.is_home_of(name)) {
            return unlisted(provider, name);
        }
        match self.default.as_ref()? {
            Default::Provider(provider) => unlisted(provider, name),
            Default::Model(found) => Some(found.clone()),
        }
    }

    fn list(&self) -> Vec<ModelInfo> {
        self.listed.clone()
    }
}

/// A model that nobody listed, by what the catalogue knows of it.
fn unlisted(provider: &Arc<Provider>, name: &str) -> Option<Found> {
    if name.is_empty() {
        return None;
    }
    let settings = ModelSettings { name: name.to_owned(), ..ModelSettings::default() };
    Some((Arc::new(provider.model(&settings)), name.into()))
}
