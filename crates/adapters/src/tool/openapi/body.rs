//! The body of an operation: its media type and which arguments it is made of.

use serde_json::{Map, Value};

use super::argument::Parameters;
use super::document::{Document, Found};
use super::schema::Inliner;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Form,
    Text,
}

/// Which arguments a body is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parts {
    /// One argument is the whole body.
    Whole(String),
    /// These arguments are its members.
    Members(Vec<String>),
    /// Every argument that is no parameter is a member.
    AllOthers,
}

/// The body of an operation.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) media: Media,
    /// As the document writes it.
    pub(super) media_type: String,
    pub(super) parts: Parts,
    /// Whether an empty body is sent when no argument is for it.
    pub(super) is_required: bool,
}

impl Body {
    /// Reads the body of an operation and adds its arguments to those of the parameters.
    pub(super) fn read<'a>(
        document: Document<'a>,
        found: &Found<'a>,
        inliner: &mut Inliner<'a>,
        parameters: &mut Parameters,
    ) -> Result<Option<Self>, String> {
        let Some(body) = found.value.get("requestBody") else {
            return Ok(None);
        };
        let body = document.follow(body)?;
        let is_required = body.get("required") == Some(&Value::Bool(true));
        let content = body.get("content").and_then(Value::as_object);
        let Some((media, media_type, value)) = content.and_then(best_media) else {
            if !is_required {
                return Ok(None);
            }
            return Err("its body is neither JSON, nor a form, nor text".to_owned());
        };
        let schema = match value.get("schema") {
            Some(schema) => inliner.inline(schema)?,
            None => Value::Object(Map::new()),
        };
        let parts = add_arguments(parameters, schema, media, is_required);
        Ok(Some(Self { media, media_type: media_type.to_owned(), parts, is_required }))
    }
}

fn best_media(content: &Map<String, Value>) -> Option<(Media, &str, &Value)> {
    let kinds =
        content.iter().filter_map(|(name, value)| Some((kind(name)?, name.as_str(), value)));
    kinds.min_by_key(|(media, _, _)| match media {
        Media::Json => 0,
        Media::Form => 1,
        Media::Text => 2,
    })
}

fn kind(media_type: &str) -> Option<Media> {
    let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/x-www-form-urlencoded" => Some(Media::Form),
        "text/plain" => Some(Media::Text),
        name if name.ends_with("/json") || name.ends_with("+json") => Some(Media::Json),
        _ => None,
    }
}

/// An object's members become arguments of their own, since flat arguments are easier to write. A
/// body that is no object, or has a member that is called like a parameter, is one argument.
fn add_arguments(
    parameters: &mut Parameters,
    schema: Value,
    media: Media,
    is_required: bool,
) -> Parts {
    let flat = match media {
        Media::Json | Media::Form => Flat::read(&schema),
        Media::Text => None,
    };
    let clashes =
        |flat: &Flat| flat.properties.keys().any(|name| parameters.properties.contains_key(name));
    match flat.filter(|flat| !clashes(flat)) {
        Some(flat) => {
            let names = flat.properties.keys().cloned().collect();
            // An object of which nothing is said takes anything.
            let is_open = flat.is_open || flat.properties.is_empty();
            parameters.properties.extend(flat.properties);
            if is_required {
                parameters.required.extend(flat.required);
            }
            if is_open { Parts::AllOthers } else { Parts::Members(names) }
        }
        None => {
            let taken = |name: &str| parameters.properties.contains_key(name);
            let name = if taken("body") { "request_body" } else { "body" };
            parameters.properties.insert(name.to_owned(), schema);
            if is_required {
                parameters.required.push(Value::String(name.to_owned()));
            }
            Parts::Whole(name.to_owned())
        }
    }
}

/// The members of an object's schema.
#[derive(Default)]
struct Flat {
    properties: Map<String, Value>,
    required: Vec<Value>,
    /// Whether members that are not named may be there too.
    is_open: bool,
}

/// Keywords that make an object more than its members.
const NOT_FLAT: &[&str] = &["anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas"];

impl Flat {
    fn read(schema: &Value) -> Option<Self> {
        let object = schema.as_object()?;
        let is_object = match object.get("type") {
            Some(kind) => kind == "object",
            None => object.contains_key("properties") || object.contains_key("allOf"),
        };
        if !is_object || NOT_FLAT.iter().any(|keyword| object.contains_key(*keyword)) {
            return None;
        }
        let mut flat = Self::default();
        for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let part = Self::read(part)?;
            flat.properties.extend(part.properties);
            flat.required.extend(part.required);
            flat.is_open |= part.is_open;
        }
        let properties = object.get("properties").and_then(Value::as_object).cloned();
        flat.properties.extend(properties.unwrap_or_default());
        let required = object.get("required").and_then(Value::as_array).cloned();
        flat.required.extend(required.unwrap_or_default());
        let rule = object.get("additionalProperties");
        flat.is_open |= rule.is_some_and(|rule| *rule != Value::Bool(false));
        Some(flat)
    }
}
