//! Questions of tools' servers: the attempt is over, the turn waits, and the next attempt brings the
//! answers.

use mainstay_core::question::ReplyAction::{Accept, Cancel, Decline};
use mainstay_core::question::{Asked, Inquiry, Question, with_defaults};
use mainstay_core::session::ApprovalAnswer::{self, Reply, Retry};
use serde_json::{Value, json};

use crate::lab::*;

/// A question stands for a week.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

fn form(key: &str) -> Asked {
    let schema = json!({
        "type": "object",
        "properties": {"amount": {"type": "integer"}, "currency": {"default": "EUR"}},
        "required": ["amount"],
    });
    let question =
        Question::Form { server: "srv".to_owned(), message: "How much?".to_owned(), schema };
    Asked { key: key.to_owned(), question }
}

fn consent(key: &str) -> Asked {
    let (server, url) = ("srv".to_owned(), "https://a.test/".to_owned());
    Asked { key: key.to_owned(), question: Question::Authorize { server, url, reason: None } }
}

fn asking<const N: usize>(asked: [Asked; N]) -> Inquiry {
    Inquiry { asked: Vec::from(asked), keeps_replies: true, state: Some("opaque".to_owned()) }
}

fn accept(content: Value) -> ApprovalAnswer {
    Reply(Accept, Some(content))
}

#[test]
fn a_call_is_made_again_with_the_answer() {
    insta::assert_snapshot!(
        "one_question",
        tell_from(
            Setup::default(),
            [input("go"), model([call("c1", "pay")]),],
            [
                tool_asks("c1", asking([form("a")])),
                recover(),
                person("c1", accept(json!({"amount": 3}))).by("bob"),
                tool("c1", "paid"),
            ]
        )
    );
}

#[test]
fn questions_are_asked_one_after_the_other() {
    insta::assert_snapshot!(
        "two_questions",
        tell_from(
            Setup::default(),
            [input("go"), model([call("c1", "pay")]),],
            [
                tool_asks("c1", asking([form("a"), consent("b")])),
                person("c1", Reply(Decline, None)),
                person("c1", Reply(Accept, None)),
                tool_asks("c1", asking([consent("c")])),
                person("c1", Reply(Cancel, None)),
                tool("c1", "paid"),
            ]
        )
    );
}

#[test]
fn a_question_lapses_and_the_tool_is_told() {
    insta::assert_snapshot!(
        "lapsed",
        tell_from(
            Setup::default(),
            [input("go"), model([call("c1", "pay")]), tool_asks("c1", asking([form("a")])),],
            [tick(WEEK_MS), tool("c1", "nobody was there")]
        )
    );
}

#[test]
fn answers_that_do_not_belong_to_the_question_are_refused() {
    insta::assert_snapshot!(
        "refused",
        tell_from(
            Setup::default(),
            [input("go"), model([call("c1", "pay")]), tool_asks("c1", asking([form("a")])),],
            [
                person("c1", accept(json!([1]))),
                person("c1", Reply(Decline, Some(json!({"amount": 1})))),
                person("c1", Retry),
                cancel(),
            ]
        )
    );
}

#[test]
fn a_server_that_asks_for_ever_is_not_asked_for_ever() {
    let mut script = vec![input("go"), model([call("c1", "pay")])];
    for _ in 0..16 {
        script.push(tool_asks("c1", asking([consent("a")])));
        script.push(person("c1", Reply(Accept, None)));
    }
    let script: [Step; 34] = script.try_into().ok().expect("sixteen rounds");
    insta::assert_snapshot!(
        "for_ever",
        tell_from(Setup::default(), script, [tool_asks("c1", asking([consent("a")])),])
    );
}

#[test]
fn defaults_fill_in_what_is_missing() {
    let Question::Form { schema, .. } = form("a").question else { unreachable!("it is a form") };
    let check = |given: Option<Value>, whole: Value| {
        assert_eq!(with_defaults(&schema, given), whole);
    };
    check(None, json!({"currency": "EUR"}));
    check(Some(json!({"amount": 1})), json!({"amount": 1, "currency": "EUR"}));
    check(Some(json!({"currency": "USD"})), json!({"currency": "USD"}));
    check(Some(json!([1])), json!([1]));
}
