//! The document, put together.
//!
//! Invariant: the same code makes the same bytes; members are in alphabetical order.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_protocol::{ErrorCode, MAX_ID_CHARS};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::describe::{Schemas, Shape};
use super::doc::Success;
use super::routes::Endpoint;
use crate::limits::MAX_IDEMPOTENCY_KEY_CHARS;
use crate::openai::wire::{ErrorBody, MAX_MODEL_CHARS};
use crate::routes::routes;

/// Where schemas are referred to.
const SCHEMAS: &str = "/components/schemas";
/// What is appended to the name of a request's schema that is shown otherwise.
const READ_SUFFIX: &str = "Params";
/// Groups of endpoints by the beginning of their paths; the longest counts.
const GROUPS: &[(&str, &str, &str)] = &[
    ("/v1/agents", "Agents", "Saved agents."),
    ("/v1/agents/automations", "Automations", "What agents do at set times."),
    ("/v1/agents/environments", "Environments", "Machines of sessions, and templates of them."),
    ("/v1/agents/sessions", "Sessions", "Sessions, their input, and what they say and do."),
    ("/v1/vaults", "Vaults", "Credentials that sessions may use and nobody can read back."),
    ("/v1/webhook", "Webhooks", "Where events are sent."),
    ("/v1/responses", "Responses", "Requests of a session, one answer each."),
    ("/v1/conversations", "Conversations", "Sessions as the Conversations API sees them."),
    ("/v1/chat", "Chat Completions", "Answers without a session."),
    ("/v1/models", "Models", "Models that agents can name."),
    ("/v1/keys", "Keys", "Bearer keys of the caller's tenant."),
    ("/", "Operation", "The server itself."),
];
/// Paths that need no key.
const OPEN_PATHS: [&str; 4] =
    ["/health", "/health/ready", "/v1/openapi.json", "/v1/oauth/client.json"];

/// The document of the HTTP surface, as text.
#[must_use]
pub fn openapi_document() -> String {
    let mut schemas = Schemas {
        read: settings().for_deserialize().into_generator(),
        written: settings().for_serialize().into_generator(),
    };
    let error = schemas.written.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    let mut requests: Vec<(String, &'static str, Value)> = Vec::new();
    for endpoint in routes().into_endpoints() {
        let shape = (endpoint.describe)(&mut schemas);
        let path = endpoint.path.replace("{*", "{");
        let method = match endpoint.method.as_str() {
            "GET" => "get",
            "POST" => "post",
            _ => "delete",
        };
        requests.extend(body(&endpoint, &shape).map(|body| (path.clone(), method, body)));
        let operation = operation(&endpoint, &shape, &mut schemas.written);
        paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
    }
    let written = schemas.written.take_definitions(true);
    let (read, renamed) = renamed(schemas.read.take_definitions(true), &written);
    for (path, method, mut body) in requests {
        rename(&mut body, &renamed);
        paths[&path][method]["requestBody"] = body;
    }
    let mut definitions = written;
    definitions.extend(read);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mainstay",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A stateful runtime for AI agents.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": GROUPS.iter().map(|(_, name, about)| json!({"name": name, "description": about}))
            .collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": refusals(&error),
            "headers": headers(),
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer",
                "description": "A key of this server: `Authorization: Bearer msk_…`.",
            }},
        },
    });
    tidy(&mut document);
    let mut text = serde_json::to_string_pretty(&sorted(document)).expect("a value is JSON");
    text.push('\n');
    text
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = SCHEMAS.into();
    })
}

fn operation(endpoint: &Endpoint, shape: &Shape, written: &mut SchemaGenerator) -> Value {
    let doc = &endpoint.doc;
    let group = GROUPS.iter().filter(|(start, ..)| endpoint.path.starts_with(start));
    let group = group.max_by_key(|(start, ..)| start.len());
    let mut shown = json!({
        "operationId": doc.operation,
        "summary": doc.summary,
        "tags": group.map(|(_, name, _)| name),
        "parameters": parameters(endpoint, shape),
        "responses": responses(endpoint, shape, written),
    });
    if let Some((_, name, _)) = group {
        shown["tags"] = json!([name]);
    }
    if is_open(endpoint) {
        shown["security"] = json!([]);
    }
    if doc.is_extension {
        shown["x-mainstay-extension"] = json!(true);
    }
    if let Some(scope) = doc.scope {
        shown["x-mainstay-scope"] = json!(scope.as_str());
    }
    shown
}

