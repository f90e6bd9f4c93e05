//! Automations and their invocations, as they are kept.
//!
//! Invariant: an invocation's id follows from its automation and the time it was due, and the id of the
//! session it makes from the invocation: deciding or delivering twice makes one of each.

use std::collections::BTreeMap;

use mainstay_protocol::{AgentId, InvocationId, SessionId, TaskKey, TenantId, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::item::Content;
use crate::resource::Sealed;

/// The kind of automations, and of the tasks that stand for their next time.
pub const AUTOMATION_KIND: &str = "automation";
/// The kind of invocations, and of the tasks that stand for their delivery.
pub const INVOCATION_KIND: &str = "automation_invocation";
/// An automation whose times come.
pub const AUTOMATION_ACTIVE: &str = "active";
/// An automation whose times pass.
pub const AUTOMATION_PAUSED: &str = "paused";
/// An automation without another time.
pub const AUTOMATION_COMPLETED: &str = "completed";
/// An invocation that is to be delivered.
pub const INVOCATION_QUEUED: &str = "queued";
/// An invocation that was delivered.
pub const INVOCATION_COMPLETED: &str = "completed";
/// An invocation that cannot be delivered.
pub const INVOCATION_FAILED: &str = "failed";
/// An invocation whose time passed while one before it waited.
pub const INVOCATION_SKIPPED: &str = "skipped";

/// How many characters of a hash an id has.
const HASHED_ID_CHARS: usize = 26;

/// An automation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutomationBody {
    /// A name for people.
    pub name: String,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// When.
    pub schedule: AutomationSchedule,
    /// What.
    pub target: AutomationTarget,
    /// The next time, while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<u64>,
    /// The scheduled invocation that is not delivered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<String>,
    /// Why the runtime paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
}

/// When an automation runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AutomationSchedule {
    /// At every time that a cron expression names.
    Periodic {
        /// The expression.
        expression: String,
        /// The IANA time zone that it is read in.
        timezone: String,
    },
    /// Once.
    Once {
        /// When.
        run_at_ms: u64,
    },
}

/// What an automation does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AutomationTarget {
    /// Makes a session.
    NewSession(Box<NewSessionTarget>),
    /// Says something to a session.
    ExistingSession {
        /// The session.
        session_id: SessionId,
        /// What it is told.
        instructions: String,
    },
}

/// A session to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSessionTarget {
    /// Its agent, unless a saved one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentDefinition>,
    /// The saved agent, taken as it is when the session is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// Its first messages.
    pub input: Vec<Vec<Content>>,
    /// Its pairs.
    pub metadata: BTreeMap<String, String>,
    /// Its vaults.
    pub vault_ids: Vec<String>,
    /// Its settings of the wire API.
    pub wire: Value,
    /// The settings that each session's machine is made from; none when sessions have no machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<AutomationEnvironment>,
}

/// An environment of sessions to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutomationEnvironment {
    /// What is shown of it.
    pub shown: Value,
    /// All of it as it was asked for; none in an invocation that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}

/// One time that an automation ran, or should have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvocationBody {
    /// The automation as it was.
    pub automation: AutomationBody,
    /// Its status then.
    pub automation_status: String,
    /// When the automation was created.
    pub automation_created_at_ms: u64,
    /// When it was due; none when somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at_ms: Option<u64>,
    /// The session that it made or told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Why it cannot be delivered: a code and a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<(String, String)>,
    /// How often its delivery was tried.
    #[serde(default)]
    pub attempt_count: u32,
}

impl AutomationBody {
    /// The environment of the sessions that it makes.
    pub fn environment_mut(&mut self) -> Option<&mut AutomationEnvironment> {
        match &mut self.target {
            AutomationTarget::NewSession(target) => target.environment.as_mut(),
            AutomationTarget::ExistingSession { .. } => None,
        }
    }

    /// The same for who looks at it and makes no session of it.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        if let Some(environment) = self.environment_mut() {
            environment.sealed = None;
        }
        self
    }
}

/// What an automation's environment is sealed for, in its invocations too.
#[must_use]
pub fn automation_sealed_for(tenant: &TenantId, automation: &str) -> String {
    format!("{tenant}/{AUTOMATION_KIND}/{automation}")
}

/// The id of the invocation of this time.
#[must_use]
pub fn invocation_id(tenant: &TenantId, automation: &str, scheduled_at_ms: u64) -> String {
    hashed(InvocationId::PREFIX, &format!("{tenant}/{automation}/{scheduled_at_ms}"))
}

/// The id of the session that an invocation makes.
#[must_use]
pub fn invoked_session(tenant: &TenantId, invocation: &str) -> SessionId {
    let id = hashed(SessionId::PREFIX, &format!("{tenant}/{invocation}"));
    SessionId::parse(&id).expect("a prefix and hexadecimal digits are an id")
}

/// The task of an automation or invocation.
#[must_use]
pub fn automation_task(kind: &str, tenant: &TenantId, id: &str) -> TaskKey {
    TaskKey { kind: kind.into(), subject: format!("{tenant}/{id}").into() }
}

fn hashed(prefix: &str, text: &str) -> String {
    format!("{prefix}_{}", &sha256_hex(text.as_bytes())[..HASHED_ID_CHARS])
}
