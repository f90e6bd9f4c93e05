//! Finds the server that a command talks to, and the key to it.
//!
//! Invariant: a key from the data folder goes to that folder's server alone, or to the one that the
//! user named.

use mainstay_client::{Client, ClientError};
use mainstay_protocol::ErrorCode;

use crate::config::{KEY_VARIABLE, URL_VARIABLE};
use crate::context::Context;
use crate::failure::Failure;
use crate::folder::DataFolder;

/// Which server.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Target {
    /// The server's URL [env: MAINSTAY_URL]; the one that runs on the data folder when not given
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// A client of the server that is meant.
pub(crate) fn client(context: &Context, target: &Target) -> Result<Client, Failure> {
    let folder = context.folder()?;
    let named = named_url(context, target);
    let url = named.or_else(|| folder.running().map(|running| running.url));
    let Some(url) = url else {
        return Err(no_server(&folder));
    };
    client_at(context, &folder, &url)
}

/// A client of the server that is meant, or none when none was named and none runs.
pub(crate) fn client_if_running(
    context: &Context,
    target: &Target,
) -> Result<Option<Client>, Failure> {
    let folder = context.folder()?;
    if named_url(context, target).is_none() && folder.running().is_none() {
        return Ok(None);
    }
    client(context, target).map(Some)
}

/// The failure that no server runs.
pub(crate) fn no_server(folder: &DataFolder) -> Failure {
    let path = folder.path().display();
    Failure::unreachable(format!("no server runs on the data folder {path}")).hint(format!(
        "start one with `mainstay serve --data-dir {path}`, or name one with --url or {URL_VARIABLE}"
    ))
}

fn named_url(context: &Context, target: &Target) -> Option<String> {
    target.url.clone().or_else(|| context.environment.get(URL_VARIABLE).map(str::to_owned))
}

fn client_at(context: &Context, folder: &DataFolder, url: &str) -> Result<Client, Failure> {
    let named = context.environment.get(KEY_VARIABLE).map(str::to_owned);
    let key = match named {
        Some(key) => key,
        None => folder.read_key()?.ok_or_else(|| {
            Failure::new(format!("there is no key in {}", folder.key_file().display())).hint(
                format!("put one into {KEY_VARIABLE}, or make one with `mainstay keys create`"),
            )
        })?,
    };
    Ok(Client::new(url, &key)?)
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unreachable { url, source } => {
                let message = format!("cannot reach the server at {url}: {}", root(source));
                Self::unreachable(message)
                    .hint("is it running? `mainstay serve` starts one; --url names another")
            }
            ClientError::Refused { code: Some(code), .. } => {
                let failure = Self::new(chain(&error));
                match hint(*code) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            ClientError::Address { .. } => {
                Self::usage(chain(&error)).hint("a server's URL is one like http://127.0.0.1:4242")
            }
            ClientError::NoId { .. } => Self::usage(chain(&error)).hint(LISTS),
            ClientError::Refused { .. } | ClientError::Broken { .. } => Self::new(chain(&error)),
        }
    }
}

/// Where ids come from.
const LISTS: &str = "`mainstay sessions list` and `mainstay agents list` show the ids there are";

fn hint(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::Unauthenticated => Some(
            "the key is taken from MAINSTAY_KEY, else from the file `key` of the data folder; \
             `mainstay keys create` makes one",
        ),
        ErrorCode::Forbidden => Some("this takes a key that was made with `keys create --admin`"),
        ErrorCode::NotFound => Some(LISTS),
        ErrorCode::ModelNotFound => Some(
            "a model is PROVIDER/NAME, or a name that a provider claims; `mainstay config check` \
             shows the providers of a configuration",
        ),
        _ => None,
    }
}

/// What started it.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        // Some libraries repeat their cause in their own message.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
