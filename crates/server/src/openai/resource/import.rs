//! Bringing a resource in under the id that it had elsewhere: the body that creates it, and `id`.
//!
//! Invariant: an id that is taken replaces nothing. Only a key with the scope `import` may.

use std::borrow::Cow;

use axum::Json;
use mainstay_protocol::{ApiError, ErrorCode, MAX_ID_CHARS, Principal, Scope, TurnId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::error::{Answer, Failure};
use crate::openai::wire::{At, Validate, nested};

/// A resource with its id.
#[derive(Debug)]
pub(crate) struct Import<T> {
    /// The id that it had.
    pub(crate) id: String,
    /// What creates it.
    pub(crate) value: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Import<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let id = match fields.remove("id") {
            Some(Value::String(id)) => id,
            Some(_) => return Err(D::Error::custom("the id is not a string")),
            None => return Err(D::Error::missing_field("id")),
        };
        Ok(Self { id, value: nested(Value::Object(fields))? })
    }
}

impl<T: JsonSchema> JsonSchema for Import<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Import{}", T::schema_name()).into()
    }

    /// The body that creates the resource, and its id, in each of its forms.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Value::from(T::json_schema(generator));
        match schema.get_mut("oneOf").and_then(Value::as_array_mut) {
            Some(forms) => forms.iter_mut().for_each(put_id),
            None => put_id(&mut schema),
        }
        schema.try_into().expect("the schema of a body is an object")
    }
}

fn put_id(form: &mut Value) {
    form["properties"]["id"] = json!({
        "type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS, "pattern": "^[A-Za-z0-9_.:-]+$",
    });
    match form.get_mut("required").and_then(Value::as_array_mut) {
        Some(required) => required.push(json!("id")),
        None => form["required"] = json!(["id"]),
    }
}

impl<T: Validate> Validate for Import<T> {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        // All ids follow one rule; whichever type reads it says whether this is one.
        if TurnId::parse(&self.id).is_err() {
            return Err(at.field("id").invalid(format!(
                "is {:?}, not 1 to {MAX_ID_CHARS} letters, digits, '_', '-', '.' or ':'",
                self.id
            )));
        }
        self.value.validate(at)
    }
}

/// Refuses a caller who may not import, and makes a conflict one that trying again does not solve.
pub(crate) async fn import_answer<T>(
    caller: Caller,
    import: impl AsyncFnOnce(Principal) -> Result<T, ApiError>,
) -> Answer<Json<T>> {
    caller.require(Scope::Import)?;
    match import(caller.0).await {
        Ok(shown) => Ok(Json(shown)),
        Err(error) if error.code == ErrorCode::Conflict => Err(Failure::is_final(error)),
        Err(error) => Err(error.into()),
    }
}
