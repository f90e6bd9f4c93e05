//! `/v1/agents/environments/{environment}/files`: files of a session's machine.
//!
//! Invariant: a request waits for the machine, which is made or brought back for it.

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use mainstay_core::port::{FileInfo, FileKind};
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::hosted::inline;
use super::object::find;
use super::path::workspace_folder;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::wire::{At, EnvironmentFilesQuery, FileParams, Order};
use crate::openapi::{Doc, PAGE_BY_TOKEN, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE_FILE: Doc =
    Doc::new("createEnvironmentFile", "Put a file into an environment").kept();

/// Its entry in the document of the API.
pub(crate) const LIST_FILES: Doc = Doc::new("listEnvironmentFiles", "List an environment's files")
    .query(&[PAGE_BY_TOKEN, &[Param::text("path", "Only below this folder.")]]);

/// The most files that a list looks at.
const MAX_LISTED_FILES: usize = 20_000;

/// A file of an environment.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EnvironmentFile {
    object: &'static str,
    environment_id: String,
    path: String,
    size_bytes: u64,
}

impl EnvironmentFile {
    fn new(environment: &str, path: String, size_bytes: u64) -> Self {
        let environment_id = environment.to_owned();
        Self { object: "agent.environment.file", environment_id, path, size_bytes }
    }
}

/// A page of files. Files have no ids: the next page has a token.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FilePage {
    object: &'static str,
    data: Vec<EnvironmentFile>,
    has_more: bool,
    next: Option<String>,
}

/// `POST …/files`: writes a file, and saves the workspace.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(environment): Ids<String>,
    request: Checked<FileParams>,
) -> Answer<Json<EnvironmentFile>> {
    let row = find(&state, &caller, &environment).await?;
    let (path, data) = inline(&request.value, &At::Root)?;
    let content = STANDARD.decode(data).map_err(|_| {
        let at = At::Root;
        at.field("data").invalid("is not standard base 64")
    })?;
    let size_bytes = content.len() as u64;
    state.engine().write_sandbox_file(&caller, &row.id, &path, Bytes::from(content)).await?;
    Ok(Json(EnvironmentFile::new(&environment, path, size_bytes)))
}

/// `GET …/files`: the regular files below a folder.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(environment): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<FilePage>> {
    let query = EnvironmentFilesQuery::parse(query.as_deref().unwrap_or_default())?;
    let row = find(&state, &caller, &environment).await?;
    let root = At::Root;
    let folder =
        workspace_folder(query.path.as_deref()).map_err(|why| root.field("path").invalid(why))?;
    let after = query.page.after.as_deref().map(after_of).transpose()?;
    // A machine lists in one direction; the files of a workspace are bounded all the same.
    let listed = state
        .engine()
        .sandbox_files(&caller, &row.id, &folder, true, None, MAX_LISTED_FILES)
        .await?;
    let mut files: Vec<FileInfo> =
        listed.into_iter().filter(|file| file.kind == FileKind::File).collect();
    files.sort_by(|a, b| parts(&a.path).cmp(parts(&b.path)));
    if query.page.order == Order::Desc {
        files.reverse();
    }
    let is_before = |file: &FileInfo| match (&after, query.page.order) {
        (None, _) => false,
        (Some(after), Order::Asc) => parts(&file.path).le(parts(after)),
        (Some(after), Order::Desc) => parts(&file.path).ge(parts(after)),
    };
    let limit = usize::try_from(query.page.limit).unwrap_or(usize::MAX);
    let mut behind = files.into_iter().skip_while(is_before);
    let data: Vec<EnvironmentFile> = behind
        .by_ref()
        .take(limit)
        .map(|file| EnvironmentFile::new(&environment, file.path, file.size_bytes))
        .collect();
    let has_more = behind.next().is_some();
    let last = data.last().filter(|_| has_more);
    let next = last.map(|file| URL_SAFE_NO_PAD.encode(&file.path));
    Ok(Json(FilePage { object: "list", data, has_more, next }))
}

/// Files are in the order of the parts of their paths.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
}

/// The path behind which a page begins.
fn after_of(token: &str) -> Result<String, ApiError> {
    let path = URL_SAFE_NO_PAD.decode(token).ok().and_then(|path| String::from_utf8(path).ok());
    path.ok_or_else(|| {
        let message = "parameter 'page' is not the token of a page";
        ApiError::new(ErrorCode::InvalidCursor, message).with_param("page")
    })
}