fn is_open(endpoint: &Endpoint) -> bool {
    OPEN_PATHS.contains(&endpoint.path)
}

fn parameters(endpoint: &Endpoint, shape: &Shape) -> Vec<Value> {
    let mut shown: Vec<Value> = path_names(endpoint.path)
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": {"type": "string", "minLength": 1, "maxLength": longest(name)},
            })
        })
        .collect();
    shown.extend(endpoint.doc.query.iter().copied().flatten().map(|param| param.show("query")));
    shown.extend(endpoint.doc.headers.iter().map(|param| param.show("header")));
    if shape.takes_key || endpoint.doc.is_keyed {
        shown.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Takes the request once, however often it is sent.",
            "schema": {
                "type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_CHARS,
                "pattern": "^[\\t -~]+$",
            },
        }));
    }
    shown
}

/// Models are named by their providers.
fn longest(name: &str) -> usize {
    if name == "model" { MAX_MODEL_CHARS } else { MAX_ID_CHARS }
}

fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
}

fn body(endpoint: &Endpoint, shape: &Shape) -> Option<Value> {
    if let Some(media_type) = endpoint.doc.upload {
        let schema = json!({"type": "string", "format": "binary"});
        return Some(json!({"required": true, "content": {media_type: {"schema": schema}}}));
    }
    let schema = shape.body.as_ref()?;
    Some(json!({
        "required": !shape.may_be_absent,
        "content": {"application/json": {"schema": schema}},
    }))
}

fn responses(endpoint: &Endpoint, shape: &Shape, written: &mut SchemaGenerator) -> Value {
    let doc = &endpoint.doc;
    let json = match doc.success {
        Success::OfHandler => shape.answer.clone(),
        Success::Json(schema) => Some(schema(written)),
        Success::Bytes(_) | Success::Empty => None,
    };
    let mut content = Map::new();
    if let Some(schema) = json {
        content.insert("application/json".to_owned(), json!({"schema": schema}));
    }
    if let Success::Bytes(media_type) = doc.success {
        let schema = json!({"type": "string"});
        content.insert(media_type.to_owned(), json!({"schema": schema}));
    }
    if let Some(event) = doc.streams {
        let event =
            json!({"contentMediaType": "application/json", "contentSchema": event(written)});
        let data = match doc.stream_end {
            Some(end) => json!({"type": "string", "anyOf": [{"const": end}, event]}),
            None => json!({"type": "string", "allOf": [event]}),
        };
        // The schema is that of one event.
        let properties = json!({"data": data});
        let stream = json!({"schema": {
            "type": "object", "required": ["data"], "properties": properties,
        }});
        content.insert("text/event-stream".to_owned(), stream);
    }
    let mut success = json!({
        "description": "Done.",
        "headers": {"x-request-id": {"$ref": "#/components/headers/RequestId"}},
    });
    if !content.is_empty() {
        success["content"] = Value::Object(content);
    }
    let mut shown = Map::new();
    shown.insert(doc.status.to_string(), success);
    for status in refused_with(endpoint, shape) {
        let refusal = json!({"$ref": format!("#/components/responses/Refused{status}")});
        shown.insert(status.to_string(), refusal);
    }
    Value::Object(shown)
}

