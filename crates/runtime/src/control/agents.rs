//! Agents: saved definitions with revisions.
//!
//! Invariant: a revision is written once; its number is part of its key.

use mainstay_core::resource::{AGENT_REVISIONS, AGENTS, AgentRow};
use mainstay_core::session::millis_column;
use mainstay_protocol::{
    AgentId, ApiError, ErrorCode, Principal, Row, RowChange, RowKey, TenantId,
};

use super::Control;

impl Control {
    /// Creates an agent, or makes a new revision of it.
    pub async fn put_agent(&self, caller: &Principal, row: AgentRow) -> Result<AgentRow, ApiError> {
        let kind = if row.definition.revision <= 1 { "agent.created" } else { "agent.updated" };
        let revision = format!("{:010}", row.definition.revision);
        let keep =
            RowKey::new(&AGENT_REVISIONS, &[row.tenant.as_str(), row.id.as_str(), &revision]);
        // Two writers of the same revision: the second finds its key taken.
        let rows =
            vec![RowChange::Put(agent_row(&row)), RowChange::Insert(Row::new(keep, &[], &row))];
        self.change(caller, kind, &row, rows).await?;
        Ok(row)
    }

    /// Marks an agent as deleted; its sessions take no new turns.
    pub async fn delete_agent(&self, caller: &Principal, id: &AgentId) -> Result<(), ApiError> {
        let found = self.agent(&caller.tenant, id).await?.filter(|row| !row.is_deleted);
        let Some(mut row) = found else {
            return Err(ApiError::new(ErrorCode::NotFound, format!("agent {id} does not exist")));
        };
        row.is_deleted = true;
        row.updated_at_ms = self.clock.now_ms();
        let rows = vec![RowChange::Put(agent_row(&row))];
        self.change(caller, "agent.deleted", &serde_json::json!({ "id": id }), rows).await
    }

    /// An agent, deleted ones too.
    pub async fn agent(
        &self,
        tenant: &TenantId,
        id: &AgentId,
    ) -> Result<Option<AgentRow>, ApiError> {
        self.read(RowKey::new(&AGENTS, &[tenant.as_str(), id.as_str()])).await
    }
}

fn agent_row(row: &AgentRow) -> Row {
    let key = RowKey::new(&AGENTS, &[row.tenant.as_str(), row.id.as_str()]);
    let created = millis_column(row.created_at_ms);
    Row::new(key, &[("owner", row.tenant.as_str()), ("created", &created)], row)
}
