//! Answers kept under an `Idempotency-Key`, for requests that leave nothing else to answer from.
//!
//! Invariant: what is kept is sealed for its request, and goes with the key after a day.

use mainstay_core::port::SecretText;
use mainstay_core::resource::{IDEMPOTENCY, IdempotencyRow};
use mainstay_core::session::millis_column;
use mainstay_protocol::{ApiError, ErrorCode, Row, RowChange, RowKey};
use serde::{Deserialize, Serialize};

use crate::due;
use crate::engine::{Engine, api_error};
use crate::submit::Idempotency;

/// The commits that keep answers belong to a journal, which stays empty.
const JOURNAL: &str = "answers";

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Engine {
    /// What the same request got before; another body under the same key is refused.
    pub async fn kept_answer(
        &self,
        scope: &str,
        idempotency: &Idempotency,
    ) -> Result<Option<KeptAnswer>, ApiError> {
        let key = RowKey::new(&IDEMPOTENCY, &[scope, &idempotency.key]);
        let row = self.store().row(&key).await.map_err(|error| api_error(&error))?;
        let Some(row) = row else { return Ok(None) };
        let internal = |what: String| ApiError::new(ErrorCode::Internal, what);
        let known: IdempotencyRow = row.read().map_err(|error| internal(error.to_string()))?;
        if known.body_sha256 != idempotency.body_sha256 {
            let message =
                "this Idempotency-Key was used with another body; use a new key for a new request";
            return Err(ApiError::new(ErrorCode::IdempotencyConflict, message));
        }
        let Some(sealed) = known.answer else { return Ok(None) };
        let opened = self.seals().open(&sealed_for(scope, idempotency), &sealed);
        let opened = opened.map_err(|error| internal(error.to_string()))?;
        let answer = serde_json::from_str(opened.expose());
        answer.map(Some).map_err(|error| internal(error.to_string()))
    }

    /// Keeps what a request got.
    pub async fn keep_answer(
        &self,
        scope: &str,
        idempotency: &Idempotency,
        answer: KeptAnswer,
    ) -> Result<(), ApiError> {
        let internal = |what: String| ApiError::new(ErrorCode::Internal, what);
        let text = serde_json::to_string(&answer).map_err(|error| internal(error.to_string()))?;
        let sealed = self.seals().seal(&sealed_for(scope, idempotency), &SecretText::from(text));
        let sealed = sealed.map_err(|error| internal(error.to_string()))?;
        let at_ms = self.clock().now_ms();
        let known = IdempotencyRow {
            body_sha256: idempotency.body_sha256.clone(),
            session: String::new(),
            at_ms,
            first_seq: None,
            answer: Some(sealed),
        };
        let key = RowKey::new(&IDEMPOTENCY, &[scope, &idempotency.key]);
        let row = Row::new(key, &[("created", &millis_column(at_ms))], &known);
        due::write(self.inner(), JOURNAL, vec![RowChange::Put(row)], Vec::new()).await
    }
}

fn sealed_for(scope: &str, idempotency: &Idempotency) -> String {
    format!("{scope}/{}", idempotency.key)
}
