//! Reading an answer that comes in pieces.

use mainstay_core::port::PartKind;

use super::super::reader::{Answer, Reader};

/// Feeds the bytes in pieces of every size; the outcome is always the same.
fn check(
    reader: impl Fn() -> Reader,
    written: &str,
    shown: Option<PartKind>,
    answer: Option<&Answer>,
) {
    for size in 1..=written.len().max(1) {
        let mut reader = reader();
        let mut seen = String::new();
        for bytes in written.as_bytes().chunks(size) {
            reader.push(bytes);
            if let Some((kind, text)) = reader.take() {
                assert_eq!(Some(kind), shown, "{written:?} in pieces of {size}");
                seen.push_str(&text);
            }
        }
        let read = reader.into_answer();
        assert_eq!(read.as_ref(), answer, "{written:?} in pieces of {size}");
        let whole = match read {
            Some(Answer::Message { text }) => text,
            Some(Answer::Call { arguments, .. }) => arguments,
            None => String::new(),
        };
        assert_eq!(seen, whole, "{written:?} in pieces of {size}");
    }
}

fn message(text: &str) -> Answer {
    Answer::Message { text: text.to_owned() }
}

#[test]
fn a_first_line_tells_calls_from_replies() {
    let reader = || Reader::of_calls("reply");
    check(
        reader,
        "reply\nGrüße, 你好\n– ok",
        Some(PartKind::Text),
        Some(&message("Grüße, 你好\n– ok")),
    );
    let call = Answer::Call { name: "pay".to_owned(), arguments: r#"{"to": "Zoë"}"#.to_owned() };
    check(reader, "pay\n{\"to\": \"Zoë\"}", Some(PartKind::Arguments), Some(&call));
    check(reader, "rep", None, None);
}

#[test]
fn without_tools_everything_is_text() {
    let text = "pay\nthem";
    check(Reader::of_text, text, Some(PartKind::Text), Some(&message(text)));
}
