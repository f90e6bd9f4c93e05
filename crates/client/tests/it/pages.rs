//! Lists, page by page.

use mainstay_client::ListSessions;

use crate::server::{Answer, Server};

fn page(ids: &[&str], has_more: bool) -> Answer {
    let data: Vec<serde_json::Value> =
        ids.iter().map(|id| serde_json::json!({"id": id, "model": "m"})).collect();
    let last = ids.last();
    let page = serde_json::json!({"data": data, "has_more": has_more, "last_id": last});
    Answer::Whole(200, page.to_string())
}

#[tokio::test]
async fn a_page_leads_to_the_next() {
    let server =
        Server::start(vec![page(&["a", "b"], true), page(&["c"], false), page(&[], false)]).await;
    let client = server.client();
    let first = client.agents(None).await.expect("a page");
    assert_eq!((first.data.len(), first.next()), (2, Some("b")));
    let second = client.agents(first.next()).await.expect("a page");
    assert_eq!((second.data[0].id.as_str(), second.next()), ("c", None));
    let empty = client.agents(None).await.expect("a page");
    assert_eq!((empty.data.len(), empty.next()), (0, None));
    let asked = ["GET /v1/agents?limit=100", "GET /v1/agents?limit=100&after=b"];
    assert_eq!(server.asked()[..2], asked);
}

#[tokio::test]
async fn what_lists_are_asked_for() {
    let empty = || page(&[], false);
    let server = Server::start(vec![empty(), empty(), empty(), empty()]).await;
    let client = server.client();
    let which = ListSessions { agent: Some("a&b".to_owned()), after: Some("ses_1".to_owned()) };
    client.sessions(&which).await.expect("a page");
    client.items("ses_1", Some("item_1")).await.expect("a page");
    client.turns("ses_1", None).await.expect("a page");
    client.journal("ses_1", 7).await.expect("a page");
    assert_eq!(
        server.asked(),
        [
            "GET /v1/agents/sessions?limit=100&after=ses_1&agent_id=a%26b",
            "GET /v1/agents/sessions/ses_1/items?limit=100&after=item_1&order=asc",
            "GET /v1/agents/sessions/ses_1/turns?limit=100&order=asc",
            "GET /v1/agents/sessions/ses_1/journal?after=7&limit=100",
        ]
    );
}
