//! A whole turn as a stream, in the order that the official SDK's stream helpers need.

use std::sync::Arc;

use serde_json::json;

use super::samples::{bare_session, turns};
use super::snapshots::check_text;
use crate::openai::wire::*;

fn turn(status: TurnStatus) -> Turn {
    let found = turns().into_iter().find(|turn| turn.status == status);
    found.expect("there is a sample of every status")
}

fn session(status: SessionStatus, required_actions: Vec<RequiredAction>) -> Arc<AgentSession> {
    Arc::new(AgentSession { status, required_actions, ..bare_session() })
}

fn call(status: CallStatus) -> Item {
    Item::FunctionCall(FunctionCallItem {
        id: "item_0".to_owned(),
        turn_id: "turn_1".to_owned(),
        call_id: "call_1".to_owned(),
        name: "lookup".to_owned(),
        arguments: json!({"key": "a"}),
        status,
    })
}

fn answer(status: ItemStatus, phase: Option<Phase>, text: Option<&str>) -> Item {
    Item::Message(MessageItem {
        id: "item_1".to_owned(),
        turn_id: "turn_1".to_owned(),
        role: Role::Assistant,
        status,
        phase,
        content: text.map(MessageContent::output_text).into_iter().collect(),
    })
}

/// A turn with a call that the client runs, and an answer written piece by piece.
fn bodies() -> Vec<(Resume, EventBody)> {
    let action = RequiredAction::FunctionCall(FunctionCallAction {
        turn_id: "turn_1".to_owned(),
        call_id: "call_1".to_owned(),
        name: "lookup".to_owned(),
        arguments: json!({"key": "a"}),
    });
    let output = Item::FunctionCallOutput(FunctionCallOutputItem {
        id: "item_o".to_owned(),
        turn_id: "turn_1".to_owned(),
        call_id: "call_1".to_owned(),
        status: CallStatus::Completed,
        output: Some(FunctionOutput::Text("found".to_owned())),
        error: None,
    });
    let place = Place {
        session_id: "ses_1".to_owned(),
        turn_id: "turn_1".to_owned(),
        item_id: "item_1".to_owned(),
        output_index: 1,
    };
    let added = |item, index| EventBody::item_added("ses_1", item, index);
    let done = |item, index| EventBody::item_done("ses_1", item, index);
    let running = EventBody::turn_changed(turn(TurnStatus::InProgress));
    let completed = EventBody::turn_changed(turn(TurnStatus::Completed));
    let finished = answer(ItemStatus::Completed, Some(Phase::FinalAnswer), Some("It is a."));
    let kept = |body| (Resume::After, body);
    let passing = |body| (Resume::Never, body);
    vec![
        kept(EventBody::session_created(session(SessionStatus::Idle, Vec::new()))),
        kept(EventBody::turn_created(turn(TurnStatus::Queued))),
        kept(EventBody::session_changed(session(SessionStatus::InProgress, Vec::new()))),
        kept(running.expect("a running turn is an event")),
        kept(added(call(CallStatus::InProgress), Some(0))),
        kept(EventBody::session_changed(session(SessionStatus::RequiresAction, vec![action]))),
        kept(added(output, None)),
        kept(done(call(CallStatus::Completed), 0)),
        kept(EventBody::session_changed(session(SessionStatus::InProgress, Vec::new()))),
        passing(added(answer(ItemStatus::InProgress, None, None), Some(1))),
        passing(EventBody::content_part_added(&place, 0)),
        passing(EventBody::text_delta(&place, 0, "It is")),
        passing(EventBody::text_delta(&place, 0, " a.")),
        kept(EventBody::text_done(&place, 0, "It is a.")),
        kept(EventBody::content_part_done(&place, 0, "It is a.")),
        kept(done(finished, 1)),
        kept(completed.expect("a completed turn is an event")),
        kept(EventBody::session_changed(session(SessionStatus::Idle, Vec::new()))),
    ]
}

#[test]
fn a_turn_is_a_stream_that_the_sdk_reads() {
    let mut sequence_number = 0;
    let mut stream = Vec::new();
    for (index, (resume, body)) in bodies().into_iter().enumerate() {
        sequence_number += u64::from(resume == Resume::After);
        let event = Event { event_id: format!("evt_{index}"), sequence_number, body };
        stream.extend(sse_frame(&event, resume).expect("an event is JSON"));
        stream.extend_from_slice(SSE_KEEP_ALIVE);
    }
    check_text("stream.sse", &String::from_utf8(stream).expect("JSON is UTF-8"));
}
