//! Credentials of vaults: kept, changed, never shown, and handed to the tool that they are for.

use mainstay_core::resource::{CREDENTIAL_KIND, RESOURCES};
use mainstay_protocol::TenantId;
use mainstay_store::{Direction, EntryRange, RowScan};
use serde_json::{Value, json};

use crate::support::{Harness, MOVER, STRANGER, Script, say};

const URL: &str = "https://ledger.test/mcp";

async fn vault(server: &Harness) -> String {
    server.post("/v1/vaults", &json!({"name": "v"})).await.text("id")
}

fn bearer(token: &str) -> Value {
    json!({"type": "static_bearer", "mcp_server_url": URL, "token": token})
}

fn oauth() -> Value {
    json!({
        "type": "mcp_oauth", "mcp_server_url": URL, "access_token": "access-1",
        "expires_at": "2026-09-21T14:30:00Z",
        "refresh": {
            "client_id": "me:1", "refresh_token": "refresh-1",
            "token_endpoint": "https://login.test/token",
            "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "client-1"},
            "scope": "read write",
        },
    })
}

fn variable() -> Value {
    json!({
        "type": "environment_variable", "secret_name": "API_KEY", "secret_value": "value-1",
        "networking": {"type": "limited", "allowed_hosts": ["API.test", "10.1.2.3"]},
    })
}

async fn credential(server: &Harness, vault: &str, auth: &Value) -> Value {
    let path = format!("/v1/vaults/{vault}/credentials");
    let reply = server.post(&path, &json!({"name": " c ", "auth": auth})).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.body
}

/// Everything that the tenant's rows and control journal hold, as text.
async fn stored(server: &Harness) -> String {
    let store = server.engine.store();
    let scan = RowScan {
        spec: RESOURCES.name.into(),
        index: Vec::new(),
        prefix: vec!["ten_a".into()],
        after: None,
        direction: Direction::Ascending,
        limit_count: 1_000,
    };
    let rows = store.rows(scan).await.expect("rows").rows;
    let entries = store.entries(&"control:ten_a".into(), EntryRange::following(0, 1_000)).await;
    let rows = rows.iter().map(|row| row.doc.get().to_owned());
    let entries = entries.expect("entries");
    let entries = entries.iter().map(|entry| entry.payload.get().to_owned());
    rows.chain(entries).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    for (auth, shown) in [
        (bearer("token-1"), json!({"type": "static_bearer", "mcp_server_url": URL})),
        (
            oauth(),
            json!({
                "type": "mcp_oauth", "mcp_server_url": URL, "expires_at": "2026-09-21T14:30:00Z",
                "refresh": {
                    "client_id": "me:1", "resource": null, "scope": "read write",
                    "token_endpoint": "https://login.test/token",
                    "token_endpoint_auth": {"type": "client_secret_basic"},
                },
            }),
        ),
        (
            variable(),
            json!({
                "type": "environment_variable", "secret_name": "API_KEY",
                "networking": {"type": "limited", "allowed_hosts": ["api.test", "10.1.2.3"]},
            }),
        ),
    ] {
        let made = credential(&server, &vault, &auth).await;
        assert_eq!(made["auth"], shown);
        let expected = (&json!("vault.credential"), &json!(vault), &json!("c"), &json!({}));
        let members = (&made["object"], &made["vault_id"], &made["name"], &made["metadata"]);
        assert_eq!(members, expected);
        let path = format!("/v1/vaults/{vault}/credentials/{}", made["id"].as_str().unwrap_or(""));
        assert_eq!(server.get(&path).await.body, made);
        assert_eq!(server.get_as(STRANGER, &path).await.refusal(), (404, "not_found", ""));
    }
    let list = server.get(&format!("/v1/vaults/{vault}/credentials?status=active")).await.body;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(3));
    let seen = format!("{list}\n{}", stored(&server).await);
    for secret in ["token-1", "access-1", "refresh-1", "client-1", "value-1"] {
        assert!(!seen.contains(secret), "{secret}");
    }
    // The vault's end is theirs.
    server.delete(&format!("/v1/vaults/{vault}")).await;
    assert!(
        !stored(&server).await.contains("\"sealed\"") && !stored(&server).await.contains("1-nekot")
    );
}

