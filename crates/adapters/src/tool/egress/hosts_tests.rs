use url::Url;

use super::AllowedHosts;

#[track_caller]
fn check(entries: &[&str], url: &str, expected: bool) {
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let hosts = AllowedHosts::parse(&entries).expect("usable entries");
    let url = Url::parse(url).expect("a URL");
    let host = url.host().expect("a host");
    let port = url.port_or_known_default().expect("a port");
    assert_eq!(hosts.check(&host, port).is_ok(), expected, "{entries:?} {url}");
}

#[test]
fn only_listed_hosts_are_meant() {
    check(&["api.example.com"], "https://api.example.com/x", true);
    check(&["api.example.com"], "http://API.example.com./x", true);
    check(&["API.Example.com"], "http://api.example.com", true);
    check(&["api.example.com"], "https://api.example.com:8443/x", false);
    check(&["api.example.com:8443"], "https://api.example.com:8443/x", true);
    check(&["api.example.com:8443"], "https://api.example.com/x", false);
    check(&["api.example.com:*"], "https://api.example.com:1/x", true);
    check(&["example.com"], "https://api.example.com/", false);
    check(&["example.com"], "https://example.com.evil.org/", false);
    check(&["example.com"], "https://evilexample.com/", false);
    check(&["127.0.0.1:80"], "http://2130706433/", true);
    check(&["127.0.0.1:80"], "http://0x7f.0.0.1/", true);
    check(&["[::1]:9000"], "http://[0:0:0:0:0:0:0:1]:9000/", true);
    check(&[], "https://example.com/", false);
}

#[test]
fn entries_that_name_no_host_are_refused() {
    for entry in ["", "https://example.com", "a b", "example.com/path", "user@example.com"] {
        let found = AllowedHosts::parse(&[entry.to_owned()]);
        assert!(found.is_err(), "{entry:?} {found:?}");
    }
}
