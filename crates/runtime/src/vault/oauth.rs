//! Access tokens that expire: refreshed a little before, at the token endpoint that the credential
//! names.
//!
//! Invariant: one refresh at a time in this process, decided from the credential as it is then: a
//! refresh token that may be used once is used once. That a refresh begins is committed before it is
//! asked for, and a new token before it is used. A refresh token that is refused is not tried again:
//! the credential is of no use until a person consents anew, and is told why.

use mainstay_core::port::{Parcel, Receipt, SecretText, ToolError, WorldChange};
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, ResourceRow,
    Sealed,
};
use mainstay_protocol::{ApiError, ErrorCode};
use serde::Deserialize;

use super::{belongs_to, clients, failed, terminal};
use crate::control::ResourceChange;
use crate::engine::Inner;

/// How long before its end a token is not used any more.
const MARGIN_MS: u64 = 60_000;
/// Bound on one request to a token endpoint.
const REFRESH_TIMEOUT_MS: u64 = 20_000;

/// What a token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// The credential with a token that is good for a while, if it had to be refreshed.
pub(super) async fn fresh(
    inner: &Inner,
    row: &ResourceRow,
) -> Result<Option<ResourceRow>, ToolError> {
    if due(inner, row).is_none() {
        return Ok(None);
    }
    let _one_at_a_time = inner.refreshes.lock().await;
    let found = inner.control.resource(&row.tenant, CREDENTIAL_KIND, &row.id).await;
    let row = found.map_err(|error| failed(&error))?;
    let row = row.ok_or_else(|| terminal("the credential was deleted".to_owned()))?;
    let Some(refresh) = due(inner, &row) else { return Ok(Some(row)) };
    let was_interrupted = refresh.began_at_ms.is_some();
    note(inner, &row, Note::Begins).await?;
    let asked = match ask(inner, &row, &refresh).await {
        Ok(asked) => asked,
        Err(error) => {
            // It came to its end, though a bad one. What was cut short before stays so.
            if !was_interrupted && let Err(error) = note(inner, &row, Note::Failed).await {
                tracing::warn!(credential = row.id, %error, "the end of a refresh was not written");
            }
            return Err(error);
        }
    };
    match asked {
        Asked::Got(tokens) => keep(inner, &row, tokens).await.map(Some),
        Asked::Rejected { status, is_client_unknown } => {
            let why = if is_client_unknown {
                format!(
                    "the authorization server does not know this server as a client: HTTP {status}"
                )
            } else if was_interrupted {
                "this server stopped while its tokens were renewed, and the new ones were lost"
                    .to_owned()
            } else {
                format!("the authorization server refuses to renew its tokens: HTTP {status}")
            };
            tracing::warn!(credential = row.id, why, "a credential needs a person's consent");
            if is_client_unknown {
                let forgotten = clients::forget_client(inner, &row.tenant, &refresh.client_id);
                forgotten.await.map_err(|error| failed(&error))?;
            }
            note(inner, &row, Note::Rejected(why)).await.map(Some)
        }
    }
}

/// What a token endpoint said.
enum Asked {
    Got(Tokens),
    /// The refresh token is of no use: by itself, or because nobody knows whose it is.
    Rejected {
        status: u16,
        is_client_unknown: bool,
    },
}

/// What is written down about a refresh.
#[derive(Clone)]
enum Note {
    Begins,
    /// No tokens came; the next call asks again.
    Failed,
    Rejected(String),
}

async fn note(inner: &Inner, row: &ResourceRow, note: Note) -> Result<ResourceRow, ToolError> {
    let target = (CREDENTIAL_KIND, row.id.as_str());
    let caller = inner.as_runtime(row.tenant.clone());
    let changed = inner.control.change_resource(&caller, target, None, |found| {
        let mut row = found.row;
        let mut body: CredentialBody = row.read().map_err(|error| shapeless(&error))?;
        let CredentialAuth::McpOauth { refresh: Some(refresh), .. } = &mut body.auth else {
            return Ok(None);
        };
        match note.clone() {
            // The first that was interrupted is the one that may have lost a token.
            Note::Begins if refresh.began_at_ms.is_some() => return Ok(None),
            Note::Begins => refresh.began_at_ms = Some(found.now_ms),
            Note::Failed => refresh.began_at_ms = None,
            Note::Rejected(why) => refresh.rejected = Some(why),
        }
        row.body = serde_json::to_value(&body).map_err(|error| shapeless(&error))?;
        Ok(Some(ResourceChange::of("resource.refreshing", row)))
    });
    changed.await.map_err(|error| failed(&error))
}

/// How to refresh the token, if it is time.
fn due(inner: &Inner, row: &ResourceRow) -> Option<OauthRefresh> {
    let body: CredentialBody = row.read().ok()?;
    let CredentialAuth::McpOauth { expires_at_ms, refresh, .. } = body.auth else { return None };
    let now_ms = inner.parts.clock.now_ms();
    let refresh = (expires_at_ms? <= now_ms.saturating_add(MARGIN_MS)).then_some(refresh).flatten();
    refresh.filter(|refresh| refresh.rejected.is_none()).map(|refresh| *refresh)
}

