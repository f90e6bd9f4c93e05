//! Tests of blanking comments and literals.

use super::{code_only, line_at, words};

#[track_caller]
fn check(source: &str, expected: &str) {
    let code = code_only(source);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{source}");
    assert_eq!(code.lines().count(), source.lines().count(), "{source}");
}

#[test]
fn comments_and_literals_are_blanked() {
    check("a // b\nc", "a c");
    check("a /* b /* c */ d */ e", "a e");
    check(r#"f("x \" y", 'q', '\'', '"') g"#, "f( , , , ) g");
    check("fn f<'a>(x: &'a str) -> &'a str { x }", "fn f<'a>(x: &'a str) -> &'a str { x }");
    check("let s = r#\"one \" two\"#; t", "let s = ; t");
    check("let s = br\"one\\\"; t", "let s = ; t");
    check("for r in x {} \"/* \" y", "for r in x {} y");
    check("a /* open", "a");
    check("\"ö\" ä", "ä");
}

#[test]
fn words_have_positions() {
    let text = "ab.c_d\n(ef)";
    let found: Vec<_> =
        words(text).map(|(position, word)| (line_at(text, position), word)).collect();
    assert_eq!(found, [(1, "ab"), (1, "c_d"), (2, "ef")]);
}
