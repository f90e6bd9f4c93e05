//! MCP over both transports, in protocols with and without a handshake: what is the same in all.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::port::{ToolCall, Tools, WorldChange};
use mainstay_core::tool::{McpTransport, Safety, ToolSource, ToolSpec};
use mainstay_protocol::EffectId;
use serde_json::json;

use super::mcp_support::{HttpFixture, Log, program, source, stdio};
use super::support::{Bench, Wanted};

/// One way to reach the fixture.
struct Way {
    bench: Bench,
    source: ToolSource,
    log: Log,
    name: &'static str,
    _http: Option<HttpFixture>,
}

async fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (name, is_legacy) in [("stdio", false), ("stdio legacy", true)] {
        let log = Log::start().await;
        let wanted = Wanted { mcp_servers: program(&log, is_legacy), ..Wanted::default() };
        ways.push(Way {
            bench: Bench::new(wanted),
            source: source(stdio()),
            log,
            name,
            _http: None,
        });
    }
    for (name, is_legacy) in [("http", false), ("http legacy", true)] {
        let log = Log::start().await;
        let http = HttpFixture::start(&log, is_legacy).await;
        let bench = Bench::reaching(&http.address.to_string());
        let source = source(http.transport("right"));
        ways.push(Way { bench, source, log, name, _http: Some(http) });
    }
    ways
}

#[tokio::test]
async fn every_page_of_tools_is_offered_with_its_safety() {
    for Way { bench, source, name, .. } in ways().await {
        let specs = bench.specs(&source).await;
        let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let expected = [
            "echo",
            "note",
            "charge",
            "fail",
            "refuse",
            "picture",
            "structured",
            "hang",
            "crash",
            "grow",
            "children",
        ];
        assert_eq!(names, expected, "{name}");
        let safety: Vec<_> = specs.iter().take(3).map(|spec| spec.safety).collect();
        assert_eq!(safety, [Safety::ReadOnly, Safety::Idempotent, Safety::Once], "{name}");
        assert_eq!(specs[0].description, "does echo", "{name}");
    }
}

#[tokio::test]
async fn answers_are_for_the_model() {
    for Way { bench, source, name, .. } in ways().await {
        for (tool, expected) in [
            ("echo", r#"{"a":[1,"x"]}"#),
            ("fail", "error: it failed"),
            ("refuse", "error: the MCP server answered: there is no such order"),
            (
                "picture",
                "a dot\nimage data:image/png;base64,iVBORw0KGgo=\n(an image of type \"image/x-unknown\", which cannot be shown)",
            ),
            ("structured", r#"{"total":12.5}"#),
        ] {
            let found = bench.call(&source, tool, json!({"a": [1, "x"]})).await;
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn every_attempt_has_the_key_of_its_effect() {
    for Way { bench, source, mut log, .. } in ways().await {
        let call = bench.prepare(&source, "charge", json!({})).await;
        for (effect, attempt) in [("eff_a", 1), ("eff_a", 2), ("eff_b", 1)] {
            let effect_id = EffectId::parse(effect).expect("an id");
            bench
                .tools
                .call(ToolCall { effect: effect_id, attempt, ..call.clone() })
                .await
                .expect("an answer");
            log.wait_for(&format!("charge {effect}")).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_at_the_server() {
    for Way { bench, source, mut log, name, .. } in ways().await {
        for (safety, world) in
            [(Safety::Once, WorldChange::Maybe), (Safety::ReadOnly, WorldChange::No)]
        {
            let call = bench.prepare(&source, "hang", json!({})).await;
            let spec = Arc::new(ToolSpec { timeout_ms: 200, safety, ..call.spec.as_ref().clone() });
            let error = bench.tools.call(ToolCall { spec, ..call }).await.expect_err("no answer");
            assert_eq!((error.retryable, error.world), (true, world), "{name}: {error}");
            log.wait_for("hang eff_1").await;
            log.wait_for("cancelled").await;
        }
        assert_eq!(bench.call(&source, "note", json!({})).await, "done note", "{name}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_server() {
    for Way { bench, source, mut log, .. } in ways().await {
        let call = bench.prepare(&source, "hang", json!({})).await;
        let calling = bench.tools.call(call);
        tokio::select! {
            answer = calling => panic!("{answer:?}"),
            _ = log.wait_for("hang eff_1") => {}
        }
        log.wait_for("cancelled").await;
    }
}

#[tokio::test]
async fn a_changed_list_is_asked_for_again() {
    for Way { bench, source, name, .. } in ways().await {
        assert_eq!(bench.call(&source, "grow", json!({})).await, "grown", "{name}");
        bench.clock.advance(60_000);
        let specs = bench.specs(&source).await;
        assert!(specs.iter().any(|spec| spec.name == "extra"), "{name}");
        assert_eq!(bench.call(&source, "extra", json!({})).await, "done extra", "{name}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_left_out_or_fails_the_turn() {
    let log = Log::start().await;
    let http = HttpFixture::start(&log, false).await;
    let mut servers = program(&log, false);
    let mut absent = servers["fixture"].clone();
    absent.command = "/nowhere/to/be/found".to_owned();
    servers.insert("absent".to_owned(), absent.clone());
    absent.command = "false".to_owned();
    servers.insert("failing".to_owned(), absent);
    let private_hosts = vec![http.address.to_string()];
    let bench = Bench::new(Wanted { mcp_servers: servers, private_hosts, ..Wanted::default() });
    let named = |server: &str| McpTransport::Stdio { server: server.to_owned() };
    let over_http =
        |url: &str| McpTransport::Http { url: url.to_owned(), headers: BTreeMap::new() };
    for (transport, retryable, reason) in [
        (named("unlisted"), false, "does not list it"),
        (named("absent"), false, "start \"/nowhere/to/be/found\""),
        (named("failing"), true, "connect to the MCP server \"failing\""),
        (http.transport("wrong"), false, "401"),
        (
            over_http("http://169.254.169.254/mcp?token=secret"),
            true,
            "leads to the private address",
        ),
        (over_http("http://127.0.0.1:1/mcp"), true, "leads to the private address"),
    ] {
        let mut source = source(transport);
        let error = bench.try_specs(std::slice::from_ref(&source)).await.expect_err("not reached");
        assert!(error.message.contains(reason) && !error.message.contains("secret"), "{error}");
        assert_eq!((error.retryable, error.world), (retryable, WorldChange::No), "{error}");
        let ToolSource::Mcp { required, .. } = &mut source else { unreachable!("made above") };
        *required = false;
        assert_eq!(bench.try_specs(&[source]).await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn sources_are_checked_without_being_asked() {
    let log = Log::start().await;
    let bench = Bench::new(Wanted { mcp_servers: program(&log, false), ..Wanted::default() });
    let over_http = |url: &str, header: &str| McpTransport::Http {
        url: url.to_owned(),
        headers: BTreeMap::from([(header.to_owned(), "x".to_owned())]),
    };
    for (transport, member) in [
        (stdio(), None),
        (McpTransport::Stdio { server: "sh".to_owned() }, Some("transport.server")),
        (over_http("https://mcp.example/", "authorization"), None),
        (over_http("https://mcp.example/", "host"), Some("transport.headers")),
        (over_http("unix:/run/x", "x-a"), Some("transport.url")),
        (over_http("mcp.example", "x-a"), Some("transport.url")),
    ] {
        let found = bench.tools.check(&source(transport));
        assert_eq!(found.as_ref().err().map(|(member, _)| member.as_str()), member, "{found:?}");
    }
}
