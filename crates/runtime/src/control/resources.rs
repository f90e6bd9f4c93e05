//! Resources of every kind that is a document: created, imported, changed, deleted, listed.
//!
//! Invariant: what a change is decided from is read behind the journal's head that its commit
//! expects; an id that is taken is never written over by a creation. An entry says which resource
//! changed and to which revision, and nothing of its body.

use mainstay_core::resource::{IDEMPOTENCY, IdempotencyRow, RESOURCES, ResourceRow, listed_in};
use mainstay_core::session::millis_column;
use mainstay_protocol::{
    ApiError, ErrorCode, Principal, Row, RowChange, RowKey, TaskChange, TenantId,
};
use mainstay_store::{Direction, RowScan};
use serde_json::{Value, json};

use super::{CONFLICT_LIMIT_COUNT, Change, Committed, Control, PAGE_LIMIT_COUNT, contended, parse};
use crate::engine::api_error;
use crate::submit::Idempotency;

/// The most resources that go with the one that they belong to.
const MAX_CHILDREN_COUNT: usize = 10_000;

/// What a request does to a resource, as its key remembers it: the scope is the request's method
/// and path.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// Method and path.
    pub scope: String,
    /// The client's key with the hash of the body.
    pub idempotency: Idempotency,
}

/// A resource to create.
#[derive(Debug, Clone)]
pub struct NewResource {
    /// What it is.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// The kind and id of the resource that it belongs to, which must be there.
    pub parent: Option<(&'static str, String)>,
    /// Where it stands.
    pub status: &'static str,
    /// When it was created, for what comes from elsewhere; now when none.
    pub created_at_ms: Option<u64>,
    /// What its kind makes of it, secrets sealed.
    pub body: Value,
    /// Work that it brings.
    pub tasks: Vec<TaskChange>,
}

/// Whether an id that is taken is a conflict, or the same resource brought in again.
pub type IsSame<'a> = &'a (dyn Fn(&ResourceRow) -> bool + Send + Sync);

/// What a change is decided from.
#[derive(Debug)]
pub struct Found {
    /// The resource.
    pub row: ResourceRow,
    /// Now.
    pub now_ms: u64,
}

/// A write of another resource in the same commit.
#[derive(Debug, Clone)]
pub enum ResourceWrite {
    /// A new one; a conflict if its id is taken.
    Insert(ResourceRow),
    /// One that is there.
    Put(ResourceRow),
}

/// What becomes of a resource.
#[derive(Debug, Clone)]
pub struct ResourceChange {
    /// The entry's kind.
    pub entry: &'static str,
    /// The resource as it shall be; its revision and time are set by the commit.
    pub row: ResourceRow,
    /// Other resources written with it.
    pub writes: Vec<ResourceWrite>,
    /// Work that it brings or ends.
    pub tasks: Vec<TaskChange>,
}

impl ResourceChange {
    /// A change of the resource alone.
    #[must_use]
    pub fn of(entry: &'static str, row: ResourceRow) -> Self {
        Self { entry, row, writes: Vec::new(), tasks: Vec::new() }
    }
}

impl Control {
    /// A resource.
    pub async fn resource(
        &self,
        tenant: &TenantId,
        kind: &str,
        id: &str,
    ) -> Result<Option<ResourceRow>, ApiError> {
        self.read(ResourceRow::key(tenant, kind, id)).await
    }

