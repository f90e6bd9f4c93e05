//! Artifacts: what completed turns wrote under `artifacts/`.

use axum::body::Body;
use axum::http::Method;
use mainstay_core::port::{ModelErrorKind, ToolOutput};
use serde_json::{Value, json};

use crate::support::{Events, Harness, STRANGER, Script, request, say};

/// A session whose tool is called as the file tools' one is.
async fn session(server: &Harness) -> (String, Events) {
    let session =
        server.session(json!({"agent": {"model": "scripted", "tools": [{"type": "files"}]}})).await;
    let stream = server.stream(&format!("/v1/agents/sessions/{session}/events")).await;
    (session, stream)
}

/// A turn in which the model writes these files, all at once.
async fn turn(server: &Harness, (session, stream): &mut (String, Events), files: &[(&str, &str)]) {
    let calls: Vec<(String, String)> = files
        .iter()
        .enumerate()
        .map(|(index, (path, content))| {
            (format!("call_{index}"), json!({"path": path, "content": content}).to_string())
        })
        .collect();
    let calls: Vec<(&str, &str, &str)> = calls
        .iter()
        .map(|(id, arguments)| (id.as_str(), "write_file", arguments.as_str()))
        .collect();
    server.models.say([Script::calls(&calls), Script::text("Done.")]);
    server.post(&format!("/v1/agents/sessions/{session}/events"), &say("go")).await;
    stream.until_kind("agent.session.idle").await;
}

async fn paths(server: &Harness, session: &str, query: &str) -> Vec<String> {
    let list =
        server.get(&format!("/v1/agents/sessions/{session}/artifacts?order=asc{query}")).await;
    assert_eq!(list.status.as_u16(), 200, "{}", list.body);
    let artifacts = list.body["data"].as_array().expect("a list").clone();
    artifacts.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
}

#[tokio::test]
async fn a_turn_leaves_what_it_wrote_last() {
    let server = Harness::start().await;
    let mut at = session(&server).await;
    let files = [
        ("artifacts/report.md", "# Draft"),
        ("notes.md", "not an artifact"),
        ("artifacts", "not below the folder"),
        ("./artifacts//data/a.csv", "1,2\n"),
        ("artifacts/report.md", "# Report ü"),
    ];
    turn(&server, &mut at, &files).await;
    let list = server.get(&format!("/v1/agents/sessions/{}/artifacts?order=asc", at.0)).await.body;
    let artifacts = list["data"].as_array().expect("a list").clone();
    let paths: Vec<&str> =
        artifacts.iter().map(|one| one["path"].as_str().expect("a path")).collect();
    assert_eq!(paths, ["/workspace/artifacts/data/a.csv", "/workspace/artifacts/report.md"]);
    let report = &artifacts[1];
    assert_eq!(report["object"], "agent.session.artifact");
    assert_eq!(report["size_bytes"], "# Report ü".len());
    assert_eq!(report["session_id"], at.0.as_str());
    assert_eq!(report["environment_id"], format!("env_{}", at.0));
    let path =
        format!("/v1/agents/sessions/{}/artifacts/{}", at.0, report["id"].as_str().expect("an id"));
    assert_eq!(&server.get(&path).await.body, report);
    let content = server.get(&format!("{path}/content")).await;
    assert_eq!(content.header("content-type"), "application/octet-stream");
    assert_eq!(content.body, "# Report ü");
    let stranger = request(Method::GET, &format!("{path}/content"), STRANGER, Body::empty());
    assert_eq!(server.call(stranger).await.refusal().0, 404);
}

#[tokio::test]
async fn what_was_not_written_or_not_completed_is_no_artifact() {
    let server = Harness::start().await;
    let mut at = session(&server).await;
    server.tools.answer(Ok(ToolOutput::error("the path is too long".to_owned())));
    turn(&server, &mut at, &[("artifacts/a.md", "a")]).await;
    server.models.say([
        Script::calls(&[("call_x", "write_file", r#"{"path":"artifacts/b.md","content":"b"}"#)]),
        Script::Broken(vec![], ModelErrorKind::Refused),
    ]);
    server.post(&format!("/v1/agents/sessions/{}/events", at.0), &say("go")).await;
    at.1.until_kind("agent.session.idle").await;
    assert!(paths(&server, &at.0, "").await.is_empty());
    turn(&server, &mut at, &[("artifacts/c.md", "c")]).await;
    assert_eq!(paths(&server, &at.0, "").await, ["/workspace/artifacts/c.md"]);
}

#[tokio::test]
async fn artifacts_are_listed_page_by_page() {
    let server = Harness::start().await;
    let mut at = session(&server).await;
    turn(&server, &mut at, &[("artifacts/1", "1"), ("artifacts/2", "2"), ("artifacts/3", "3")])
        .await;
    turn(&server, &mut at, &[("elsewhere", "")]).await;
    turn(&server, &mut at, &[("artifacts/3", "4"), ("artifacts/5", "5")]).await;
    let path = format!("/v1/agents/sessions/{}/artifacts", at.0);
    for order in ["asc", "desc"] {
        let all = server.get(&format!("{path}?order={order}")).await.body;
        let all = all["data"].as_array().expect("a list").clone();
        assert_eq!(all.len(), 5);
        for limit in 1..5 {
            let mut seen: Vec<Value> = Vec::new();
            let mut query = format!("{path}?order={order}&limit={limit}");
            loop {
                let page = server.get(&query).await.body;
                seen.extend(page["data"].as_array().expect("a list").clone());
                if page["has_more"] == false {
                    break;
                }
                let last = page["last_id"].as_str().expect("a cursor");
                query = format!("{path}?order={order}&limit={limit}&after={last}");
            }
            assert_eq!(seen, all, "{order} {limit}");
        }
    }
    assert_eq!(paths(&server, &at.0, &format!("&environment_id=env_{}", at.0)).await.len(), 5);
    assert!(paths(&server, &at.0, "&environment_id=env_other").await.is_empty());
    for (query, code, param) in [
        ("after=art_none", "invalid_cursor", "after"),
        ("after=art_1", "invalid_cursor", "after"),
        ("limit=0", "invalid_parameter", "limit"),
        ("colour=red", "unknown_parameter", "colour"),
    ] {
        assert_eq!(server.get(&format!("{path}?{query}")).await.refusal(), (400, code, param));
    }
}

#[tokio::test]
async fn a_deleted_artifact_is_gone_and_the_others_stay() {
    let server = Harness::start().await;
    let mut at = session(&server).await;
    turn(&server, &mut at, &[("artifacts/1", "1"), ("artifacts/2", "2")]).await;
    let path = format!("/v1/agents/sessions/{}/artifacts", at.0);
    let list = server.get(&format!("{path}?order=asc")).await.body;
    let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
    let one = format!("{path}/{id}");
    let gone = server.delete(&one).await.body;
    assert_eq!(
        gone,
        json!({"id": id, "deleted": true, "object": "agent.session.artifact.deleted"})
    );
    for path in [one.clone(), format!("{one}/content")] {
        assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    }
    assert_eq!(server.delete(&one).await.refusal(), (404, "not_found", ""));
    assert_eq!(paths(&server, &at.0, "").await, ["/workspace/artifacts/2"]);
    for id in ["art_zz", "art_ffffff", "art_1", "x"] {
        assert_eq!(
            server.get(&format!("{path}/{id}")).await.refusal(),
            (404, "not_found", ""),
            "{id}"
        );
    }
}
