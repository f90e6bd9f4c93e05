use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{MAX_QMP_LINE_BYTES, Qmp};

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n";
const DONE: &str = "{\"return\": {}}\n";

/// What a client makes of a QEMU that says this: first the greeting, then an answer to each command.
async fn said(lines: &[&str]) -> Result<serde_json::Value, String> {
    let (ours, theirs) = UnixStream::pair().expect("sockets can be made");
    let qemu = async move {
        let (reading, mut writing) = theirs.into_split();
        let mut commands = BufReader::new(reading).lines();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 && !matches!(commands.next_line().await, Ok(Some(_))) {
                return;
            }
            if writing.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let client = async {
        let mut qmp = Qmp::greet(ours).await.map_err(|error| error.to_string())?;
        let answer = qmp.run("query-status", json!({})).await;
        answer.map_err(|error| error.to_string())
    };
    let ((), answer) = tokio::join!(qemu, client);
    answer
}

#[tokio::test]
async fn answers_are_found_among_events() {
    let answer =
        "{\"event\": \"STOP\"}\n{\"event\": \"RESUME\"}\n{\"return\": {\"running\": true}}\n";
    assert_eq!(said(&[GREETING, DONE, answer]).await, Ok(json!({ "running": true })));
}

#[track_caller]
fn check(error: Result<serde_json::Value, String>, expected: &str) {
    let error = error.expect_err("it is refused");
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn nonsense_is_an_error_and_says_what_was_wrong() {
    check(said(&["{\"hello\": 1}\n"]).await, "greets with something else");
    check(said(&["no JSON\n"]).await, "what is no JSON");
    let refused = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}}\n";
    check(said(&[GREETING, DONE, refused]).await, "refuses query-status: not now");
    // It ends before or after it is asked.
    let ended = said(&[GREETING, DONE]).await.expect_err("nobody answers");
    assert!(ended.contains("ended") || ended.contains("Broken pipe"), "{ended}");
    let endless = "x".repeat(MAX_QMP_LINE_BYTES + 1);
    check(said(&[GREETING, DONE, &endless]).await, "cannot be heard");
}

#[tokio::test]
async fn an_event_is_waited_for_and_seen_once() {
    let (ours, mut theirs) = UnixStream::pair().expect("sockets can be made");
    let lines = format!("{GREETING}{{\"event\": \"RESUME\"}}\n{DONE}");
    theirs.write_all(lines.as_bytes()).await.expect("it is taken");
    let mut qmp = Qmp::greet(ours).await.expect("it greets");
    qmp.event("RESUME").await.expect("it has come");
    drop(theirs);
    qmp.event("RESUME").await.expect_err("it came once");
}
