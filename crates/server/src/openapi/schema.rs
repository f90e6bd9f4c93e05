//! Schemas that the derive does not make by itself.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::transform::Transform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::openai::wire::{MAX_METADATA_KEY_CHARS, MAX_METADATA_PAIRS, MAX_METADATA_VALUE_CHARS};

/// Adds the member that names an object's type, as serde's `tag` on a struct writes it.
pub(crate) struct Tag(pub(crate) &'static str, pub(crate) &'static str);

impl Transform for Tag {
    fn transform(&mut self, schema: &mut Schema) {
        put_tag(schema, self.0, self.1);
    }
}

fn put_tag(schema: &mut Schema, tag: &str, value: &str) {
    let members = schema.ensure_object();
    members.entry("type").or_insert_with(|| json!("object"));
    let properties = members.entry("properties").or_insert_with(|| json!({}));
    properties[tag] = json!({"type": "string", "const": value});
    let required = members.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.insert(0, json!(tag));
    }
}

/// A union whose variants are told apart by a member.
pub(crate) fn tagged<const N: usize>(tag: &str, variants: [(&str, Schema); N]) -> Schema {
    let variants = variants.map(|(value, mut schema)| {
        put_tag(&mut schema, tag, value);
        schema
    });
    let variants: Vec<Value> = variants.map(Value::from).into();
    json_schema!({"oneOf": variants})
}

/// Describes a union whose variants are told apart by a member and that is read by hand.
macro_rules! union {
    ($name:ident by $tag:literal { $($value:literal: $body:ty),+ $(,)? }) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::openapi::tagged($tag, [
                    $( ($value, <$body as schemars::JsonSchema>::json_schema(generator)) ),+
                ])
            }
        }
    };
}
pub(crate) use union;

/// A member that may be absent but not null: an `Option` that is read with `not_null`.
pub(crate) struct Given<T>(PhantomData<T>);

/// A member that may be null but not absent.
pub(crate) struct Nullable<T>(PhantomData<T>);

macro_rules! shown_as {
    ($name:ident<$inner:ident> as $shown:ty) => {
        impl<$inner: JsonSchema> JsonSchema for $name<$inner> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                <$shown>::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                <$shown>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                generator.subschema_for::<$shown>()
            }
        }
    };
}
shown_as!(Given<T> as T);
shown_as!(Nullable<T> as Option<T>);

/// Declares what an object is that is written without a type of its own.
macro_rules! shape {
    ($(#[doc = $doc:literal])+ $name:ident = $($schema:tt)+) => {
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let make: fn(&mut schemars::SchemaGenerator) -> serde_json::Value = $($schema)+;
                let mut schema = make(generator);
                schema["description"] = [$($doc),+].map(str::trim).join(" ").into();
                schema.try_into().expect("a shape is an object")
            }
        }
    };
}
pub(crate) use shape;

shape! {
    /// The client's own pairs.
    Metadata = |_| json!({
        "type": "object",
        "maxProperties": MAX_METADATA_PAIRS,
        "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_KEY_CHARS},
        "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE_CHARS},
    })
}
