//! Schemas of an OpenAPI document as plain JSON schemas without references.
//!
//! Invariant: the result is bounded whatever the document says: what goes round in circles, too deep
//! or too far is cut to a schema that accepts anything, and the tool judges for itself.

use serde_json::{Map, Value, json};

use super::document::Document;
use crate::tool::output::cut_text;

/// The deepest schema that is kept.
const MAX_DEPTH: usize = 16;
/// The most schemas inside the schema of one tool.
const MAX_NODES: usize = 2_000;
/// The longest description inside a schema, in bytes.
const MAX_INNER_DESCRIPTION_BYTES: usize = 512;

/// Keywords that say nothing about what is valid.
const DROPPED: &[&str] = &[
    "deprecated",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "nullable",
    "readOnly",
    "writeOnly",
    "xml",
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
    "$comment",
];
/// Keywords that hold one schema.
const WITH_SCHEMA: &[&str] = &[
    "additionalProperties",
    "additionalItems",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords that hold a list of schemas.
const WITH_LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords that hold schemas by name.
const WITH_MAP: &[&str] = &["dependentSchemas", "patternProperties"];

/// Writes schemas out in full.
pub(super) struct Inliner<'a> {
    document: Document<'a>,
    /// The references on the way to here.
    way: Vec<&'a str>,
    nodes: usize,
}

impl<'a> Inliner<'a> {
    pub(super) fn new(document: Document<'a>) -> Self {
        Self { document, way: Vec::new(), nodes: 0 }
    }

    /// The schema in full.
    pub(super) fn inline(&mut self, schema: &'a Value) -> Result<Value, String> {
        self.at_depth(schema, 0)
    }

    fn at_depth(&mut self, schema: &'a Value, depth: usize) -> Result<Value, String> {
        self.nodes += 1;
        let Some(members) = schema.as_object() else {
            return Ok(if schema.is_boolean() { schema.clone() } else { json!({}) });
        };
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Ok(json!({}));
        }
        match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.reference(reference, members, depth),
            None => self.members(members, depth),
        }
    }

    fn reference(
        &mut self,
        reference: &'a str,
        members: &'a Map<String, Value>,
        depth: usize,
    ) -> Result<Value, String> {
        if self.way.contains(&reference) {
            return Ok(json!({}));
        }
        let target = self.document.at(reference)?;
        self.way.push(reference);
        let inlined = self.at_depth(target, depth + 1);
        self.way.pop();
        let mut inlined = inlined?;
        // A description beside the reference says what the thing is for in this place.
        if let (Some(object), Some(text)) = (inlined.as_object_mut(), members.get("description")) {
            object.insert("description".to_owned(), short(text));
        }
        Ok(inlined)
    }

    fn members(&mut self, members: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        let mut result = Map::new();
        for (key, value) in members {
            let key_name = key.as_str();
            if DROPPED.contains(&key_name) || key.starts_with("x-") {
                continue;
            }
            let inlined = match value {
                Value::Object(_) | Value::Bool(_) if WITH_SCHEMA.contains(&key_name) => {
                    self.at_depth(value, depth + 1)?
                }
                Value::Array(list) if WITH_LIST.contains(&key_name) => {
                    let schemas = list.iter().map(|schema| self.at_depth(schema, depth + 1));
                    Value::Array(schemas.collect::<Result<_, _>>()?)
                }
                Value::Object(map) if key == "properties" => self.properties(map, depth)?,
                Value::Object(map) if WITH_MAP.contains(&key_name) => self.map(map, depth)?,
                _ if key == "description" => short(value),
                _ => value.clone(),
            };
            result.insert(key.clone(), inlined);
        }
        require_only_what_can_be_sent(members, &mut result);
        modernise(members, &mut result);
        Ok(Value::Object(result))
    }

    /// Leaves out what only the server sets.
    fn properties(&mut self, map: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        let mut result = Map::new();
        for (name, schema) in map {
            let is_read_only =
                self.document.follow(schema)?.get("readOnly") == Some(&Value::Bool(true));
            if !is_read_only {
                result.insert(name.clone(), self.at_depth(schema, depth + 1)?);
            }
        }
        Ok(Value::Object(result))
    }

    fn map(&mut self, map: &'a Map<String, Value>, depth: usize) -> Result<Value, String> {
        let inlined =
            map.iter().map(|(name, schema)| Ok((name.clone(), self.at_depth(schema, depth + 1)?)));
        Ok(Value::Object(inlined.collect::<Result<_, String>>()?))
    }
}

fn require_only_what_can_be_sent(members: &Map<String, Value>, result: &mut Map<String, Value>) {
    let Some(before) = members.get("properties").and_then(Value::as_object) else { return };
    let after = result.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(required) = result.get_mut("required").and_then(Value::as_array_mut) {
        let is_gone = |name: &Value| {
            name.as_str().is_some_and(|name| before.contains_key(name) && !after.contains_key(name))
        };
        required.retain(|name| !is_gone(name));
    }
}

/// Writes what OpenAPI 3.0 has of its own as JSON schema.
fn modernise(members: &Map<String, Value>, result: &mut Map<String, Value>) {
    if members.get("nullable") == Some(&Value::Bool(true)) {
        if let Some(Value::String(kind)) = result.get("type") {
            let kinds = json!([kind, "null"]);
            result.insert("type".to_owned(), kinds);
        }
        if let Some(Value::Array(options)) = result.get_mut("enum")
            && !options.contains(&Value::Null)
        {
            options.push(Value::Null);
        }
    }
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")]
    {
        match members.get(exclusive) {
            Some(Value::Bool(true)) => {
                let bound = result.remove(inclusive);
                result.remove(exclusive);
                result.extend(bound.map(|bound| (exclusive.to_owned(), bound)));
            }
            Some(Value::Bool(false)) => drop(result.remove(exclusive)),
            _ => {}
        }
    }
}

fn short(description: &Value) -> Value {
    let mut text = description.as_str().unwrap_or_default().to_owned();
    cut_text(&mut text, MAX_INNER_DESCRIPTION_BYTES);
    Value::String(text)
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
