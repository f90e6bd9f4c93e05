use super::Partial;

/// Pieces in, pieces out; `!` is a lost connection.
fn check(pieces: &[&str], expected: &str) {
    let mut partial = Partial::default();
    let mut seen = String::new();
    for piece in pieces {
        if *piece == "!" {
            partial.is_repeated = true;
            continue;
        }
        seen.push_str(&partial.add(piece));
    }
    assert_eq!(seen, expected, "{pieces:?}");
}

#[test]
fn text_of_a_lost_connection_is_not_repeated() {
    check(&["ab", "cd"], "abcd");
    check(&["ab", "!", "abcd", "ef"], "abcdef");
    check(&["ab", "!", "ab", "ab"], "abab");
    check(&["!", "ab"], "ab");
    check(&["aa", "a"], "aaa");
}
