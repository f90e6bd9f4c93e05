//! What follows when a server wants to be shown a token: a client's own is got, or a person is asked.
//!
//! Invariant: a person is asked for consent a few times for one effect at most, and one who declined
//! not again. A client's own token is got anew once per attempt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mainstay_core::port::{Clock, Credential, Grant, Needs, Return, SecretText, ToolContext};
use mainstay_core::question::{Asked, Inquiry, Question, Reply, ReplyAction};
use mainstay_core::tool::McpTransport;

use super::elicit::OWN_KEYS;
use super::oauth::{
    Begun, Challenge, ClientToken, OauthGrant, OauthSettings, begin, client_token, complete,
};
use super::source::Parts;
use crate::tool::cache::lock;
use crate::tool::egress::Egress;

/// The most consents that one effect asks for of one server.
const MAX_CONSENTS: usize = 3;
/// How long before its end a client's own token is not used any more.
const MARGIN_MS: u64 = 60_000;

/// What follows.
pub(super) enum Next {
    /// It is tried with this token.
    Token(Credential),
    /// Nothing: this is why.
    Failed(String),
    /// A person is asked.
    Ask(Box<Needs>),
}

/// Consents, and the tokens that clients got by themselves.
pub(super) struct Consents {
    settings: OauthSettings,
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    tokens: Mutex<BTreeMap<String, Kept>>,
}

/// A token that a client got by itself.
#[derive(Clone)]
struct Kept {
    token: SecretText,
    number: u64,
    until_ms: u64,
}

impl Consents {
    pub(super) fn new(settings: OauthSettings, egress: Arc<Egress>, clock: Arc<dyn Clock>) -> Self {
        Self { settings, egress, clock, tokens: Mutex::default() }
    }

    /// The client's own token for a server, when one was got before and no vault has another.
    pub(super) fn client_credential(
        &self,
        parts: Parts<'_>,
        own: Option<&Credential>,
        position: usize,
    ) -> Option<Credential> {
        let url = http_url(parts).filter(|_| own.is_none())?;
        let now_ms = self.clock.now_ms();
        let kept = lock(&self.tokens).get(url).filter(|kept| kept.until_ms > now_ms).cloned()?;
        Some(credential(kept, position))
    }

    /// What follows from a challenge.
    pub(super) async fn next(
        &self,
        parts: Parts<'_>,
        context: &ToolContext,
        position: usize,
        own: Option<&Credential>,
        challenge: &Challenge,
        is_first: bool,
    ) -> Next {
        let label = parts.label;
        let Some(url) = http_url(parts) else {
            return Next::Failed(format!("the MCP server {label:?} wants a token"));
        };
        let client = self.settings.client(url);
        if let Some(client) = client.filter(|own| own.grant == OauthGrant::ClientCredentials)
            && own.is_none()
        {
            lock(&self.tokens).remove(url);
            if !is_first {
                return Next::Failed(format!(
                    "the MCP server {label:?} refuses the token it is shown"
                ));
            }
            let got = client_token(&self.egress, client, url, challenge).await;
            return match got {
                Ok(got) => Next::Token(credential(self.keep(url, got), position)),
                Err(reason) => Next::Failed(format!("get a token for {label:?}: {reason}")),
            };
        }
        if let Some(why) = told_before(context, label) {
            return Next::Failed(why);
        }
        let granted = own.and_then(|own| own.scope.as_deref()).unwrap_or_default();
        let granted: Vec<String> = granted.split_whitespace().map(str::to_owned).collect();
        let before = (granted.as_slice(), &*context.credentials.clients);
        match begin(&self.egress, &self.settings, url, challenge, before).await {
            Ok(Begun { url, consent }) => {
                let question = Question::Authorize { server: label.to_owned(), url, reason: None };
                let asked = vec![Asked { key: key(label), question }];
                let state = context.replies.state.clone();
                let inquiry = Inquiry { asked, keeps_replies: true, state };
                Next::Ask(Box::new(Needs { inquiry, consent: Some(consent) }))
            }
            Err(reason) => {
                Next::Failed(format!("the MCP server {label:?} cannot be used: {reason}"))
            }
        }
    }

    /// Completes a consent.
    pub(super) async fn complete(&self, flow: &SecretText, back: &Return) -> Result<Grant, String> {
        complete(&self.egress, flow, back).await
    }

    fn keep(&self, url: &str, got: ClientToken) -> Kept {
        let lasts_ms = got.expires_in_ms.unwrap_or(u64::MAX).saturating_sub(MARGIN_MS);
        let mut tokens = lock(&self.tokens);
        let number = tokens.values().map(|kept| kept.number).max().unwrap_or(0) + 1;
        let until_ms = self.clock.now_ms().saturating_add(lasts_ms);
        let kept = Kept { token: got.token, number, until_ms };
        tokens.insert(url.to_owned(), kept.clone());
        kept
    }
}

fn credential(kept: Kept, position: usize) -> Credential {
    let id = Arc::from("client");
    Credential { source: position, id, revision: kept.number, token: kept.token, scope: None }
}

/// Why no person is asked, when one was before.
fn told_before(context: &ToolContext, label: &str) -> Option<String> {
    let key = key(label);
    let said: Vec<&Reply> =
        context.replies.replies.iter().filter(|reply| reply.key == key).collect();
    match said.last()?.action {
        ReplyAction::Decline | ReplyAction::Cancel => {
            Some(format!("nobody consented to the use of the MCP server {label:?}"))
        }
        ReplyAction::Accept if said.len() >= MAX_CONSENTS => {
            Some(format!("the MCP server {label:?} goes on asking for consent that it was given"))
        }
        ReplyAction::Accept => None,
    }
}

fn key(label: &str) -> String {
    format!("{OWN_KEYS}authorize/{label}")
}

fn http_url<'a>(parts: Parts<'a>) -> Option<&'a str> {
    match parts.transport {
        McpTransport::Http { url, .. } => Some(url),
        McpTransport::Stdio { .. } => None,
    }
}
