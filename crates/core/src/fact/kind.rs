//! The table of kinds, and reading and writing them.
//!
//! Invariant: an entry of a kind or version that is not in the table is an error, never skipped.

use std::sync::Arc;

use mainstay_protocol::{Entry, EntryDraft, canonical_json};

use super::{
    ApprovalResolved, CallRefused, EffectAttempted, EffectCompleted, EffectFailed, EffectParked,
    EffectRequested, EffectUnknown, InputReceived, ItemRemoved, ItemsAdded, ResponseRemoved,
    ResponseRequested, SandboxOperated, SessionClosed, SessionCreated, SessionDeleted,
    SessionFailed, SessionForked, SessionImported, SessionReopened, SessionUpdated,
    SubagentReported, TurnEnded, TurnResumed, TurnStarted, TurnWaiting,
};

/// An entry that this binary cannot read: it stops the session it belongs to.
#[derive(Debug, thiserror::Error)]
pub enum UnknownFact {
    /// Written by a newer binary.
    #[error(
        "entry {seq} of journal {journal} is {kind:?} version {version}, which this version of mainstay does not know"
    )]
    Kind {
        /// Its journal.
        journal: Arc<str>,
        /// Its position.
        seq: u64,
        /// Its kind.
        kind: Arc<str>,
        /// Its version.
        version: u16,
    },
    /// Its payload does not have the shape of its kind and version.
    #[error("entry {seq} of journal {journal} ({kind}) does not have the shape of its kind")]
    Shape {
        /// Its journal.
        journal: Arc<str>,
        /// Its position.
        seq: u64,
        /// Its kind.
        kind: Arc<str>,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident = $kind:literal, $version:literal;)+) => {
        /// One fact of a session.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {$(
            $(#[doc = $doc])+
            $name($name),
        )+}

        impl Fact {
            /// Every kind with the version that this binary writes.
            pub const KINDS: &'static [(&'static str, u16)] = &[$(($kind, $version)),+];

            /// The kind's stable name.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {$(Self::$name(_) => $kind),+}
            }

            /// The fact as an entry without its place in the chain.
            #[must_use]
            pub fn draft(&self) -> EntryDraft {
                match self {$(
                    Self::$name(payload) => EntryDraft {
                        kind: $kind,
                        version: $version,
                        payload: canonical_json(payload).expect("payloads have string keys"),
                    },
                )+}
            }

            /// Reads an entry.
            ///
            /// A later version of a kind only adds members that may be absent, so that one shape reads
            /// all versions up to its own.
            pub fn read(entry: &Entry) -> Result<Self, UnknownFact> {
                match (entry.kind.as_ref(), entry.version) {
                    $(($kind, 1..=$version) => match serde_json::from_str(entry.payload.get()) {
                        Ok(payload) => Ok(Self::$name(payload)),
                        Err(source) => Err(UnknownFact::Shape {
                            journal: entry.journal.clone(),
                            seq: entry.seq,
                            kind: entry.kind.clone(),
                            source,
                        }),
                    },)+
                    _ => Err(UnknownFact::Kind {
                        journal: entry.journal.clone(),
                        seq: entry.seq,
                        kind: entry.kind.clone(),
                        version: entry.version,
                    }),
                }
            }
        }
    };
}

facts! {
    /// The session exists.
    SessionCreated = "session.created", 5;
    /// Its settings changed.
    SessionUpdated = "session.updated", 5;
    /// It cannot go on.
    SessionFailed = "session.failed", 1;
    /// It was deleted.
    SessionDeleted = "session.deleted", 1;
    /// A subagent takes no more input until it is opened again.
    SessionClosed = "session.closed", 1;
    /// A closed subagent takes input again.
    SessionReopened = "session.reopened", 1;
    /// A subagent of this session came to rest, or is gone.
    SubagentReported = "subagent.reported", 1;
    /// Input came, and starts, steers or queues a turn.
    InputReceived = "input.received", 2;
    /// A request of the Responses API; what follows until the session rests or waits is its response.
    ResponseRequested = "response.requested", 1;
    /// A response is no longer found by its id.
    ResponseRemoved = "response.removed", 1;
    /// Items joined the conversation without a turn.
    ItemsAdded = "items.added", 1;
    /// An item left the conversation.
    ItemRemoved = "item.removed", 1;
    /// The entries so far are those of another session: it was forked there.
    SessionForked = "session.forked", 1;
    /// The entries so far were brought in from elsewhere.
    SessionImported = "session.imported", 1;
    /// A queued turn begins.
    TurnStarted = "turn.started", 1;
    /// The turn waits for the client or a person.
    TurnWaiting = "turn.waiting", 2;
    /// The turn goes on.
    TurnResumed = "turn.resumed", 1;
    /// The turn ended: completed, failed or cancelled.
    TurnEnded = "turn.ended", 1;
    /// An effect is asked for, with the policy decision.
    EffectRequested = "effect.requested", 2;
    /// An attempt begins (written for `once` effects, and for attempts after a crash).
    EffectAttempted = "effect.attempted", 1;
    /// An effect has its outcome.
    EffectCompleted = "effect.completed", 4;
    /// An attempt failed; another follows, or none.
    EffectFailed = "effect.failed", 2;
    /// A wait for subagents goes on without this process.
    EffectParked = "effect.parked", 1;
    /// An attempt's outcome is not known.
    EffectUnknown = "effect.unknown", 1;
    /// A person answered.
    ApprovalResolved = "approval.resolved", 2;
    /// A tool call of the model that does not become an effect.
    CallRefused = "call.refused", 1;
    /// Something was done with the session's machine beside its turns, or happened to it.
    SandboxOperated = "sandbox.operated", 3;
}
