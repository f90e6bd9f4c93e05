//! Carries the requests of OAuth, by the rules of the way out.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;
use rmcp::transport::auth::{
    OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRedirectPolicy,
    OAuthHttpRequest,
};
use url::Url;

use crate::tool::egress::{AllowedHosts, Egress, Outgoing};

/// The most that is read of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 262_144;
/// Bound on one request.
const REQUEST_TIMEOUT_MS: u64 = 20_000;
const FORM: &str = "application/x-www-form-urlencoded";

/// Carries requests of OAuth.
pub(super) struct OauthHttp {
    egress: Arc<Egress>,
    /// The resource as the server wrote it, which token requests repeat.
    resource: Option<String>,
}

impl OauthHttp {
    pub(super) fn new(egress: &Arc<Egress>, resource: Option<String>) -> Arc<Self> {
        Arc::new(Self { egress: Arc::clone(egress), resource })
    }

    async fn carry(
        &self,
        asked: OAuthHttpRequest,
    ) -> Result<http::Response<Vec<u8>>, OAuthHttpClientError> {
        let (parts, body) = asked.request.into_parts();
        let url = Url::parse(&parts.uri.to_string())?;
        let hosts = AllowedHosts::only(&url).ok_or("the URL names no host")?;
        let is_form = parts.headers.get(CONTENT_TYPE).is_some_and(|value| value == FORM);
        let body = match &self.resource {
            Some(resource) if is_form => with_resource(&body, resource),
            _ => body,
        };
        let request = Outgoing {
            method: parts.method,
            url,
            headers: parts.headers,
            body: (!body.is_empty()).then(|| body.into()),
            timeout_ms: Some(REQUEST_TIMEOUT_MS),
            limit_bytes: MAX_ANSWER_BYTES,
        };
        let answer = match asked.redirect_policy {
            // A redirect leads nowhere but to the same host.
            OAuthHttpRedirectPolicy::Follow => self.egress.send(request, &hosts).await?,
            _ => self.egress.send_once(&request, &hosts).await?,
        };
        if answer.is_cut {
            return Err(format!("an answer has more than {MAX_ANSWER_BYTES} bytes").into());
        }
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

/// A form with the resource as it was written: a URL that was read and written again may have another
/// slash.
fn with_resource(body: &[u8], resource: &str) -> Vec<u8> {
    let pairs = url::form_urlencoded::parse(body).map(|(name, value)| {
        if name == "resource" { (name, resource.to_owned().into()) } else { (name, value) }
    });
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish().into_bytes()
}

impl OAuthHttpClient for OauthHttp {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(self.carry(request))
    }
}
