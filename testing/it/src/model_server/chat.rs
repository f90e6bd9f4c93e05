//! Answers in the form of Chat Completions.

use std::fmt::Write;

use super::reply::{Reply, arguments_text, json};
use super::script::Finish;

/// The events of an answer, in as many pieces as its text has deltas.
pub(super) fn events(reply: &Reply<'_>) -> Vec<String> {
    let mut pieces = vec![String::with_capacity(1024)];
    if let Some(reasoning) = reply.reasoning {
        let delta = format!(r#"{{"reasoning_content":{}}}"#, json(reasoning));
        push(last(&mut pieces), &choice(&delta, "null"));
    }
    if reply.text.is_some() {
        for (index, text) in reply.text_deltas().iter().enumerate() {
            if index > 0 {
                pieces.push(String::new());
            }
            let delta = format!(r#"{{"role":"assistant","content":{}}}"#, json(text));
            push(last(&mut pieces), &choice(&delta, "null"));
        }
    }
    let end = last(&mut pieces);
    for (index, call) in reply.calls.iter().enumerate() {
        let delta = format!(
            r#"{{"tool_calls":[{{"index":{index},"id":"{}","type":"function","function":{{"name":{},"arguments":{}}}}}]}}"#,
            reply.call_id(index),
            json(&call.name),
            json(&arguments_text(call)),
        );
        push(end, &choice(&delta, "null"));
    }
    push(end, &choice("{}", finish_reason(reply)));
    let (input, output) = (reply.input_tokens, reply.output_tokens());
    push(
        end,
        &format!(
            r#""choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}"#,
            input + output,
        ),
    );
    end.push_str("data: [DONE]\n\n");
    pieces
}

fn last(pieces: &mut [String]) -> &mut String {
    pieces.last_mut().expect("begins with one piece")
}

fn choice(delta: &str, finish_reason: &str) -> String {
    format!(r#""choices":[{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}]"#)
}

fn finish_reason(reply: &Reply<'_>) -> &'static str {
    match reply.finish {
        Finish::Stop if reply.calls.is_empty() => r#""stop""#,
        Finish::Stop => r#""tool_calls""#,
        Finish::Length => r#""length""#,
        Finish::ContentFilter => r#""content_filter""#,
    }
}

fn push(events: &mut String, members: &str) {
    let head = r#""id":"chatcmpl-scripted","object":"chat.completion.chunk","created":0,"model":"scripted""#;
    write!(events, "data: {{{head},{members}}}\n\n").expect("a String takes everything");
}
