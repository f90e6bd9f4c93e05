//! `GET /v1/vaults`: the caller's vaults, by metadata and status if asked.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::object::{VAULT, Vault, VaultBody};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::list_of;
use crate::openai::wire::{List, VaultListQuery};
use crate::state::AppState;

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
