//! One event of each kind, and that there is one of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use mainstay_protocol::{ApiError, ErrorCode};

use super::objects::{items, output_items};
use super::samples::{bare_session, session, subagents, turns};
use crate::openai::wire::*;

/// Events of every kind, in no meaningful order.
pub(super) fn events() -> Vec<Event> {
    let place = Place {
        session_id: "ses_1".to_owned(),
        turn_id: "turn_1".to_owned(),
        item_id: "item_a".to_owned(),
        output_index: 2,
    };
    let mut bodies = vec![EventBody::session_created(Arc::new(session()))];
    bodies.extend(session_statuses().map(EventBody::session_changed));
    bodies.extend(turns().into_iter().map(EventBody::turn_created).take(1));
    bodies.extend(turns().into_iter().filter_map(EventBody::turn_changed));
    bodies.extend(items().into_iter().map(|item| EventBody::item_added("ses_1", item, None)));
    bodies.extend((0..).zip(output_items()).flat_map(|(index, item)| {
        [
            EventBody::item_added("ses_1", item.clone(), Some(index)),
            EventBody::item_done("ses_1", item, index),
        ]
    }));
    bodies.extend([
        EventBody::content_part_added(&place, 0),
        EventBody::text_delta(&place, 0, "do"),
        EventBody::text_done(&place, 0, "done"),
        EventBody::content_part_done(&place, 0, "done"),
        EventBody::summary_part_added(&place, 1),
        EventBody::summary_delta(&place, 1, "th"),
        EventBody::summary_text_done(&place, 1, "thought"),
        EventBody::summary_part_done(&place, 1, "thought", None),
        EventBody::summary_part_done(&place, 1, "tho", Some(BrokenOff::Incomplete)),
        EventBody::CommandOutputDelta(CommandOutputDeltaEvent {
            session_id: "ses_1".to_owned(),
            turn_id: None,
            item_id: "item_c".to_owned(),
            output_index: 3,
            delta: "a\n".to_owned(),
        }),
        EventBody::error("ses_1", error_object()),
    ]);
    bodies.extend(environment_bodies());
    bodies.extend(subagents().into_iter().flat_map(|subagent| {
        [EventBody::SubagentCreated, EventBody::SubagentActive, EventBody::SubagentClosed]
            .map(|body| body(SubagentEvent { subagent: subagent.clone() }))
    }));
    let numbered = (1..).zip(bodies);
    numbered
        .map(|(sequence_number, body)| Event {
            event_id: format!("evt_{sequence_number}"),
            sequence_number,
            body,
        })
        .collect()
}

fn session_statuses() -> impl Iterator<Item = Arc<AgentSession>> {
    [
        SessionStatus::Idle,
        SessionStatus::InProgress,
        SessionStatus::RequiresAction,
        SessionStatus::Failed,
        SessionStatus::BudgetReached,
    ]
    .into_iter()
    .map(|status| Arc::new(AgentSession { status, ..bare_session() }))
}

fn environment_bodies() -> Vec<EventBody> {
    type Make = fn(EnvironmentEvent) -> EventBody;
    let makes: [(Make, EnvironmentStatus); 7] = [
        (EventBody::EnvironmentPending, EnvironmentStatus::Pending),
        (EventBody::EnvironmentReady, EnvironmentStatus::Ready),
        (EventBody::EnvironmentConnected, EnvironmentStatus::Connected),
        (EventBody::EnvironmentDisconnected, EnvironmentStatus::Disconnected),
        (EventBody::EnvironmentSuspended, EnvironmentStatus::Suspended),
        (EventBody::EnvironmentExpired, EnvironmentStatus::Expired),
        (EventBody::EnvironmentFailed, EnvironmentStatus::Failed),
    ];
    let failure = EnvironmentError {
        code: "sandbox_error".to_owned(),
        message: "no machine is free".to_owned(),
        kind: "server_error".to_owned(),
    };
    let mut bodies: Vec<EventBody> = makes
        .into_iter()
        .map(|(make, status)| {
            make(EnvironmentEvent {
                session_id: "ses_1".to_owned(),
                turn_id: None,
                environment: EnvironmentState {
                    id: "env_1".to_owned(),
                    kind: "openai_hosted".to_owned(),
                    status,
                    error: (status == EnvironmentStatus::Failed).then(|| failure.clone()),
                },
            })
        })
        .collect();
    bodies.push(EventBody::EnvironmentReset(EnvironmentResetEvent {
        session_id: "ses_1".to_owned(),
        turn_id: Some("turn_1".to_owned()),
        environment_id: "env_1".to_owned(),
        reset_count: 1,
    }));
    bodies
}

pub(super) fn error_object() -> ErrorObject {
    let error = ApiError::new(ErrorCode::ModelUnavailable, "the model does not answer");
    (&error).into()
}

#[test]
fn every_kind_of_event_has_a_sample() {
    let sampled: BTreeSet<&str> = events().iter().map(|event| event.body.kind()).collect();
    let known: BTreeSet<&str> = EventBody::KINDS.iter().copied().collect();
    assert_eq!(sampled, known);
    assert_eq!(known.len(), 34, "the SDK knows 34 types of event");
}

#[test]
fn a_kind_is_what_is_written() {
    for event in events() {
        let written = serde_json::to_value(&event).expect("an event is JSON");
        assert_eq!(written["type"], event.body.kind());
    }
}

#[test]
fn waiting_is_no_event_of_its_own() {
    let silent = turns().into_iter().filter(|turn| EventBody::turn_changed(turn.clone()).is_none());
    let statuses: Vec<TurnStatus> = silent.map(|turn| turn.status).collect();
    assert_eq!(statuses, [TurnStatus::Queued, TurnStatus::Waiting]);
}
