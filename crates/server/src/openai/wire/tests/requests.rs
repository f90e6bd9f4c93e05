//! Requests: what the SDK sends is read, and what is wrong is refused by its path.

use std::path::PathBuf;

use mainstay_protocol::{ApiError, ErrorCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::openai::wire::*;

/// The requests of a file.
fn stored<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/wire/{name}.json"));
    let text = std::fs::read_to_string(path).expect("the file is in the repository");
    serde_json::from_str(&text).expect("the file is a list of requests")
}

#[derive(Deserialize)]
struct Sent {
    params: String,
    case: String,
    body: Value,
}

/// Reads a request as the route that `params` names would, and writes it again.
fn read(params: &str, body: Value) -> Result<Value, ApiError> {
    fn through<T: DeserializeOwned + serde::Serialize + Validate + PartialEq + std::fmt::Debug>(
        body: Value,
    ) -> Result<Value, ApiError> {
        let parsed: T = parse_value(body)?;
        let written = serde_json::to_value(&parsed).expect("a request is JSON");
        if let Ok(again) = parse_value::<T>(written.clone()) {
            assert_eq!(again, parsed, "{written} is read as something else");
        }
        Ok(written)
    }
    match params {
        "AgentCreateParams" => through::<AgentCreateParams>(body),
        "AgentUpdateParams" => through::<AgentUpdateParams>(body),
        "SessionCreateParams" => through::<SessionCreateParams>(body),
        "SessionUpdateParams" => through::<SessionUpdateParams>(body),
        "EventCreateParams" => through::<EventCreateParams>(body),
        other => panic!("{other} is no request"),
    }
}

#[test]
fn what_the_sdk_sends_is_read() {
    let sent: Vec<Sent> = stored("requests");
    assert!(sent.len() > 20, "the file lost its requests");
    for Sent { params, case, body } in sent {
        if let Err(error) = read(&params, body.clone()) {
            panic!("{params} ({case}) {body}: {error}");
        }
    }
}

#[test]
fn resets_survive_being_written() {
    let body =
        json!({"name": null, "tools": null, "reasoning": {"effort": "low", "summary": null}});
    assert_eq!(read("AgentUpdateParams", body.clone()), Ok(body));
    assert_eq!(read("AgentUpdateParams", json!({})), Ok(json!({})));
}

/// Checks that a request is refused with a code and the path of the parameter at fault.
fn check(params: &str, body: Value, code: ErrorCode, param: Option<&str>) {
    let text = body.to_string();
    let error = read(params, body).expect_err(&text);
    assert_eq!((error.code, error.param.as_deref()), (code, param), "{text}: {error}");
    assert!(!error.message.contains('\u{1f}'), "{:?} shows its seams", error.message);
}

#[derive(Deserialize)]
struct Refused {
    params: String,
    code: ErrorCode,
    param: Option<String>,
    body: Value,
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let refused: Vec<Refused> = stored("refused");
    assert!(refused.len() > 40, "the file lost its requests");
    for Refused { params, code, param, body } in refused {
        check(&params, body, code, param.as_deref());
    }
}

#[test]
fn limits_are_named() {
    use ErrorCode::{InvalidParameter as Invalid, TextTooLong as Long};
    let pairs = |count: usize| -> serde_json::Map<String, Value> {
        (0..count).map(|n| (n.to_string(), json!("x"))).collect()
    };
    let agent = |name: &str, value: Value| json!({"model": "m", name: value});
    let create = |name: &str, value: Value, code, param| {
        check("AgentCreateParams", agent(name, value), code, Some(param));
    };
    create("metadata", json!(pairs(MAX_METADATA_PAIRS + 1)), Invalid, "metadata");
    create("metadata", json!({"k".repeat(MAX_METADATA_KEY_CHARS + 1): "x"}), Invalid, "metadata");
    create("metadata", json!({"k": "ä".repeat(MAX_METADATA_VALUE_CHARS + 1)}), Long, "metadata.k");
    create("name", json!("n".repeat(MAX_NAME_CHARS + 1)), Long, "name");
    create("instructions", json!("i".repeat(MAX_INSTRUCTIONS_CHARS + 1)), Long, "instructions");
    let spec = json!({"text": "x".repeat(MAX_TOOLS_BYTES)});
    create("tools", json!([{"type": "openapi", "label": "a", "spec": spec}]), Invalid, "tools");

    let input = json!("t".repeat(MAX_TEXT_CHARS + 1));
    let session = json!({"environment": {"type": "none"}, "input": input});
    check("SessionCreateParams", session, Long, Some("input"));
    let cancels = vec![json!({"type": "agent.session.input.cancel"}); MAX_INPUT_EVENTS + 1];
    check("EventCreateParams", json!({ "events": cancels }), Invalid, Some("events"));

    for (name, value) in [
        ("metadata", json!(pairs(MAX_METADATA_PAIRS))),
        ("metadata", json!({"k".repeat(MAX_METADATA_KEY_CHARS): "x"})),
        ("name", json!("ä".repeat(MAX_NAME_CHARS))),
    ] {
        assert!(
            read("AgentCreateParams", agent(name, value)).is_ok(),
            "{name} may reach its limit"
        );
    }
}

#[test]
fn a_body_that_is_not_json_says_where() {
    let error =
        parse_body::<AgentCreateParams>(b"{\"model\": ").expect_err("it stops in the middle");
    assert_eq!((error.code, error.param), (ErrorCode::InvalidJson, None));
    assert!(error.message.contains("line 1"), "{}", error.message);
}
