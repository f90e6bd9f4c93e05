//! One operation, compiled: what the model sees of it and how its request is made.

use mainstay_core::tool::Safety;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::argument::{Parameter, Parameters, Place};
use super::body::{Body, Parts};
use super::document::{Document, Found};
use super::schema::Inliner;
use crate::tool::egress::AllowedHosts;
use crate::tool::names::tool_name;
use crate::tool::schema::MAX_SCHEMA_BYTES;

/// What an operation says of its own safety, where its method does not say it right.
const SAFETY_EXTENSION: &str = "x-mainstay-safety";

/// What URLs encode in a path.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// The position in `parameters`.
    Parameter(usize),
}

/// One operation, ready to be called.
#[derive(Debug)]
pub(super) struct Operation {
    /// Its id in the document.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    /// Schema of the arguments.
    pub(super) schema: Value,
    /// What its method or the document says.
    pub(super) safety: Safety,
    pub(super) method: Method,
    /// What every URL of it starts with, without a slash at the end.
    pub(super) prefix: String,
    pub(super) path: Vec<Piece>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    /// Its server's host and nothing else.
    pub(super) hosts: AllowedHosts,
}

impl Operation {
    /// Compiles an operation; the error says what is not supported about it.
    pub(super) fn compile<'a>(
        document: Document<'a>,
        found: &Found<'a>,
        base: Option<&Url>,
    ) -> Result<Self, String> {
        let server = document.server(found, base)?;
        let hosts = AllowedHosts::only(&server).ok_or("its server names no host")?;
        let mut inliner = Inliner::new(document);
        let mut parameters = Parameters::read(document, found, &mut inliner)?;
        let body = Body::read(document, found, &mut inliner, &mut parameters)?;
        let safety = safety(found, parameters.takes_key)?;
        let path = parse_path(found.path, &parameters.list)?;
        let is_open = body.as_ref().is_some_and(|body| body.parts == Parts::AllOthers);
        let schema = arguments_schema(&parameters.properties, &parameters.required, is_open)?;
        Ok(Self {
            name: tool_name(&found.id),
            id: found.id.clone(),
            description: describe(found),
            schema,
            safety,
            method: found.method.clone(),
            prefix: server.as_str().trim_end_matches('/').to_owned(),
            path,
            parameters: parameters.list,
            body,
            hosts,
        })
    }
}

fn arguments_schema(
    properties: &Map<String, Value>,
    required: &[Value],
    is_open: bool,
) -> Result<Value, String> {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": is_open,
    });
    let size_bytes = schema.to_string().len();
    if size_bytes > MAX_SCHEMA_BYTES {
        return Err(format!(
            "the schema of its arguments has {size_bytes} bytes, more than {MAX_SCHEMA_BYTES}"
        ));
    }
    Ok(schema)
}

fn safety(found: &Found<'_>, takes_key: bool) -> Result<Safety, String> {
    if let Some(value) = found.value.get(SAFETY_EXTENSION) {
        return serde_json::from_value(value.clone()).map_err(|_| {
            format!("{SAFETY_EXTENSION} is {value}, not read_only, idempotent or once")
        });
    }
    Ok(match found.method {
        Method::GET | Method::HEAD | Method::OPTIONS => Safety::ReadOnly,
        Method::PUT | Method::DELETE => Safety::Idempotent,
        _ if takes_key => Safety::Idempotent,
        _ => Safety::Once,
    })
}

fn describe(found: &Found<'_>) -> String {
    let text =
        |key| found.value.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let (summary, description) = (text("summary"), text("description"));
    match (summary, description) {
        ("", "") => format!("{} {}", found.method, found.path),
        ("", only) | (only, "") => only.to_owned(),
        (summary, description) if description.starts_with(summary) => description.to_owned(),
        (summary, description) => format!("{summary}\n{description}"),
    }
}

/// As URLs write it, so that a request's URL can be compared with what was put together.
fn literal_piece(text: &str) -> Piece {
    Piece::Literal(utf8_percent_encode(text, NOT_IN_PATHS).to_string())
}

fn parse_path(path: &str, parameters: &[Parameter]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = path.trim_start_matches('/');
    pieces.push(Piece::Literal("/".to_owned()));
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a brace of its path is not closed")?;
        let index = parameters
            .iter()
            .position(|parameter| parameter.name == name && parameter.place == Place::Path)
            .ok_or_else(|| format!("{{{name}}} of its path is no parameter"))?;
        pieces.push(literal_piece(literal));
        pieces.push(Piece::Parameter(index));
        rest = after;
    }
    pieces.push(literal_piece(rest));
    pieces.retain(|piece| *piece != Piece::Literal(String::new()));
    Ok(pieces)
}
