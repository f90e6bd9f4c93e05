//! One attempt: signed for now, posted, and what it means.

use mainstay_core::port::{CourierError, Parcel, Receipt, SecretText};
use mainstay_core::resource::{
    DeliveryAttempt, DeliveryRow, DeliveryStatus, EndpointBody, ResourceRow, webhook_sealed_for,
};

use super::signature::WebhookSecret;
use crate::engine::Inner;

/// Bound on one attempt.
const ATTEMPT_TIMEOUT_MS: u64 = 15_000;
/// The waits between attempts; there is one attempt more than waits, over about twelve hours.
const WAITS_SECONDS: [u64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 14_400];
/// How much of a wait is left to chance, so that what failed together does not come back together.
const JITTER_PERCENT: u64 = 20;
/// The longest wait that an endpoint can ask for.
const MAX_RETRY_AFTER_MS: u64 = 4 * 60 * 60 * 1_000;
/// How long a delivery is listed after its last attempt.
const RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The most of an error that is kept.
const MAX_ERROR_CHARS: usize = 512;

/// How an attempt ended.
pub(super) type Outcome = Result<Receipt, CourierError>;

/// Posts a body that is signed with the endpoint's secrets.
pub(super) async fn post(
    inner: &Inner,
    row: &ResourceRow,
    endpoint: &EndpointBody,
    (event, body): (&str, &str),
) -> Outcome {
    let now_ms = inner.parts.clock.now_ms();
    let at_seconds = now_ms / 1_000;
    let previous = endpoint.previous.as_ref().filter(|previous| previous.until_ms > now_ms);
    let sealed = std::iter::once(&endpoint.secret).chain(previous.map(|own| &own.secret));
    let mut signatures = Vec::new();
    for sealed in sealed {
        let belongs_to = webhook_sealed_for(&row.tenant, &row.id);
        let opened = inner.parts.seals.open(&belongs_to, sealed).map_err(|e| e.to_string());
        let secret = opened.and_then(|text| {
            WebhookSecret::parse(text).ok_or_else(|| "the signing secret has no form".to_owned())
        });
        match secret {
            Ok(secret) => signatures.push(secret.sign(event, at_seconds, body)),
            Err(message) => return Err(CourierError { message, retryable: false }),
        }
    }
    let parcel = Parcel {
        url: endpoint.url.clone(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", event.to_owned()),
            ("webhook-timestamp", at_seconds.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ],
        authorization: None,
        body: SecretText::from(body.to_owned()),
        timeout_ms: ATTEMPT_TIMEOUT_MS,
    };
    inner.parts.courier.post(parcel).await
}

/// The delivery after an attempt; `chance` is drawn for this attempt.
pub(super) fn after(
    row: &DeliveryRow,
    outcome: &Outcome,
    now_ms: u64,
    chance: u128,
) -> DeliveryRow {
    let mut row = row.clone();
    let (status_code, error, retryable, asked_ms) = match outcome {
        Ok(receipt) => (Some(receipt.status), None, true, receipt.retry_after_ms),
        Err(error) => {
            let message = error.message.chars().take(MAX_ERROR_CHARS).collect();
            (None, Some(message), error.retryable, None)
        }
    };
    row.attempt_count += 1;
    row.last = Some(DeliveryAttempt { at_ms: now_ms, status_code, error });
    let wait = WAITS_SECONDS.get(row.attempt_count as usize - 1);
    (row.status, row.due_at_ms) = match (status_code, wait) {
        (Some(200..=299), _) => (DeliveryStatus::Delivered, now_ms + RETENTION_MS),
        (_, Some(wait)) if retryable => {
            let wait_ms = jittered(wait * 1_000, chance);
            let asked_ms = asked_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS);
            (DeliveryStatus::Pending, now_ms + wait_ms.max(asked_ms))
        }
        _ => (DeliveryStatus::Failed, now_ms + RETENTION_MS),
    };
    row
}

fn jittered(wait_ms: u64, chance: u128) -> u64 {
    let span = wait_ms * JITTER_PERCENT / 100;
    let drawn = u64::try_from(chance % u128::from(span.max(1))).unwrap_or(0);
    wait_ms - span / 2 + drawn
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
