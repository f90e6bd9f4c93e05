//! `mainstay agents` and `mainstay sessions`: lists over pages, and one of them.

use crate::support::World;

/// More than one page of the API.
const AGENT_COUNT: usize = 120;

#[tokio::test]
async fn lists_go_over_pages_and_say_what_they_leave_out() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection =
        mainstay_it::harness::Connection::open(&server.target).await.expect("a connection");
    for number in 0..AGENT_COUNT {
        let body = serde_json::json!({"model": "scripted", "name": format!("agent {number}")});
        connection.post("/v1/agents", &body).await.expect("an agent");
    }
    let all = world.run(&["agents", "list", "--json", "--limit", "1000"]).await;
    let ids: std::collections::BTreeSet<String> =
        all.json_lines().iter().map(|agent| agent["id"].to_string()).collect();
    assert_eq!((all.lines().len(), ids.len(), all.stderr.as_str()), (AGENT_COUNT, AGENT_COUNT, ""));
    assert_eq!(all.json_lines()[0]["name"], format!("agent {}", AGENT_COUNT - 1), "newest first");
    for limit in [1, 100, 101, AGENT_COUNT - 1] {
        let said = world.run(&["agents", "list", "--json", "--limit", &limit.to_string()]).await;
        assert_eq!(said.lines().len(), limit);
        assert_eq!(said.stderr, format!("the newest {limit}; --limit shows more\n"));
    }
    let exactly = world.run(&["agents", "list", "--limit", &AGENT_COUNT.to_string()]).await;
    assert_eq!((exactly.lines().len(), exactly.stderr.as_str()), (AGENT_COUNT + 1, ""));
}

#[tokio::test]
async fn one_agent_and_one_session() {
    let world = World::new().await;
    let _server = world.start().await;
    let agent = world.agent_with_function().await;
    let shown = world.ok(&["agents", "show", &agent]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&shown["name"], &shown["tools"][0]["name"]), (&"clerk".into(), &"lookup".into()));
    world.ok(&["chat", "--agent", &agent, "-m", "Hello."]).await;
    let session = world.newest_session().await;
    let json = world.ok(&["sessions", "show", &session, "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["sequence_number"].is_u64(), "members are missing: {json}");
    let text = world.ok(&["sessions", "show", &session]).await;
    assert!(text.contains("agent    clerk on scripted\nstatus   idle\n"), "{text}");
    assert!(text.ends_with("> Hello.\ndone"), "{text}");
    let items = world.run(&["sessions", "show", &session, "--items", "--json"]).await.json_lines();
    let roles: Vec<&str> = items.iter().filter_map(|item| item["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant"]);
    let items = world.ok(&["sessions", "show", &session, "--items"]).await;
    assert_eq!(items, "> Hello.\ndone");
    let table = world.ok(&["sessions", "list", "--agent", &agent]).await;
    assert!(table.contains(&session) && table.contains("idle"), "{table}");
    assert_eq!(world.run(&["sessions", "list", "--agent", "agent_1"]).await.lines().len(), 1);
    world.ok(&["agents", "delete", &agent]).await;
    let said = world.run(&["chat", "--agent", &agent, "-m", "Hello."]).await;
    assert_eq!(said.code, Some(1), "{}", said.shown());
}
