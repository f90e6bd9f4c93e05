//! Following over connections that are lost in every way.

use mainstay_client::{ClientError, EventBody, Follower};
use mainstay_protocol::ErrorCode;

use crate::server::{Answer, Server, frame, kept};

/// Reads this many events: their numbers, and texts where they are pieces of one.
async fn take(follower: &mut Follower, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let event = follower.next().await.expect("an event");
        seen.push(match &event.body {
            EventBody::TextDelta { delta, .. } => {
                assert_eq!(event.json["delta"], delta.as_str(), "the JSON says another text");
                format!("\"{delta}\"")
            }
            _ => event.sequence_number.to_string(),
        });
    }
    seen
}

fn delta(number: u64, text: &str) -> String {
    let event = format!("turn.output_text.delta \"item_id\":\"i\",\"delta\":\"{text}\"");
    frame(number, &event)
}

/// The second connection tells what the first had told, and is asked for what comes behind it.
#[tokio::test]
async fn a_cut_in_the_middle_of_a_frame_repeats_nothing() {
    let whole = kept(200, "x");
    for cut in [0, 1, 5, whole.len() / 2, whole.len() - 1] {
        let first = Answer::Cut(vec![kept(100, "x"), whole[..cut].to_owned()]);
        let again = vec![kept(100, "x"), whole.clone(), kept(201, "y")];
        let server = Server::start(vec![first, Answer::Hang(again)]).await;
        let mut follower = server.client().follow("ses_1", Some(0)).await.expect("a stream");
        assert_eq!(take(&mut follower, 3).await, ["100", "200", "201"], "cut at {cut}");
        assert_eq!((follower.at(), follower.reconnects()), (Some(201), 1));
        let path = "GET /v1/agents/sessions/ses_1/events?starting_after=";
        assert_eq!(server.asked(), [format!("{path}0"), format!("{path}100")]);
    }
}

#[tokio::test]
async fn text_that_was_shown_is_not_shown_again() {
    let first = Answer::Cut(vec![kept(100, "x"), delta(100, "One, "), delta(100, "two")]);
    let second = Answer::Cut(vec![delta(100, "One, two, "), delta(100, "three")]);
    let third = vec![delta(100, "One, two, three"), delta(100, "."), kept(200, "x")];
    let server = Server::start(vec![first, second, Answer::Hang(third)]).await;
    let mut follower = server.client().follow("ses_1", Some(0)).await.expect("a stream");
    let seen = take(&mut follower, 7).await;
    assert_eq!(seen, ["100", "\"One, \"", "\"two\"", "\", \"", "\"three\"", "\".\"", "200"]);
}

/// While the server is away each call says so; when it is back at its address, the feed goes on.
#[tokio::test]
async fn a_server_that_comes_back_is_followed_on() {
    let server = Server::start(vec![Answer::Cut(vec![kept(100, "x")])]).await;
    let address = server.address;
    let mut follower = server.client().follow("ses_1", Some(0)).await.expect("a stream");
    assert_eq!(take(&mut follower, 1).await, ["100"]);
    drop(server);
    for _ in 0..3 {
        let error = follower.next().await.expect_err("no server");
        assert!(error.is_unreachable(), "{error:?}");
    }
    let stopping = r#"{"error":{"message":"stopping","code":"shutting_down"}}"#.to_owned();
    let answers = vec![Answer::Whole(503, stopping), Answer::Hang(vec![kept(200, "y")])];
    let server = Server::start_at(address, answers).await;
    let error = follower.next().await.expect_err("it is stopping");
    assert_eq!(error.code(), Some(ErrorCode::ShuttingDown));
    assert_eq!(take(&mut follower, 1).await, ["200"]);
    assert!(server.asked()[1].ends_with("starting_after=100"), "{:?}", server.asked());
}

/// From now on, and nothing came before the connection was lost: nobody knows what was missed.
#[tokio::test]
async fn a_gap_is_an_error() {
    let server = Server::start(vec![Answer::Cut(Vec::new())]).await;
    let mut follower = server.client().follow("ses_1", None).await.expect("a stream");
    let error = follower.next().await.expect_err("a gap");
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_event_is_an_error_and_what_is_unknown_is_not() {
    let events = vec![kept(100, "of.a.later.version \"a\":1"), "data: hello\n\n".to_owned()];
    let server = Server::start(vec![Answer::Hang(events)]).await;
    let mut follower = server.client().follow("ses_1", Some(0)).await.expect("a stream");
    let event = follower.next().await.expect("an event");
    assert_eq!((event.body, &event.json["a"]), (EventBody::Other, &1.into()));
    let error = follower.next().await.expect_err("no event");
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
}
