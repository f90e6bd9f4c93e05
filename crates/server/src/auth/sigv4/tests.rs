//! The signing vectors of Amazon's own suite, as the crate `aws-sigv4` carries them.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use mainstay_protocol::sha256_hex;
use serde::Deserialize;

use super::authorization::Authorization;
use super::{canonical, check_signature, string_to_sign, time};

const VECTORS: &str = include_str!("../../../testdata/sigv4/vectors.json");

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
    authorization: String,
    canonical_request: String,
    signature: String,
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let authorization = ("authorization".to_owned(), self.authorization.clone());
        for (name, value) in self.headers.iter().chain([&authorization]) {
            let name: HeaderName = name.parse().expect("a vector's header has a name");
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).expect("and a value");
            headers.append(name, value);
        }
        headers
    }
}

#[test]
fn every_vector_has_its_form_and_its_signature() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    assert_eq!(vectors.len(), 31);
    for vector in &vectors {
        let name = &vector.name;
        let headers = vector.headers();
        let signed = Authorization::parse(&headers).expect("a vector's header is well-formed");
        let (path, query) = vector.target.split_once('?').unwrap_or((&vector.target, ""));
        let form = canonical::form(
            &vector.method,
            path,
            query,
            &headers,
            &signed.signed_headers,
            &sha256_hex(vector.body.as_bytes()),
        );
        assert_eq!(form, vector.canonical_request, "{name}");
        let at = headers["x-amz-date"].to_str().expect("plain text");
        let (_, at) = time::read(at).expect("a vector has a time");
        check_signature(&signed, &vector.secret, &at, &form).expect(name);
        assert_eq!(hex::encode(signed.signature), vector.signature, "{name}");
        check_signature(&signed, "another", &at, &form).expect_err(name);
        check_signature(&signed, &vector.secret, &at, &format!("{form} ")).expect_err(name);
        assert!(string_to_sign(&signed, &at, &form).contains("/us-east-1/service/"));
    }
}

#[test]
fn a_path_is_encoded_once_more_and_a_query_once() {
    let none = HeaderMap::new();
    for (target, query, expected) in [
        (
            "/test/@connections/JBDvjfGEIAMCERw%3D",
            "",
            "/test/%40connections/JBDvjfGEIAMCERw%253D\n",
        ),
        ("/v1/a%20b/", "a=1%202&a=1+1&b", "/v1/a%2520b/\na=1%201&a=1%202&b="),
        ("/v1/../../x/.", "%zz=%2f", "/x/\n%25zz=%2F"),
        ("", "&&", "/\n"),
    ] {
        let form = canonical::form("GET", target, query, &none, &[], "h");
        assert_eq!(form, format!("GET\n{expected}\n\n\nh"), "{target}");
    }
}

#[test]
fn a_malformed_header_is_refused_and_says_why() {
    let signature = "0".repeat(64);
    let whole = |change: &dyn Fn(String) -> String| {
        change(format!(
            "AWS4-HMAC-SHA256 Credential=key_1/20150830/r/s/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        ))
    };
    let check = |header: String| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", header.parse().expect("plain text"));
        Authorization::parse(&headers).map(|_| ()).map_err(|error| error.message)
    };
    check(whole(&|text| text)).expect("the whole one is well-formed");
    check(whole(&|text| text.replace(", ", ","))).expect("spaces are free");
    let faults: [(&str, &str); 9] = [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("Credential=", "Credentials="),
        ("/r/s/", "/r/"),
        ("20150830", "2015"),
        ("host;x-amz-date", "x-amz-date;host"),
        ("host;x-amz-date", "host;host"),
        ("host;", "Host;"),
        ("Signature=0", "Signature="),
        (", Signature", ", Signature=00, Signature"),
    ];
    let reasons: Vec<String> = faults
        .into_iter()
        .map(|(from, to)| check(whole(&|text| text.replacen(from, to, 1))).expect_err(to))
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
}
