//! What completes a consent that was begun, as it is sealed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rmcp::transport::auth::{
    AuthError, AuthorizationMetadata, OAuthClientConfig, StateStore, StoredAuthorizationState,
};
use serde::{Deserialize, Serialize};

use crate::tool::cache::lock;

/// What completes a consent that was begun.
#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    /// The resource as the authorization request names it.
    pub(super) resource: String,
    pub(super) redirect_uri: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
    pub(super) metadata: AuthorizationMetadata,
    pub(super) scopes: Vec<String>,
    /// The verifier of PKCE, who is expected to answer, and when it began.
    pub(super) pending: StoredAuthorizationState,
    /// Whether the client registered by itself.
    #[serde(default)]
    pub(super) is_registered: bool,
}

impl Flow {
    pub(super) fn client(&self) -> OAuthClientConfig {
        let config = OAuthClientConfig::new(self.client_id.clone(), self.redirect_uri.clone());
        match &self.client_secret {
            Some(secret) => config.with_client_secret(secret.clone()),
            None => config,
        }
    }

    /// Whether the client's secret goes into the `authorization` header, as its server wants it.
    pub(super) fn proves_by_header(&self) -> bool {
        let methods = self.metadata.additional_fields.get("token_endpoint_auth_methods_supported");
        let has = |name: &str| {
            let listed = methods.and_then(serde_json::Value::as_array);
            listed.is_some_and(|methods| methods.iter().any(|method| method == name))
        };
        has("client_secret_basic") || !has("client_secret_post")
    }
}

/// The one state of one consent.
#[derive(Clone, Default)]
pub(super) struct OneState(Arc<Mutex<Option<(String, StoredAuthorizationState)>>>);

impl OneState {
    pub(super) fn of(csrf: String, pending: StoredAuthorizationState) -> Self {
        Self(Arc::new(Mutex::new(Some((csrf, pending)))))
    }

    pub(super) fn take(&self) -> Option<(String, StoredAuthorizationState)> {
        lock(&self.0).take()
    }
}

#[async_trait]
impl StateStore for OneState {
    async fn save(&self, csrf: &str, state: StoredAuthorizationState) -> Result<(), AuthError> {
        *lock(&self.0) = Some((csrf.to_owned(), state));
        Ok(())
    }

    async fn load(&self, csrf: &str) -> Result<Option<StoredAuthorizationState>, AuthError> {
        let kept = lock(&self.0);
        Ok(kept.as_ref().filter(|(own, _)| own == csrf).map(|(_, state)| state.clone()))
    }

    async fn delete(&self, _csrf: &str) -> Result<(), AuthError> {
        lock(&self.0).take();
        Ok(())
    }
}
