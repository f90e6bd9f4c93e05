//! Finds things in an OpenAPI document: operations, servers, and what references lead to.

use reqwest::Method;
use serde_json::{Map, Value};
use url::Url;

/// The longest chain of references to one thing.
const MAX_REFERENCE_HOPS: usize = 16;
/// The most operations that a document is searched for.
const MAX_OPERATIONS: usize = 10_000;
/// The methods that a path may have, as the document writes them.
const METHODS: &[(&str, Method)] = &[
    ("get", Method::GET),
    ("head", Method::HEAD),
    ("put", Method::PUT),
    ("delete", Method::DELETE),
    ("post", Method::POST),
    ("patch", Method::PATCH),
    ("options", Method::OPTIONS),
];

/// A document that claims to be OpenAPI 3.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    root: &'a Value,
}

/// An operation where the document has it.
pub(super) struct Found<'a> {
    /// Its `operationId`, or method and path when it has none.
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) path_item: &'a Value,
    pub(super) value: &'a Value,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Result<Self, String> {
        let version = root.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if version.starts_with("3.") {
            return Ok(Self { root });
        }
        if root.get("swagger").is_some() {
            return Err("it is Swagger 2; convert it to OpenAPI 3".to_owned());
        }
        Err(format!("it is not OpenAPI 3.0 or 3.1: `openapi` is {version:?}"))
    }

    /// Every operation in the order of the document.
    pub(super) fn operations(self) -> Result<Vec<Found<'a>>, String> {
        let Some(paths) = self.root.get("paths").and_then(Value::as_object) else {
            return Err("it has no `paths`".to_owned());
        };
        let mut operations = Vec::new();
        for (path, item) in paths {
            let item = self.follow(item)?;
            for (name, method) in METHODS {
                let Some(value) = item.get(*name) else { continue };
                let id = value.get("operationId").and_then(Value::as_str).map(str::to_owned);
                let id = id.unwrap_or_else(|| format!("{method} {path}"));
                operations.push(Found { id, method: method.clone(), path, path_item: item, value });
            }
            if operations.len() > MAX_OPERATIONS {
                return Err(format!("it has more than {MAX_OPERATIONS} operations"));
            }
        }
        Ok(operations)
    }

    /// What a value is, once its references are followed.
    pub(super) fn follow(self, value: &'a Value) -> Result<&'a Value, String> {
        let mut value = value;
        for _ in 0..MAX_REFERENCE_HOPS {
            match value.get("$ref").and_then(Value::as_str) {
                Some(reference) => value = self.at(reference)?,
                None => return Ok(value),
            }
        }
        Err(format!("more than {MAX_REFERENCE_HOPS} references lead to one another"))
    }

    /// What a reference names. Only the document itself is looked into.
    pub(super) fn at(self, reference: &str) -> Result<&'a Value, String> {
        let pointer = reference
            .strip_prefix('#')
            .ok_or_else(|| format!("the reference {reference:?} leads out of the document"))?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        self.root
            .pointer(&pointer)
            .ok_or_else(|| format!("the reference {reference:?} leads nowhere"))
    }

    /// The URL below which an operation's path is, without a slash at its end. `base` is where the
    /// document came from, for servers that are written relative to it.
    pub(super) fn server(self, found: &Found<'a>, base: Option<&Url>) -> Result<Url, String> {
        let places = [found.value, found.path_item, self.root];
        let server = places.into_iter().find_map(|place| place.get("servers")?.get(0));
        let text = server.map_or_else(|| "/".to_owned(), expand_server);
        let url = match base {
            Some(base) => base.join(&text),
            None => Url::parse(&text),
        };
        let url = url.map_err(|error| format!("the server {text:?} is not a URL: {error}"))?;
        if url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("the server {text:?} is not a plain http or https URL"));
        }
        Ok(url)
    }
}

/// A server's URL with its variables at their defaults.
fn expand_server(server: &Value) -> String {
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or("/").to_owned();
    let variables: Option<&Map<String, Value>> = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    url
}
