//! A file behind a URL, from where the download stopped.
//!
//! Invariant: redirects are followed a few times and never from https to http, because the client
//! follows none by itself.

use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Client, Response, StatusCode, Url};

use super::error::SourceError;
use super::partial::Partial;

/// How many redirects lead to the file.
const MAX_REDIRECTS: u32 = 5;
/// How long the server may be silent.
const IDLE_TIMEOUT_MS: u64 = 30_000;

/// Appends what is missing.
pub(super) async fn fetch(
    client: &Client,
    url: &str,
    partial: &mut Partial,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<(), SourceError> {
    let mut response = open(client, url, partial.size_bytes()).await?;
    if !continues(&response, partial.size_bytes()) {
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            response = open(client, url, 0).await?;
        }
        partial.restart()?;
    }
    if !response.status().is_success() {
        return Err(answer(url, format!("status {}", response.status())));
    }
    while let Some(chunk) = within_idle(url, response.chunk()).await? {
        partial.append(&chunk)?;
        on_bytes(partial.size_bytes());
    }
    match partial.missing_bytes() {
        0 => Ok(()),
        missing => Err(answer(url, format!("the answer ended {missing} bytes too early"))),
    }
}

/// Whether the answer goes on where the file stops. A server that knows no ranges sends all of it.
fn continues(response: &Response, from: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => false,
        // Other errors keep what is there for the next source.
        status => from == 0 || !status.is_success(),
    }
}

async fn open(client: &Client, url: &str, from: u64) -> Result<Response, SourceError> {
    let mut target = Url::parse(url).map_err(|error| answer(url, error.to_string()))?;
    for _ in 0..=MAX_REDIRECTS {
        let mut request = client.get(target.clone());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let response = within_idle(url, request.send()).await?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        target = redirected(url, &target, &response)?;
    }
    Err(answer(url, format!("more than {MAX_REDIRECTS} redirects")))
}

fn redirected(url: &str, from: &Url, response: &Response) -> Result<Url, SourceError> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| answer(url, "a redirect to nowhere".to_owned()))?;
    let target = from.join(location).map_err(|error| answer(url, error.to_string()))?;
    if from.scheme() == "https" && target.scheme() != "https" {
        return Err(answer(url, format!("a redirect away from https, to {target}")));
    }
    Ok(target)
}

async fn within_idle<T>(
    url: &str,
    work: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, SourceError> {
    match tokio::time::timeout(Duration::from_millis(IDLE_TIMEOUT_MS), work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(cause)) => Err(SourceError::Connection { url: url.to_owned(), cause }),
        Err(_) => Err(SourceError::Stalled { url: url.to_owned(), limit_ms: IDLE_TIMEOUT_MS }),
    }
}

fn answer(url: &str, problem: String) -> SourceError {
    SourceError::Answer { url: url.to_owned(), problem }
}
