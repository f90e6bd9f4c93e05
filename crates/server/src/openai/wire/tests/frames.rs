//! Frames of streams, and errors as answers.

use mainstay_protocol::{ApiError, ErrorCode};

use super::events::events;
use crate::openai::wire::*;

#[test]
fn a_frame_is_one_event() {
    let event = events().remove(0);
    let check = |resume, head: &str| {
        let frame = sse_frame(&event, resume).expect("an event is JSON");
        let text = String::from_utf8(frame).expect("JSON is UTF-8");
        let data = text.strip_prefix(head).unwrap_or_else(|| panic!("{text:?} begins otherwise"));
        let json = data.strip_suffix("\n\n").expect("a frame ends with an empty line");
        assert!(!json.contains('\n'), "{json:?} is more than one line");
        let read: Event = serde_json::from_str(json).expect("a frame holds its event");
        assert_eq!(read, event);
    };
    check(Resume::After, "event: agent.session.created\nid: 1\ndata: ");
    check(Resume::Never, "event: agent.session.created\ndata: ");
}

#[test]
fn keep_alive_is_no_event() {
    assert_eq!(SSE_KEEP_ALIVE.first(), Some(&b':'));
    assert!(!SSE_KEEP_ALIVE.ends_with(b"\n\n"), "an empty line would end an event");
}

#[test]
fn errors_say_whether_to_try_again() {
    let check = |code: ErrorCode, status, should_retry, kind| {
        let answer = ErrorAnswer::from(&ApiError::new(code, "failed").with_param("a.b"));
        assert_eq!((answer.status, answer.should_retry), (status, should_retry), "{code}");
        let error = answer.body.error;
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code.as_str())));
        assert_eq!(error.param.as_deref(), Some("a.b"));
    };
    check(ErrorCode::InvalidParameter, 400, false, ErrorKind::InvalidRequestError);
    check(ErrorCode::Unauthenticated, 401, false, ErrorKind::AuthenticationError);
    check(ErrorCode::Forbidden, 403, false, ErrorKind::PermissionError);
    check(ErrorCode::NotFound, 404, false, ErrorKind::InvalidRequestError);
    check(ErrorCode::IdempotencyConflict, 409, false, ErrorKind::InvalidRequestError);
    check(ErrorCode::Overloaded, 503, true, ErrorKind::ServerError);
}

#[test]
fn the_race_that_clients_know_has_its_own_words() {
    let answer = ErrorAnswer::unknown_pending_call("call_1");
    assert_eq!(answer.status, 400);
    let body = serde_json::to_value(answer.body).expect("a body is JSON");
    assert_eq!(
        body,
        serde_json::json!({"error": {
            "message": "Unknown pending tool call: call_1",
            "type": "invalid_request_error",
            "param": null,
            "code": "invalid_request_error",
        }})
    );
}

#[test]
fn every_error_is_a_kind_of_failure() {
    let check = |code, kind: &str| {
        let written = serde_json::to_value(TurnErrorCode::of(code)).expect("a code is JSON");
        assert_eq!(written, kind, "{code}");
    };
    check(ErrorCode::ContextTooLong, "context_length_exceeded");
    check(ErrorCode::BudgetReached, "session_budget_exceeded");
    check(ErrorCode::LimitReached, "usage_limit_exceeded");
    check(ErrorCode::Internal, "internal_error");
}
