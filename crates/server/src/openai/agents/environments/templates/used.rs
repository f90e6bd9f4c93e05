//! A template's settings, for an environment that is made from it.

use mainstay_protocol::{ApiError, Principal};

use super::object::{Owner, TEMPLATE, TemplateBody};
use crate::openai::resource::{body_of, find};
use crate::openai::wire::HostedParams;
use crate::state::AppState;

/// The settings of the caller's template of this id.
pub(crate) async fn template_settings(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<HostedParams, ApiError> {
    let row = find(state, caller, TEMPLATE, id).await?;
    let owner = Owner { state, tenant: &row.tenant, id: &row.id };
    body_of::<TemplateBody>(&row)?.opened(&owner)
}
