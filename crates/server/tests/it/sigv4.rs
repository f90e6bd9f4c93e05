//! Requests that are signed instead of carrying a key.

use axum::body::Body;
use axum::http::{Method, Request};
use mainstay_protocol::sha256_hex;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{ADMIN, Harness, Reply, STRANGER, request};

const AGENTS: &str = "/v1/agents";
const HOST: &str = "mainstay.test:8700";
/// What the tests' clock shows.
const NOW: &str = "20260921T141320Z";

/// A request on its way to be signed, and what is done to it afterwards.
#[derive(Clone)]
struct Signed {
    key: String,
    secret: String,
    method: Method,
    target: String,
    body: String,
    time: String,
    service: String,
    headers: Vec<(String, String)>,
    /// Headers that are sent and left out of the signature.
    unsigned: Vec<String>,
}

impl Signed {
    fn new(key: &Reply, method: Method, target: &str, body: &str) -> Self {
        Self {
            key: key.text("id"),
            secret: key.text("secret"),
            method,
            target: target.to_owned(),
            body: body.to_owned(),
            time: NOW.to_owned(),
            service: "bedrock-mantle".to_owned(),
            headers: Vec::new(),
            unsigned: Vec::new(),
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signed as the algorithm's description says, with nothing of the server's code. The targets of
    /// these tests need no encoding.
    fn request(&self) -> Request<Body> {
        let mut headers = self.headers.clone();
        headers.push(("host".to_owned(), HOST.to_owned()));
        headers.push(("x-amz-date".to_owned(), self.time.clone()));
        headers.sort();
        let signed: Vec<&(String, String)> =
            headers.iter().filter(|(name, _)| !self.unsigned.contains(name)).collect();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String =
            signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let claimed = headers.iter().find(|(name, _)| name == "x-amz-content-sha256");
        let hash = claimed.map_or(sha256_hex(self.body.as_bytes()), |(_, value)| value.clone());
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let form = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{hash}", self.method);
        let day = &self.time[..8];
        let scope = format!("{day}/eu-north-7/{}/aws4_request", self.service);
        let text =
            format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, sha256_hex(form.as_bytes()));
        let sign = |key: &[u8], text: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let start = format!("AWS4{}", self.secret).into_bytes();
        let key = [day, "eu-north-7", &self.service, "aws4_request"]
            .into_iter()
            .fold(start, |key, part| sign(&key, part));
        let signature = hex::encode(sign(&key, &text));
        let mut builder = Request::builder().method(self.method.clone()).uri(&self.target);
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.key
        );
        builder
            .header("authorization", authorization)
            .body(Body::from(self.body.clone()))
            .expect("well-formed")
    }
}

async fn start() -> (Harness, Reply) {
    let server = Harness::start().await;
    let key = server.post("/v1/keys", &json!({"name": "signer", "type": "sigv4"})).await;
    assert_eq!((key.status.as_u16(), &key.body["type"]), (200, &json!("sigv4")), "{}", key.body);
    (server, key)
}

#[tokio::test]
async fn a_signed_request_is_its_principals() {
    let (server, key) = start().await;
    let body = json!({"model": "scripted"}).to_string();
    let made = Signed::new(&key, Method::POST, AGENTS, &body);
    let reply = server.call(made.request()).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    let path = format!("{AGENTS}/{}", reply.text("id"));
    assert_eq!(server.get(&path).await.status.as_u16(), 200);
    // With the body's hash in a header, with a query, and once more within its time.
    let hashed = made.clone().with("x-amz-content-sha256", &sha256_hex(body.as_bytes()));
    assert_eq!(server.call(hashed.request()).await.status.as_u16(), 200);
    let list = Signed::new(&key, Method::GET, "/v1/agents?limit=1&order=asc", "");
    for _ in 0..2 {
        let page = server.call(list.request()).await;
        assert_eq!(page.body["data"][0]["id"], reply.text("id"), "{}", page.body);
    }
    // It has the scope `use` alone, and is of its tenant.
    let admin = server.call(Signed::new(&key, Method::GET, "/v1/keys", "").request()).await;
    assert_eq!(admin.refusal(), (403, "forbidden", ""));
    let create = json!({"name": "other", "type": "sigv4"}).to_string();
    let foreign =
        server.call(request(Method::POST, "/v1/keys", STRANGER, Body::from(create))).await;
    let theirs = server.call(Signed::new(&foreign, Method::GET, &path, "").request()).await;
    assert_eq!(theirs.refusal(), (404, "not_found", ""));
    // The secret is shown once, and its id opens nothing by itself.
    let keys = server.get("/v1/keys").await.body;
    assert!(!keys.to_string().contains(&key.text("secret")), "{keys}");
    for bearer in [key.text("id"), key.text("secret"), format!("aws4\t{}", key.text("id"))] {
        assert_eq!(server.get_as(&bearer, AGENTS).await.refusal().0, 401, "{bearer}");
    }
}

