//! HTTP tools: which hosts are reached, on every hop.

use std::net::IpAddr;

use mainstay_core::port::{Tools, WorldChange};
use mainstay_core::tool::{Safety, ToolSource};
use serde_json::{Value, json};

use super::server::{Server, start_breaking};
use super::support::{Bench, Names, Wanted, text};

fn source(hosts: &[&str]) -> ToolSource {
    ToolSource::Http { allowed_hosts: hosts.iter().map(|host| (*host).to_owned()).collect() }
}

fn names(pairs: &[(&'static str, &[&str])]) -> Names {
    let parse = |addresses: &[&str]| {
        addresses.iter().map(|a| a.parse::<IpAddr>().expect("an address")).collect()
    };
    Names(pairs.iter().map(|(name, addresses)| (*name, parse(addresses))).collect())
}

async fn get(bench: &Bench, hosts: &[&str], url: &str) -> String {
    bench.call(&source(hosts), "http_get", json!({"url": url})).await
}

/// The model reads an error that contains this.
#[track_caller]
fn check_refused(found: &str, reason: &str) {
    assert!(found.starts_with("error: ") && found.contains(reason), "{found}");
}

#[tokio::test]
async fn private_addresses_are_refused_though_the_agent_lists_them() {
    let bench = Bench::new(Wanted::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fc00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "224.0.0.1",
        "255.255.255.255",
        "１２７.0.0.1",
    ] {
        let listed = [host];
        let found = get(&bench, &listed, &format!("http://{host}/")).await;
        check_refused(&found, "leads to the private address");
    }
}

#[tokio::test]
async fn names_are_judged_by_their_addresses() {
    let names = names(&[
        ("inner.example", &["10.0.0.5"]),
        ("metadata.example", &["169.254.169.254"]),
        ("mixed.example", &["93.184.216.34", "127.0.0.1"]),
        ("six.example", &["fd00::1"]),
        ("localhost", &["127.0.0.1"]),
        ("localhost.", &["127.0.0.1"]),
    ]);
    let bench = Bench::new(Wanted { names, ..Wanted::default() });
    for host in [
        "inner.example",
        "metadata.example",
        "mixed.example",
        "six.example",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ] {
        let found = get(&bench, &[host], &format!("http://{host}/")).await;
        check_refused(&found, "leads to the private address");
    }
    let source = source(&["unknown.example"]);
    let error = bench
        .try_call(&source, "http_get", json!({"url": "http://unknown.example/"}))
        .await
        .expect_err("no name");
    assert_eq!((error.retryable, error.world), (true, WorldChange::No), "{error}");
}

#[tokio::test]
async fn only_listed_hosts_are_reached() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let bench = Bench::reaching(&host);
    for url in [
        "http://example.com/",
        "http://127.0.0.1/",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://127.0.0.1.example.com/",
    ] {
        check_refused(&get(&bench, &[&host], url).await, "is not allowed; allowed: 127.0.0.1:");
    }
    for (url, reason) in [
        ("file:///etc/passwd", "only http and https"),
        ("ftp://127.0.0.1/", "only http and https"),
        ("gopher://127.0.0.1/", "only http and https"),
        ("/etc/passwd", "is not usable"),
        (&format!("http://example.com@{host}/"), "user name or password"),
        (&format!("http://{host}@example.com/"), "user name or password"),
        (&format!("http://user:pass@{host}/"), "user name or password"),
        (&format!("http://{host}/{}", "a".repeat(9_000)), "longer than 8192 bytes"),
    ] {
        check_refused(&get(&bench, &[&host], url).await, reason);
    }
    assert_eq!(server.asked().len(), 0);
    let found = get(&bench, &[&host], &server.url("/a?b=c#d")).await;
    assert_eq!(found, r#"{"body":"","method":"GET","uri":"/a?b=c"}"#);
}

#[tokio::test]
async fn the_operator_lists_private_hosts_by_name_and_port() {
    let server = Server::start().await;
    let port = server.address.port();
    let listed = format!("service.internal:{port}");
    let names = names(&[("service.internal", &["127.0.0.1"]), ("other.internal", &["127.0.0.1"])]);
    let bench =
        Bench::new(Wanted { names, private_hosts: vec![listed.clone()], ..Wanted::default() });
    // The resolver gives addresses without a port, and the client puts its own there.
    let found = get(&bench, &[&listed], &format!("http://{listed}/x")).await;
    assert_eq!(found, r#"{"body":"","method":"GET","uri":"/x"}"#);
    let other = format!("other.internal:{port}");
    check_refused(
        &get(&bench, &[&other], &format!("http://{other}/x")).await,
        "leads to the private address",
    );
    let direct = server.address.to_string();
    check_refused(
        &get(&bench, &[&direct], &server.url("/x")).await,
        "leads to the private address",
    );
}

#[tokio::test]
async fn every_hop_is_checked() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let bench = Bench::reaching(&host);
    for (to, reason) in [
        ("http://169.254.169.254/latest/meta-data/", "is not allowed"),
        ("http://127.0.0.1:1/", "is not allowed"),
        ("//example.com/", "is not allowed"),
        ("file:///etc/passwd", "only http and https"),
        ("http://[", "is not usable"),
    ] {
        let found = get(&bench, &[&host], &server.url(&format!("/redirect/302?to={to}"))).await;
        check_refused(&found, reason);
    }
    // Listing it is not enough.
    let found = get(
        &bench,
        &[&host, "169.254.169.254"],
        &server.url("/redirect/302?to=http://169.254.169.254/"),
    )
    .await;
    check_refused(&found, "leads to the private address");
    let found = get(&bench, &[&host], &server.url("/redirect/307?to=/redirect/301?to=/end")).await;
    assert_eq!(found, r#"{"body":"","method":"GET","uri":"/end"}"#);
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let bench = Bench::reaching(&host);
    assert_eq!(get(&bench, &[&host], &server.url("/hops/5")).await, "answer 0");
    check_refused(&get(&bench, &[&host], &server.url("/hops/6")).await, "more than 5 redirects");
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let (one, other) = (Server::start().await, Server::start().await);
    let hosts = [one.address.to_string(), other.address.to_string()];
    let bench = Bench::new(Wanted { private_hosts: hosts.to_vec(), ..Wanted::default() });
    let source = ToolSource::Http { allowed_hosts: hosts.to_vec() };
    let url = one.url(&format!("/redirect/307?to={}", other.url("/end")));
    let arguments = json!({"method": "POST", "url": url, "headers": {"authorization": "Bearer secret", "x-key": "secret"}, "body": "{}"});
    let found = bench.call(&source, "http_send", arguments).await;
    assert_eq!(found, r#"{"body":"{}","method":"POST","uri":"/end"}"#);
    let (first, second) = (&one.asked()[0], &other.asked()[0]);
    assert_eq!(
        (first.header("authorization"), second.header("authorization")),
        (Some("Bearer secret"), None)
    );
    assert_eq!((first.header("x-key"), second.header("x-key")), (Some("secret"), None));
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(second.header("idempotency-key"), Some("eff_1"));
}

#[tokio::test]
async fn sending_has_a_key_and_is_not_repeated_blindly() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let bench = Bench::reaching(&host);
    let source = source(&[&host]);
    let arguments = |url: String| json!({"method": "PUT", "url": url, "body": "hello", "headers": {"content-type": "text/plain"}});
    let call = bench.prepare(&source, "http_send", arguments(server.url("/x"))).await;
    assert_eq!(call.spec.safety, Safety::Once);
    let output = bench.tools.call(call).await.expect("an answer");
    assert_eq!(text(&output), r#"{"body":"hello","method":"PUT","uri":"/x"}"#);
    let asked = server.asked().pop().expect("asked");
    assert_eq!(
        (asked.header("idempotency-key"), asked.header("content-type")),
        (Some("eff_1"), Some("text/plain"))
    );
    let found =
        bench.call(&source, "http_send", arguments(server.url("/redirect/303?to=/end"))).await;
    assert_eq!(found, r#"{"body":"","method":"GET","uri":"/end"}"#);
    for header in ["host", "idempotency-key", "content-length"] {
        let arguments: Value =
            json!({"method": "POST", "url": server.url("/x"), "headers": {header: "x"}});
        let found = bench.call(&source, "http_send", arguments).await;
        assert_eq!(found, format!("error: the header {header:?} cannot be set"));
    }
}

#[tokio::test]
async fn answers_are_bounded() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let bench = Bench::reaching(&host);
    let found = get(&bench, &[&host], &server.url("/size/5000000")).await;
    assert!(found.len() <= 65_536 && found.contains("[cut: "), "{}", found.len());
    let found = get(&bench, &[&host], &server.url("/encoded")).await;
    check_refused(&found, "the answer is encoded as \"gzip\"");
    assert_eq!(
        get(&bench, &[&host], &server.url("/status/404")).await,
        "error: HTTP 404 Not Found\nanswer 404 Not Found"
    );
}

#[tokio::test]
async fn a_broken_connection_says_what_may_have_happened() {
    let (address, _running) = start_breaking().await;
    let host = address.to_string();
    let bench = Bench::reaching(&host);
    let source = source(&[&host]);
    let url = format!("http://{host}/");
    for (tool, arguments, world) in [
        ("http_get", json!({"url": url}), WorldChange::No),
        ("http_send", json!({"method": "POST", "url": url}), WorldChange::Maybe),
    ] {
        let error = bench.try_call(&source, tool, arguments).await.expect_err("no answer");
        assert_eq!((error.retryable, error.world), (true, world), "{error}");
    }
}
