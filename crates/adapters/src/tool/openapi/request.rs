//! Makes an operation's request from a call's arguments.
//!
//! Invariant: whatever the arguments are, the request goes to the operation's own server and path.

use std::fmt::Write as _;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::Serializer;

use super::argument::{Parameter, Place, Style};
use super::body::{Body, Media, Parts};
use super::operation::{Operation, Piece};

/// What stays as it is in a path or query: RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of a request that depend on the arguments.
#[derive(Debug)]
pub(super) struct Parted {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

impl Operation {
    /// The request; the error is for the model. `headers` are those of the source.
    pub(super) fn request(&self, arguments: &Value, headers: &HeaderMap) -> Result<Parted, String> {
        let arguments = arguments.as_object().ok_or("the arguments are not an object")?;
        let mut headers = headers.clone();
        self.add_headers(arguments, &mut headers)?;
        let url = self.url(arguments)?;
        let body =
            self.body.as_ref().map(|body| self.write_body(body, arguments)).transpose()?.flatten();
        if let (Some(_), Some(own)) = (&body, &self.body) {
            let media_type = HeaderValue::from_str(&own.media_type)
                .map_err(|_| format!("the media type {:?} is not usable", own.media_type))?;
            headers.insert(CONTENT_TYPE, media_type);
        }
        Ok(Parted { url, headers, body })
    }

    fn add_headers(
        &self,
        arguments: &Map<String, Value>,
        headers: &mut HeaderMap,
    ) -> Result<(), String> {
        for (parameter, value) in self.given(arguments, Place::Header) {
            let name = HeaderName::from_bytes(parameter.name.as_bytes())
                .map_err(|_| format!("{:?} is not the name of a header", parameter.name))?;
            let value = HeaderValue::from_str(&joined(value, parameter.style))
                .map_err(|_| format!("{:?} cannot be written as a header", parameter.argument))?;
            headers.insert(name, value);
        }
        Ok(())
    }

    fn url(&self, arguments: &Map<String, Value>) -> Result<Url, String> {
        let mut text = self.prefix.clone();
        for piece in &self.path {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Parameter(index) => {
                    let parameter = &self.parameters[*index];
                    let value = arguments.get(&parameter.argument).filter(|value| !value.is_null());
                    let value =
                        value.map(|value| joined(value, parameter.style)).unwrap_or_default();
                    if value.is_empty() {
                        return Err(format!("{:?} is missing or empty", parameter.argument));
                    }
                    text.extend(utf8_percent_encode(&value, RESERVED));
                }
            }
        }
        let path_end = text.len();
        let mut separator = '?';
        for (parameter, value) in self.given(arguments, Place::Query) {
            write_query(parameter, value, &mut |name: &str, value: &str| {
                let name = utf8_percent_encode(name, RESERVED);
                let value = utf8_percent_encode(value, RESERVED);
                let _ = write!(text, "{separator}{name}={value}");
                separator = '&';
            });
        }
        let url = Url::parse(&text).map_err(|error| format!("the URL is not usable: {error}"))?;
        // A value like `..` is a step up, and the parser took it.
        if url.as_str().get(..path_end) != Some(&text[..path_end]) {
            return Err("an argument leads to another path".to_owned());
        }
        Ok(url)
    }

    /// The parameters in one place that have a value.
    fn given<'a>(
        &'a self,
        arguments: &'a Map<String, Value>,
        place: Place,
    ) -> impl Iterator<Item = (&'a Parameter, &'a Value)> {
        let here = self.parameters.iter().filter(move |parameter| parameter.place == place);
        here.filter_map(|parameter| Some((parameter, arguments.get(&parameter.argument)?)))
            .filter(|(_, value)| !value.is_null())
    }

    fn write_body(
        &self,
        body: &Body,
        arguments: &Map<String, Value>,
    ) -> Result<Option<Bytes>, String> {
        let is_parameter = |name: &str| self.parameters.iter().any(|own| own.argument == name);
        let members: Vec<(&String, &Value)> = match &body.parts {
            Parts::Whole(name) => {
                return Ok(arguments.get(name).map(|value| write_whole(body.media, value)));
            }
            Parts::Members(names) => {
                arguments.iter().filter(|(name, _)| names.contains(name)).collect()
            }
            Parts::AllOthers => arguments.iter().filter(|(name, _)| !is_parameter(name)).collect(),
        };
        if members.is_empty() && !body.is_required {
            return Ok(None);
        }
        Ok(Some(match body.media {
            Media::Json | Media::Text => write_object(&members),
            Media::Form => write_form(&members),
        }))
    }
}

fn write_object(members: &[(&String, &Value)]) -> Bytes {
    let mut text = vec![b'{'];
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, name).expect("a text is JSON");
        text.push(b':');
        serde_json::to_writer(&mut text, value).expect("a value is JSON");
    }
    text.push(b'}');
    text.into()
}

fn write_form(members: &[(&String, &Value)]) -> Bytes {
    let mut form = Serializer::new(String::new());
    for (name, value) in members {
        match value {
            Value::Array(list) => {
                form.extend_pairs(list.iter().map(|value| (name.as_str(), plain(value))));
            }
            Value::Object(map) => {
                form.extend_pairs(
                    map.iter().map(|(key, value)| (format!("{name}[{key}]"), plain(value))),
                );
            }
            value => drop(form.append_pair(name, &plain(value))),
        }
    }
    form.finish().into()
}

fn write_whole(media: Media, value: &Value) -> Bytes {
    match (media, value) {
        (Media::Text, value) => plain(value).into(),
        (Media::Form, Value::Object(map)) => write_form(&map.iter().collect::<Vec<_>>()),
        (Media::Form | Media::Json, value) => value.to_string().into(),
    }
}

fn write_query(parameter: &Parameter, value: &Value, pair: &mut impl FnMut(&str, &str)) {
    let name = &parameter.name;
    match (parameter.style, value) {
        (Style::Repeated, Value::Array(list)) => {
            list.iter().for_each(|value| pair(name, &plain(value)));
        }
        (Style::Repeated, Value::Object(map)) => {
            map.iter().for_each(|(key, value)| pair(key, &plain(value)));
        }
        (Style::Deep, Value::Object(map)) => {
            map.iter().for_each(|(key, value)| pair(&format!("{name}[{key}]"), &plain(value)));
        }
        (style, value) => pair(name, &joined(value, style)),
    }
}

/// A value as one text.
fn joined(value: &Value, style: Style) -> String {
    let separator = match style {
        Style::Json => return value.to_string(),
        Style::Joined(separator) => separator,
        Style::Repeated | Style::Deep => ',',
    };
    let parts: Vec<String> = match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| [key.clone(), plain(value)]).collect()
        }
        value => return plain(value),
    };
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        text.push_str(part);
    }
    text
}

/// A text without its quotes; everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
