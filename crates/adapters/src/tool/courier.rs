//! Carries what webhooks and token endpoints are sent, by the rules of the way out.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{Courier, CourierError, Parcel, Receipt};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::egress::{AllowedHosts, Egress, EgressError, Incoming, Lookup, Outgoing, SystemLookup};
use super::settings::HostPort;
use crate::http_client::HttpClientError;

/// The most that is read of an answer.
const MAX_ANSWER_BYTES: usize = 65_536;

/// Posts to addresses that clients named.
pub struct EgressCourier {
    egress: Egress,
}

impl EgressCourier {
    /// A courier that reaches public addresses, and the private ones that the operator listed.
    pub fn new(private_hosts_allowed: Vec<HostPort>) -> Result<Self, HttpClientError> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Ok(Self { egress: Egress::new(private_hosts_allowed, &lookup)? })
    }
}

#[async_trait]
impl Courier for EgressCourier {
    fn check(&self, url: &str) -> Result<(), String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let hosts = AllowedHosts::only(&url).ok_or("it names no host")?;
        self.egress.check(&url, &hosts).map_err(|refusal| refusal.to_string())
    }

    async fn post(&self, parcel: Parcel) -> Result<Receipt, CourierError> {
        let refused = |message: String| CourierError { message, retryable: false };
        let url = Url::parse(&parcel.url).map_err(|error| refused(error.to_string()))?;
        let hosts =
            AllowedHosts::only(&url).ok_or_else(|| refused("it names no host".to_owned()))?;
        let request = Outgoing {
            method: Method::POST,
            url,
            headers: headers(&parcel).map_err(refused)?,
            body: Some(Bytes::copy_from_slice(parcel.body.expose().as_bytes())),
            timeout_ms: Some(parcel.timeout_ms),
            limit_bytes: MAX_ANSWER_BYTES,
        };
        match self.egress.send_once(&request, &hosts).await {
            Ok(answer) => Ok(receipt(answer)),
            Err(error) => {
                let retryable = !matches!(error, EgressError::Refused(_));
                Err(CourierError { message: error.to_string(), retryable })
            }
        }
    }
}

fn headers(parcel: &Parcel) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &parcel.headers {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{name} is no header"))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    if let Some(authorization) = &parcel.authorization {
        let value = HeaderValue::from_str(authorization.expose());
        let mut value = value.map_err(|_| "the authorization is no header".to_owned())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn receipt(answer: Incoming) -> Receipt {
    let asks_for_time =
        matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let wait = asks_for_time.then(|| super::egress::retry_after_ms(&answer.headers)).flatten();
    Receipt { status: answer.status.as_u16(), body: answer.body, retry_after_ms: wait }
}
