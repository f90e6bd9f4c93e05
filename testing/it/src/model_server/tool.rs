//! Tools that count their effects.
//!
//! Invariant: the effect is counted when the request arrives and before any wait, so that a caller
//! who dies in between leaves it done. Deliberately absent: any meaning of the arguments.

use std::sync::Arc;
use std::time::Duration;

use super::state::State;

/// What the name of a tool that honours the idempotency key begins with.
const HONOURS_KEY_PREFIX: &str = "keyed";

/// How a call is to behave, from its query.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ToolBehaviour {
    pub(super) delay_ms: u64,
    /// Fail with this status, without an effect, …
    pub(super) fail_status: Option<u16>,
    /// … as often as this.
    pub(super) fail_times: u64,
    /// Have the effect and lose the answer, as often as this.
    pub(super) lose_times: u64,
}

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToolAnswer {
    /// A status and JSON text, after a wait.
    Json(u16, String, Duration),
    /// The connection ends without an answer, after a wait.
    Lost(Duration),
}

impl ToolBehaviour {
    /// Reads a query; what it does not know it passes over, since tools have arguments of their own.
    pub(super) fn from_query(query: &str) -> Self {
        let mut behaviour = Self { fail_times: 1, ..Self::default() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = value.parse().ok();
            match name.as_ref() {
                "delay_ms" => behaviour.delay_ms = number.unwrap_or(0),
                "fail_status" => behaviour.fail_status = value.parse().ok(),
                "fail_times" => behaviour.fail_times = number.unwrap_or(1),
                "lose_times" => behaviour.lose_times = number.unwrap_or(0),
                _ => {}
            }
        }
        behaviour
    }
}

/// One call of a tool.
pub(super) fn call(state: &Arc<State>, name: &str, key: Option<&str>, query: &str) -> ToolAnswer {
    let behaviour = match query {
        "" => ToolBehaviour::default(),
        query => ToolBehaviour::from_query(query),
    };
    let wait = Duration::from_millis(behaviour.delay_ms);
    let calls = state.tool_called(key);
    if let Some(status) = behaviour.fail_status.filter(|_| calls <= behaviour.fail_times) {
        return ToolAnswer::Json(status, r#"{"error":"asked to fail"}"#.to_owned(), wait);
    }
    let effects = state.tool_effect((name, query), key, name.starts_with(HONOURS_KEY_PREFIX));
    if calls <= behaviour.lose_times {
        return ToolAnswer::Lost(wait);
    }
    ToolAnswer::Json(200, format!(r#"{{"ok":true,"effects":{effects}}}"#), wait)
}

/// Whether a key had its effect.
pub(super) fn status(state: &Arc<State>, key: Option<&str>) -> ToolAnswer {
    match key.map_or(0, |key| state.tool_effects(key)) {
        0 => ToolAnswer::Json(404, r#"{"done":false}"#.to_owned(), Duration::ZERO),
        effects => {
            let body = format!(r#"{{"done":true,"effects":{effects}}}"#);
            ToolAnswer::Json(200, body, Duration::ZERO)
        }
    }
}
