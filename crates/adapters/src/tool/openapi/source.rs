//! Reads an OpenAPI source of an agent, and checks it without asking anybody.

use mainstay_core::tool::ToolSource;
use serde_json::Value;
use url::Url;

use super::plan::{Choice, Fault, Plan, fault};
use crate::tool::cache::hash_json;
use crate::tool::http::parse_headers;

/// The largest document, in bytes of JSON.
pub(super) const MAX_DOCUMENT_BYTES: usize = 8_388_608;

/// Where a source's document is.
pub(super) enum Place<'a> {
    Inline(&'a Value),
    Url(Url),
}

/// A source's parts.
pub(super) struct Parts<'a> {
    pub(super) place: Place<'a>,
    pub(super) choice: Choice<'a>,
}

/// Reads a source; none when it is of another kind.
pub(super) fn parts(source: &ToolSource) -> Result<Option<Parts<'_>>, Fault> {
    let ToolSource::Openapi {
        label: _,
        spec,
        spec_url,
        allowed_operations,
        safety,
        reconcile,
        headers,
        approval,
    } = source
    else {
        return Ok(None);
    };
    let place = match (spec, spec_url) {
        (Some(spec), None) => Place::Inline(spec),
        (None, Some(url)) => Place::Url(parse_url(url)?),
        (Some(_), Some(_)) => {
            return Err(fault("spec_url", "give either `spec` or `spec_url`, not both".to_owned()));
        }
        (None, None) => return Err(fault("spec", "give `spec` or `spec_url`".to_owned())),
    };
    let choice = Choice {
        allowed: allowed_operations.as_deref(),
        safety,
        reconcile,
        headers,
        approval: *approval,
    };
    Ok(Some(Parts { place, choice }))
}

fn parse_url(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text)
        .map_err(|error| fault("spec_url", format!("{text:?} is not a URL: {error}")))?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
        return Ok(url);
    }
    Err(fault("spec_url", format!("{text:?} is not an http or https URL")))
}

/// Checks a source; a document that is elsewhere is not fetched.
pub(crate) fn check(source: &ToolSource) -> Result<(), Fault> {
    let Some(Parts { place, choice }) = parts(source)? else {
        return Ok(());
    };
    match place {
        Place::Inline(spec) => {
            refuse_large(hash_json(spec).size_bytes)?;
            Plan::compile(spec, None, choice, None).map(drop)
        }
        Place::Url(_) => {
            parse_headers(choice.headers).map(drop).map_err(|reason| fault("headers", reason))
        }
    }
}

pub(super) fn refuse_large(size_bytes: usize) -> Result<(), Fault> {
    if size_bytes <= MAX_DOCUMENT_BYTES {
        return Ok(());
    }
    Err(fault("spec", format!("it has {size_bytes} bytes, more than {MAX_DOCUMENT_BYTES}")))
}
