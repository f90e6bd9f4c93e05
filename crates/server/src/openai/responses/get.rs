//! `GET /v1/responses/{response}`: a response as it is, or its events from any place.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};

use super::project::Place;
use super::query::RetrieveQuery;
use super::rows;
use super::shapes::{ResponseEvent, ResponseObject};
use super::stream::open_stream;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::{Doc, Param, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getResponse", "Read a response, or follow it")
    .query(&[&[
        Param::flag("stream", "Whether its events are answered."),
        Param::whole("starting_after", "The event after which its stream begins.", 0, u64::MAX),
        Param::flag("include_obfuscation", "Taken; this server never pads."),
        Param::texts("include[]", "What is shown besides.", &[]),
    ]])
    .answers(schema_of::<ResponseObject>)
    .streams(schema_of::<ResponseEvent>);

/// Answers the response, or with `stream=true` its events behind `starting_after`.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(response): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let query = RetrieveQuery::parse(query.as_deref().unwrap_or_default())?;
    let mut head = rows::find(&state, &caller, &response).await?;
    head.echo.include.extend(query.include);
    if query.stream {
        let seen = query.starting_after.map(Place::of_number);
        return Ok(open_stream(&state, &caller, head.into(), seen).await?);
    }
    Ok(Json(rows::folded(&state, head).await?.show()).into_response())
}
