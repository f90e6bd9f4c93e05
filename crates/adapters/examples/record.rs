//! Records a cassette: calls a live provider through the adapter and keeps the bytes that came back.
//!
//! Invariant: a file in which the key or anything like a key remains is not written. The key is in
//! `MAINSTAY_RECORD_KEY`; the arguments are in `testdata/cassettes/README.md`.

#![expect(clippy::print_stdout, reason = "a tool for a terminal")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use mainstay_adapters::http_client::provider_client;
use mainstay_adapters::model::{
    Catalogue, ModelRegistry, OpenaiApi, ProviderKind, ProviderSettings,
};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{ModelOptions, ModelPart, ModelRequest, Models};
use mainstay_protocol::{EffectId, ItemId, SessionId, TurnId};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long the provider may take.
const TIMEOUT_MS: u64 = 300_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [api, base, model, name, prompt] = arguments.as_slice() else {
        return Err("usage: record API BASE_URL MODEL NAME PROMPT".into());
    };
    #[expect(clippy::disallowed_methods, reason = "a tool of its own, without a configuration")]
    let key = std::env::var("MAINSTAY_RECORD_KEY")?;
    let (kind, choice) = match api.as_str() {
        "openai_chat" => (ProviderKind::Openai, OpenaiApi::Chat),
        "openai_responses" => (ProviderKind::Openai, OpenaiApi::Responses),
        "anthropic" => (ProviderKind::Anthropic, OpenaiApi::Auto),
        other => return Err(format!("no API is called {other:?}").into()),
    };
    let base: Url = base.parse()?;
    let tape = Arc::new(Tape { origin: base.clone(), kept: Mutex::default() });
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let local = format!("http://{}{}", listener.local_addr()?, base.path());
    let mut settings =
        ProviderSettings::new("recorded", kind, local.parse()?, Some(key.as_str().into()));
    settings.api = choice;
    let mut server = JoinSet::new();
    let router = Router::new().fallback(forward).with_state(tape.clone());
    server.spawn(async move { axum::serve(listener, router).await });
    call(&settings, model, prompt).await?;
    let kept = tape.kept.lock().expect("no code panics while it holds this lock").clone();
    save(api, name, &kept, &key)
}

/// What passes through on its way to the adapter.
struct Tape {
    origin: Url,
    kept: Mutex<Vec<u8>>,
}

/// Sends a request on to the provider and keeps the body of the answer.
async fn forward(
    State(tape): State<Arc<Tape>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut url = tape.origin.clone();
    url.set_path(uri.path());
    url.set_query(uri.query());
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let answered = async {
        let client = provider_client()?;
        let answer = client.request(method, url).headers(headers).body(body).send().await?;
        let (status, bytes) = (answer.status(), answer.bytes().await?);
        Ok::<_, Failure>((status, bytes))
    };
    match answered.await {
        Ok((status, bytes)) => {
            let mut kept = tape.kept.lock().expect("no code panics while it holds this lock");
            kept.extend_from_slice(&bytes);
            (status, Body::from(bytes)).into_response()
        }
        Err(error) => (http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn call(settings: &ProviderSettings, model: &str, prompt: &str) -> Result<(), Failure> {
    let mut registry = ModelRegistry::new(provider_client()?, Arc::new(Catalogue::built_in()));
    registry.add_provider(settings)?;
    let found = registry.find(&format!("{}/{model}", settings.name));
    let (adapter, model) = found.ok_or("name a model")?;
    let said = ItemBody::UserMessage { content: vec![Content::Text { text: prompt.to_owned() }] };
    let item = Item {
        id: ItemId::parse("item_1")?,
        turn: TurnId::parse("turn_1")?,
        output_index: None,
        body: said,
    };
    let request = ModelRequest {
        effect: EffectId::parse("eff_record")?,
        session: SessionId::parse("ses_record")?,
        model,
        instructions: "Answer in one sentence.".into(),
        items: vec![Arc::new(item)],
        tools: Arc::new([]),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        timeout_ms: TIMEOUT_MS,
    };
    let mut stream = adapter.stream(request);
    while let Some(part) = stream.next().await {
        if let ModelPart::Done(reply) = part? {
            println!("{reply:#?}");
        }
    }
    Ok(())
}

fn save(api: &str, name: &str, kept: &[u8], key: &str) -> Result<(), Failure> {
    let text = String::from_utf8(kept.to_vec())?.replace(key, "[secret]");
    if text.contains("sk-") || text.to_ascii_lowercase().contains("bearer ") {
        return Err("what came back still holds something like a key; nothing was written".into());
    }
    let extension = if text.trim_start().starts_with('{') { "json" } else { "sse" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cassettes").join(api);
    let file = folder.join(name).with_extension(extension);
    std::fs::write(&file, text)?;
    println!("wrote {}", file.display());
    Ok(())
}
