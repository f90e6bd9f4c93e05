use mainstay_core::port::NetworkRule;
use url::Host;

use super::Rule;

fn hosts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn check(rule: &NetworkRule, host: &str, port: u16, is_through: bool) {
    let rule = Rule::parse(rule).expect("a rule");
    let owned = Host::parse(host).expect("a host");
    let host = match &owned {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    assert_eq!(rule.check(&host, port).is_ok(), is_through, "{host}:{port}");
}

#[test]
fn an_allow_list_lets_through_what_it_names() {
    let list = ["pypi.org", "git.test:22", "*.npmjs.org", "any.test:*", "1.2.3.4", "[::1]:80"];
    let rule = NetworkRule::Allow { hosts: hosts(&list) };
    for (host, port, is_through) in [
        ("pypi.org", 443, true),
        ("PyPI.org", 80, true),
        ("pypi.org", 22, false),
        ("files.pypi.org", 443, false),
        ("notpypi.org", 443, false),
        ("pypi.org.evil.test", 443, false),
        ("git.test", 22, true),
        ("git.test", 443, false),
        ("registry.npmjs.org", 443, true),
        ("a.b.npmjs.org", 443, true),
        ("npmjs.org", 443, false),
        ("evilnpmjs.org", 443, false),
        ("registry.npmjs.org", 8443, false),
        ("any.test", 5432, true),
        ("1.2.3.4", 443, true),
        ("1.2.3.5", 443, false),
        ("[::1]", 80, true),
        ("0x1.2.3.4", 443, true),
    ] {
        check(&rule, host, port, is_through);
    }
}

#[test]
fn a_block_list_lets_through_the_rest() {
    let rule = NetworkRule::Block { hosts: hosts(&["evil.test", "*.ads.test", "half.test:80"]) };
    for (host, port, is_through) in [
        ("evil.test", 443, false),
        ("evil.test", 12_345, false),
        ("sub.evil.test", 443, true),
        ("x.ads.test", 1, false),
        ("half.test", 80, false),
        ("half.test", 443, true),
        ("good.test", 22, true),
    ] {
        check(&rule, host, port, is_through);
    }
    check(&NetworkRule::None, "good.test", 443, false);
    check(&NetworkRule::Open, "good.test", 1, true);
}

#[test]
fn what_is_no_host_is_named() {
    for text in
        ["", "*", "*.", "a b", "http://x.test", "x.test/path", "*.1.2.3.4", "a.*.test", "x:y"]
    {
        let rule = NetworkRule::Allow { hosts: hosts(&[text]) };
        let error = Rule::parse(&rule).expect_err(text).to_string();
        assert!(error.starts_with(&format!("{text:?} is not a host")), "{error}");
    }
}
