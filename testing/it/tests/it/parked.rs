//! Many sessions that rest, and go on when somebody comes back.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use hyper::Method;
use mainstay_it::harness::{Agent, Connection, Feed, Target, begin_session, post_message};

use crate::world::World;

const SESSIONS: usize = 1_000;
const CLIENTS: usize = 16;

#[tokio::test]
async fn a_thousand_sessions_rest_without_a_task_and_go_on() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = world.agent(&mut connection, &Agent::new(&world.scripted.url, &[])).await;
    let (target, agent) = (&server.target, agent.as_str());
    let begun = stream::iter(0..SESSIONS).map(|_| begin(target, agent)).buffer_unordered(CLIENTS);
    let sessions: Vec<String> = begun.collect().await;
    assert_eq!(metric(&mut connection, "mainstay_sessions_active").await, 0);
    let again = stream::iter(&sessions).map(|session| go_on(target, session));
    again.buffer_unordered(CLIENTS).for_each(|()| async {}).await;
    assert_eq!(metric(&mut connection, "mainstay_sessions_active").await, 0);
    assert_eq!(world.state().model_stats().calls, 2 * SESSIONS as u64);
}

/// A session's first turn; gives its id.
async fn begin(target: &Arc<Target>, agent: &str) -> String {
    let mut feed = begin_session(target, agent, "hello").await.expect("a session");
    let idle = feed.until_idle().await.expect("the turn ends").json().expect("an event");
    idle["session"]["id"].as_str().expect("a session has an id").to_owned()
}

async fn go_on(target: &Arc<Target>, session: &str) {
    let mut connection = Connection::open(target).await.expect("a connection");
    let mut feed = Feed::open(target, session, None).await.expect("a stream");
    post_message(&mut connection, session, "again").await.expect("the message is taken");
    feed.until(&["agent.session.turn.completed"]).await.expect("the turn ends");
    feed.until_idle().await.expect("the session rests");
}

async fn metric(connection: &mut Connection, name: &str) -> u64 {
    let answer = connection.call(Method::GET, "/metrics", &[], Bytes::new()).await;
    let answer = answer.expect("metrics");
    let text = String::from_utf8(answer.body.to_vec()).expect("metrics are text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).expect("the metric is there")
}
