//! `GET /v1/vaults/{vault}/credentials`: a vault's credentials, by metadata and status if asked.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::{CREDENTIAL_KIND, CredentialBody, ResourceRow};

use super::object::Credential;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{find, list_of};
use crate::openai::vaults::VAULT;
use crate::openai::vaults::VAULT_FILTER;
use crate::openai::wire::{List, VaultListQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listCredentials", "List a vault's credentials, without their secrets")
        .query(&[PAGE, VAULT_FILTER]);

/// Answers a page of credentials.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(vault): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Credential>>> {
    let query = VaultListQuery::parse(query.as_deref().unwrap_or_default())?;
    find(&state, &caller, VAULT, &vault).await?;
    let pairs = |row: &ResourceRow| row.read::<CredentialBody>().map(|body| body.metadata);
    let fits = |row: &ResourceRow| query.fits(&row.status, || pairs(row).unwrap_or_default());
    let page = list_of(&state, &caller, (CREDENTIAL_KIND, Some(&vault)), &query.page, fits).await?;
    let credentials = page.rows.iter().map(Credential::of).collect::<Result<_, _>>()?;
    Ok(Json(List::page(credentials, page.has_more, |credential: &Credential| &credential.id)))
}
