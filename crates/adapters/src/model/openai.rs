//! OpenAI's two APIs, at OpenAI, at Azure and at compatible servers.
//!
//! Invariant: both map the same request; what a server lacks is left out, never sent in hope.

pub(super) mod chat;
mod error;
pub(super) mod responses;
mod url;

use super::choice::Subsets;

pub(super) use url::{Host, api_url, is_openai};

/// The longest call id that OpenAI's Chat Completions takes back, in characters; Responses takes
/// longer ones.
const MAX_CALL_ID_CHARS: usize = 40;

/// What the server at the other end understands beyond what all have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// It is OpenAI or Azure, not a compatible server: parameters that compatible servers may
    /// refuse are sent.
    pub(super) official: bool,
    /// The model reasons: its reasoning is asked for and carried back.
    pub(super) reasoning: bool,
}

impl Dialect {
    /// Whether a temperature is taken: official models that reason refuse it, unless they are told
    /// not to reason.
    fn takes_sampling(self, effort: Option<&str>) -> bool {
        !(self.official && self.reasoning) || effort == Some("none")
    }

    /// Compatible servers rarely know a choice among some of the tools.
    fn subsets(self) -> Subsets {
        if self.official { Subsets::Told } else { Subsets::Hidden }
    }
}