    /// Every resource of a kind that belongs to `parent`, oldest first.
    pub async fn resources(
        &self,
        tenant: &TenantId,
        kind: &str,
        parent: Option<&str>,
    ) -> Result<Vec<ResourceRow>, ApiError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let scan = RowScan {
                spec: RESOURCES.name.into(),
                index: RESOURCES.indexes[0].iter().map(|column| (*column).into()).collect(),
                prefix: vec![listed_in(tenant, kind, parent).into()],
                after,
                direction: Direction::Ascending,
                limit_count: PAGE_LIMIT_COUNT,
            };
            let page = self.store.rows(scan).await.map_err(|error| api_error(&error))?;
            for row in &page.rows {
                found.push(parse(row)?);
            }
            if !page.has_more || found.len() >= MAX_CHILDREN_COUNT {
                return Ok(found);
            }
            after = page.rows.last().map(|row| row.key.clone());
        }
    }

    /// Creates a resource. A request under a key that made one before answers that one as it is now.
    pub async fn create_resource(
        &self,
        caller: &Principal,
        new: NewResource,
        request: Option<RequestKey>,
        is_same: Option<IsSame<'_>>,
    ) -> Result<ResourceRow, ApiError> {
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let head = self.head(&caller.tenant).await?;
            if let Some(known) = self.replayed(caller, new.kind, request.as_ref()).await? {
                return Ok(known);
            }
            self.require_parent(&caller.tenant, new.parent.as_ref()).await?;
            if let Some(taken) = self.resource(&caller.tenant, new.kind, &new.id).await? {
                return if is_same.is_some_and(|is_same| is_same(&taken)) {
                    Ok(taken)
                } else {
                    Err(taken_id(new.kind, &new.id))
                };
            }
            let now_ms = self.clock.now_ms();
            let row = ResourceRow {
                tenant: caller.tenant.clone(),
                kind: new.kind.into(),
                id: new.id.clone(),
                parent: new.parent.as_ref().map(|(_, id)| id.clone()),
                revision: 1,
                created_at_ms: new.created_at_ms.unwrap_or(now_ms),
                updated_at_ms: now_ms,
                created_by: caller.id.clone(),
                status: new.status.into(),
                body: new.body.clone(),
            };
            let entry = if is_same.is_some() { "resource.imported" } else { "resource.created" };
            let change = Change {
                kind: entry,
                payload: payload(&row),
                rows: [RowChange::Insert(row.to_row())]
                    .into_iter()
                    .chain(remember(request.as_ref(), &row.id, &caller.tenant, now_ms))
                    .collect(),
                tasks: new.tasks.clone(),
            };
            if self.commit(caller, head, change).await? == Committed::Yes {
                return Ok(row);
            }
        }
        Err(contended())
    }

    /// Changes a resource as `decide` says, which is asked again when somebody else changed
    /// something meanwhile. When it says nothing, the resource stays as it is.
    pub async fn change_resource(
        &self,
        caller: &Principal,
        (kind, id): (&str, &str),
        request: Option<RequestKey>,
        mut decide: impl FnMut(Found) -> Result<Option<ResourceChange>, ApiError> + Send,
    ) -> Result<ResourceRow, ApiError> {
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let head = self.head(&caller.tenant).await?;
            if let Some(known) = self.replayed(caller, kind, request.as_ref()).await? {
                return Ok(known);
            }
            let row = self.resource(&caller.tenant, kind, id).await?;
            let row = row.ok_or_else(|| missing(kind, id))?;
            let (revision, now_ms) = (row.revision, self.clock.now_ms());
            let Some(mut decided) = decide(Found { row: row.clone(), now_ms })? else {
                return Ok(row);
            };
            decided.row.revision = revision + 1;
            decided.row.updated_at_ms = now_ms;
            let mut rows = vec![RowChange::Put(decided.row.to_row())];
            rows.extend(decided.writes.iter().map(|write| match write {
                ResourceWrite::Insert(row) => RowChange::Insert(row.to_row()),
                ResourceWrite::Put(row) => RowChange::Put(row.to_row()),
            }));
            rows.extend(remember(request.as_ref(), id, &caller.tenant, now_ms));
            let change = Change {
                kind: decided.entry,
                payload: payload(&decided.row),
                rows,
                tasks: decided.tasks,
            };
            if self.commit(caller, head, change).await? == Committed::Yes {
                return Ok(decided.row);
            }
        }
        Err(contended())
    }

    /// Deletes a resource with those of the kind `children` that belong to it.
    pub async fn delete_resource(
        &self,
        caller: &Principal,
        (kind, id): (&str, &str),
        children: Option<&str>,
        tasks: Vec<TaskChange>,
    ) -> Result<ResourceRow, ApiError> {
        for _ in 0..CONFLICT_LIMIT_COUNT {
            let head = self.head(&caller.tenant).await?;
            let row = self.resource(&caller.tenant, kind, id).await?;
            let row = row.ok_or_else(|| missing(kind, id))?;
            let mut rows = vec![RowChange::Delete(ResourceRow::key(&caller.tenant, kind, id))];
            if let Some(child_kind) = children {
                let belonging = self.resources(&caller.tenant, child_kind, Some(id)).await?;
                rows.extend(belonging.iter().map(|child| {
                    RowChange::Delete(ResourceRow::key(&caller.tenant, child_kind, &child.id))
                }));
            }
            let change = Change {
                kind: "resource.deleted",
                payload: payload(&row),
                rows,
                tasks: tasks.clone(),
            };
            if self.commit(caller, head, change).await? == Committed::Yes {
                return Ok(row);
            }
        }
        Err(contended())
    }

    async fn require_parent(
        &self,
        tenant: &TenantId,
        parent: Option<&(&'static str, String)>,
    ) -> Result<(), ApiError> {
        let Some((kind, id)) = parent else { return Ok(()) };
        match self.resource(tenant, kind, id).await? {
            Some(_) => Ok(()),
            None => Err(missing(kind, id)),
        }
    }

    /// What the same request made or changed before.
    async fn replayed(
        &self,
        caller: &Principal,
        kind: &str,
        request: Option<&RequestKey>,
    ) -> Result<Option<ResourceRow>, ApiError> {
        let Some(request) = request else { return Ok(None) };
        let key = remembered_key(request, &caller.tenant);
        let Some(known) = self.read::<IdempotencyRow>(key).await? else { return Ok(None) };
        if known.body_sha256 != request.idempotency.body_sha256 {
            let message =
                "this Idempotency-Key was used with another body; use a new key for a new request";
            return Err(ApiError::new(ErrorCode::IdempotencyConflict, message));
        }
        let row = self.resource(&caller.tenant, kind, &known.session).await?;
        row.map(Some).ok_or_else(|| missing(kind, &known.session))
    }
}

