//! Webhook endpoints, the events they are told of, and deliveries, as they are kept.
//!
//! Invariant: an event's id follows from the entry that it tells of, and a delivery's from its event
//! and endpoint, so that deciding twice makes one delivery. Its body is fixed when it is made.

use std::sync::Arc;

use mainstay_protocol::{
    DeliveryId, Row, RowKey, RowSpec, Seq, SessionId, TaskKey, TenantId, WebhookEventId,
    canonical_json, sha256_hex,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Sealed;
use crate::fact::{Disposition, Fact, RequiredAction};
use crate::session::{SessionState, SessionStatus, millis_column};

/// The kind of webhook endpoints.
pub const WEBHOOK_KIND: &str = "webhook_endpoint";
/// Kind of the tasks that stand for deliveries.
pub const DELIVERY_TASK_KIND: &str = "webhook";
/// Deliveries; `sent_to` is the tenant and the endpoint, for lists by age.
pub const DELIVERIES: RowSpec = RowSpec {
    name: "webhook_deliveries",
    key: &["tenant", "delivery"],
    indexes: &[&["sent_to", "created"]],
};

/// The events that endpoints can be told of.
pub const WEBHOOK_EVENT_TYPES: [&str; 5] = [
    "agent.session.created",
    "agent.session.action_required",
    "agent.session.in_progress",
    "agent.session.idle",
    "agent.session.failed",
];

/// How many characters of a hash an id has.
const HASHED_ID_CHARS: usize = 26;

/// A webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointBody {
    /// A name for people.
    pub name: String,
    /// Where.
    pub url: String,
    /// What it is told of, sorted.
    pub event_types: Vec<String>,
    /// What deliveries are signed with.
    pub secret: Sealed,
    /// What people recognise the secret by.
    pub hint: String,
    /// The secret before, while it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// A secret that deliveries are signed with beside the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: Sealed,
    /// Until when.
    pub until_ms: u64,
}

/// What a secret of an endpoint is sealed for.
#[must_use]
pub fn webhook_sealed_for(tenant: &TenantId, endpoint: &str) -> String {
    format!("webhook/{tenant}/{endpoint}")
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// An attempt is due.
    Pending,
    /// The endpoint answered with 2xx.
    Delivered,
    /// It was given up.
    Failed,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The endpoint.
    pub endpoint: String,
    /// The event: the `webhook-id` of every attempt.
    pub event: WebhookEventId,
    /// The event's type.
    pub event_type: Arc<str>,
    /// What is sent.
    pub body: Arc<str>,
    /// When the event was.
    pub created_at_ms: u64,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts since it was made or last replayed.
    pub attempt_count: u32,
    /// When the next attempt is due, or the delivery is forgotten.
    pub due_at_ms: u64,
    /// The last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<DeliveryAttempt>,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    /// When.
    pub at_ms: u64,
    /// What the endpoint answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Why nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl DeliveryRow {
    /// The delivery of an event to an endpoint.
    #[must_use]
    pub fn new(tenant: &TenantId, endpoint: &str, event: &WebhookEvent, now_ms: u64) -> Self {
        let id = hashed(DeliveryId::PREFIX, &format!("{tenant}/{endpoint}/{}", event.id));
        Self {
            id: DeliveryId::parse(&id).expect("a prefix and hexadecimal digits are an id"),
            tenant: tenant.clone(),
            endpoint: endpoint.to_owned(),
            event: event.id.clone(),
            event_type: event.kind.into(),
            body: event.body(now_ms).into(),
            created_at_ms: now_ms,
            status: DeliveryStatus::Pending,
            attempt_count: 0,
            due_at_ms: now_ms,
            last: None,
        }
    }

    /// The key of a delivery.
    #[must_use]
    pub fn key(tenant: &TenantId, id: &str) -> RowKey {
        RowKey::new(&DELIVERIES, &[tenant.as_str(), id])
    }

    /// The delivery as the store keeps it.
    #[must_use]
    pub fn to_row(&self) -> Row {
        let sent_to = sent_to(&self.tenant, &self.endpoint);
        let created = millis_column(self.created_at_ms);
        let columns = [("sent_to", sent_to.as_str()), ("created", created.as_str())];
        Row::new(Self::key(&self.tenant, self.id.as_str()), &columns, self)
    }

    /// The task that stands for it.
    #[must_use]
    pub fn task(&self) -> TaskKey {
        let subject = format!("{}/{}", self.tenant, self.id);
        TaskKey { kind: DELIVERY_TASK_KIND.into(), subject: subject.into() }
    }
}

