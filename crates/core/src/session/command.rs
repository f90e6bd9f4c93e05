//! What may be asked of a session, and what a decision needs besides its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    ApiError, ApprovalId, CallId, EffectId, ErrorCode, ItemId, ResponseId, Seq, SessionId,
    TenantId, TurnId, Usage,
};
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::effect::EffectAnswer;
use crate::fact::{SandboxOperation, SessionCopied, SpendLimit};
use crate::item::{Content, ItemBody};
use crate::policy::{PolicyDecision, PolicyQuery};
use crate::port::{ModelCapabilities, ToolOutput};
use crate::question::ReplyAction;
use crate::sandbox::SessionSandbox;
use crate::subagent::Parent;
use crate::tool::ToolSpec;

/// An agent, and its tools when it has no remote sources.
pub type NewAgent = (Arc<AgentDefinition>, Option<Arc<[ToolSpec]>>);

/// An intention.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create the session; only on a journal without entries.
    Create(Box<CreateSession>),
    /// Messages from the user, each a list of parts.
    Input {
        /// The messages.
        messages: Vec<Vec<Content>>,
        /// What to do when a turn is active.
        mode: InputMode,
    },
    /// A request of the Responses API: refused with `not_latest` unless the session's end is that of
    /// the response it follows.
    Respond(Box<Respond>),
    /// Items join the conversation without a turn.
    AddItems {
        /// What they are.
        items: Vec<ItemBody>,
    },
    /// An item leaves the conversation; nothing happens when it is not there.
    RemoveItem {
        /// The item.
        item: ItemId,
    },
    /// A response is no longer found by its id.
    RemoveResponse {
        /// Its id.
        response: ResponseId,
    },
    /// The entries so far are a copy: a turn that was under way ends here.
    Copied {
        /// Whether they were brought in from elsewhere, rather than forked here.
        is_import: bool,
        /// Where they come from.
        origin: SessionCopied,
    },
    /// Cancel the active turn; nothing happens when there is none.
    Cancel,
    /// The client ran a tool call.
    ToolResult {
        /// The turn, when the client names it.
        turn: Option<TurnId>,
        /// The call.
        call_id: CallId,
        /// Its output.
        output: ToolOutput,
    },
    /// A person answered a question.
    Approval {
        /// The question.
        approval: ApprovalId,
        /// The answer.
        answer: ApprovalAnswer,
    },
    /// A person consented to what an effect asked for; nothing happens when it does not ask any more.
    Consented {
        /// The effect.
        effect: EffectId,
    },
    /// Change settings; absent members stay.
    Update {
        /// The agent from the next step on, with its local tools when it has no remote sources.
        agent: Option<NewAgent>,
        /// The client's own pairs, whole.
        metadata: Option<BTreeMap<String, String>>,
        /// The spend ceiling.
        spend_limit: Option<SpendLimit>,
        /// The wire API's settings, whole.
        wire: Option<Value>,
    },
    /// A subagent of this session came to rest, or is gone.
    SubagentReport {
        /// Its session.
        subagent: SessionId,
        /// What it cost so far; none when it is gone.
        total: Option<Usage>,
    },
    /// A subagent takes no more input; what it is doing ends.
    Close,
    /// A subagent takes input again.
    Reopen,
    /// Save the session's machine; nothing more happens when that is under way.
    Checkpoint,
    /// Something is done with the session's machine beside its turns, or happened to it.
    Operate {
        /// What.
        operation: SandboxOperation,
        /// The last entry that it takes into account; any when none.
        as_of: Option<Seq>,
    },
    /// Old checkpoints are kept no longer.
    Collect(Box<Collect>),
    /// Delete the session; it must rest.
    Delete,
    /// The world answered an effect.
    Answer {
        /// The effect.
        effect: EffectId,
        /// The attempt that was answered.
        attempt: u32,
        /// The answer.
        answer: EffectAnswer,
    },
    /// The session cannot go on (its task failed again and again).
    Fail {
        /// What kind of failure.
        code: ErrorCode,
        /// What happened.
        message: String,
    },
    /// Time passed.
    Tick,
    /// This process took the session over: settle effects whose attempts died with another.
    Recover,
}

/// See [`Command::Create`].
#[derive(Debug, Clone)]
pub struct CreateSession {
    /// Its id; the journal has the same name.
    pub session: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent.
    pub agent: Arc<AgentDefinition>,
    /// The agent's tools, when it has no remote sources.
    pub tools: Option<Arc<[ToolSpec]>>,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
    /// Its machine, if it has one.
    pub sandbox: Option<Arc<SessionSandbox>>,
    /// The wire API's settings.
    pub wire: Value,
    /// Which agent makes it, when it is a subagent.
    pub parent: Option<Arc<Parent>>,
}

/// See [`Command::Collect`].
#[derive(Debug, Clone)]
pub struct Collect {
    /// Checkpoints that entries before this one brought go.
    pub before: Seq,
    /// How many more than before.
    pub checkpoint_count: u32,
    /// The blobs that no checkpoint needs then.
    pub frees: Vec<String>,
    /// The blobs of them that stay.
    pub stays: Vec<String>,
    /// The last entry that was looked at; any when none.
    pub as_of: Option<Seq>,
}

/// See [`Command::Respond`].
#[derive(Debug, Clone)]
pub struct Respond {
    /// Its id.
    pub response: ResponseId,
    /// What it comes after.
    pub after: After,
    /// What the client brings, besides results and answers, which are commands of their own behind
    /// this one.
    pub items: Vec<ItemBody>,
    /// What the wire API wants repeated.
    pub wire: Value,
}

/// What a response comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Whatever the session holds.
    Anything,
    /// This response, and nothing since.
    Response(ResponseId),
}

/// What input does when a turn is active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InputMode {
    /// It joins the active turn before its next step.
    #[default]
    Steer,
    /// It becomes a turn behind the active one.
    Queue,
}

/// A person's answer.
#[derive(Debug, Clone)]
pub enum ApprovalAnswer {
    /// Make the call.
    Approve,
    /// Do not make the call.
    Deny,
    /// The call was done, with this output if it is known.
    Done(Option<ToolOutput>),
    /// The call was not done, and shall not be.
    NotDone,
    /// Attempt the call again.
    Retry,
    /// What a person says to a question of a tool's server, with the members of its form.
    Reply(ReplyAction, Option<Value>),
}

/// What decisions ask of the installation; pure and quick.
pub trait Rules: Send + Sync {
    /// May this call happen.
    fn evaluate(&self, query: PolicyQuery<'_>) -> PolicyDecision;

    /// Do these arguments fit the tool's schema; the error is for the model.
    fn check_arguments(&self, tool: &ToolSpec, arguments: &Value) -> Result<(), String>;

    /// What a model can do; none when no provider offers it.
    fn model(&self, name: &str) -> Option<ModelCapabilities>;
}

/// What a decision is given besides state and commands.
pub struct Facts<'a> {
    /// Now, Unix milliseconds.
    pub now_ms: u64,
    /// Fresh randomness for ids and jitter.
    pub entropy: u128,
    /// Who commands.
    pub principal: Arc<str>,
    /// The installation's rules.
    pub rules: &'a dyn Rules,
}

/// The rules said no; nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub ApiError);

impl Rejected {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(ApiError::new(code, message))
    }
}