#[tokio::test]
async fn secrets_are_rotated_within_their_type() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let made = credential(&server, &vault, &oauth()).await;
    let path = format!("/v1/vaults/{vault}/credentials/{}", made["id"].as_str().unwrap_or(""));
    server.clock.advance(5_000);
    let change = json!({"auth": {"type": "mcp_oauth", "access_token": "access-2", "refresh": {
        "refresh_token": "refresh-2", "scope": null,
        "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "client-2"}}}});
    let changed = server.post(&path, &change).await.body;
    assert_eq!(changed["auth"]["expires_at"], json!(null), "the old time says nothing of it");
    assert_eq!(changed["auth"]["refresh"]["scope"], json!(null));
    let made_at = made["updated_at"].as_u64().expect("a time");
    assert_eq!(changed["updated_at"], json!(made_at + 5));
    let kept = stored(&server).await;
    for (new, old) in
        [("2-ssecca", "1-ssecca"), ("2-hserfer", "1-hserfer"), ("2-tneilc", "1-tneilc")]
    {
        assert!(kept.contains(new) && !kept.contains(old), "{new}");
    }
    let changed = server.post(&path, &json!({"metadata": {"a": "b"}})).await.body;
    assert_eq!(changed["metadata"], json!({"a": "b"}));
    for (change, param) in [
        (json!({"auth": {"type": "static_bearer", "token": "x"}}), "auth.type"),
        (
            json!({"auth": {"type": "mcp_oauth", "refresh": {"token_endpoint_auth":
            {"type": "client_secret_post"}}}}),
            "auth.refresh.token_endpoint_auth.type",
        ),
        (json!({"auth": {"type": "mcp_oauth", "mcp_server_url": URL}}), "auth.mcp_server_url"),
        (json!({"name": "other"}), "name"),
    ] {
        let reply = server.post(&path, &change).await;
        assert_eq!((reply.refusal().0, reply.refusal().2), (400, param), "{change}");
    }
}

#[tokio::test]
async fn bad_credentials_are_refused_by_name() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let path = format!("/v1/vaults/{vault}/credentials");
    let with = |auth: Value, member: &str, value: Value| {
        let mut auth = auth;
        let mut place = &mut auth;
        for name in member.split('.') {
            place = &mut place[name];
        }
        *place = value;
        auth
    };
    for (auth, param) in [
        (json!({"type": "password"}), "auth.type"),
        (json!({}), "auth.type"),
        (with(bearer("t"), "token", json!("")), "auth.token"),
        (with(bearer("t"), "token", json!("a b")), "auth.token"),
        (with(bearer("t"), "token", json!(5)), "auth.token"),
        (with(bearer("t"), "mcp_server_url", json!("ledger")), "auth.mcp_server_url"),
        (with(bearer("t"), "mcp_server_url", json!("http://ledger.test")), "auth.mcp_server_url"),
        (with(bearer("t"), "mcp_server_url", json!("https://a:b@c.test")), "auth.mcp_server_url"),
        (with(bearer("t"), "color", json!(1)), "auth.color"),
        (with(oauth(), "expires_at", json!("soon")), "auth.expires_at"),
        (with(oauth(), "refresh.token_endpoint", json!("x")), "auth.refresh.token_endpoint"),
        (
            with(oauth(), "refresh.token_endpoint_auth", json!({"type": "x"})),
            "auth.refresh.token_endpoint_auth.type",
        ),
        (with(variable(), "secret_name", json!("1A")), "auth.secret_name"),
        (with(variable(), "secret_name", json!("CODEX_X")), "auth.secret_name"),
        (with(variable(), "secret_name", json!("https_proxy")), "auth.secret_name"),
        (with(variable(), "secret_value", json!("a\nb")), "auth.secret_value"),
        (
            with(variable(), "networking.allowed_hosts", json!(["a.test", "A.test"])),
            "auth.networking.allowed_hosts[1]",
        ),
        (
            with(variable(), "networking.allowed_hosts", json!(["https://a.test"])),
            "auth.networking.allowed_hosts[0]",
        ),
        (with(variable(), "networking.allowed_hosts", json!([])), "auth.networking.allowed_hosts"),
    ] {
        let reply = server.post(&path, &json!({"name": "c", "auth": auth})).await;
        assert_eq!((reply.refusal().0, reply.refusal().2), (400, param), "{auth} {}", reply.body);
    }
    let body = json!({"name": "c", "auth": bearer("t")});
    let nowhere = server.post("/v1/vaults/nobody/credentials", &body).await;
    assert_eq!(nowhere.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn an_imported_credential_is_the_same_only_with_the_same_secret() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let path = format!("/v1/vaults/{vault}/credentials/import");
    for (index, auth) in [bearer("token-1"), oauth(), variable()].into_iter().enumerate() {
        let body = json!({"id": format!("c{index}"), "name": "c", "auth": auth});
        let first = server.post_as(MOVER, &path, &body).await;
        assert_eq!((first.status.as_u16(), first.text("id")), (200, format!("c{index}")));
        assert_eq!(server.post_as(MOVER, &path, &body).await.body, first.body);
        let other = body.to_string().replace("-1\"", "-2\"");
        let other = serde_json::from_str(&other).expect("still JSON");
        let other = server.post_as(MOVER, &path, &other).await;
        assert_eq!(other.refusal(), (409, "conflict", "id"));
    }
}

/// A session whose agent calls the MCP server, and that ends its turn.
async fn talk(server: &Harness, vaults: &[&str], tool: Value) -> Vec<Option<String>> {
    let before = server.tools.tokens().len();
    server.models.say([Script::calls(&[("call_a", "ledger", "{}")]), Script::text("Done.")]);
    let mut mcp = json!({"type": "mcp", "server_label": "ledger",
        "transport": {"type": "http", "server_url": URL}});
    for (member, value) in tool.as_object().expect("members") {
        mcp[member] = value.clone();
    }
    let change = json!({"agent": {"model": "scripted", "tools": [mcp]}, "vault_ids": vaults});
    let session = server.session(change).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    stream.until_kind("agent.session.idle").await;
    let shown = server.get(&format!("/v1/agents/sessions/{session}")).await.body;
    assert_eq!(shown["vault_ids"], json!(vaults));
    server.tools.tokens().split_off(before)
}

#[tokio::test]
async fn a_tool_is_given_the_credential_that_fits_its_server() {
    let server = Harness::start().await;
    let (ours, theirs) = (vault(&server).await, vault(&server).await);
    credential(&server, &ours, &variable()).await;
    credential(
        &server,
        &ours,
        &json!({"type": "static_bearer", "token": "elsewhere",
        "mcp_server_url": "https://other.test/mcp"}),
    )
    .await;
    let one = credential(&server, &ours, &bearer("token-1")).await;
    let other = credential(&server, &theirs, &bearer("token-2")).await;
    let token = |text: &str| Some(text.to_owned());
    let first = vec![token("token-1"); 2];
    assert_eq!(talk(&server, &[&ours], json!({})).await, first);
    assert_eq!(talk(&server, &[], json!({})).await, [None, None]);
    // Several that fit are not guessed between; the tool names one.
    assert_eq!(talk(&server, &[&ours, &theirs], json!({})).await, [None]);
    let named = json!({"credential_id": other["id"]});
    assert_eq!(talk(&server, &[&ours, &theirs], named).await, vec![token("token-2"); 2]);
    let named = json!({"credential_id": one["id"]});
    assert_eq!(talk(&server, &[&theirs], named).await, [None], "not one of the session's");
    let journal = stored(&server).await;
    assert!(!journal.contains("token-1") && !journal.contains("token-2"));
}

#[tokio::test]
async fn a_rotated_secret_is_used_from_the_next_call_on() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let made = credential(&server, &vault, &bearer("token-1")).await;
    talk(&server, &[&vault], json!({})).await;
    let path = format!("/v1/vaults/{vault}/credentials/{}", made["id"].as_str().unwrap_or(""));
    server.post(&path, &json!({"auth": {"type": "static_bearer", "token": "token-2"}})).await;
    assert_eq!(talk(&server, &[&vault], json!({})).await, vec![Some("token-2".to_owned()); 2]);
}

#[tokio::test]
async fn an_access_token_is_refreshed_before_it_expires() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let made = credential(&server, &vault, &oauth()).await;
    let expires_ms = 1_790_001_000_000;
    assert_eq!(talk(&server, &[&vault], json!({})).await, vec![Some("access-1".to_owned()); 2]);
    assert_eq!(server.courier.count(), 0);
    server.clock.advance(expires_ms - 1_790_000_000_000 - 30_000);
    let answer = r#"{"access_token":"access-2","refresh_token":"refresh-2","expires_in":3600}"#;
    server.courier.answer_with(200, answer);
    assert_eq!(talk(&server, &[&vault], json!({})).await, vec![Some("access-2".to_owned()); 2]);
    let sent = server.courier.sent(1).await;
    assert_eq!(sent.len(), 1, "once, though two attempts wanted it");
    assert_eq!(sent[0].url, "https://login.test/token");
    assert_eq!(
        sent[0].body.expose(),
        "grant_type=refresh_token&refresh_token=refresh-1&scope=read+write"
    );
    let basic = sent[0].authorization.as_ref().map(|header| header.expose().to_owned());
    assert_eq!(basic.as_deref(), Some("Basic bWUlM0ExOmNsaWVudC0x"));
    let path = format!("/v1/vaults/{vault}/credentials/{}", made["id"].as_str().unwrap_or(""));
    assert_eq!(server.get(&path).await.body["auth"]["expires_at"], "2026-09-21T15:29:30Z");
    assert!(stored(&server).await.contains("2-hserfer"), "the rotated refresh token");
    // A token that is refused is not sent or renewed any more: the server says what it wants instead.
    server.clock.advance(3_600_000);
    server.courier.answer_with(400, r#"{"error":"invalid_grant","hint":"refresh-2"}"#);
    server.courier.answer_with(400, r#"{"error":"invalid_grant","hint":"refresh-2"}"#);
    assert_eq!(talk(&server, &[&vault], json!({})).await, [None, None]);
    assert_eq!(talk(&server, &[&vault], json!({})).await, [None, None]);
    assert_eq!(server.courier.count(), 2, "the refresh token was tried once more, and not again");
}

#[tokio::test]
async fn a_refresh_that_failed_is_not_said_to_have_been_cut_short() {
    let server = Harness::start().await;
    let vault = vault(&server).await;
    let made = credential(&server, &vault, &oauth()).await;
    server.clock.advance(1_000_000);
    server.courier.answer_with(503, "");
    for _ in 0..2 {
        server.courier.answer_with(400, r#"{"error":"invalid_grant"}"#);
    }
    let clock = server.clock.clone();
    let moving = async {
        loop {
            clock.advance(100);
            tokio::task::yield_now().await;
        }
    };
    // The failed attempt is made again after a while.
    let vaults = [vault.as_str()];
    tokio::select! {
        tokens = talk(&server, &vaults, json!({})) => assert!(tokens.iter().all(Option::is_none)),
        () = moving => unreachable!("the clock moves for ever"),
    }
    let tenant = TenantId::parse("ten_a").expect("a plain id");
    let id = made["id"].as_str().expect("an id");
    let row = server.engine.control().resource(&tenant, CREDENTIAL_KIND, id).await;
    let row = row.expect("the store answers").expect("the credential is there");
    let why = "the authorization server refuses to renew its tokens: HTTP 400";
    assert_eq!(row.body["auth"]["refresh"]["rejected"], why);
}
