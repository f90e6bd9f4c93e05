//! Environments of sessions: what is asked for, refused and shown.

use serde_json::{Value, json};

use crate::support::{Harness, STRANGER, redact};

const ENVIRONMENTS: &str = "/v1/agents/environments";
const TEMPLATES: &str = "/v1/agents/environments/templates";
const SESSIONS: &str = "/v1/agents/sessions";

pub(crate) fn hosted(change: &Value) -> Value {
    let mut environment = json!({"type": "openai_hosted"});
    for (member, value) in change.as_object().expect("a change is an object") {
        environment[member] = value.clone();
    }
    json!({"environment": environment, "agent": {"model": "scripted"}})
}

#[tokio::test]
async fn a_server_without_machines_says_how_to_have_them() {
    let server = Harness::start().await;
    let refused = server.post(SESSIONS, &hosted(&json!({}))).await;
    assert_eq!(refused.refusal(), (400, "unsupported", "environment"));
    assert!(refused.body["error"]["message"].to_string().contains("mainstay doctor"));
}

#[tokio::test]
async fn what_machines_do_not_have_is_refused_by_name() {
    let (server, _) = Harness::with_machines().await;
    let capability = json!({"type": "inline", "name": "a", "description": "b",
        "source": {"type": "base64", "data": "", "media_type": "application/zip"}});
    for (change, code, param) in [
        (json!({"skills": [capability]}), "unsupported", "environment.skills"),
        (json!({"plugins": [capability]}), "unsupported", "environment.plugins"),
        (json!({"desktop": {"enabled": true}}), "unsupported", "environment.desktop"),
        (
            json!({"capability_directories": ["/c"]}),
            "unsupported",
            "environment.capability_directories",
        ),
        (json!({"packages": {"system": ["gcc"]}}), "unsupported", "environment.packages.system"),
        (
            json!({"files": [{"type": "file_id", "file_id": "file_1", "path": "/workspace/a"}]}),
            "unsupported",
            "environment.files[0].file_id",
        ),
        (
            json!({"files": [{"type": "inline", "data": "YQ==", "path": "/etc/passwd"}]}),
            "invalid_parameter",
            "environment.files[0].path",
        ),
        (
            json!({"files": [{"type": "inline", "data": "YQ==", "path": "a/../../b"}]}),
            "invalid_parameter",
            "environment.files[0].path",
        ),
        (
            json!({"files": [{"type": "inline", "data": "?", "path": "a"}]}),
            "invalid_parameter",
            "environment.files[0].data",
        ),
        (
            json!({"network": {"access": "enabled", "allowed_domains": ["a.test"]}}),
            "invalid_parameter",
            "environment.network.allowed_domains",
        ),
        (
            json!({"network": {"access": "restricted", "allowed_domains": ["a.test"], "blocked_domains": ["b.test"]}}),
            "invalid_parameter",
            "environment.network.blocked_domains",
        ),
        (json!({"environment_id": "env_1"}), "unsupported", "environment.environment_id"),
        (
            json!({"environment_template_id": "envt_no"}),
            "not_found",
            "environment.environment_template_id",
        ),
        (json!({"tier": "microvm"}), "unsupported", "environment"),
        (json!({"tier": "other"}), "invalid_parameter", "environment.tier"),
        (json!({"image": "mine"}), "invalid_parameter", "environment"),
        (json!({"memory": 1}), "invalid_parameter", "environment.memory"),
        (json!({"cpus": 0}), "invalid_parameter", "environment.cpus"),
        (json!({"disk": 99_999_999}), "invalid_parameter", "environment.disk"),
        (json!({"gpu": 1}), "unknown_parameter", "environment.gpu"),
    ] {
        let reply = server.post(SESSIONS, &hosted(&change)).await;
        assert_eq!(
            (reply.refusal().1, reply.refusal().2),
            (code, param),
            "{change}\n{}",
            reply.body
        );
    }
    assert_eq!(server.get(SESSIONS).await.body["data"], json!([]));
}