fn remembered_key(request: &RequestKey, tenant: &TenantId) -> RowKey {
    let scope = format!("{tenant}:{}", request.scope);
    RowKey::new(&IDEMPOTENCY, &[&scope, &request.idempotency.key])
}

fn remember(
    request: Option<&RequestKey>,
    id: &str,
    tenant: &TenantId,
    now_ms: u64,
) -> Option<RowChange> {
    let request = request?;
    let doc = IdempotencyRow {
        body_sha256: request.idempotency.body_sha256.clone(),
        session: id.to_owned(),
        at_ms: now_ms,
        first_seq: None,
        answer: None,
    };
    let created = millis_column(now_ms);
    let key = remembered_key(request, tenant);
    Some(RowChange::Insert(Row::new(key, &[("created", &created)], &doc)))
}

/// What an entry says of a resource.
fn payload(row: &ResourceRow) -> Value {
    let mut payload = json!({
        "kind": row.kind, "id": row.id, "revision": row.revision, "status": row.status,
    });
    if let Some(parent) = &row.parent {
        payload["parent"] = json!(parent);
    }
    payload
}

/// A kind in words: `vault_credential` is a vault credential.
fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

fn missing(kind: &str, id: &str) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("{} {id:?} does not exist", words(kind)))
}

fn taken_id(kind: &str, id: &str) -> ApiError {
    let message = format!("the id {id:?} is taken by another {}; nothing was changed", words(kind));
    ApiError::new(ErrorCode::Conflict, message).with_param("id")
}
