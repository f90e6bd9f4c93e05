//! What a session's commit tells the endpoints of its tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mainstay_core::fact::Fact;
use mainstay_core::resource::{
    DeliveryRow, EndpointBody, RESOURCES, ResourceRow, WEBHOOK_KIND, WebhookEvent, listed_in,
    webhook_events,
};
use mainstay_core::session::SessionState;
use mainstay_protocol::{RowChange, Seq, TaskChange, TenantId};
use mainstay_store::{Commit, Direction, RowScan, StoreError};

use super::Webhooks;
use crate::engine::Inner;

/// The most endpoints of a tenant that are told; the server lets nobody create more.
pub const MAX_ENDPOINTS_COUNT: usize = 64;
/// How many tenants' endpoints are kept in memory.
const CACHE_LIMIT_COUNT: usize = 4096;

type Wanted = Arc<[(String, Vec<String>)]>;

/// Which endpoint wants which events, by tenant; only where no other process can change it.
#[derive(Default)]
pub(crate) struct Endpoints(Mutex<HashMap<TenantId, Wanted>>);

impl Endpoints {
    pub(super) fn forget(&self, tenant: &TenantId) {
        self.known().remove(tenant);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Wanted>> {
        self.0.lock().expect("no code panics while it holds the endpoints")
    }
}

/// Deliveries to be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Vec<DeliveryRow>);

impl Outbox {
    pub(crate) fn add_to(&self, commit: &mut Commit) {
        for row in &self.0 {
            commit.rows.push(RowChange::Put(row.to_row()));
            commit.tasks.push(TaskChange::Put { key: row.task(), due_at_ms: row.due_at_ms });
        }
    }

    /// The deliveries are durable.
    pub(crate) fn posted(&self, webhooks: &Webhooks) {
        if !self.0.is_empty() {
            webhooks.desk.wake();
        }
    }
}

/// What the tenant's endpoints are told of these facts.
pub(crate) async fn outbox(
    inner: &Inner,
    state: &SessionState,
    base: Seq,
    facts: impl Iterator<Item = &Fact>,
) -> Result<Outbox, StoreError> {
    let Some(config) = &state.config else { return Ok(Outbox::default()) };
    let events = webhook_events(&config.id, state, base, facts);
    if events.is_empty() {
        return Ok(Outbox::default());
    }
    let wanted = wanted(inner, &config.tenant).await?;
    let at_ms = state.last_active_at_ms;
    let to = |event: &WebhookEvent| {
        let wants = |types: &[String]| types.iter().any(|own| own == event.kind);
        let own = wanted.iter().filter(move |(_, types)| wants(types));
        let event = event.clone();
        own.map(move |(id, _)| DeliveryRow::new(&config.tenant, id, &event, at_ms))
            .collect::<Vec<_>>()
    };
    Ok(Outbox(events.iter().flat_map(to).collect()))
}

async fn wanted(inner: &Inner, tenant: &TenantId) -> Result<Wanted, StoreError> {
    let endpoints = &inner.webhooks.endpoints;
    if let Some(known) = endpoints.known().get(tenant) {
        return Ok(known.clone());
    }
    let scan = RowScan {
        spec: RESOURCES.name.into(),
        index: RESOURCES.indexes[0].iter().map(|column| (*column).into()).collect(),
        prefix: vec![listed_in(tenant, WEBHOOK_KIND, None).into()],
        after: None,
        direction: Direction::Ascending,
        limit_count: MAX_ENDPOINTS_COUNT,
    };
    let page = inner.parts.store.rows(scan).await?;
    let rows = page.rows.iter().filter_map(|row| row.read::<ResourceRow>().ok());
    let read = |row: ResourceRow| Some((row.id.clone(), row.read::<EndpointBody>().ok()?));
    let wanted: Wanted = rows.filter_map(read).map(|(id, body)| (id, body.event_types)).collect();
    if inner.settings.is_only_writer {
        let mut known = endpoints.known();
        if known.len() >= CACHE_LIMIT_COUNT {
            known.clear();
        }
        known.insert(tenant.clone(), wanted.clone());
    }
    Ok(wanted)
}
