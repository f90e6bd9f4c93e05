//! Where each of OpenAI's APIs is, at OpenAI and at Azure.
//!
//! Invariant: a base URL is taken as the operator wrote it; only Azure's, which people copy in three
//! forms, is completed.

use url::Url;

use crate::model::settings::OpenaiApi;

/// Which form of URL a provider has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) enum Host {
    /// `{base}/responses`, `{base}/chat/completions`.
    Plain,
    /// Azure's current form: `{resource}/openai/v1/…`.
    Azure,
    /// Azure's older form: `{resource}/openai/deployments/{model}/…?api-version=…`.
    AzureDeployments {
        /// The version.
        api_version: String,
    },
}

/// Whether a base URL is OpenAI's own.
pub(in crate::model) fn is_openai(base: &Url) -> bool {
    base.host_str()
        .is_some_and(|host| host == "api.openai.com" || host.ends_with(".api.openai.com"))
}

/// The URL of an API for a model; none when the base cannot hold a path.
pub(in crate::model) fn api_url(
    base: &Url,
    host: &Host,
    api: OpenaiApi,
    model: &str,
) -> Option<Url> {
    let mut url = base.clone();
    let tail: &[&str] = match api {
        OpenaiApi::Responses => &["responses"],
        OpenaiApi::Chat | OpenaiApi::Auto => &["chat", "completions"],
    };
    let path = base.path().trim_end_matches('/');
    let resource = path.strip_suffix("/v1").unwrap_or(path);
    let resource = resource.strip_suffix("/openai").unwrap_or(resource);
    let before: &[&str] = match host {
        Host::Plain => &[],
        Host::Azure => &["openai", "v1"],
        Host::AzureDeployments { .. } => &["openai", "deployments", model],
    };
    if *host != Host::Plain {
        url.set_path(resource);
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(before).extend(tail);
    if let Host::AzureDeployments { api_version } = host {
        url.query_pairs_mut().append_pair("api-version", api_version);
    }
    Some(url)
}
