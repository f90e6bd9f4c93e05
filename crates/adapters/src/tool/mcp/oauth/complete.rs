//! Completes a consent: the code that a person brings back becomes tokens.

use std::sync::Arc;

use mainstay_core::port::{Grant, Return, SecretText};
use oauth2::TokenResponse;
use rmcp::transport::auth::{AuthorizationManager, OAuthTokenResponse};

use super::begin::said;
use super::flow::{Flow, OneState};
use super::http::OauthHttp;
use super::registration;
use crate::tool::egress::Egress;

/// Completes a consent; the error is for the person who came back.
pub(in crate::tool::mcp) async fn complete(
    egress: &Arc<Egress>,
    flow: &SecretText,
    back: &Return,
) -> Result<Grant, String> {
    let flow: Flow = serde_json::from_str(flow.expose())
        .map_err(|_| "what was kept of this consent cannot be read".to_owned())?;
    let client = OauthHttp::new(egress, Some(flow.resource.clone()));
    let manager =
        AuthorizationManager::new_with_oauth_http_client(flow.resource.as_str(), client).await;
    let mut manager = manager.map_err(|error| said(&error))?;
    manager.set_metadata(flow.metadata.clone());
    manager.configure_client(flow.client()).map_err(|error| said(&error))?;
    manager.set_state_store(OneState::of(back.state.expose().to_owned(), flow.pending.clone()));
    let answer = manager
        .exchange_code_for_token_with_issuer(
            back.code.expose(),
            back.state.expose(),
            back.issuer.as_deref(),
        )
        .await
        .map_err(|error| said(&error))?;
    let asked = (!flow.scopes.is_empty()).then(|| flow.scopes.join(" "));
    let by_header = flow.proves_by_header();
    let registration = registration::of(&flow);
    let secret = flow.client_secret.map(|secret| (SecretText::from(secret), by_header));
    let refresh = answer.refresh_token();
    Ok(Grant {
        access_token: SecretText::from(answer.access_token().secret().clone()),
        expires_in_ms: expires_in_ms(&answer),
        refresh_token: refresh.map(|token| SecretText::from(token.secret().clone())),
        client_id: flow.client_id,
        client_secret: secret,
        token_endpoint: flow.metadata.token_endpoint,
        resource: flow.resource,
        scope: scope(&answer).or(asked),
        registration,
    })
}

pub(super) fn expires_in_ms(answer: &OAuthTokenResponse) -> Option<u64> {
    answer.expires_in().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

fn scope(answer: &OAuthTokenResponse) -> Option<String> {
    let scopes = answer.scopes()?;
    Some(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
}