async fn ask(inner: &Inner, row: &ResourceRow, refresh: &OauthRefresh) -> Result<Asked, ToolError> {
    let open = |member: &str, sealed: &Sealed| {
        let opened = inner.parts.seals.open(&belongs_to(row, member), sealed);
        opened.map_err(|error| terminal(format!("the credential {:?}: {error}", row.id)))
    };
    let token = open("refresh_token", &refresh.refresh_token)?;
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())];
    form.extend(refresh.resource.as_deref().map(|resource| ("resource", resource)));
    form.extend(refresh.scope.as_deref().map(|scope| ("scope", scope)));
    let mut authorization = None;
    let client_secret = match &refresh.token_endpoint_auth {
        OauthClientAuth::None => None,
        OauthClientAuth::ClientSecretBasic { client_secret } => {
            let secret = open("client_secret", client_secret)?;
            authorization = Some(basic(&refresh.client_id, secret.expose()));
            None
        }
        OauthClientAuth::ClientSecretPost { client_secret } => {
            Some(open("client_secret", client_secret)?)
        }
    };
    if authorization.is_none() {
        form.push(("client_id", &refresh.client_id));
    }
    form.extend(client_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let parcel = Parcel {
        url: refresh.token_endpoint.clone(),
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        authorization,
        body: SecretText::from(body),
        timeout_ms: REFRESH_TIMEOUT_MS,
    };
    let answer = inner.parts.courier.post(parcel).await.map_err(|error| ToolError {
        message: format!("refresh the credential {:?}: {}", row.id, error.message),
        retryable: error.retryable,
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    })?;
    read(row, &answer)
}

/// Names and secrets are form-encoded before they are joined (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &str) -> SecretText {
    use base64::Engine as _;
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret));
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    SecretText::from(format!("Basic {pair}"))
}

/// The answer's body may hold tokens, so that none of it is repeated.
fn read(row: &ResourceRow, answer: &Receipt) -> Result<Asked, ToolError> {
    let refused = |retryable| ToolError {
        message: format!(
            "refresh the credential {:?}: the token endpoint answered {}",
            row.id, answer.status
        ),
        retryable,
        world: WorldChange::No,
        retry_after_ms: answer.retry_after_ms,
        needs: None,
    };
    match answer.status {
        200..=299 => {
            let tokens = serde_json::from_slice(&answer.body).map_err(|_| refused(false))?;
            Ok(Asked::Got(tokens))
        }
        // Some say no more than the status.
        401 => Ok(Asked::Rejected { status: answer.status, is_client_unknown: true }),
        400 | 403 => match error_of(&answer.body).as_deref() {
            Some("invalid_grant") => {
                Ok(Asked::Rejected { status: answer.status, is_client_unknown: false })
            }
            Some("invalid_client" | "unauthorized_client") => {
                Ok(Asked::Rejected { status: answer.status, is_client_unknown: true })
            }
            _ => Err(refused(false)),
        },
        429 | 500..=599 => Err(refused(true)),
        _ => Err(refused(false)),
    }
}

/// What the endpoint says is wrong (RFC 6749, section 5.2).
fn error_of(body: &[u8]) -> Option<String> {
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    said["error"].as_str().map(str::to_owned)
}

async fn keep(inner: &Inner, row: &ResourceRow, tokens: Tokens) -> Result<ResourceRow, ToolError> {
    let caller = inner.as_runtime(row.tenant.clone());
    let seal = |member: &str, text: String| {
        let sealed = inner.parts.seals.seal(&belongs_to(row, member), &SecretText::from(text));
        sealed.map_err(|error| terminal(error.to_string()))
    };
    let access = seal("access_token", tokens.access_token)?;
    let rotated = tokens.refresh_token.map(|text| seal("refresh_token", text)).transpose()?;
    let target = (CREDENTIAL_KIND, row.id.as_str());
    let changed = inner.control.change_resource(&caller, target, None, |found| {
        let mut row = found.row;
        let mut body: CredentialBody = row.read().map_err(|error| shapeless(&error))?;
        let CredentialAuth::McpOauth { access_token, expires_at_ms, refresh, .. } = &mut body.auth
        else {
            return Ok(None);
        };
        *access_token = access.clone();
        *expires_at_ms = tokens.expires_in.map(|s| found.now_ms.saturating_add(s * 1_000));
        if let Some(refresh) = refresh {
            refresh.began_at_ms = None;
            if let Some(rotated) = &rotated {
                refresh.refresh_token = rotated.clone();
            }
        }
        row.body = serde_json::to_value(&body).map_err(|error| shapeless(&error))?;
        Ok(Some(ResourceChange::of("resource.refreshed", row)))
    });
    changed.await.map_err(|error| failed(&error))
}

fn shapeless(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::JournalCorrupt, format!("a credential has no shape: {error}"))
}
