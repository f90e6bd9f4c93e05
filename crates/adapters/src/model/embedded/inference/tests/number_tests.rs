//! The bound on digits.

use super::super::number::NumberBound;

#[test]
fn numbers_have_a_bound_and_texts_have_none() {
    for (written, is_reached) in [
        (r#"{"a": 12"#, false),
        (r#"{"a": 123456789012345"#, true),
        (r#"{"a": 1.12345"#, false),
        (r#"{"a": 1.123456"#, true),
        (r#"{"a": 1.123456, "b": 1"#, false),
        (r#"{"a": "1234567890123456789"#, false),
        (r#"{"a": "\"1234567890123456789"#, false),
        (r#"{"a": "x\\", "b": 1.234567"#, true),
        (r#"{"a": [1.5, 123456789012345"#, true),
    ] {
        let mut bound = NumberBound::default();
        // Tokens cut a text anywhere.
        written.as_bytes().chunks(3).for_each(|bytes| bound.push(bytes));
        assert_eq!(bound.is_reached(), is_reached, "{written}");
    }
}

#[test]
fn what_goes_on_with_a_number_is_known_by_its_first_byte() {
    for (token, goes_on) in [("7", true), ("e5", true), ("}", false), (", ", false), ("", false)] {
        assert_eq!(NumberBound::goes_on(token.as_bytes()), goes_on, "{token:?}");
    }
}
