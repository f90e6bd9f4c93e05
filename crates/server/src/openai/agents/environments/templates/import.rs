//! `POST /v1/agents/environments/templates/import`: a template under the id that it had elsewhere.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::ResourceRow;
use mainstay_protocol::Scope;

use super::create::new_template;
use super::object::{Owner, Template, TemplateBody};
use super::params::TemplateParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, Import, import_answer};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc =
    Doc::new("importEnvironmentTemplate", "Bring a template in under an id that it had")
        .scope(Scope::Import)
        .extension();

/// Answers the template. The same template brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    request: Asked<Import<TemplateParams>>,
) -> Answer<Json<Template>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        let new = new_template(&state, &caller, id, value)?;
        let owner = Owner { engine: state.engine(), tenant: &caller.tenant, id: &new.id };
        let asked = new.body.clone();
        let is_same = |row: &ResourceRow| {
            let bodies =
                row.read::<TemplateBody>().ok().zip(serde_json::from_value(asked.clone()).ok());
            bodies.is_some_and(|(kept, asked)| kept.says_same(&asked, &owner).unwrap_or_default())
        };
        let control = state.engine().control();
        Template::of(&control.create_resource(&caller, new.clone(), key, Some(&is_same)).await?)
    })
    .await
}
