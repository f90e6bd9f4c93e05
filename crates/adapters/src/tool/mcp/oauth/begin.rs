//! Begins a consent: finds out who grants it, makes this server known there, and says where a person
//! goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use mainstay_core::port::{Consent, Registration, SecretText};
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationMetadata, OAuthClientConfig,
    WWWAuthenticateParams,
};
use url::Url;

use super::challenge::Challenge;
use super::flow::{Flow, OneState};
use super::http::OauthHttp;
use super::registration::{self, place_of};
use super::settings::{OauthGrant, OauthSettings};
use crate::tool::egress::Egress;

/// What this server calls itself where it is registered.
const CLIENT_NAME: &str = "Mainstay";
/// The longest address that a person is sent to, in bytes.
const MAX_URL_BYTES: usize = 16_384;

/// A consent that was begun.
pub(in crate::tool::mcp) struct Begun {
    /// Where the person goes.
    pub(in crate::tool::mcp) url: String,
    /// What completes it.
    pub(in crate::tool::mcp) consent: Consent,
}

/// Begins a consent; `granted` are the scopes of the token that was not enough, `clients` what this server
/// was registered as before. The error is for whoever looks after the agent.
pub(in crate::tool::mcp) async fn begin(
    egress: &Arc<Egress>,
    settings: &OauthSettings,
    server_url: &str,
    challenge: &Challenge,
    (granted, clients): (&[String], &[Registration]),
) -> Result<Begun, String> {
    let redirect_uri = settings.redirect_uri().ok_or(
        "it answers 401 (it wants a person's consent), and this server does not know under which \
         address browsers reach it: set server.public_url",
    )?;
    let (metadata, mut manager) = discovered(egress, server_url, challenge).await?;
    let own = settings.client(server_url).filter(|own| own.grant == OauthGrant::AuthorizationCode);
    let configured = own.map_or(&[][..], |own| own.scopes.as_slice());
    let scopes = scopes(&manager, &metadata, server_url, challenge, granted, configured).await?;
    let scope_refs: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let mut place = None;
    let client = match own {
        Some(own) => {
            let config = OAuthClientConfig::new(own.client_id.clone(), redirect_uri.clone());
            match &own.client_secret {
                Some(secret) => config.with_client_secret(secret.expose()),
                None => config,
            }
        }
        None => match document(settings, &metadata) {
            Some(url) => OAuthClientConfig::new(url, redirect_uri.clone()),
            None => {
                let own = place_of(&metadata, &redirect_uri);
                let known = registration::known(clients, &own, &scopes);
                place = Some(own);
                match known {
                    Some(known) => known,
                    None => registered(&mut manager, &metadata, &redirect_uri, &scope_refs).await?,
                }
            }
        },
    };
    manager.configure_client(client.clone()).map_err(|error| said(&error))?;
    let pending = OneState::default();
    manager.set_state_store(pending.clone());
    let url = manager.get_authorization_url(&scope_refs).await.map_err(|error| said(&error))?;
    let (csrf, pending) = pending.take().ok_or("the authorization request has no state")?;
    let parsed = Url::parse(&url).map_err(|error| error.to_string())?;
    if !matches!(parsed.scheme(), "http" | "https") || url.len() > MAX_URL_BYTES {
        return Err("its authorization server names an address that no browser opens".to_owned());
    }
    let resource = parsed.query_pairs().find(|(name, _)| name == "resource");
    let flow = Flow {
        resource: resource.map_or_else(|| server_url.to_owned(), |(_, own)| own.into_owned()),
        redirect_uri,
        client_id: client.client_id,
        client_secret: client.client_secret,
        metadata,
        scopes,
        pending,
        is_registered: place.is_some(),
    };
    let flow = serde_json::to_string(&flow).map_err(|error| error.to_string())?;
    let consent = Consent {
        state: SecretText::from(csrf),
        server_url: server_url.to_owned(),
        flow: SecretText::from(flow),
        client: place,
    };
    Ok(Begun { url, consent })
}

/// Who grants access to a server, as the server and its authorization server publish it.
pub(super) async fn discovered(
    egress: &Arc<Egress>,
    server_url: &str,
    challenge: &Challenge,
) -> Result<(AuthorizationMetadata, AuthorizationManager), String> {
    let client = OauthHttp::new(egress, None);
    let manager = AuthorizationManager::new_with_oauth_http_client(server_url, client).await;
    let mut manager = manager.map_err(|error| said(&error))?;
    let header = Some(challenge.header.as_str()).filter(|header| !header.is_empty());
    let found = manager.resolve_metadata_from_challenge(header).await;
    let found = found.map_err(|error| said(&error))?;
    if !found.source.is_discovered() {
        return Err("it wants a token, and publishes nothing about who grants one: keep a bearer \
                    token for it in a vault of the session"
            .to_owned());
    }
    manager.set_metadata(found.metadata.clone());
    Ok((found.metadata, manager))
}

/// The scopes to ask for: what was granted before and what the server names now.
async fn scopes(
    manager: &AuthorizationManager,
    metadata: &AuthorizationMetadata,
    server_url: &str,
    challenge: &Challenge,
    granted: &[String],
    configured: &[String],
) -> Result<Vec<String>, String> {
    if !challenge.wants_scope && configured.is_empty() {
        return Ok(manager.select_initial_scopes(&[]).await);
    }
    let base = Url::parse(server_url).map_err(|error| error.to_string())?;
    let named = WWWAuthenticateParams::parse(&challenge.header, &base).scope.unwrap_or_default();
    let mut scopes = Vec::new();
    let mut seen = BTreeSet::new();
    let wanted = named.split_whitespace().map(str::to_owned);
    for scope in granted.iter().cloned().chain(configured.iter().cloned()).chain(wanted) {
        if seen.insert(scope.clone()) {
            scopes.push(scope);
        }
    }
    const OFFLINE: &str = "offline_access";
    let offers_offline = metadata.scopes_supported.iter().flatten().any(|scope| scope == OFFLINE);
    if offers_offline && !scopes.is_empty() && !seen.contains(OFFLINE) {
        scopes.push(OFFLINE.to_owned());
    }
    Ok(scopes)
}

/// The document about this server, where it is taken for a registration.
fn document(settings: &OauthSettings, metadata: &AuthorizationMetadata) -> Option<String> {
    let takes_documents = metadata.additional_fields.get("client_id_metadata_document_supported");
    let takes_documents = takes_documents.and_then(serde_json::Value::as_bool).unwrap_or(false);
    settings.client_metadata_url.clone().filter(|_| takes_documents)
}

/// This server as a client that is registered now.
async fn registered(
    manager: &mut AuthorizationManager,
    metadata: &AuthorizationMetadata,
    redirect_uri: &str,
    scopes: &[&str],
) -> Result<OAuthClientConfig, String> {
    if metadata.registration_endpoint.is_none() {
        return Err("its authorization server registers no clients by itself: register one there \
                    and add it to tools.mcp_oauth"
            .to_owned());
    }
    if redirect_uri.starts_with("https:") {
        // The registration says what kind of client this is.
        let kind = OAuthClientConfig::new(CLIENT_NAME, redirect_uri).with_application_type("web");
        manager.configure_client(kind).map_err(|error| said(&error))?;
    }
    let registered = manager.register_client(CLIENT_NAME, redirect_uri, scopes).await;
    registered.map_err(|error| said(&error))
}

/// An error with its causes.
pub(super) fn said(error: &AuthError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
