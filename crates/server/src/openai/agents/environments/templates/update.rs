//! `POST /v1/agents/environments/templates/{template}`: changes a template.

use axum::Json;
use axum::extract::State;
use mainstay_runtime::ResourceChange;

use super::object::{Owner, TEMPLATE, Template, TemplateBody};
use super::params::TemplateParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, find, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateEnvironmentTemplate", "Change a template");

/// Answers the template as it is now. What was not said stays as it was.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(template): Ids<String>,
    request: Asked<TemplateParams>,
) -> Answer<Json<Template>> {
    find(&state, &caller, TEMPLATE, &template).await?;
    let Asked { value: params, key } = request;
    let owner = Owner { engine: state.engine(), tenant: &caller.tenant, id: &template };
    let control = state.engine().control();
    let target = (TEMPLATE.0, template.as_str());
    let changed = control.change_resource(&caller, target, key, |found| {
        let mut row = found.row;
        let before: TemplateBody = body_of(&row)?;
        let after = TemplateBody::changed(Some(before.clone()), params.clone(), &owner)?;
        if after.says_same(&before, &owner)? {
            return Ok(None);
        }
        row.body = to_body(&after);
        Ok(Some(ResourceChange::of("resource.updated", row)))
    });
    Ok(Json(Template::of(&changed.await?)?))
}
