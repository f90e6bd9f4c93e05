//! Servers that are not there, or say nothing.

use mainstay_client::{Client, Timeouts};

use crate::server::{Answer, Server, kept};

const SHORT: Timeouts = Timeouts { connect_timeout_ms: 500, read_timeout_ms: 100 };

fn impatient(server: &Server) -> Client {
    let url = format!("http://{}", server.address);
    Client::with_timeouts(&url, "msk_1", SHORT).expect("a client")
}

#[tokio::test]
async fn a_server_that_says_nothing_cannot_be_reached() {
    let server = Server::start(vec![Answer::Silence]).await;
    let error = impatient(&server).session("ses_1").await.expect_err("no answer");
    assert!(error.is_unreachable(), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stops_cannot_be_read() {
    let server = Server::start(vec![Answer::Hang(vec!["{\"id\":".to_owned()])]).await;
    let error = impatient(&server).session("ses_1").await.expect_err("half an answer");
    assert!(error.is_unreachable(), "{error:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server::start(Vec::new()).await;
    let client = impatient(&server);
    drop(server);
    let error = client.health().await.expect_err("no server");
    assert!(error.is_unreachable(), "{error:?}");
}

/// Without the server's sign of life a stream is a lost connection, and is made again.
#[tokio::test]
async fn a_stream_that_is_dead_is_opened_again() {
    let first = Answer::Hang(vec![kept(100, "x")]);
    let server = Server::start(vec![first, Answer::Hang(vec![kept(200, "y")])]).await;
    let mut follower = impatient(&server).follow("ses_1", Some(0)).await.expect("a stream");
    for number in [100, 200] {
        let event = follower.next().await.expect("an event");
        assert_eq!(event.sequence_number, number);
    }
    assert_eq!(follower.reconnects(), 1);
}
