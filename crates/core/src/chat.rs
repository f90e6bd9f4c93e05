//! Chat completions as entries and rows: what is left of a model's answer without a session.
//!
//! Invariant: no entry holds anything of what was said. A tenant's entries of one day of UTC are one
//! journal, whose first entry names the end of the one before, so that the days are a chain as well;
//! nothing follows a day's last entry.

use mainstay_protocol::{
    EntryDraft, ErrorCode, Hash, JournalId, KeyId, PrincipalId, RowSpec, Seq, TenantId, Usage,
    canonical_json,
};
use serde::{Deserialize, Serialize};

use crate::spend::{KeySpendLimit, day_name};

/// Chat completions under way.
pub const CHAT_CALLS: RowSpec =
    RowSpec { name: "chat_calls", key: &["tenant", "completion"], indexes: &[] };
/// The days that have a journal, as `2026-01-31`.
pub const CHAT_DAYS: RowSpec = RowSpec { name: "chat_days", key: &["tenant", "day"], indexes: &[] };

/// What names of these journals begin with; the tenant and the day follow.
pub const CHAT_JOURNAL_PREFIX: &str = "chat:";
/// The kind of an entry behind which a day's journal has no other.
pub const CHAT_DAY_ENDED: &str = "chat.day_ended";

/// The journal of a tenant's chat completions of a day, counted from 1970.
#[must_use]
pub fn chat_journal(tenant: &TenantId, day: u64) -> JournalId {
    format!("{CHAT_JOURNAL_PREFIX}{tenant}:{}", day_name(day)).into()
}

/// A place in a journal, with its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// The journal.
    pub journal: JournalId,
    /// Its last entry.
    pub seq: Seq,
    /// That entry's hash.
    pub hash: Hash,
}

/// `chat.day_began`: the first entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatDayBegan {
    /// The day, as `2026-01-31`.
    pub day: String,
    /// The end of the journal before; none in a tenant's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ChainEnd>,
}

/// `chat.day_ended`: the last entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatDayEnded {
    /// The day, as `2026-01-31`.
    pub day: String,
}

/// `chat.requested`: a model is going to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRequested {
    /// The completion's id.
    pub completion: String,
    /// The key that the request came with.
    pub key: KeyId,
    /// The models that may be asked, first choice first.
    pub models: Vec<String>,
    /// SHA-256 of the request's body as canonical JSON.
    pub body_sha256: String,
    /// The limit of the key, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<KeySpendLimit>,
    /// What was set aside for the call, of a key with a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_microusd: Option<u64>,
}

/// How a chat completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatOutcome {
    /// The model answered.
    Completed,
    /// It did not.
    Failed,
    /// The client did not wait for it.
    Left,
    /// The process that asked the model ended before the call did.
    Unknown,
}

impl ChatOutcome {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Left => "left",
            Self::Unknown => "unknown",
        }
    }
}

/// `chat.ended`: what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEnded {
    /// The completion's id.
    pub completion: String,
    /// The key that the request came with.
    pub key: KeyId,
    /// The journal of its `chat.requested`, which may be an earlier day's.
    pub journal: JournalId,
    /// Its place there.
    pub seq: Seq,
    /// How it ended.
    pub outcome: ChatOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// The model that was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens and price of the answer, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the key's limit counts for it, of a key with a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_microusd: Option<u64>,
    /// How long it took.
    pub duration_ms: u64,
}

/// A chat completion under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatCallRow {
    /// The completion's id.
    pub completion: String,
    /// The key that the request came with.
    pub key: KeyId,
    /// Who asked.
    pub principal: PrincipalId,
    /// The journal of its `chat.requested`.
    pub journal: JournalId,
    /// Its place there.
    pub seq: Seq,
    /// When it was asked for.
    pub began_at_ms: u64,
    /// What was set aside for it, of a key with a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_microusd: Option<u64>,
    /// The process that asks the model, among all that ever had this store.
    pub process: String,
}

/// A day that has a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatDayRow {
    /// The journal.
    pub journal: JournalId,
    /// The day, counted from 1970.
    pub day: u64,
    /// When its first entry was made.
    pub began_at_ms: u64,
}

/// An entry of these journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatFact {
    /// The first of a journal.
    DayBegan(ChatDayBegan),
    /// The last of a journal.
    DayEnded(ChatDayEnded),
    /// A model is going to be asked.
    Requested(ChatRequested),
    /// What came of it.
    Ended(ChatEnded),
}

impl ChatFact {
    /// The entry without its place in the chain.
    #[must_use]
    pub fn draft(&self) -> EntryDraft {
        let (kind, payload) = match self {
            Self::DayBegan(fact) => ("chat.day_began", canonical_json(fact)),
            Self::DayEnded(fact) => (CHAT_DAY_ENDED, canonical_json(fact)),
            Self::Requested(fact) => ("chat.requested", canonical_json(fact)),
            Self::Ended(fact) => ("chat.ended", canonical_json(fact)),
        };
        EntryDraft { kind, version: 1, payload: payload.expect("payloads have string keys") }
    }
}
