//! What becomes of answers.

use mainstay_client::ClientError;
use mainstay_protocol::ErrorCode;

use crate::server::{Answer, Server};

/// An answer to a request for a session, and what the caller is told.
async fn check(status: u16, body: &str, expected: Result<&str, &str>) {
    let server = Server::start(vec![Answer::Whole(status, body.to_owned())]).await;
    let said = server.client().session("ses_1").await.map(|session| session.id.clone());
    let said = said.map_err(|error| match &error {
        ClientError::Refused { status, code, message } => {
            format!("{status} {}: {message}", code.map_or("no code", ErrorCode::as_str))
        }
        _ => format!("broken: {error}"),
    });
    assert_eq!(said, expected.map(str::to_owned).map_err(str::to_owned), "{status} {body}");
}

#[tokio::test]
async fn errors_by_their_code() {
    let body = |code: &str| format!(r#"{{"error":{{"message":"no","code":{code},"new":1}}}}"#);
    check(404, &body("\"not_found\""), Err("404 not_found: no")).await;
    check(401, &body("\"unauthenticated\""), Err("401 unauthenticated: no")).await;
    check(503, &body("\"overloaded\""), Err("503 overloaded: no")).await;
    check(409, &body("\"of_a_later_version\""), Err("409 no code: no")).await;
    check(400, &body("null"), Err("400 no code: no")).await;
}

#[tokio::test]
async fn what_no_mainstay_answers() {
    let html = "<html>Bad gateway</html>";
    let said = format!("broken: the answer has status 502 and is no answer of mainstay: {html}");
    check(502, html, Err(&said)).await;
    let redirected = "broken: the answer has status 302 and is no answer of mainstay: ";
    check(302, "", Err(redirected)).await;
    let not_read = "broken: read the answer of /v1/agents/sessions/ses_1";
    check(200, "hello", Err(not_read)).await;
    check(200, "{}", Err(not_read)).await;
}

#[tokio::test]
async fn members_of_later_versions_are_kept() {
    let body = r#"{"id":"ses_1","status":"dreaming","agent":{"id":"agent_1"},"new":{"a":[1]},
        "required_actions":[{"type":"of_a_later_version","x":1}]}"#;
    let server = Server::start(vec![Answer::Whole(200, body.to_owned())]).await;
    let session = server.client().session("ses_1").await.expect("a session");
    assert_eq!(session.status, "dreaming");
    let expected: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(session.json(), &expected);
    assert_eq!(serde_json::to_value(&session).expect("JSON"), expected);
}

#[tokio::test]
async fn an_input_carries_its_key_and_is_taken_whole() {
    let server = Server::start(vec![Answer::Whole(202, String::new())]).await;
    let input = mainstay_client::message_input("Hello.");
    server.client().send_inputs("ses_1", &[input], Some("k")).await.expect("it is taken");
    assert_eq!(server.asked(), ["POST /v1/agents/sessions/ses_1/events"]);
}
