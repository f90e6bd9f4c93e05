//! Which model a name finds.

use std::sync::Arc;

use mainstay_adapters::http_client::provider_client;
use mainstay_adapters::model::{
    Catalogue, ModelRegistry, ModelSettings, OpenaiApi, ProviderKind, ProviderSettings,
};
use mainstay_core::port::{Model, ModelCapabilities, ModelRequest, ModelStream, Models};

/// A model that is told apart by its context.
struct Local;

impl Model for Local {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities { context_tokens: 7, max_output_tokens: 1, tools: true, images: false }
    }

    fn stream(&self, _: ModelRequest) -> ModelStream {
        Box::pin(futures::stream::empty())
    }
}

fn settings(name: &str, kind: ProviderKind, models: &[(&str, u64)]) -> ProviderSettings {
    let base = "http://127.0.0.1:9/v1".parse().expect("a URL");
    let mut settings = ProviderSettings::new(name, kind, base, None);
    settings.models = models
        .iter()
        .map(|(model, context)| ModelSettings {
            name: (*model).to_owned(),
            context_tokens: Some(*context),
            ..ModelSettings::default()
        })
        .collect();
    settings
}

fn empty() -> ModelRegistry {
    ModelRegistry::new(provider_client().expect("a client"), Arc::new(Catalogue::built_in()))
}

fn full() -> ModelRegistry {
    let mut registry = empty();
    let mut first = settings("first", ProviderKind::Openai, &[("shared", 1), ("org/nested", 2)]);
    first.default = true;
    registry.add_provider(&first).expect("a new provider");
    let second = settings("second", ProviderKind::Anthropic, &[("shared", 3), ("own", 4)]);
    registry.add_provider(&second).expect("a new provider");
    registry.add_model("embedded", "small", Arc::new(Local), false).expect("a new model");
    registry
}

#[test]
fn a_name_finds_its_model() {
    // The name, the context that tells models apart, the name at the provider.
    let cases = [
        ("shared", 1, "shared"),
        ("first/shared", 1, "shared"),
        ("second/shared", 3, "shared"),
        ("org/nested", 2, "org/nested"),
        ("first/org/nested", 2, "org/nested"),
        ("own", 4, "own"),
        ("small", 7, "small"),
        ("embedded/small", 7, "small"),
        // Not listed: by provider, by family, by default; bounds from the catalogue.
        ("second/claude-haiku-4-5", 200_000, "claude-haiku-4-5"),
        ("claude-opus-5-20260701", 1_000_000, "claude-opus-5-20260701"),
        ("gpt-5-mini", 400_000, "gpt-5-mini"),
        ("unheard-of", 128_000, "unheard-of"),
        ("nobody/unheard-of", 128_000, "nobody/unheard-of"),
    ];
    let registry = full();
    for (name, context_tokens, at_provider) in cases {
        let (model, found) = registry.find(name).unwrap_or_else(|| panic!("{name} is found"));
        assert_eq!(model.capabilities().context_tokens, context_tokens, "{name}");
        assert_eq!(found.as_ref(), at_provider, "{name}");
    }
}

#[test]
fn without_a_default_unknown_names_find_nothing() {
    let mut registry = empty();
    let claimed = settings("only", ProviderKind::Openai, &[("known", 1)]);
    registry.add_provider(&claimed).expect("a new provider");
    for name in ["unknown", "elsewhere/known", "only/", ""] {
        assert!(registry.find(name).is_none(), "{name:?}");
    }
    assert!(registry.find("only/unknown").is_some());
}

#[test]
fn a_local_model_can_answer_to_every_name() {
    let mut registry = empty();
    registry.add_model("embedded", "small", Arc::new(Local), true).expect("a new model");
    let (model, name) = registry.find("gpt-5").expect("it is the default");
    assert_eq!((model.capabilities().context_tokens, name.as_ref()), (7, "small"));
}

#[test]
fn all_listed_models_are_listed() {
    let names: Vec<String> = full().list().into_iter().map(|info| info.name).collect();
    let expected =
        ["first/shared", "first/org/nested", "second/shared", "second/own", "embedded/small"];
    assert_eq!(names, expected);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let change = |change: fn(&mut ProviderSettings)| {
        let mut settings = settings("new", ProviderKind::Openai, &[]);
        change(&mut settings);
        settings
    };
    let cases = [
        (change(|s| s.name = "a/b".to_owned()), "holds no '/'"),
        (change(|s| s.name = "first".to_owned()), "has this name"),
        (change(|s| s.default = true), "is the default"),
        (change(|s| s.base_url = "file:///tmp".parse().expect("a URL")), "not an http or https"),
        (change(|s| s.api_version = Some("v".to_owned())), "Azure alone"),
        (change(|s| s.api_key = Some("a\nb".into())), "API key"),
        (change(|s| drop(s.headers.insert("a b".to_owned(), String::new()))), "name of a header"),
        (
            change(|s| {
                s.kind = ProviderKind::Anthropic;
                s.api = OpenaiApi::Chat;
            }),
            "OpenAI and Azure alone",
        ),
        (
            change(|s| {
                s.kind = ProviderKind::AzureOpenai;
                s.api = OpenaiApi::Responses;
                s.api_version = Some("2024-10-21".to_owned());
            }),
            "Chat Completions alone",
        ),
    ];
    for (settings, problem) in cases {
        let error = full().add_provider(&settings).expect_err(problem);
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn settings_show_no_key() {
    let mut settings = settings("p", ProviderKind::Openai, &[]);
    settings.api_key = Some("sk-very-secret".into());
    assert!(!format!("{settings:?}").contains("very"), "{settings:?}");
}
