//! Items of conversations and of requests: pages in both orders, whatever was taken out, at a cost
//! that does not depend on what came before.

use serde_json::{Value, json};

use crate::support::{Harness, Script};

/// A conversation with this many messages, given a few at a time.
async fn conversation(server: &Harness, count: usize) -> String {
    let id = server.post("/v1/conversations", &json!({})).await.text("id");
    let path = format!("/v1/conversations/{id}/items");
    let texts: Vec<usize> = (0..count).collect();
    for part in texts.chunks(3) {
        let message = |n: &usize| json!({"role": "user", "content": format!("message {n}")});
        let items: Vec<Value> = part.iter().map(message).collect();
        let reply = server.post(&path, &json!({"items": items})).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
        assert_eq!(reply.body["data"].as_array().map(Vec::len), Some(part.len()));
    }
    id
}

fn texts(items: &[Value]) -> Vec<String> {
    let text = |item: &Value| item["content"][0]["text"].as_str().expect("a text").to_owned();
    items.iter().map(text).collect()
}

/// All items, page by page.
async fn pages(server: &Harness, id: &str, limit: usize, order: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::<Value>::new(), String::new());
    loop {
        let path = format!("/v1/conversations/{id}/items?limit={limit}&order={order}{after}");
        let page = server.get(&path).await.body;
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= limit, "{limit} {order}");
        found.extend(data.iter().cloned());
        if page["has_more"] == false {
            return found;
        }
        after = format!("&after={}", page["last_id"].as_str().expect("an id"));
    }
}

#[tokio::test]
async fn pages_of_any_size_and_order_show_what_was_not_taken_out() {
    let server = Harness::start().await;
    let id = conversation(&server, 20).await;
    let mut all = pages(&server, &id, 100, "asc").await;
    for gone in [19, 12, 11, 10, 9, 4, 0] {
        let item = all.remove(gone);
        let path = format!("/v1/conversations/{id}/items/{}", item["id"].as_str().expect("an id"));
        assert_eq!(server.get(&path).await.body, item);
        assert_eq!(server.delete(&path).await.status.as_u16(), 200);
        assert_eq!(server.get(&path).await.refusal().1, "not_found");
        assert_eq!(server.delete(&path).await.refusal().1, "not_found");
    }
    // A copy is made of the journal, and knows what was taken out by the same entries.
    let copy = server.post(&format!("/v1/agents/sessions/{id}/fork"), &json!({})).await.text("id");
    assert_eq!(texts(&pages(&server, &copy, 5, "asc").await), texts(&all));
    let newest_first: Vec<Value> = all.iter().rev().cloned().collect();
    for limit in 1..=all.len() + 1 {
        assert_eq!(pages(&server, &id, limit, "asc").await, all, "asc by {limit}");
        assert_eq!(pages(&server, &id, limit, "desc").await, newest_first, "desc by {limit}");
    }
    // Taken out behind the back of one who reads on: the place is still known.
    let cursor = all[3]["id"].as_str().expect("an id").to_owned();
    server.delete(&format!("/v1/conversations/{id}/items/{cursor}")).await;
    let path = format!("/v1/conversations/{id}/items?order=asc&limit=2&after={cursor}");
    let rest = server.get(&path).await.body["data"].as_array().cloned().expect("a list");
    assert_eq!(rest, all[4..6]);
    // A copy has what its original had.
    let copy = server.post(&format!("/v1/agents/sessions/{id}/fork"), &json!({})).await.text("id");
    all.remove(3);
    let copied = pages(&server, &copy, 4, "asc").await;
    assert_eq!(texts(&copied), texts(&all));
}

#[tokio::test]
async fn a_page_reads_no_more_of_a_long_conversation_than_of_a_short_one() {
    let server = Harness::start().await;
    let mut reads = Vec::new();
    for count in [600, 1_800] {
        let id = conversation(&server, count).await;
        let all = pages(&server, &id, 100, "asc").await;
        assert_eq!(all.len(), count);
        let item = |at: usize| all[at]["id"].as_str().expect("an id").to_owned();
        let gone = item(count / 2);
        server.delete(&format!("/v1/conversations/{id}/items/{gone}")).await;
        let middle = item(count / 2 + 1);
        let mut counts = Vec::new();
        for query in [
            "?order=asc&limit=10".to_owned(),
            "?order=desc&limit=10".to_owned(),
            format!("?order=asc&limit=10&after={middle}"),
            format!("?order=desc&limit=10&after={middle}"),
            format!("/{middle}"),
        ] {
            server.store.take_read_count();
            let reply = server.get(&format!("/v1/conversations/{id}/items{query}")).await;
            assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
            counts.push(server.store.take_read_count());
        }
        reads.push(counts);
    }
    let is_bounded = reads[1].iter().zip(&reads[0]).all(|(long, short)| long <= short);
    assert!(is_bounded, "{reads:?}");
}

#[tokio::test]
async fn what_a_request_brought_costs_what_it_brought() {
    let server = Harness::start().await;
    let mut previous = Value::Null;
    let mut reads = Vec::new();
    for step in 0..40 {
        server.models.say([Script::text("Yes.")]);
        let input = json!([
            {"role": "user", "content": format!("first {step}")},
            {"role": "user", "content": format!("second {step}")},
        ]);
        let body = json!({"model": "scripted", "input": input, "previous_response_id": previous});
        let reply = server.post("/v1/responses", &body).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
        previous = reply.body["id"].clone();
        let path = format!("/v1/responses/{}/input_items", reply.text("id"));
        server.store.take_read_count();
        let page = server.get(&format!("{path}?order=asc")).await.body;
        reads.push(server.store.take_read_count());
        let data = page["data"].as_array().expect("a list");
        assert_eq!(texts(data), [format!("first {step}"), format!("second {step}")]);
        let newest = server.get(&format!("{path}?limit=1")).await.body;
        assert_eq!((&newest["data"][0], &newest["has_more"]), (&data[1], &json!(true)));
    }
    assert!(reads[39] <= reads[1] + 2, "{reads:?}");
}

#[tokio::test]
async fn items_that_are_added_twice_under_one_key_are_answered_alike() {
    let server = Harness::start().await;
    let id = conversation(&server, 5).await;
    let path = format!("/v1/conversations/{id}/items");
    let body = json!({"items": [{"role": "user", "content": "once"}]});
    let first = server.post_keyed(&path, "key-1", &body).await;
    conversation(&server, 3).await;
    server.post(&path, &json!({"items": [{"role": "user", "content": "later"}]})).await;
    let again = server.post_keyed(&path, "key-1", &body).await;
    assert_eq!(first.body, again.body);
    assert_eq!(texts(first.body["data"].as_array().expect("a list")), ["once"]);
    assert_eq!(pages(&server, &id, 100, "asc").await.len(), 7);
}
