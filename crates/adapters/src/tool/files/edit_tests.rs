use super::*;

/// An attempt of an edit, and the same edit attempted again on what it left.
fn check(text: &str, old: &str, new: &str, expected: Result<&str, &str>) {
    let edit =
        EditArguments { path: "a".to_owned(), old_text: old.to_owned(), new_text: new.to_owned() };
    match (edit.apply(text, 1), expected) {
        (Ok(Edited::Changed(changed)), Ok(wanted)) => {
            assert_eq!(changed, wanted);
            assert_eq!(edit.apply(&changed, 2), Ok(Edited::Already), "after {text:?}");
            let lost = edit.apply(text, 2);
            assert_eq!(lost, Ok(Edited::Changed(wanted.to_owned())), "the first did not write");
        }
        (Err(reason), Err(wanted)) => assert!(reason.contains(wanted), "{reason}"),
        (outcome, wanted) => panic!("{outcome:?} instead of {wanted:?}"),
    }
}

#[test]
fn an_edit_is_made_once_however_often_it_is_attempted() {
    check("one two three", "two", "2", Ok("one 2 three"));
    check("one two three", " two", "", Ok("one three"));
    check("fn a() {}", "a()", "a(b())", Ok("fn a(b()) {}"));
    check("aba", "b", "bb", Ok("abba"));
}

#[test]
fn an_edit_that_cannot_be_told_apart_later_is_refused() {
    check("one one", "one", "two", Err("2 times"));
    check("one", "two", "three", Err("does not contain"));
    check("one", "", "two", Err("is empty"));
    check("one", "one", "one", Err("are the same"));
    check("abba", "a", "b", Err("2 times"));
    check("x aa", "x a", "x aa", Err("already"));
}
