//! `GET /v1/models`: the models that agents can name.

use axum::Json;
use axum::extract::State;
use mainstay_core::port::ModelInfo;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openai::wire::List;
use crate::openapi::{Doc, Tag};
use crate::state::AppState;

/// A model, in the shape of OpenAI's.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "object", rename = "model")]
#[schemars(rename = "Model", transform = Tag("object", "model"))]
pub(crate) struct Model {
    id: String,
    /// When it was published; not known here.
    created: u64,
    owned_by: String,
}

impl From<ModelInfo> for Model {
    fn from(info: ModelInfo) -> Self {
        Self { id: info.name, created: 0, owned_by: info.provider }
    }
}

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listModels", "List models that agents can name");

/// Answers the models known by name; a provider may take others too.
pub(crate) async fn list(State(state): State<AppState>) -> Json<List<Model>> {
    let models = state.engine().models().list().into_iter().map(Model::from).collect();
    let more = false;
    Json(List::page(models, more, |model: &Model| &model.id))
}

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getModel", "Read a model");

/// `GET /v1/models/{model}`: one model, also one that is taken without being listed.
pub(crate) async fn get(
    State(state): State<AppState>,
    Ids(name): Ids<String>,
) -> Answer<Json<Model>> {
    let models = state.engine().models();
    if let Some(info) = models.list().into_iter().find(|info| info.name == name) {
        return Ok(Json(info.into()));
    }
    if models.find(&name).is_none() {
        return Err(not_found("model", &name).into());
    }
    Ok(Json(Model { id: name, created: 0, owned_by: "default".to_owned() }))
}
