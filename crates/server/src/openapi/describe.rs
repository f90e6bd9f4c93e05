//! What a handler's type says: the body that it reads and the answer that it gives.

use std::future::Future;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::auth::{Caller, CallerKey};
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::resource::Asked;
use crate::state::AppState;

/// The two kinds of schemas: what is read may leave out what what is written may not.
pub(crate) struct Schemas {
    pub(super) read: SchemaGenerator,
    pub(super) written: SchemaGenerator,
}

/// What a handler's type says.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The JSON body.
    pub(super) body: Option<Schema>,
    /// Whether a body without members may be left out.
    pub(super) may_be_absent: bool,
    /// Whether an `Idempotency-Key` is read.
    pub(super) takes_key: bool,
    /// The JSON answer.
    pub(super) answer: Option<Schema>,
}

/// A handler whose type describes it.
pub(crate) trait Describe<T> {
    fn describe(schemas: &mut Schemas) -> Shape;
}

/// What a handler takes.
pub(crate) trait Input {
    fn describe(_schemas: &mut Schemas, _shape: &mut Shape) {}
}

/// What a handler gives.
pub(crate) trait Output {
    fn schema(schemas: &mut Schemas) -> Option<Schema>;
}

impl Input for State<AppState> {}
impl Input for Caller {}
impl Input for CallerKey {}
impl Input for RawQuery {}
impl Input for HeaderMap {}
impl Input for Request {}
impl Input for Result<WebSocketUpgrade, WebSocketUpgradeRejection> {}
impl<T> Input for Ids<T> {}

impl<T: JsonSchema> Input for Checked<T> {
    fn describe(schemas: &mut Schemas, shape: &mut Shape) {
        shape.body = Some(schemas.read.subschema_for::<T>());
        shape.takes_key = true;
    }
}

impl<T: JsonSchema> Input for Asked<T> {
    fn describe(schemas: &mut Schemas, shape: &mut Shape) {
        Checked::<T>::describe(schemas, shape);
        shape.may_be_absent = true;
    }
}

impl Output for Response {
    fn schema(_schemas: &mut Schemas) -> Option<Schema> {
        None
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn schema(schemas: &mut Schemas) -> Option<Schema> {
        Some(schemas.written.subschema_for::<T>())
    }
}

impl<T: Output> Output for Answer<T> {
    fn schema(schemas: &mut Schemas) -> Option<Schema> {
        T::schema(schemas)
    }
}

macro_rules! describe {
    ($($input:ident),*) => {
        impl<Handler, Done, Given, $($input,)*> Describe<($($input,)*)> for Handler
        where
            Handler: Fn($($input),*) -> Done,
            Done: Future<Output = Given>,
            Given: Output,
            $($input: Input,)*
        {
            fn describe(schemas: &mut Schemas) -> Shape {
                let mut shape = Shape::default();
                $($input::describe(schemas, &mut shape);)*
                shape.answer = Given::schema(schemas);
                shape
            }
        }
    };
}

describe!();
describe!(A);
describe!(A, B);
describe!(A, B, C);
describe!(A, B, C, D);
describe!(A, B, C, D, E);
