//! Every way for a call to fail without an answer.

use mainstay_adapters::model::ModelTimeouts;
use mainstay_core::port::ModelErrorKind::{
    ContextTooLong, Garbled, Invalid, RateLimited, Refused, Unavailable,
};
use mainstay_core::port::{ModelError, ModelErrorKind};

use super::fixtures::{KEY, call, provider_of, request, user};
use super::player::{End, Play, Player};

/// A status with a body, and what it means.
const STATUSES: &[(&str, u16, &str, ModelErrorKind)] = &[
    (
        "openai_chat",
        400,
        r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ContextTooLong,
    ),
    (
        "openai_chat",
        400,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. Please reduce the length of the messages.","type":"BadRequestError","code":400}"#,
        ContextTooLong,
    ),
    (
        "openai_chat",
        400,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
        Refused,
    ),
    (
        "openai_chat",
        400,
        r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
        Invalid,
    ),
    (
        "openai_chat",
        401,
        r#"{"error":{"message":"Incorrect API key provided: sk-test-0123456789abcdefghij.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        Invalid,
    ),
    ("openai_chat", 404, r#"{"error":"model 'nope' not found"}"#, Invalid),
    ("openai_chat", 404, "404 page not found", Invalid),
    ("openai_chat", 307, "", Invalid),
    ("openai_chat", 413, "<html>Request Entity Too Large</html>", ContextTooLong),
    (
        "openai_chat",
        422,
        r#"{"detail":[{"loc":["body","tools"],"msg":"field required"}]}"#,
        Invalid,
    ),
    (
        "openai_chat",
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        Invalid,
    ),
    (
        "openai_chat",
        429,
        r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        ContextTooLong,
    ),
    (
        "openai_chat",
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-4o on requests per min.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
        RateLimited,
    ),
    (
        "openai_chat",
        500,
        r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
        Unavailable,
    ),
    ("openai_chat", 502, "<html>bad gateway</html>", Unavailable),
    (
        "openai_responses",
        400,
        r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#,
        Refused,
    ),
    (
        "openai_responses",
        409,
        r#"{"error":{"message":"conflict","type":"conflict_error"}}"#,
        Unavailable,
    ),
    (
        "openai_responses",
        503,
        r#"{"error":{"message":"Slow down","type":"service_unavailable_error","code":"slow_down"}}"#,
        RateLimited,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"},"request_id":"req_1"}"#,
        ContextTooLong,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: roles must alternate"}}"#,
        Invalid,
    ),
    (
        "anthropic",
        401,
        r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
        Invalid,
    ),
    (
        "anthropic",
        402,
        r#"{"type":"error","error":{"type":"billing_error","message":"payment required"}}"#,
        Invalid,
    ),
    (
        "anthropic",
        413,
        r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        ContextTooLong,
    ),
    (
        "anthropic",
        429,
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded your per-minute rate limit"}}"#,
        RateLimited,
    ),
    (
        "anthropic",
        500,
        r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#,
        Unavailable,
    ),
    (
        "anthropic",
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Unavailable,
    ),
];

#[tokio::test]
async fn a_status_says_what_to_do_next() {
    let mut seen = String::new();
    for (api, status, body, kind) in STATUSES {
        let error = failure(api, Play::error(*status, body)).await;
        assert_eq!(error.kind, *kind, "{api} {status} {body}");
        seen.push_str(&format!("{api} {status} {:?}\n  {}\n", error.kind, error.message));
    }
    insta::assert_snapshot!(seen);
}

type Headers<'a> = &'a [(&'static str, &'a str)];

#[tokio::test]
async fn a_wait_is_taken_from_the_headers() {
    let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
    let cases: [(Headers, Option<u64>); 7] = [
        (&[("retry-after", "7")], Some(7_000)),
        (&[("retry-after", "0.25")], Some(250)),
        (&[("retry-after-ms", "1500.5"), ("retry-after", "9")], Some(1_501)),
        (&[date, ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], Some(30_000)),
        (&[date, ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], Some(0)),
        (&[("retry-after", "99999999999")], Some(3_600_000)),
        (&[("retry-after", "soon")], None),
    ];
    for (headers, wait_ms) in cases {
        let play = headers
            .iter()
            .fold(Play::error(429, "{}"), |play, (name, value)| play.with_header(name, value));
        let error = failure("openai_chat", play).await;
        assert_eq!(error.retry_after_ms, wait_ms, "{headers:?}");
    }
}

#[tokio::test]
async fn the_key_is_in_no_message() {
    let bodies = [
        format!(r#"{{"error":{{"message":"bad key {KEY}"}}}}"#),
        format!("you sent Authorization: Bearer {KEY} to us"),
        r#"{"error":{"message":"Incorrect API key provided: sk-proj-AAAA************BBBB."}}"#
            .to_owned(),
        "authorization: bearer eyJhbGciOi.J9.sig".to_owned(),
    ];
    for body in bodies {
        let message = failure("openai_chat", Play::error(401, &body)).await.message;
        for secret in [KEY, "sk-proj", "eyJ"] {
            assert!(!message.contains(secret), "{message}");
        }
        assert!(message.contains("[secret]"), "{message}");
    }
}

#[tokio::test]
async fn an_error_body_is_cut() {
    let error = failure("openai_chat", Play::error(500, &"long ".repeat(100_000))).await;
    assert!(error.message.len() < 700, "{} bytes", error.message.len());
}

#[tokio::test]
async fn silence_and_cuts_are_worth_another_attempt() {
    let begun = br#"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}

"#;
    let hasty = ModelTimeouts { first_byte_timeout_ms: 40, ..ModelTimeouts::default() };
    let impatient = ModelTimeouts { idle_timeout_ms: 40, ..ModelTimeouts::default() };
    let patient = ModelTimeouts::default();
    let cases = [
        (
            Play::stream(begun, 1024).ending(End::Hang),
            hasty,
            "waited 40 ms for the answer to begin",
        ),
        (
            Play::stream(begun, 1024).ending(End::Stall),
            impatient,
            "waited 40 ms for more of the answer",
        ),
        (Play::stream(begun, 1024).ending(End::Cut), patient, "call model"),
        (Play::error(500, "{").ending(End::Cut), patient, "call model"),
    ];
    for (play, timeouts, message) in cases {
        let error = failure_within("openai_chat", play.clone(), timeouts).await;
        assert_eq!(error.kind, Unavailable, "{play:?}");
        assert!(error.message.contains(message), "{}", error.message);
    }
}

#[tokio::test]
async fn the_whole_call_has_an_end() {
    let player = Player::start(Play::stream(b": ping\n\n", 1024).ending(End::Stall)).await;
    let mut asked = request("m", vec![user("Hi")]);
    asked.timeout_ms = 40;
    let (_, ended) = call(provider_of("openai_chat", &player.url), asked).await;
    let error = ended.expect_err("nothing was answered");
    assert_eq!(error.kind, Unavailable);
    assert!(error.message.contains("whole call"), "{}", error.message);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = Player::start(Play::stream(b"", 1)).await.url.clone();
    let asked = request("m", vec![user("Hi")]);
    let (_, ended) = call(provider_of("openai_chat", &gone), asked).await;
    assert_eq!(ended.expect_err("nobody listens").kind, Unavailable);
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let line = format!("data: {}\n", "x".repeat(1 << 20));
    let error = failure("anthropic", Play::stream(line.repeat(17).as_bytes(), 1 << 20)).await;
    assert_eq!(error.kind, Garbled);
    assert!(error.message.contains("too large"), "{}", error.message);
}

async fn failure(api: &str, play: Play) -> ModelError {
    failure_within(api, play, ModelTimeouts::default()).await
}

async fn failure_within(api: &str, play: Play, timeouts: ModelTimeouts) -> ModelError {
    let player = Player::start(play).await;
    let mut settings = provider_of(api, &player.url);
    settings.timeouts = timeouts;
    let (_, ended) = call(settings, request("m", vec![user("Hi")])).await;
    ended.expect_err("this call fails")
}
