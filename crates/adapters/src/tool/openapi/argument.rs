//! The parameters of an operation: where each goes in a request and what the model sees of it.

use serde_json::{Map, Value, json};

use super::document::{Document, Found};
use super::schema::Inliner;

/// The most parameters that one operation has.
const MAX_PARAMETERS: usize = 128;
/// Headers that OpenAPI says are not parameters.
const IGNORED_HEADERS: &[&str] = &["accept", "authorization", "content-type"];

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// How a parameter's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Lists as one text with this between their members.
    Joined(char),
    /// Each member of a list under the parameter's name, each member of an object under its own.
    Repeated,
    /// Each member of an object as `name[member]`.
    Deep,
    /// As JSON.
    Json,
}

/// One parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// Its name in the request.
    pub(super) name: String,
    /// Its name in the tool's arguments.
    pub(super) argument: String,
    pub(super) place: Place,
    pub(super) style: Style,
}

/// The parameters of an operation with the schema of the arguments that they take.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) list: Vec<Parameter>,
    pub(super) properties: Map<String, Value>,
    pub(super) required: Vec<Value>,
    /// Whether the operation says that it takes an idempotency key.
    pub(super) takes_key: bool,
}

impl Parameters {
    /// Reads the parameters of an operation and of its path.
    pub(super) fn read<'a>(
        document: Document<'a>,
        found: &Found<'a>,
        inliner: &mut Inliner<'a>,
    ) -> Result<Self, String> {
        let mut parameters = Self::default();
        for value in merged(document, found)? {
            parameters.add(document, value, inliner)?;
        }
        if parameters.list.len() > MAX_PARAMETERS {
            return Err(format!("it has more than {MAX_PARAMETERS} parameters"));
        }
        Ok(parameters)
    }

    fn add<'a>(
        &mut self,
        document: Document<'a>,
        value: &'a Value,
        inliner: &mut Inliner<'a>,
    ) -> Result<(), String> {
        let name = text(value, "name").ok_or("a parameter has no name")?;
        let is_required = value.get("required") == Some(&Value::Bool(true));
        let place = match text(value, "in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") if name.eq_ignore_ascii_case("idempotency-key") => {
                self.takes_key = true;
                return Ok(());
            }
            Some("header") if IGNORED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) => {
                return Ok(());
            }
            Some("header") => Place::Header,
            Some("cookie") if !is_required => return Ok(()),
            other => return Err(format!("the parameter {name:?} in {other:?} is not supported")),
        };
        let argument = self.free_name(name, place);
        let (style, schema) = style_and_schema(document, value, name, place)?;
        let mut schema = match schema {
            Some(schema) => inliner.inline(schema)?,
            None => json!({}),
        };
        let description = value.get("description").filter(|text| text.is_string());
        if let (Some(object), Some(text)) = (schema.as_object_mut(), description) {
            object.entry("description").or_insert_with(|| text.clone());
        }
        if is_required || place == Place::Path {
            self.required.push(Value::String(argument.clone()));
        }
        self.properties.insert(argument.clone(), schema);
        self.list.push(Parameter { name: name.to_owned(), argument, place, style });
        Ok(())
    }

    /// Two parameters may have one name in different places.
    fn free_name(&self, name: &str, place: Place) -> String {
        if !self.properties.contains_key(name) {
            return name.to_owned();
        }
        let prefix = match place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        format!("{prefix}_{name}")
    }
}

/// The path's parameters, those of the operation in place of theirs.
fn merged<'a>(document: Document<'a>, found: &Found<'a>) -> Result<Vec<&'a Value>, String> {
    let mut merged: Vec<&Value> = Vec::new();
    for owner in [found.path_item, found.value] {
        let list = owner.get("parameters").and_then(Value::as_array);
        for value in list.into_iter().flatten() {
            let value = document.follow(value)?;
            let is_same = |other: &&Value| {
                text(other, "name") == text(value, "name") && text(other, "in") == text(value, "in")
            };
            merged.retain(|other| !is_same(other));
            merged.push(value);
        }
    }
    Ok(merged)
}

fn style_and_schema<'a>(
    document: Document<'a>,
    value: &'a Value,
    name: &str,
    place: Place,
) -> Result<(Style, Option<&'a Value>), String> {
    if let Some(content) = value.get("content").and_then(Value::as_object) {
        let schema = content.values().next().and_then(|media| media.get("schema"));
        return Ok((Style::Json, schema));
    }
    let explode = value.get("explode").and_then(Value::as_bool);
    let style = match (place, text(value, "style")) {
        (Place::Path | Place::Header, None | Some("simple")) => Style::Joined(','),
        (Place::Query, None | Some("form")) if explode != Some(false) => Style::Repeated,
        (Place::Query, None | Some("form")) => Style::Joined(','),
        (Place::Query, Some("spaceDelimited")) => Style::Joined(' '),
        (Place::Query, Some("pipeDelimited")) => Style::Joined('|'),
        (Place::Query, Some("deepObject")) => Style::Deep,
        (_, Some(other)) => {
            return Err(format!("the style {other:?} of the parameter {name:?} is not supported"));
        }
    };
    let schema = value.get("schema");
    schema.map(|schema| document.follow(schema)).transpose()?;
    Ok((style, schema))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}
