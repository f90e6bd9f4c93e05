//! What a machine is refused, and what it is told.

use insta::assert_snapshot;
use mainstay_core::port::NetworkRule;

use super::support::{Bench, Roots, Upstream, allow};

/// The status line and the body.
fn told(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.lines().next().unwrap_or_default();
    format!("{status}\n{body}")
}

#[tokio::test]
async fn refusals_say_which_rule_it_was() {
    let rule = allow(&["pypi.org", "*.npmjs.org", "inside.test", "mixed.test"]);
    let bench = Bench::new(&rule, &[], &[], &Roots::new());
    bench.names.add("inside.test", &[&["10.1.2.3"]]);
    bench.names.add("mixed.test", &[&["1.1.1.1", "169.254.169.254"]]);
    let mut shown = String::new();
    for request in [
        "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
        "CONNECT pypi.org:22 HTTP/1.1\r\nHost: pypi.org:22\r\n\r\n",
        "CONNECT inside.test:443 HTTP/1.1\r\nHost: inside.test\r\n\r\n",
        "CONNECT mixed.test:443 HTTP/1.1\r\nHost: mixed.test\r\n\r\n",
        "CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "CONNECT pypi.org HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "CONNECT pypi.org:0 HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "CONNECT user@pypi.org:443 HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "GET https://pypi.org/ HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        "GET ftp://pypi.org/ HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
    ] {
        let line = request.lines().next().unwrap_or_default();
        shown.push_str(&format!("> {line}\n{}\n", told(&bench.say(request).await)));
    }
    assert_snapshot!("refusals", shown);
}

async fn check_address(host: &str) {
    let bench = Bench::new(&NetworkRule::Open, &[], &[], &Roots::new());
    let refused = bench.tunnel(&format!("{host}:80")).await.expect_err("it is refused");
    assert!(refused.contains("403") && refused.contains("private address"), "{host}: {refused}");
    let records = bench.connections(1).await;
    assert!(
        records[0].refused.as_deref().is_some_and(|why| why.contains("private")),
        "{records:?}"
    );
    assert_eq!((records[0].number, records[0].port), (1, 80));
}

#[tokio::test]
async fn private_addresses_are_not_reached_under_any_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
    ] {
        check_address(host).await;
    }
}

#[tokio::test]
async fn the_other_rules() {
    let upstream = Upstream::plain().await;
    let to = format!("a.test:{}", upstream.port);
    let none = Bench::reaching(&NetworkRule::None, &[], &["a.test"]);
    let refused = none.tunnel(&to).await.expect_err("it is refused");
    assert!(refused.contains("this environment has no network"), "{refused}");
    assert!(none.names.asked.lock().expect("not poisoned").is_empty(), "not even looked up");
    let block = NetworkRule::Block { hosts: vec!["a.test".to_owned()] };
    let block = Bench::reaching(&block, &[], &["a.test", "b.test"]);
    let refused = block.tunnel(&to).await.expect_err("it is refused");
    assert!(refused.contains("blocked by this environment's network rule"), "{refused}");
    block.tunnel(&format!("b.test:{}", upstream.port)).await.expect("it is let through");
    let open = Bench::reaching(&NetworkRule::Open, &[], &["a.test"]);
    open.tunnel(&to).await.expect("it is let through");
}

/// A name that leads elsewhere the second time is asked for once.
#[tokio::test]
async fn the_address_that_was_checked_is_connected_to() {
    let upstream = Upstream::plain().await;
    let bench = Bench::reaching(&NetworkRule::Open, &[], &["rebind.test"]);
    bench.names.add("rebind.test", &[&["127.0.0.1"], &["169.254.169.254"]]);
    let request = format!("GET http://rebind.test:{}/a HTTP/1.1\r\nHost: x\r\n\r\n", upstream.port);
    let answer = bench.say(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(bench.names.asked.lock().expect("not poisoned").len(), 1);
    // The other way round: a name that was private stays refused, and is looked up for each connection.
    let bench = Bench::new(&NetworkRule::Open, &[], &[], &Roots::new());
    bench.names.add("rebind.test", &[&["169.254.169.254"], &["::1"], &["1.1.1.1", "10.0.0.1"]]);
    for _ in 0..3 {
        let refused = bench.tunnel("rebind.test:80").await.expect_err("it is refused");
        assert!(refused.contains("private address"), "{refused}");
    }
}

/// Each request is checked for the host that its URL names, whatever its header says.
#[tokio::test]
async fn a_header_does_not_change_the_destination() {
    let upstream = Upstream::plain().await;
    let port = upstream.port;
    let bench = Bench::reaching(&allow(&[&format!("a.test:{port}")]), &[], &["a.test"]);
    let request = format!(
        "GET http://a.test:{port}/x?y HTTP/1.1\r\nHost: evil.test\r\nProxy-Authorization: Basic eA==\r\n\
         Connection: keep-alive, x-private\r\nX-Private: 1\r\nX-Public: 1\r\n\r\n"
    );
    let answer = bench.say(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("GET /x?y\n"), "{answer}");
    let asked = upstream.asked();
    let header = |name: &str| asked[0].headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("host"), Some(format!("a.test:{port}").as_str()));
    assert_eq!(header("x-public"), Some("1"));
    assert_eq!((header("x-private"), header("proxy-authorization")), (None, None));
}
