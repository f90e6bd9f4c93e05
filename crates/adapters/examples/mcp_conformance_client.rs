//! The client command of the MCP conformance suite: lists the tools of the server that it is given and
//! calls them, through the same tool set that agents have. It is also the person who is asked: forms
//! are accepted as they are, and consent is given by following the address as a browser would.
//!
//! Deliberately absent: a protocol version to choose, because the client agrees on one with the server.

#![expect(clippy::print_stdout, reason = "the suite keeps what its clients print")]
#![expect(clippy::disallowed_methods, reason = "the suite speaks to its clients by environment")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use mainstay_adapters::tool::{OauthClient, OauthGrant, OauthSettings, ToolSet, ToolSettings};
use mainstay_core::port::{
    Clock, Credential, Credentials, LiveSink, Return, SecretText, ToolCall, ToolContext, ToolError,
    Tools,
};
use mainstay_core::question::{Question, Replies, Reply, ReplyAction, with_defaults};
use mainstay_core::tool::{ApprovalMode, McpTransport, ToolSource, ToolSpec};
use mainstay_protocol::{CallId, EffectId, SessionId, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

/// What the suite wants called, in scenarios where it matters.
const CONTEXT: &str = "MCP_CONFORMANCE_CONTEXT";

/// Which scenario it is.
const SCENARIO: &str = "MCP_CONFORMANCE_SCENARIO";
/// Where browsers would come back to.
const PUBLIC_URL: &str = "http://localhost:4242";
/// The document about this client that the suite expects.
const CLIENT_METADATA_URL: &str = "https://conformance-test.local/client-metadata.json";

#[derive(Default, Deserialize)]
struct Context {
    #[serde(default, rename = "toolCalls")]
    tool_calls: Vec<Asked>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    name: String,
    arguments: Value,
}

/// Nothing here waits for a time of day.
struct NoClock;

#[async_trait]
impl Clock for NoClock {
    fn now_ms(&self) -> u64 {
        0
    }

    async fn sleep_until(&self, _at_ms: u64) {
        std::future::pending::<()>().await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().next_back().ok_or("the server's URL is missing")?;
    let given = given()?;
    let tools = ToolSet::new(settings(&url, &given)?, Arc::new(NoClock))?;
    let source = Arc::new(ToolSource::Mcp {
        label: "suite".to_owned(),
        transport: McpTransport::Http { url, headers: BTreeMap::new() },
        allowed_tools: None,
        safety: BTreeMap::new(),
        approval: ApprovalMode::Never,
        required: true,
    });
    let mut context = context()?;
    let specs = loop {
        let asked = match tools.resolve(std::slice::from_ref(&source), &context).await {
            Ok(specs) => break specs,
            Err(error) => error,
        };
        answer(&tools, asked, &mut context).await?;
    };
    for (number, asked) in calls(&specs, given)?.into_iter().enumerate() {
        let Some(spec) = specs.iter().find(|spec| spec.remote_name == asked.name) else {
            println!("{}: the server does not offer it", asked.name);
            continue;
        };
        context.replies = Arc::default();
        for attempt in 1.. {
            let call = ToolCall {
                effect: EffectId::parse(&format!("eff_{number}"))?,
                call_id: CallId::parse(&format!("call_{number}"))?,
                attempt,
                spec: Arc::new(spec.clone()),
                source: Arc::clone(&source),
                arguments: Arc::new(asked.arguments.clone()),
                context: context.clone(),
                live: LiveSink::default(),
            };
            match tools.call(call).await {
                Err(error) if error.needs.is_some() => answer(&tools, error, &mut context).await?,
                ended => {
                    println!("{}: {ended:?}", asked.name);
                    break;
                }
            }
        }
    }
    Ok(())
}

fn settings(url: &str, given: &Context) -> Result<ToolSettings, Box<dyn std::error::Error>> {
    let scenario = std::env::var(SCENARIO).unwrap_or_default();
    let parsed: Url = url.parse()?;
    let host = format!("{}:*", parsed.host_str().ok_or("the URL names no host")?);
    let client = given.client_id.clone().map(|client_id| OauthClient {
        client_id,
        client_secret: given.client_secret.clone().map(SecretText::from),
        grant: if scenario.contains("client-credentials") {
            OauthGrant::ClientCredentials
        } else {
            OauthGrant::AuthorizationCode
        },
        scopes: Vec::new(),
    });
    Ok(ToolSettings {
        workspaces: PathBuf::new(),
        workspace_template: None,
        mcp_servers: BTreeMap::new(),
        private_hosts_allowed: vec![host.parse()?],
        oauth: OauthSettings {
            public_url: Some(PUBLIC_URL.to_owned()),
            client_metadata_url: Some(CLIENT_METADATA_URL.to_owned()),
            clients: client.map(|client| (url.to_owned(), client)).into_iter().collect(),
        },
        sandboxes: None,
    })
}

/// Answers what an attempt ended with, as a person would.
async fn answer(
    tools: &ToolSet,
    error: ToolError,
    context: &mut ToolContext,
) -> Result<(), Box<dyn std::error::Error>> {
    let Some(needs) = error.needs else { return Err(error.message.into()) };
    let mut replies = match needs.inquiry.keeps_replies {
        true => context.replies.replies.clone(),
        false => Vec::new(),
    };
    for asked in needs.inquiry.asked {
        let mut content = None;
        match &asked.question {
            Question::Authorize { url, .. } => {
                let consent = needs.consent.as_ref().ok_or("there is no consent to complete")?;
                let back = browse(url).await?;
                let grant = tools.consented(&consent.flow, &back).await?;
                context.credentials = Credentials {
                    found: Arc::from([Credential {
                        source: 0,
                        id: Arc::from("suite"),
                        revision: replies.len() as u64 + 1,
                        token: grant.access_token,
                        scope: grant.scope.map(Arc::from),
                    }]),
                    clients: grant.registration.into_iter().collect(),
                };
            }
            Question::Form { schema, .. } => content = Some(filled(schema)),
            Question::Visit { .. } => {}
        }
        replies.push(Reply { key: asked.key, action: ReplyAction::Accept, content });
    }
    context.replies = Arc::new(Replies { replies, state: needs.inquiry.state });
    Ok(())
}

/// Follows an address to where the browser is sent back.
async fn browse(url: &str) -> Result<Return, Box<dyn std::error::Error>> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = client.get(url).send().await?;
    let location = answer.headers().get("location").ok_or("the browser is sent nowhere")?;
    let back: Url = location.to_str()?.parse()?;
    let part = |name: &str| {
        back.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    };
    Ok(Return {
        state: part("state").ok_or("there is no state")?.into(),
        code: part("code").ok_or("there is no code")?.into(),
        issuer: part("iss"),
    })
}

/// A form's content: its defaults, and something simple where there is none.
fn filled(schema: &Value) -> Value {
    let sample = sample(schema);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let needed = sample.as_object().into_iter().flatten();
    let needed = needed.filter(|(name, _)| {
        let has_default = schema["properties"][name.as_str()].get("default").is_some();
        !has_default && required.iter().any(|own| own == name.as_str())
    });
    let content = needed.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>();
    with_defaults(schema, Some(content.into()))
}

fn context() -> Result<ToolContext, Box<dyn std::error::Error>> {
    Ok(ToolContext {
        tenant: TenantId::parse("suite")?,
        session: SessionId::parse("suite")?,
        principal: "suite".into(),
        credentials: Credentials::default(),
        sandbox: None,
        replies: Arc::default(),
    })
}

fn given() -> Result<Context, Box<dyn std::error::Error>> {
    match std::env::var(CONTEXT) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(_) => Ok(Context::default()),
    }
}

/// The calls that the scenario names; without any, each tool once.
fn calls(specs: &[ToolSpec], given: Context) -> Result<Vec<Asked>, Box<dyn std::error::Error>> {
    if !given.tool_calls.is_empty() {
        return Ok(given.tool_calls);
    }
    let each = |spec: &ToolSpec| Asked {
        name: spec.remote_name.clone(),
        arguments: sample(&spec.parameters),
    };
    Ok(specs.iter().map(each).collect())
}

/// Arguments that a simple schema takes.
fn sample(schema: &Value) -> Value {
    let none = Map::new();
    let members = schema["properties"].as_object().unwrap_or(&none);
    let value = |member: &Value| match member["type"].as_str() {
        Some("number" | "integer") => json!(5),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("text"),
    };
    members.iter().map(|(name, member)| (name.clone(), value(member))).collect::<Map<_, _>>().into()
}
