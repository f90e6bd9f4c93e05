//! `POST /v1/agents/environments/templates`: a template.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{ApiError, EnvironmentTemplateId, Principal};
use mainstay_runtime::NewResource;

use super::object::{ACTIVE, Owner, TEMPLATE, Template, TemplateBody};
use super::params::TemplateParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createEnvironmentTemplate", "Make a template");

/// Answers the template, without what is confidential.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Asked<TemplateParams>,
) -> Answer<Json<Template>> {
    let id = EnvironmentTemplateId::mint(&mut state.mint()).to_string();
    let new = new_template(&state, &caller, id, request.value)?;
    let control = state.engine().control();
    let row = control.create_resource(&caller, new, request.key, None).await?;
    Ok(Json(Template::of(&row)?))
}

/// A template as a request describes it.
pub(super) fn new_template(
    state: &AppState,
    caller: &Principal,
    id: String,
    params: TemplateParams,
) -> Result<NewResource, ApiError> {
    let owner = Owner { engine: state.engine(), tenant: &caller.tenant, id: &id };
    let body = to_body(&TemplateBody::changed(None, params, &owner)?);
    Ok(NewResource {
        kind: TEMPLATE.0,
        id,
        parent: None,
        status: ACTIVE,
        created_at_ms: None,
        body,
        tasks: Vec::new(),
    })
}
