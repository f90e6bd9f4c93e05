use mainstay_core::resource::WebhookEvent;
use mainstay_protocol::TenantId;
use serde_json::json;

use super::*;

fn row() -> DeliveryRow {
    let event = WebhookEvent::new("agent.session.idle", "ses_1/7", json!({"id": "ses_1"}));
    DeliveryRow::new(&TenantId::parse("ten_1").expect("an id"), "whe_1", &event, 1_000)
}

fn answered(status: u16, retry_after_ms: Option<u64>) -> Outcome {
    Ok(Receipt { status, body: Vec::new(), retry_after_ms })
}

fn failed(retryable: bool) -> Outcome {
    Err(CourierError { message: "no route".to_owned(), retryable })
}

#[test]
fn a_delivery_is_given_up_after_ten_attempts_over_half_a_day() {
    let (mut row, mut now_ms, mut waits) = (row(), 1_000, Vec::new());
    while row.status == DeliveryStatus::Pending {
        row = after(&row, &answered(500, None), now_ms, u128::MAX);
        waits.push(row.due_at_ms - now_ms);
        now_ms = row.due_at_ms;
    }
    assert_eq!((row.status, row.attempt_count), (DeliveryStatus::Failed, 10));
    let total: u64 = waits[..9].iter().sum();
    assert!((10..13).contains(&(total / 3_600_000)), "{total} ms");
    assert_eq!(waits[9], RETENTION_MS);
    for (wait_ms, seconds) in waits.iter().zip(WAITS_SECONDS) {
        assert!((seconds * 900..=seconds * 1_100).contains(wait_ms), "{wait_ms} for {seconds} s");
    }
}

#[test]
fn what_an_attempt_means() {
    for (outcome, status, at_least_ms) in [
        (answered(200, None), DeliveryStatus::Delivered, RETENTION_MS),
        (answered(204, None), DeliveryStatus::Delivered, RETENTION_MS),
        (answered(301, None), DeliveryStatus::Pending, 4_500),
        (answered(404, None), DeliveryStatus::Pending, 4_500),
        (answered(429, Some(60_000)), DeliveryStatus::Pending, 60_000),
        (answered(503, Some(u64::MAX)), DeliveryStatus::Pending, MAX_RETRY_AFTER_MS),
        (failed(true), DeliveryStatus::Pending, 4_500),
        (failed(false), DeliveryStatus::Failed, RETENTION_MS),
    ] {
        let after = after(&row(), &outcome, 1_000, 0);
        assert_eq!(after.status, status, "{outcome:?}");
        assert_eq!(after.due_at_ms - 1_000, at_least_ms, "{outcome:?}");
        assert_eq!((after.event.clone(), after.body.clone()), (row().event, row().body));
    }
}