/// The statuses of refusals: those that every endpoint of this shape has, and its own.
fn refused_with(endpoint: &Endpoint, shape: &Shape) -> BTreeSet<u16> {
    use ErrorCode::{
        BodyTimeout, BodyTooLarge, Conflict, Forbidden, Internal, InvalidParameter, NotFound,
        StoreUnavailable, Unauthenticated,
    };
    let doc = &endpoint.doc;
    let has_body = shape.body.is_some() || doc.upload.is_some();
    let has_key = shape.takes_key || doc.is_keyed;
    let has_input = has_body || has_key || !doc.query.is_empty() || !doc.headers.is_empty();
    let has_place = path_names(endpoint.path).next().is_some();
    let groups: [(bool, &[ErrorCode]); 6] = [
        (!is_open(endpoint), &[Unauthenticated, Internal, StoreUnavailable]),
        (doc.scope.is_some(), &[Forbidden]),
        (has_input, &[InvalidParameter]),
        (has_place, &[NotFound]),
        (has_body, &[BodyTimeout, BodyTooLarge]),
        (endpoint.method != axum::http::Method::GET, &[Conflict]),
    ];
    let codes = groups.into_iter().filter(|(counts, _)| *counts).flat_map(|(_, codes)| codes);
    codes.chain(doc.refusals).map(|code| code.status()).collect()
}

/// The refusals by their status, with the codes that each can have.
fn refusals(error: &Schema) -> Value {
    let mut codes: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        codes.entry(code.status()).or_default().push(*code);
    }
    let refusal = |(status, codes): (u16, Vec<ErrorCode>)| {
        let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        let mut headers = json!({
            "x-request-id": {"$ref": "#/components/headers/RequestId"},
            "x-should-retry": {"$ref": "#/components/headers/ShouldRetry"},
        });
        if status == 503 || status == 429 {
            headers["retry-after"] = json!({"$ref": "#/components/headers/RetryAfter"});
        }
        let shown = json!({
            "description": format!("Refused: {}.", names.join(", ")),
            "headers": headers,
            "content": {"application/json": {"schema": error}},
            "x-mainstay-error-codes": codes,
        });
        (format!("Refused{status}"), shown)
    };
    Value::Object(codes.into_iter().map(refusal).collect())
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "Names the request in the server's log.", "required": true,
            "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
        },
        "ShouldRetry": {
            "description": "Whether the same request can succeed later.", "required": true,
            "schema": {"type": "string", "enum": ["true", "false"]},
        },
        "RetryAfter": {
            "description": "How many seconds to wait.", "required": true,
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        },
    })
}

/// The definitions of requests, under other names where answers have others under the same.
fn renamed(
    read: Map<String, Value>,
    written: &Map<String, Value>,
) -> (Map<String, Value>, BTreeSet<String>) {
    // A definition differs also if one that it refers to does.
    let mut differ: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = differ.len();
        for (name, schema) in &read {
            let is_other = written.get(name).is_some_and(|written| written != schema);
            if written.contains_key(name) && (is_other || refers_to(schema, &differ)) {
                differ.insert(name.clone());
            }
        }
        if differ.len() == before {
            break;
        }
    }
    let rename_one = |(name, mut schema): (String, Value)| {
        rename(&mut schema, &differ);
        let name = if differ.contains(&name) { format!("{name}{READ_SUFFIX}") } else { name };
        (name, schema)
    };
    (read.into_iter().map(rename_one).collect(), differ)
}

fn refers_to(schema: &Value, names: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| match value {
            Value::String(text) if key == "$ref" => named(text).is_some_and(|n| names.contains(n)),
            value => refers_to(value, names),
        }),
        Value::Array(values) => values.iter().any(|value| refers_to(value, names)),
        _ => false,
    }
}

fn rename(schema: &mut Value, names: &BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "$ref" => {
                        if named(text).is_some_and(|name| names.contains(name)) {
                            text.push_str(READ_SUFFIX);
                        }
                    }
                    value => rename(value, names),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

fn named(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

/// Takes away what the derive adds and no reader of the document needs: defaults that are null and
/// Rust's names of numbers, whose bounds are written out instead.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            let format = members.get("format").and_then(Value::as_str);
            let most = match format {
                Some("uint8") => Some(u64::from(u8::MAX)),
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most {
                members.remove("format");
                members.entry("maximum").or_insert(json!(most));
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// With members in alphabetical order, whatever order the process's maps have.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}
