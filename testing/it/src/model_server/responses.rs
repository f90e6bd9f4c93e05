//! Answers in the form of Responses.

use std::fmt::Write;

use super::reply::{Reply, arguments_text, json};
use super::script::Finish;

/// The events of an answer, in as many pieces as its text has deltas.
pub(super) fn events(reply: &Reply<'_>) -> Vec<String> {
    let mut writer = Writer { pieces: vec![String::with_capacity(2048)], number: 0, items: vec![] };
    writer.push("response.created", r#""response":{"id":"resp_scripted","object":"response","status":"in_progress","model":"scripted","output":[]}"#);
    if let Some(reasoning) = reply.reasoning {
        writer.reasoning(reasoning);
    }
    if reply.text.is_some() {
        writer.message(&reply.text_deltas());
    }
    for (index, call) in reply.calls.iter().enumerate() {
        writer.call(&reply.call_id(index), &call.name, &arguments_text(call));
    }
    writer.end(reply);
    writer.pieces
}

struct Writer {
    pieces: Vec<String>,
    number: usize,
    items: Vec<String>,
}

impl Writer {
    fn push(&mut self, kind: &str, members: &str) {
        let number = self.number;
        self.number += 1;
        let piece = self.pieces.last_mut().expect("begins with one piece");
        write!(
            piece,
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{members}}}\n\n"
        )
        .expect("a String takes everything");
    }

    fn delta(&mut self, kind: &str, text: &str) {
        let index = self.items.len();
        let members =
            format!(r#""output_index":{index},"item_id":"item_{index}","delta":{}"#, json(text));
        self.push(kind, &members);
    }

    fn done(&mut self, item: String) {
        let index = self.items.len();
        let members = format!(r#""output_index":{index},"item":{item}"#);
        self.push("response.output_item.done", &members);
        self.items.push(item);
    }

    fn reasoning(&mut self, text: &str) {
        self.delta("response.reasoning_summary_text.delta", text);
        let index = self.items.len();
        self.done(format!(
            r#"{{"type":"reasoning","id":"item_{index}","summary":[{{"type":"summary_text","text":{}}}]}}"#,
            json(text),
        ));
    }

    fn message(&mut self, deltas: &[String]) {
        for (index, text) in deltas.iter().enumerate() {
            if index > 0 {
                self.pieces.push(String::new());
            }
            self.delta("response.output_text.delta", text);
        }
        let index = self.items.len();
        self.done(format!(
            r#"{{"type":"message","id":"item_{index}","role":"assistant","status":"completed","content":[{{"type":"output_text","text":{},"annotations":[]}}]}}"#,
            json(&deltas.concat()),
        ));
    }

    fn call(&mut self, call_id: &str, name: &str, arguments: &str) {
        self.delta("response.function_call_arguments.delta", arguments);
        let index = self.items.len();
        self.done(format!(
            r#"{{"type":"function_call","id":"item_{index}","call_id":"{call_id}","name":{},"arguments":{},"status":"completed"}}"#,
            json(name),
            json(arguments),
        ));
    }

    fn end(&mut self, reply: &Reply<'_>) {
        let (kind, status, details) = match reply.finish {
            Finish::Stop => ("response.completed", "completed", "null"),
            Finish::Length => {
                ("response.incomplete", "incomplete", r#"{"reason":"max_output_tokens"}"#)
            }
            Finish::ContentFilter => {
                ("response.incomplete", "incomplete", r#"{"reason":"content_filter"}"#)
            }
        };
        let (input, output) = (reply.input_tokens, reply.output_tokens());
        let members = format!(
            r#""response":{{"id":"resp_scripted","object":"response","status":"{status}","incomplete_details":{details},"model":"scripted","output":[{}],"usage":{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":0}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{}}}}}"#,
            self.items.join(","),
            input + output,
        );
        self.push(kind, &members);
    }
}
