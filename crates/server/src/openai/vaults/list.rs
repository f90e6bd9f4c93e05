//! `GET /v1/vaults`: the caller's vaults, by metadata and status if asked.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::object::{VAULT, Vault, VaultBody};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::list_of;
use crate::openai::wire::{List, VaultListQuery};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// What lists of vaults and credentials can be narrowed by.
pub(crate) const VAULT_FILTER: &[Param] = &[
    Param::pairs("metadata", "Only those that have all these pairs."),
    Param::texts("status[]", "Only those of these statuses.", &["active", "archived"]),
    Param::one_of("status", "Only those of this status.", &["active", "archived"]),
];

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listVaults", "List vaults").query(&[PAGE, VAULT_FILTER]);

/// Answers a page of vaults.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Vault>>> {
    let query = VaultListQuery::parse(query.as_deref().unwrap_or_default())?;
    let fits = |row: &mainstay_core::resource::ResourceRow| {
        query.fits(&row.status, || row.read::<VaultBody>().map(|b| b.metadata).unwrap_or_default())
    };
    let page = list_of(&state, &caller, (VAULT.0, None), &query.page, fits).await?;
    let vaults = page.rows.iter().map(Vault::of).collect::<Result<_, _>>()?;
    Ok(Json(List::page(vaults, page.has_more, |vault: &Vault| &vault.id)))
}
