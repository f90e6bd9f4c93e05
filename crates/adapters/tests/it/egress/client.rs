//! Real clients. They are looked for where every machine that builds this has them; one that is missing
//! fails its test.

use std::process::Output;

use super::support::{Bench, Roots, Upstream, allow, secret};

async fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_remove("no_proxy").env_remove("NO_PROXY").kill_on_drop(true);
    match command.output().await {
        Ok(output) => output,
        Err(error) => panic!("{program} must be installed: {error}"),
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn curl_reads_what_it_may_and_is_told_what_not() {
    let roots = Roots::new();
    let upstream = Upstream::plain().await;
    let port = upstream.port;
    let bench = Bench::with_roots(&allow(&[&format!("a.test:{port}")]), &[], &["a.test"], &roots);
    let door = bench.door().await;
    let proxy = format!("http://{}", door.address);
    let get = |url: String| {
        let proxy = proxy.clone();
        async move {
            said(&run("curl", &["-sS", "-L", "-p", "-v", "-m", "20", "-x", &proxy, &url]).await)
        }
    };
    let plain = |url: String| {
        let proxy = proxy.clone();
        async move { said(&run("curl", &["-sS", "-L", "-m", "20", "-x", &proxy, &url]).await) }
    };
    let answer = plain(format!("http://a.test:{port}/x")).await;
    assert_eq!(answer, "GET /x\n");
    let answer = get(format!("http://a.test:{port}/y")).await;
    assert!(answer.contains("GET /y\n"), "{answer}");
    let answer = plain(format!("http://a.test:{port}/redirect-to-metadata")).await;
    assert!(answer.starts_with("Mainstay: 169.254.169.254:80 is not among the hosts"), "{answer}");
    let answer = get("https://evil.test/".to_owned()).await;
    assert!(answer.contains("403 Mainstay: evil.test:443 is not among the hosts"), "{answer}");
    let records = bench.connections(5).await;
    assert!(
        records.iter().any(|record| record.host == "169.254.169.254" && record.refused.is_some())
    );
}

const PYTHON: &str = r#"
import json, os, sys, urllib.request, urllib.error
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": sys.argv[1], "https": sys.argv[1]}))
for url in sys.argv[2:]:
    try:
        request = urllib.request.Request(url, data=b"k=mainstay-secret-API_KEY", headers={"Authorization": "Bearer mainstay-secret-API_KEY"})
        print(opener.open(request, timeout=20).read().decode())
    except urllib.error.URLError as error:
        print(error)
"#;

#[tokio::test]
async fn python_gets_its_secret_where_it_belongs() {
    let roots = Roots::new();
    let upstream = Upstream::tls(&["api.test"], &roots).await;
    let to = format!("api.test:{}", upstream.port);
    let key = secret("API_KEY", "sk-very-secret-value", &[&to]);
    let bench = Bench::with_roots(&allow(&[&to]), &[key], &["api.test"], &roots);
    let door = bench.door().await;
    let trusted = bench.folder.path().join("trusted.pem");
    std::fs::write(&trusted, bench.proxy.ca_certificate_pem()).expect("it is written");
    let mut command = tokio::process::Command::new("python3");
    command.args(["-c", PYTHON, &format!("http://{}", door.address)]);
    command.args([&format!("https://{to}/a"), "https://evil.test/"]).kill_on_drop(true);
    let output =
        command.env("SSL_CERT_FILE", &trusted).output().await.expect("python3 is installed");
    let said = said(&output);
    assert!(said.contains("POST /a\nk=mainstay-secret-API_KEY"), "{said}");
    assert!(said.contains("403 Mainstay: evil.test:443 is not among the hosts"), "{said}");
    let asked = upstream.asked();
    assert_eq!(asked[0].body, "k=sk-very-secret-value");
    assert_eq!(asked[0].headers["authorization"], "Bearer sk-very-secret-value");
}
