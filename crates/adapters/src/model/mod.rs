//! Models: providers over HTTP, and the registry that finds a model by name.
//!
//! Invariant: what is specific to one provider's wire format stays in that provider's folder.
//! Deliberately absent: retries and fallback, which the centre decides.

mod anthropic;
mod catalogue;
mod choice;
pub mod embedded;
mod http;
mod openai;
mod provider;
mod registry;
mod replay;
mod settings;
mod transcript;

pub use catalogue::{Catalogue, CatalogueError, KnownModel, Price, Reasoning, TokenCounts};
pub use registry::ModelRegistry;
pub use replay::{RecordedOutput, RecordedReply, Recording, ReplayError, ReplayModel};
pub use settings::{
    ANTHROPIC_BASE_URL, ModelSettings, ModelTimeouts, OPENAI_BASE_URL, OpenaiApi, ProviderKind,
    ProviderSettings, SettingsError,
};
