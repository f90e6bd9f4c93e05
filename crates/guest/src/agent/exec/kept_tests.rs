use super::*;

#[track_caller]
fn check(limit: usize, pieces: &[&str], kept: &str, omitted: u64) {
    let mut it = Kept::new(limit);
    for piece in pieces {
        it.push(piece.as_bytes());
    }
    let (bytes, count) = it.finish();
    assert_eq!((String::from_utf8_lossy(&bytes).as_ref(), count), (kept, omitted));
}

#[test]
fn the_first_and_the_last_half_are_kept() {
    check(6, &["abc", "def"], "abcdef", 0);
    check(6, &["abcdefg"], "abcefg", 1);
    check(6, &["a", "bcd", "e", "fghij", "k"], "abcijk", 5);
    check(7, &["abcdefghijklmnop"], "abcmnop", 9);
    check(0, &["abc", "d"], "", 4);
    check(1, &["abc", "d"], "d", 3);
    check(6, &[], "", 0);
}
