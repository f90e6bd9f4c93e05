use bytes::Bytes;
use futures::{StreamExt, stream};

use super::BoundedEvents;

#[track_caller]
fn check(chunks: &[&'static str], limit_bytes: usize, expected: Option<&str>) {
    let stream =
        stream::iter(chunks.to_vec()).map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).boxed();
    let items =
        futures::executor::block_on(BoundedEvents::new(stream, limit_bytes).collect::<Vec<_>>());
    let texts: Result<Vec<_>, _> = items.into_iter().collect();
    let text = texts.map(|chunks| String::from_utf8(chunks.concat()).expect("text"));
    assert_eq!(text.ok().as_deref(), expected, "{chunks:?}");
}

#[test]
fn events_are_bounded_and_streams_are_not() {
    check(&["data: 1\n\n", "data: 2\n\n"], 10, Some("data: 1\n\ndata: 2\n\n"));
    check(&["data: 1\r\n\r\n", "data: 2\r\n\r\n"], 12, Some("data: 1\r\n\r\ndata: 2\r\n\r\n"));
    check(&["data: 1\n", "data: 2\n", "\n"], 10, None);
    check(&["da", "ta: ", "12345"], 10, None);
    check(&["data: 1\n\n", "data: 1234567890\n\n"], 10, None);
}
