use std::collections::BTreeMap;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{parse_headers, render};
use crate::tool::egress::Incoming;

#[track_caller]
fn check(status: u16, media_type: &'static str, body: &[u8], expected: &str) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let status = StatusCode::from_u16(status).expect("a status");
    let answer = Incoming { status, headers, body: body.to_vec(), is_cut: false };
    assert_eq!(render(&answer), expected);
}

#[test]
fn answers_are_short_and_readable() {
    check(
        200,
        "application/json",
        b"{ \"a\" : [1.0, 2],\n \"b c\": \"x \\\" y\\\\\" }",
        "{\"a\":[1.0,2],\"b c\":\"x \\\" y\\\\\"}",
    );
    check(200, "application/problem+json; charset=utf-8", b"{\n}", "{}");
    check(200, "application/json", b"12345678901234567890123", "12345678901234567890123");
    check(200, "text/html", b"<p>\n  hi</p>", "<p>\n  hi</p>");
    check(200, "image/png", b"\x89PNG\0\0", "(6 bytes of image/png, which is not text)");
    check(200, "application/octet-stream", b"caf\xc3", "caf\u{fffd}");
    check(204, "text/plain", b"", "HTTP 204 No Content");
    check(
        404,
        "application/json",
        b"{\"error\": \"no order\"}",
        "HTTP 404 Not Found\n{\"error\":\"no order\"}",
    );
}

#[track_caller]
fn check_header(name: &str, value: &str, expected: Result<(), &str>) {
    let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let found = parse_headers(&headers);
    assert_eq!(found.map(drop), expected.map_err(str::to_owned));
}

#[test]
fn headers_of_the_connection_cannot_be_set() {
    check_header("X-Team", "blue", Ok(()));
    check_header("authorization", "Bearer x", Ok(()));
    check_header("Host", "x", Err("the header \"Host\" cannot be set"));
    check_header("Idempotency-Key", "x", Err("the header \"Idempotency-Key\" cannot be set"));
    check_header(
        "Proxy-Authorization",
        "x",
        Err("the header \"Proxy-Authorization\" cannot be set"),
    );
    check_header("a b", "x", Err("\"a b\" is not the name of a header"));
    check_header("x", "secret\r\nhost: y", Err("the value of the header \"x\" is not usable"));
}
