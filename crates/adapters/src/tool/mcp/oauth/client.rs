//! Tokens that a client gets by itself, because the server knows it.

use std::sync::Arc;

use mainstay_core::port::SecretText;
use oauth2::TokenResponse;
use rmcp::transport::auth::ClientCredentialsConfig;

use super::begin::{discovered, said};
use super::challenge::Challenge;
use super::complete::expires_in_ms;
use super::settings::OauthClient;
use crate::tool::egress::Egress;

/// A token, and how long it is good for.
pub(in crate::tool::mcp) struct ClientToken {
    pub(in crate::tool::mcp) token: SecretText,
    pub(in crate::tool::mcp) expires_in_ms: Option<u64>,
}

/// Gets a token for a client that was registered by hand.
pub(in crate::tool::mcp) async fn client_token(
    egress: &Arc<Egress>,
    client: &OauthClient,
    server_url: &str,
    challenge: &Challenge,
) -> Result<ClientToken, String> {
    let (_, mut manager) = discovered(egress, server_url, challenge).await?;
    let secret =
        client.client_secret.as_ref().ok_or("the client in tools.mcp_oauth has no secret")?;
    let scopes = match client.scopes.is_empty() {
        true => manager.select_initial_scopes(&[]).await,
        false => client.scopes.clone(),
    };
    let config = ClientCredentialsConfig::ClientSecret {
        client_id: client.client_id.clone(),
        client_secret: secret.expose().to_owned(),
        scopes,
        resource: Some(server_url.to_owned()),
    };
    manager.validate_client_credentials_metadata(&config).map_err(|error| said(&error))?;
    manager.configure_client_credentials(&config).map_err(|error| said(&error))?;
    let answer = manager.exchange_client_credentials(&config).await;
    let answer = answer.map_err(|error| said(&error))?;
    Ok(ClientToken {
        token: SecretText::from(answer.access_token().secret().clone()),
        expires_in_ms: expires_in_ms(&answer),
    })
}
