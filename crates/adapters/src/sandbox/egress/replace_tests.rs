use super::{Replacer, Table};

fn table(pairs: &[(&str, &str)]) -> std::sync::Arc<Table> {
    let pairs =
        pairs.iter().map(|(text, with)| (text.as_bytes().to_vec(), with.as_bytes().to_vec()));
    Table::new(pairs.collect()).expect("there are texts")
}

/// However the bytes are cut, the outcome is that of the whole.
#[track_caller]
fn check(pairs: &[(&str, &str)], input: &str, expected: &str) {
    let table = table(pairs);
    for width in 1..=input.len().max(1) {
        let mut replacer = Replacer::new(table.clone());
        let mut out = Vec::new();
        for part in input.as_bytes().chunks(width) {
            out.extend(replacer.feed(part));
        }
        out.extend(replacer.finish());
        assert_eq!(String::from_utf8_lossy(&out), expected, "in parts of {width}");
    }
}

#[test]
fn texts_are_replaced_across_parts() {
    let one = [("{{KEY}}", "s3cret")];
    check(&one, "a {{KEY}} b {{KEY}}{{KEY}} {{KEY} {{", "a s3cret b s3crets3cret {{KEY} {{");
    check(&one, "", "");
    check(&one, "{{{{KEY}}", "{{s3cret");
    check(&[("abab", "X")], "abababab ababab", "XX Xab");
    check(&[("key", "1"), ("keyring", "2")], "key keyring keyrin", "1 2 1rin");
    check(&[("aa", "b"), ("ba", "c")], "aaaa baa", "bb ca");
}

#[test]
fn what_cannot_become_a_text_is_not_held_back() {
    let mut replacer = Replacer::new(table(&[("{{KEY}}", "s3cret")]));
    assert_eq!(replacer.feed(b"data: 1\n\n"), b"data: 1\n\n");
    assert_eq!(replacer.feed(b"x{{K"), b"x");
    assert_eq!(replacer.feed(b"ER"), b"{{KER");
    assert_eq!(replacer.used, Vec::<usize>::new());
    assert!(Table::new(Vec::new()).is_none());
}
