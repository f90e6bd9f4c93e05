//! New secrets in the place of old ones.
//!
//! Invariant: a credential keeps its type, what it is for, and how its client proves itself.

use mainstay_core::resource::{CredentialAuth, OauthClientAuth, OauthRefresh};
use mainstay_protocol::ApiError;

use super::check::timestamp;
use super::rotate_params::{
    ClientWay, RotateClientParams, RotateOauthParams, RotateParams, RotateRefreshParams,
};
use super::safe::Safe;
use crate::openai::wire::{At, Patch};

/// Puts the request's secrets in the place of the credential's.
pub(super) fn rotate(
    safe: &Safe<'_>,
    auth: &mut CredentialAuth,
    params: &RotateParams,
) -> Result<(), ApiError> {
    let at = At::Root;
    let at = at.field("auth");
    match (auth, params) {
        (CredentialAuth::StaticBearer { token, .. }, RotateParams::StaticBearer(new)) => {
            *token = safe.seal("token", &new.token.0)?;
            Ok(())
        }
        (
            CredentialAuth::EnvironmentVariable { secret_value, .. },
            RotateParams::EnvironmentVariable(new),
        ) => {
            *secret_value = safe.seal("secret_value", &new.secret_value.0)?;
            Ok(())
        }
        (auth @ CredentialAuth::McpOauth { .. }, RotateParams::McpOauth(new)) => {
            rotate_oauth(safe, auth, new, &at)
        }
        (
            _,
            RotateParams::StaticBearer(_)
            | RotateParams::EnvironmentVariable(_)
            | RotateParams::McpOauth(_),
        ) => {
            Err(at.field("type").invalid("is not the type of the credential, which cannot change"))
        }
    }
}

fn rotate_oauth(
    safe: &Safe<'_>,
    auth: &mut CredentialAuth,
    new: &RotateOauthParams,
    at: &At<'_>,
) -> Result<(), ApiError> {
    let CredentialAuth::McpOauth { access_token, expires_at_ms, refresh, .. } = auth else {
        return Ok(());
    };
    if let Some(token) = &new.access_token {
        *access_token = safe.seal("access_token", &token.0)?;
        // The old time says nothing of the new token.
        *expires_at_ms = None;
    }
    match &new.expires_at {
        Patch::Keep => {}
        Patch::Clear => *expires_at_ms = None,
        Patch::Set(text) => *expires_at_ms = Some(timestamp(&at.field("expires_at"), text)?),
    }
    if let Some(refresh) = refresh {
        // Whoever rotates says that it is good again.
        (refresh.began_at_ms, refresh.rejected) = (None, None);
    }
    match (refresh, &new.refresh) {
        (_, None) => Ok(()),
        (Some(refresh), Some(new)) => rotate_refresh(safe, refresh, new, &at.field("refresh")),
        (None, Some(_)) => {
            let message = "cannot be changed: the credential was created without it";
            Err(at.field("refresh").invalid(message))
        }
    }
}

fn rotate_refresh(
    safe: &Safe<'_>,
    refresh: &mut OauthRefresh,
    new: &RotateRefreshParams,
    at: &At<'_>,
) -> Result<(), ApiError> {
    if let Some(token) = &new.refresh_token {
        refresh.refresh_token = safe.seal("refresh_token", &token.0)?;
    }
    refresh.scope = new.scope.clone().over_option(refresh.scope.take());
    match &new.token_endpoint_auth {
        None => Ok(()),
        Some(client) => rotate_client(
            safe,
            &mut refresh.token_endpoint_auth,
            client,
            &at.field("token_endpoint_auth"),
        ),
    }
}

fn rotate_client(
    safe: &Safe<'_>,
    kept: &mut OauthClientAuth,
    new: &RotateClientParams,
    at: &At<'_>,
) -> Result<(), ApiError> {
    match (kept, new.way) {
        (OauthClientAuth::ClientSecretBasic { client_secret }, ClientWay::Basic)
        | (OauthClientAuth::ClientSecretPost { client_secret }, ClientWay::Post) => {
            if let Some(secret) = &new.client_secret {
                *client_secret = safe.seal("client_secret", &secret.0)?;
            }
            Ok(())
        }
        (
            OauthClientAuth::None
            | OauthClientAuth::ClientSecretBasic { .. }
            | OauthClientAuth::ClientSecretPost { .. },
            ClientWay::Basic | ClientWay::Post,
        ) => Err(at.field("type").invalid("is not the way of the credential, which cannot change")),
    }
}