#[tokio::test]
async fn a_session_has_the_machine_that_it_asks_for_under_a_template() {
    let (server, machines) = Harness::with_machines().await;
    let template = json!({
        "env": {"A": "template", "B": "template"},
        "packages": {"python": ["numpy"]},
        "setup_commands": [{"command": "make", "cwd": "/workspace/it's"}],
        "network": {"access": "restricted", "allowed_domains": ["pypi.org"]},
        "files": [{"type": "inline", "path": "a", "data": "YQ=="}],
    });
    let template = server.post(TEMPLATES, &template).await.text("id");
    let vault = server.post("/v1/vaults", &json!({"name": "v"})).await.text("id");
    let credential = json!({"name": "token", "auth": {"type": "environment_variable",
        "secret_name": "TOKEN", "secret_value": "s3cret", "networking": {"type": "unrestricted"}}});
    let kept = server.post(&format!("/v1/vaults/{vault}/credentials"), &credential).await;
    let mut asked = hosted(&json!({
        "environment_template_id": template, "env": {"B": "own"}, "container_size": "medium",
        "memory": 512, "packages": {"python": ["pandas"], "npm": ["left-pad"]},
        "files": [{"type": "inline", "path": "/workspace/b", "data": "YmI="}],
    }));
    let has_vault = kept.status.is_success();
    assert!(has_vault, "{}", kept.body);
    asked["vault_ids"] = json!([vault]);
    let made = server.post(SESSIONS, &asked).await;
    assert!(made.status.is_success(), "{}", made.body);
    let session = made.text("id");
    let environment = format!("env_{session}");
    let mut shown = made.body["environment"].clone();
    assert_eq!(shown["id"].take(), json!(environment));
    insta::assert_json_snapshot!(shown, @r#"
    {
      "capability_directories": [],
      "container_size": "medium",
      "cpus": 2,
      "desktop": null,
      "disk": 10240,
      "files": [
        {
          "id": "file_1",
          "path": "/workspace/a",
          "size_bytes": 1,
          "type": "inline"
        },
        {
          "id": "file_2",
          "path": "/workspace/b",
          "size_bytes": 2,
          "type": "inline"
        }
      ],
      "id": null,
      "image": "default",
      "memory": 512,
      "network": {
        "access": "restricted",
        "allowed_domains": [
          "pypi.org"
        ]
      },
      "packages": {
        "npm": [
          "left-pad"
        ],
        "python": [
          "numpy",
          "pandas"
        ],
        "system": []
      },
      "plugins": [],
      "skills": [],
      "type": "openai_hosted"
    }
    "#);
    assert_eq!(made.body["agent"]["tools"], json!([]), "what comes with it was not asked for");

    let file = json!({"type": "inline", "path": "/workspace/c/d", "data": "ZGRk"});
    let path = format!("{ENVIRONMENTS}/{environment}/files");
    let written = server.post(&path, &file).await;
    assert_eq!(written.body["path"], "/workspace/c/d", "{}", written.body);
    let (spec, setup, secrets) = machines.asked().remove(0);
    assert_eq!((spec.cpus, spec.memory_mib, spec.disk_mib), (2, 512, 10_240));
    insta::assert_json_snapshot!(setup, @r#"
    {
      "env": {
        "A": "template",
        "B": "own"
      },
      "python_packages": [
        "numpy",
        "pandas"
      ],
      "npm_packages": [
        "left-pad"
      ],
      "files": {
        "/workspace/a": "YQ==",
        "/workspace/b": "YmI="
      },
      "commands": [
        "cd -- '/workspace/it'\\''s' && make"
      ]
    }
    "#);
    let placeholder = mainstay_core::sandbox::placeholder(
        &mainstay_protocol::SessionId::parse(&session).expect("an id"),
        &kept.text("id"),
    );
    assert_eq!(secrets, [("TOKEN".to_owned(), placeholder, "s3cret".to_owned())]);
    let stored = format!("{:?}", server.get(&format!("{SESSIONS}/{session}/journal")).await.body);
    assert!(!stored.contains("template\"") && !stored.contains("s3cret"), "{stored}");

    // What the client lists of it, in pages.
    for (query, expected) in [
        ("order=asc", vec!["/workspace/c/d"]),
        ("path=/workspace/none", vec![]),
        ("path=/workspace/c", vec!["/workspace/c/d"]),
    ] {
        let listed = server.get(&format!("{path}?{query}")).await.body;
        let paths: Vec<_> =
            listed["data"].as_array().expect("a list").iter().map(|file| &file["path"]).collect();
        assert_eq!(paths, expected, "{query}");
    }
    for name in ["b", "a", "c.d", "c-d"] {
        let file = json!({"type": "inline", "path": name, "data": ""});
        assert!(server.post(&path, &file).await.status.is_success());
    }
    for (order, expected) in [("asc", "a b c c-d c.d"), ("desc", "c.d c-d c b a")] {
        let (mut page, mut found) = (String::new(), Vec::new());
        loop {
            let listed = server.get(&format!("{path}?limit=2&order={order}{page}")).await.body;
            found.extend(listed["data"].as_array().expect("a list").iter().map(|file| {
                let path = file["path"].as_str().expect("a path");
                path.split('/').nth(2).expect("below the workspace").to_owned()
            }));
            match listed["next"].as_str() {
                Some(next) => page = format!("&page={next}"),
                None => break,
            }
        }
        assert_eq!(found.join(" "), expected);
    }
    assert_eq!(server.get(&format!("{path}?page=%21")).await.refusal().2, "page");
    assert_eq!(server.get(&format!("{path}?path=/etc")).await.refusal().2, "path");

    // And of its checkpoints: one for each file that was written.
    let checkpoints = format!("{SESSIONS}/{session}/checkpoints");
    let made = server.post(&checkpoints, &json!({})).await;
    insta::assert_json_snapshot!(redact(&made.body), @r#"
    {
      "connections": [
        {
          "at_ms": 5,
          "host": "pypi.org",
          "number": 6,
          "port": 443,
          "received_bytes": 20,
          "sent_bytes": 10
        }
      ],
      "created_at": 1790000000,
      "file_count": 5,
      "id": "ckpt_13",
      "kept": true,
      "object": "agent.session.checkpoint",
      "seq": 13,
      "size_bytes": 3,
      "workspace": "abababababababababababababababababababababababababababababababab",
      "written_bytes": 3
    }
    "#);
    let listed = server.get(&format!("{checkpoints}?limit=4")).await.body;
    assert_eq!(
        (listed["data"].as_array().map(Vec::len), &listed["has_more"]),
        (Some(4), &json!(true))
    );
    let after = listed["last_id"].as_str().expect("an id");
    let rest = server.get(&format!("{checkpoints}?after={after}")).await.body;
    assert_eq!(
        (rest["data"].as_array().map(Vec::len), &rest["has_more"]),
        (Some(2), &json!(false))
    );
    assert_eq!(server.get(&format!("{checkpoints}?after=x")).await.refusal().2, "after");
}

#[tokio::test]
async fn environments_are_listed_and_found_by_those_they_belong_to() {
    let (server, _) = Harness::with_machines().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let made = server.post(SESSIONS, &hosted(&json!({}))).await;
        ids.push(format!("env_{}", made.text("id")));
        server.clock.advance(1);
    }
    server.session(json!({})).await;
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("{ENVIRONMENTS}?order=asc&limit=2{after}")).await.body;
        let data = page["data"].as_array().expect("a list");
        found.extend(data.iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", page["last_id"].as_str().expect("an id"));
    }
    assert_eq!(found, ids);
    let path = format!("{ENVIRONMENTS}/{}", ids[0]);
    insta::assert_json_snapshot!(redact(&server.get(&path).await.body), @r#"
    {
      "files": [],
      "id": "env_ses_01m3250v00spqtapb5114dra43",
      "object": "agent.environment",
      "plugins": [],
      "session_id": "[ses_1]",
      "skills": [],
      "status": "ready",
      "type": "openai_hosted"
    }
    "#);
    let file = json!({"type": "inline", "path": "a", "data": "YQ=="});
    server.post(&format!("{path}/files"), &file).await;
    assert_eq!(server.get(&path).await.body["status"], "connected");
    for (query, refusal) in [
        ("after=a", (400, "unknown_parameter", "after")),
        ("page=a", (400, "invalid_cursor", "page")),
    ] {
        assert_eq!(server.get(&format!("{path}/files?{query}")).await.refusal(), refusal);
    }
    assert_eq!(server.get_as(STRANGER, &path).await.refusal().0, 404);
    assert_eq!(server.get_as(STRANGER, ENVIRONMENTS).await.body["data"], json!([]));
    let session = ids[0].trim_start_matches("env_");
    assert_eq!(server.delete(&format!("{SESSIONS}/{session}")).await.status, 200);
    assert_eq!(server.get(&path).await.refusal().0, 404);
}