#[tokio::test]
async fn a_signature_that_does_not_hold_is_refused_with_its_reason() {
    let (server, key) = start().await;
    let body = json!({"model": "scripted"}).to_string();
    let good = Signed::new(&key, Method::POST, AGENTS, &body).with("x-custom", "1");
    assert_eq!(server.call(good.request()).await.status.as_u16(), 200);
    let tampered = |change: &dyn Fn(&mut Request<Body>)| {
        let mut request = good.request();
        change(&mut request);
        request
    };
    let signed = |change: &dyn Fn(&mut Signed)| {
        let mut copy = good.clone();
        change(&mut copy);
        copy.request()
    };
    let header = |request: &mut Request<Body>, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().expect("plain"));
    };
    let hash = sha256_hex(body.as_bytes());
    let cases: Vec<(&str, Request<Body>)> = vec![
        ("another body", tampered(&|r| *r.body_mut() = Body::from("{}"))),
        ("another path", tampered(&|r| *r.uri_mut() = "/v1/agents/sessions".parse().expect("uri"))),
        ("another query", tampered(&|r| *r.uri_mut() = "/v1/agents?a=1".parse().expect("uri"))),
        ("another method", tampered(&|r| *r.method_mut() = Method::PUT)),
        ("another header", tampered(&|r| header(r, "x-custom", "2"))),
        ("another host", tampered(&|r| header(r, "host", "evil.test"))),
        ("a header left out", tampered(&|r| drop(r.headers_mut().remove("x-custom")))),
        ("an unsigned x-amz header", tampered(&|r| header(r, "x-amz-target", "x"))),
        ("no time", tampered(&|r| drop(r.headers_mut().remove("x-amz-date")))),
        ("no time that can be read", tampered(&|r| header(r, "x-amz-date", "yesterday"))),
        ("another body than its hash", {
            let mut request = good.clone().with("x-amz-content-sha256", &hash).request();
            *request.body_mut() = Body::from("{}");
            request
        }),
        ("no hash", good.clone().with("x-amz-content-sha256", "STREAMING-X").request()),
        ("unsigned", good.clone().with("x-amz-content-sha256", "UNSIGNED-PAYLOAD").request()),
        ("a session token", good.clone().with("x-amz-security-token", "t").request()),
        ("too old", signed(&|s| s.time = "20260921T135819Z".to_owned())),
        ("too new", signed(&|s| s.time = "20260921T142821Z".to_owned())),
        ("another secret", signed(&|s| s.secret = "mss_wrong".to_owned())),
        ("an unknown key", signed(&|s| s.key = "key_none".to_owned())),
        ("a bearer's id", signed(&|s| s.key = format!("key_{ADMIN}"))),
        ("another service", signed(&|s| s.service = "s3".to_owned())),
        ("host not signed", signed(&|s| s.unsigned.push("host".to_owned()))),
        ("time not signed", signed(&|s| s.unsigned.push("x-amz-date".to_owned()))),
        ("presigned", {
            let mut request = tampered(&|r| {
                let uri = "/v1/agents?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0";
                *r.uri_mut() = uri.parse().expect("uri");
            });
            request.headers_mut().remove("authorization");
            request
        }),
    ];
    let mut told = Vec::new();
    for (name, request) in cases {
        let reply = server.call(request).await;
        assert_eq!(reply.refusal(), (401, "unauthenticated", ""), "{name}: {}", reply.body);
        assert_eq!(reply.body["error"]["type"], "authentication_error", "{name}");
        let message = reply.body["error"]["message"].as_str().unwrap_or_default();
        told.push(format!("{name}: {}", message.replace(&key.text("id"), "[key]")));
    }
    insta::assert_snapshot!(told.join("\n"));
    let large = Signed { body: "x".repeat(5 * 1024 * 1024), ..good.clone() };
    assert_eq!(server.call(large.request()).await.refusal().0, 413);
    // The same request after its time, and after its key was revoked.
    let replayed = good.request();
    server.clock.advance(15 * 60 * 1_000 + 1);
    assert_eq!(server.call(replayed).await.refusal().0, 401);
    let late = signed(&|s| s.time = "20260921T142820Z".to_owned());
    assert_eq!(server.call(late).await.status.as_u16(), 200);
    server.delete(&format!("/v1/keys/{}", key.text("id"))).await;
    let revoked = signed(&|s| s.time = "20260921T142820Z".to_owned());
    assert_eq!(server.call(revoked).await.refusal().0, 401);
    let keys = server.get("/v1/keys").await.body;
    let shown = keys["data"].as_array().expect("a list").iter().find(|k| k["id"] == key.text("id"));
    let (kind, at) =
        shown.map_or((Value::Null, Value::Null), |k| (k["type"].clone(), k["revoked_at"].clone()));
    assert_eq!((kind, at), (json!("sigv4"), json!(1_790_000_900)));
}
