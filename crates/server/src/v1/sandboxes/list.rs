//! `GET /v1/sandboxes`: the machines that there are, of the caller's tenant.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::port::{SandboxInfo, SandboxStatus};
use mainstay_protocol::{ApiError, ErrorCode};

use super::object::{SandboxObject, tier_name};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::sessions::find_session;
use crate::openai::wire::{At, List, Order, Pairs};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSandboxes", "The machines that there are")
    .query(&[
        PAGE,
        &[
            Param::text("status", "Only those that do this: `running` or `parked`."),
            Param::text("tier", "Only those kept apart like this: `microvm` or `process`."),
        ],
    ])
    .extension();

/// Answers machines in the order of their sessions' ids, which is that of their sessions' age.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<SandboxObject>>> {
    let mut pairs = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let page = pairs.page()?;
    let status = one_of(&mut pairs, "status", ["running", "parked"])?;
    let tier = one_of(&mut pairs, "tier", ["microvm", "process"])?;
    pairs.finish()?;
    let found = state.engine().sandboxes().list().await;
    let mut machines = found.map_err(|error| {
        ApiError::new(ErrorCode::ToolUnavailable, format!("machines cannot be listed: {error}"))
    })?;
    machines.retain(|machine| {
        status.as_deref().is_none_or(|status| status == status_name(machine))
            && tier.as_deref().is_none_or(|tier| tier == tier_name(machine.tier))
    });
    machines.sort_by(|a, b| a.session.as_str().cmp(b.session.as_str()));
    if page.order == Order::Desc {
        machines.reverse();
    }
    let is_behind = |machine: &SandboxInfo| match (page.after.as_deref(), page.order) {
        (None, _) => true,
        (Some(after), Order::Asc) => machine.session.as_str() > after,
        (Some(after), Order::Desc) => machine.session.as_str() < after,
    };
    if let Some(after) = &page.after {
        // A machine may be gone by now; its session tells whose place it was.
        match find_session(&state, &caller, after).await {
            Err(error) if error.code == ErrorCode::NotFound => {
                let message =
                    format!("parameter 'after' names no session that has a machine: {after:?}");
                return Err(ApiError::new(ErrorCode::InvalidCursor, message)
                    .with_param("after")
                    .into());
            }
            found => drop(found?),
        }
    }
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    let mut has_more = false;
    for machine in machines.iter().filter(|machine| is_behind(machine)) {
        // Those of other tenants are not there for this one.
        let row = match find_session(&state, &caller, machine.session.as_str()).await {
            Ok(row) => row,
            Err(error) if error.code == ErrorCode::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        if data.len() == limit {
            has_more = true;
            break;
        }
        data.push(SandboxObject::new(&row, Some(machine)));
    }
    Ok(Json(List::page(data, has_more, |sandbox: &SandboxObject| &sandbox.id)))
}

fn status_name(machine: &SandboxInfo) -> &'static str {
    match machine.status {
        SandboxStatus::Running => "running",
        SandboxStatus::Parked => "parked",
    }
}

fn one_of(pairs: &mut Pairs, name: &str, known: [&str; 2]) -> Result<Option<String>, ApiError> {
    let Some(value) = pairs.take(name) else { return Ok(None) };
    if known.contains(&value.as_str()) {
        return Ok(Some(value));
    }
    Err(At::Root.field(name).invalid(format!("is {value:?}, not {}", known.join(" or "))))
}