/// The value of the column `sent_to`.
#[must_use]
pub fn sent_to(tenant: &TenantId, endpoint: &str) -> String {
    format!("{tenant}/{endpoint}")
}

/// Something that endpoints are told.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookEvent {
    /// Its id.
    pub id: WebhookEventId,
    /// Its type.
    pub kind: &'static str,
    /// What it says.
    pub data: Value,
}

impl WebhookEvent {
    /// An event that `source` tells apart from every other.
    #[must_use]
    pub fn new(kind: &'static str, source: &str, data: Value) -> Self {
        let id = hashed(WebhookEventId::PREFIX, &format!("{kind}/{source}"));
        let id = WebhookEventId::parse(&id).expect("a prefix and hexadecimal digits are an id");
        Self { id, kind, data }
    }

    /// What is sent.
    fn body(&self, now_ms: u64) -> String {
        let body = json!({
            "id": self.id, "object": "event", "created_at": now_ms / 1_000, "type": self.kind,
            "data": self.data,
        });
        canonical_json(&body).expect("bodies have string keys")
    }
}

fn hashed(prefix: &str, text: &str) -> String {
    format!("{prefix}_{}", &sha256_hex(text.as_bytes())[..HASHED_ID_CHARS])
}

/// What endpoints are told of facts that follow the entry `base`.
#[must_use]
pub fn webhook_events<'a>(
    session: &SessionId,
    after: &SessionState,
    base: Seq,
    facts: impl Iterator<Item = &'a Fact>,
) -> Vec<WebhookEvent> {
    let mut events = Vec::new();
    for (fact, seq) in facts.zip(base + 1..) {
        for (kind, action) in told(fact, after) {
            let source = format!("{session}/{seq}/{}", action.unwrap_or_default());
            let data = match action {
                Some(action) => json!({"id": session, "required_action": {"type": action}}),
                None => json!({"id": session, "environment_type": "none"}),
            };
            events.push(WebhookEvent::new(kind, &source, data));
        }
    }
    events
}

/// The events of one fact, each with the action that it asks for.
fn told(fact: &Fact, after: &SessionState) -> Vec<(&'static str, Option<&'static str>)> {
    // Of a subagent only what it asks of the client is told: the rest is its parent's affair.
    let is_subagent = after.config.as_ref().is_some_and(|config| config.parent.is_some());
    if is_subagent && !matches!(fact, Fact::TurnWaiting(_)) {
        return Vec::new();
    }
    match fact {
        Fact::SessionCreated(_) => vec![("agent.session.created", None)],
        Fact::InputReceived(input) if input.disposition == Disposition::Starts => {
            vec![("agent.session.in_progress", None)]
        }
        Fact::TurnStarted(_) | Fact::TurnResumed(_) => vec![("agent.session.in_progress", None)],
        Fact::TurnWaiting(waiting) => {
            let mut actions: Vec<_> = waiting.required.iter().map(action).collect();
            actions.sort_unstable();
            actions.dedup();
            let told = |action| ("agent.session.action_required", Some(action));
            actions.into_iter().map(told).collect()
        }
        Fact::TurnEnded(_) => match after.status {
            // The limit on what may be spent has no event; a failure has a fact of its own.
            SessionStatus::BudgetReached | SessionStatus::Failed => Vec::new(),
            SessionStatus::Idle | SessionStatus::InProgress | SessionStatus::RequiresAction => {
                vec![("agent.session.idle", None)]
            }
        },
        Fact::SessionFailed(_) => vec![("agent.session.failed", None)],
        Fact::InputReceived(_)
        | Fact::SessionUpdated(_)
        | Fact::SessionDeleted(_)
        | Fact::SessionForked(_)
        | Fact::SessionClosed(_)
        | Fact::SessionReopened(_)
        | Fact::SubagentReported(_)
        | Fact::SessionImported(_)
        | Fact::ItemsAdded(_)
        | Fact::ItemRemoved(_)
        | Fact::SandboxOperated(_)
        | Fact::ResponseRequested(_)
        | Fact::ResponseRemoved(_)
        | Fact::EffectRequested(_)
        | Fact::EffectAttempted(_)
        | Fact::EffectCompleted(_)
        | Fact::EffectFailed(_)
        | Fact::EffectParked(_)
        | Fact::EffectUnknown(_)
        | Fact::ApprovalResolved(_)
        | Fact::CallRefused(_) => Vec::new(),
    }
}

fn action(required: &RequiredAction) -> &'static str {
    match required {
        RequiredAction::ToolResult { .. } => "function_call",
        RequiredAction::Approval { .. } | RequiredAction::Question { .. } => "mcp_approval_request",
    }
}
