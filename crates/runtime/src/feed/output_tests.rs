use super::{Characters, fitting};

fn check(pieces: &[&[u8]], expected: &[&str]) {
    let mut characters = Characters::default();
    let found: Vec<String> = pieces.iter().map(|piece| characters.push(piece)).collect();
    assert_eq!(found, expected, "{pieces:?}");
}

#[test]
fn characters_are_shown_whole() {
    check(&[b"plain"], &["plain"]);
    check(&[b"a\xc3", b"\xa9b"], &["a", "éb"]);
    check(&[b"\xf0", b"\x9f", b"\x98", b"\x80"], &["", "", "", "😀"]);
    check(&[b"\xff\xfea"], &["\u{fffd}\u{fffd}a"]);
    // A character that is broken off by another: the first is none, the second is whole.
    check(&[b"\xe2\x82", b"x"], &["", "\u{fffd}x"]);
}

#[test]
fn every_way_to_cut_a_text_shows_the_same() {
    let text = "grüße, 世界 😀 \u{0}end";
    let bytes = text.as_bytes();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut characters = Characters::default();
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            let found: String = pieces.iter().map(|piece| characters.push(piece)).collect();
            assert_eq!(found, text, "cut at {first} and {second}");
        }
    }
}

#[test]
fn what_fits_ends_with_a_whole_character() {
    assert_eq!(fitting("aé", 3), "aé");
    assert_eq!(fitting("aé", 2), "a");
    assert_eq!(fitting("aé", 0), "");
}
