//! A template's settings, for an environment that is made from it.

use mainstay_protocol::{ApiError, Principal};
use mainstay_runtime::Engine;

use super::object::{Owner, TEMPLATE, TemplateBody};
use crate::openai::resource::{body_of, find_in};
use crate::openai::wire::HostedParams;

/// The settings of the caller's template of this id.
pub(crate) async fn template_settings(
    engine: &Engine,
    caller: &Principal,
    id: &str,
) -> Result<HostedParams, ApiError> {
    let row = find_in(engine, caller, TEMPLATE, id).await?;
    let owner = Owner { engine, tenant: &row.tenant, id: &row.id };
    body_of::<TemplateBody>(&row)?.opened(&owner)
}
