//! `mainstay chat` and `mainstay sessions (follow, cancel)`: a conversation over everything that
//! can come in between.

use std::process::Stdio;

use mainstay_it::model_server::{Fault, FaultKind, Step};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::{PATIENCE, World, script};

#[tokio::test]
async fn messages_from_a_pipe_are_answered_without_prompts() {
    let world = World::new().await;
    let _server = world.start().await;
    let first = script(vec![Step::text("One.")]);
    let input = format!("{first}\n\n{}\n/quit\nnever sent\n", script(vec![Step::text("Two.")]));
    let said = world.type_in(&["chat"], &input).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "One.\nTwo.\n"));
    let session = world.newest_session().await;
    assert_eq!(said.stderr, format!("go on with: mainstay chat --session {session}\n"));
    let said = world.run(&["sessions", "follow", &session, "--json"]).await;
    let events = said.json_lines();
    assert_eq!(events.last().expect("events")["type"], "agent.session.idle");
    assert!(events.iter().all(|event| event["type"] != "Other"), "{}", said.stdout);
    let behind = events[events.len() - 2]["sequence_number"].to_string();
    let rest = world.run(&["sessions", "follow", &session, "--json", "--after", &behind]).await;
    assert_eq!(rest.lines().len(), 1);
}

/// What would steer the terminal of whoever reads it.
#[tokio::test]
async fn what_a_model_says_is_harmless() {
    let world = World::new().await;
    let _server = world.start().await;
    let message = script(vec![Step::text("\u{1b}]0;title\u{7}a\u{9b}31mb\r\nc\td")]);
    let said = world.run(&["chat", "-m", &message]).await;
    assert_eq!(said.stdout, "\u{fffd}]0;title\u{fffd}a\u{fffd}31mb\nc\td\n");
    let session = world.newest_session().await;
    let texts: [&[&str]; 3] = [
        &["sessions", "show", &session],
        &["sessions", "follow", &session],
        &["journal", "show", &session],
    ];
    for command in texts {
        let said = world.ok(command).await;
        let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(said.contains('\u{fffd}') && !said.contains(is_harmful), "{command:?}: {said:?}");
    }
}

#[tokio::test]
async fn what_a_session_waits_for_is_asked() {
    let world = World::new().await;
    let _server = world.start().await;
    let agent = world.agent_with_function().await;
    let message = script(vec![Step::call("lookup", json!({"id": 1})), Step::text("It is Ada.")]);
    let said = world.run(&["chat", "--agent", &agent, "-m", &message]).await;
    assert_eq!(said.code, Some(1), "{}", said.shown());
    assert!(said.stderr.contains("it goes on waiting"), "{}", said.shown());
    let session = world.newest_session().await;
    let shown = world.ok(&["sessions", "show", &session]).await;
    assert!(shown.contains("waits    the result of lookup({\"id\":1})"), "{shown}");
    let said = world.type_in(&["chat", "--session", &session], "Ada\n").await;
    assert_eq!(said.code, Some(0), "{}", said.shown());
    assert!(said.stdout.ends_with("result: It is Ada.\n"), "{}", said.shown());
}

#[tokio::test]
async fn a_turn_without_an_answer_is_a_failure() {
    let world = World::new().await;
    let _server = world.start().await;
    let refusal = Fault {
        kind: FaultKind::Status,
        times: None,
        status: Some(400),
        code: None,
        retry_after_ms: None,
    };
    let message = script(vec![Step { fault: Some(refusal), ..Step::text("Never.") }]);
    let said = world.run(&["chat", "-m", &message]).await;
    assert_eq!(said.code, Some(1), "{}", said.shown());
    assert!(said.stdout.contains("✗ the turn failed: "), "{}", said.shown());
    let session = world.newest_session().await;
    let again = script(vec![Step::text("Done.")]);
    assert_eq!(world.ok(&["chat", "--session", &session, "-m", &again]).await, "Done.");
}

#[tokio::test]
async fn an_interrupt_cancels_the_turn_and_not_the_session() {
    let world = World::new().await;
    let _server = world.start().await;
    let slow = Step { pieces: Some(400), piece_delay_ms: 200, ..Step::text("a".repeat(400)) };
    let mut chat = Talk::start(&world, &["chat", "-m", &script(vec![slow])]);
    let mut first = [0; 1];
    let begun = timeout(PATIENCE, chat.stdout.get_mut().read_exact(&mut first)).await;
    begun.expect("the answer begins").expect("it is read");
    chat.interrupt().await;
    assert_eq!(chat.end().await, Some(1));
    let session = world.newest_session().await;
    let again = script(vec![Step::text("Done.")]);
    assert_eq!(world.ok(&["chat", "--session", &session, "-m", &again]).await, "Done.");
    assert!(world.run(&["sessions", "cancel", &session]).await.stderr.contains("no turn of"));
}

#[tokio::test]
async fn a_turn_is_cancelled_from_elsewhere() {
    let world = World::new().await;
    let _server = world.start().await;
    let agent = world.agent_with_function().await;
    let message = script(vec![Step::call("lookup", json!({"id": 1}))]);
    world.run(&["chat", "--agent", &agent, "-m", &message]).await;
    let session = world.newest_session().await;
    let mut follow = Talk::start(&world, &["sessions", "follow", &session]);
    follow.until("? the result of lookup").await;
    world.ok(&["sessions", "cancel", &session]).await;
    follow.until("✗ the turn was cancelled").await;
    assert_eq!(follow.end().await, Some(0));
}

#[tokio::test]
async fn following_goes_on_when_the_server_was_killed_and_started_again() {
    let world = World::new().await;
    let server = world.start().await;
    let agent = world.agent_with_function().await;
    let message = script(vec![Step::call("lookup", json!({"id": 1})), Step::text("It is Ada.")]);
    world.run(&["chat", "--agent", &agent, "-m", &message]).await;
    let session = world.newest_session().await;
    let mut follow = Talk::start(&world, &["sessions", "follow", &session, "--json"]);
    let before = follow.until("agent.session.requires_action").await;
    server.kill().await.expect("the server ends");
    let _server = world.start().await;
    let said = world.type_in(&["chat", "--session", &session], "Ada\n").await;
    assert_eq!(said.code, Some(0), "{}", said.shown());
    let after = follow.until("agent.session.idle").await;
    assert_eq!(follow.end().await, Some(0));
    let live = kept([before, after].concat().iter().map(String::as_str));
    let again = world.ok(&["sessions", "follow", &session, "--json"]).await;
    assert_eq!(live, kept(again.lines()), "a gap or a duplicate");
}

/// The ids of the events that are kept.
fn kept<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let event = |line: &str| -> serde_json::Value { serde_json::from_str(line).expect("JSON") };
    let ids = lines.map(|line| event(line)["event_id"].as_str().expect("an id").to_owned());
    // What was shown while it was written has ids of its own; the entry tells it again.
    let mut ids: Vec<String> = ids.filter(|id| !id.starts_with("evt_item_")).collect();
    ids.dedup();
    ids
}

/// A command that is still running.
struct Talk {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.setup.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        Self { child, stdout }
    }

    /// The lines up to the one that holds this.
    async fn until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = timeout(PATIENCE, self.stdout.next_line()).await;
            let line = line.expect("a line comes").expect("it is text");
            let line = line.unwrap_or_else(|| panic!("{text} did not come: {lines:?}"));
            let is_last = line.contains(text);
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    async fn interrupt(&self) {
        let pid = self.child.id().expect("it runs");
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().await;
        assert!(sent.expect("a shell").success());
    }

    async fn end(mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the command ends").expect("its status").code()
    }
}
