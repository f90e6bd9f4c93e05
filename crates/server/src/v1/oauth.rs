//! Where browsers come back to after somebody consented to the use of an MCP server, and the document
//! about this server as an OAuth client. They need no key: what a browser brings back is known to
//! nobody else, and is good once.
//!
//! Invariant: nothing of a request is repeated on a page but what is escaped.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mainstay_core::port::{Return, SecretText};
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::CameBack;
use serde_json::{Value, json};

use crate::error::Answer;
use crate::openapi::{Doc, schema_of, shape};
use crate::state::AppState;

/// The longest query that is read, in bytes.
const MAX_QUERY_BYTES: usize = 16_384;
/// The longest text of an authorization server that is shown, in characters.
const MAX_REASON_CHARS: usize = 500;

/// Keeps the tokens, lets the session go on, and shows a page.
pub(crate) async fn callback(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let back = came_back(query.as_deref().unwrap_or_default())?;
    match state.engine().came_back(back).await {
        Ok(()) => {
            Ok(page(StatusCode::OK, "Thank you", "You can close this window; the agent goes on."))
        }
        Err(error) if error.code.status() < 500 => {
            let status =
                StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let text = format!(
                "{}. Nothing was changed: the agent still waits, and gives another address when its \
                 question is approved.",
                error.message
            );
            Ok(page(status, "That did not work", &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn came_back(query: &str) -> Result<CameBack, ApiError> {
    let bad = |name: &str, why: &str| {
        ApiError::new(ErrorCode::InvalidParameter, format!("{name} {why}")).with_param(name)
    };
    if query.len() > MAX_QUERY_BYTES {
        return Err(bad("query", "is too long"));
    }
    let part = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    };
    let state = part("state").filter(|state| !state.is_empty());
    let state = SecretText::from(state.ok_or_else(|| bad("state", "is missing"))?);
    if let Some(error) = part("error") {
        let about = part("error_description").unwrap_or_default();
        let reason: String = format!("{error} {about}").chars().take(MAX_REASON_CHARS).collect();
        return Ok(CameBack::Refused { state, reason: reason.trim().to_owned() });
    }
    let code = part("code").filter(|code| !code.is_empty());
    let code = SecretText::from(code.ok_or_else(|| bad("code", "is missing"))?);
    Ok(CameBack::Granted(Return { state, code, issuer: part("iss") }))
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let (title, text) = (escaped(title), escaped(text));
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <h1>{title}</h1><p>{text}</p></html>\n"
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    let set = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

/// Its entry in the document of the API.
pub(crate) const CLIENT: Doc =
    Doc::new("getOauthClient", "The document about this server as an OAuth client")
        .answers(schema_of::<ClientDocument>)
        .refuses(&[ErrorCode::NotFound])
        .extension();

/// Answers the document whose address is this server's client id.
pub(crate) async fn client(State(state): State<AppState>) -> Answer<Json<Value>> {
    let Some(url) = state.public_url().filter(|url| url.starts_with("https:")) else {
        let message = "server.public_url is not set to an https address";
        return Err(ApiError::new(ErrorCode::NotFound, message).into());
    };
    Ok(Json(json!({
        "client_id": format!("{url}/v1/oauth/client.json"),
        "client_name": "Mainstay",
        "client_uri": url,
        "application_type": "web",
        "redirect_uris": [format!("{url}/v1/oauth/callback")],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })))
}

shape! {
    /// A client id metadata document.
    ClientDocument = |_| json!({
        "type": "object",
        "required": ["client_id", "client_name", "redirect_uris"],
        "properties": {
            "client_id": {"type": "string"},
            "client_name": {"type": "string"},
            "client_uri": {"type": "string"},
            "application_type": {"const": "web"},
            "redirect_uris": {"type": "array", "items": {"type": "string"}},
            "grant_types": {"type": "array", "items": {"type": "string"}},
            "response_types": {"type": "array", "items": {"type": "string"}},
            "token_endpoint_auth_method": {"const": "none"},
        },
    })
}
