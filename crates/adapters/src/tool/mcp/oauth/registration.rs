//! What this server was registered as before, and whether it can be used again.
//!
//! Invariant: a client is used again at the same authorization server, with the same address to come back
//! to, for scopes that it was registered for. Deliberately absent: keeping it, which whoever seals does.

use mainstay_core::port::{ClientPlace, Registration, SecretText};
use rmcp::transport::auth::{AuthorizationMetadata, OAuthClientConfig};
use serde::{Deserialize, Serialize};

use super::flow::Flow;

/// A client as it is sealed.
#[derive(Serialize, Deserialize)]
struct Client {
    client_id: String,
    client_secret: Option<String>,
    scopes: Vec<String>,
}

pub(super) fn place_of(metadata: &AuthorizationMetadata, redirect_uri: &str) -> ClientPlace {
    let issuer = metadata.issuer.clone().unwrap_or_else(|| metadata.token_endpoint.clone());
    ClientPlace { issuer, redirect_uri: redirect_uri.to_owned() }
}

/// The client that was registered there before, if it may ask for these scopes.
pub(super) fn known(
    clients: &[Registration],
    place: &ClientPlace,
    scopes: &[String],
) -> Option<OAuthClientConfig> {
    let kept = clients.iter().find(|kept| kept.place == *place)?;
    let client: Client = serde_json::from_str(kept.client.expose()).ok()?;
    if !scopes.iter().all(|scope| client.scopes.contains(scope)) {
        return None;
    }
    let config = OAuthClientConfig::new(client.client_id, place.redirect_uri.clone());
    Some(match client.client_secret {
        Some(secret) => config.with_client_secret(secret),
        None => config,
    })
}

/// The client of a consent that was completed, if it registered by itself.
pub(super) fn of(flow: &Flow) -> Option<Registration> {
    if !flow.is_registered {
        return None;
    }
    let client = Client {
        client_id: flow.client_id.clone(),
        client_secret: flow.client_secret.clone(),
        scopes: flow.scopes.clone(),
    };
    let sealed = serde_json::to_string(&client).expect("texts serialise");
    Some(Registration {
        place: place_of(&flow.metadata, &flow.redirect_uri),
        client_id: client.client_id,
        client: SecretText::from(sealed),
    })
}
