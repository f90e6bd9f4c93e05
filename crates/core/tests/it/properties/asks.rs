//! Failures of tools, and questions of their servers, that could come.

use mainstay_core::port::{Needs, ToolError, WorldChange};
use mainstay_core::question::{Asked, Inquiry, Question};
use serde_json::json;

use super::random::Dice;

pub(super) fn tool_error(dice: &mut Dice) -> ToolError {
    ToolError {
        message: "it failed".to_owned(),
        retryable: dice.one_in(2),
        world: dice.pick(&[WorldChange::Maybe, WorldChange::No]),
        retry_after_ms: dice.one_in(4).then_some(700),
        needs: dice.one_in(4).then(|| Box::new(needs(dice))),
    }
}

/// Questions of a tool's server.
fn needs(dice: &mut Dice) -> Needs {
    let server = || "crm".to_owned();
    let questions = [
        Question::Authorize { server: server(), url: "https://a.test/".to_owned(), reason: None },
        Question::Form {
            server: server(),
            message: "How much?".to_owned(),
            schema: json!({"type": "object", "properties": {"amount": {"default": 2}}}),
        },
        Question::Visit {
            server: server(),
            message: "Pay.".to_owned(),
            url: "https://b.test/".to_owned(),
        },
    ];
    let asked = (0..dice.below(3))
        .map(|number| Asked { key: format!("q{number}"), question: dice.pick(&questions) })
        .collect();
    let state = dice.one_in(2).then(|| "state".to_owned());
    Needs { inquiry: Inquiry { asked, keeps_replies: dice.one_in(2), state }, consent: None }
}
