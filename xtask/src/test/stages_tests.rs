//! Tests of counting a program's tests.

use std::process::Command;

use super::{Summary, Tally, counted, judge};

fn tally(passed: u64, failed: u64) -> Tally {
    Tally { passed, failed, skipped: 0 }
}

#[test]
fn the_exit_status_has_the_last_word() {
    let cases = [
        (None, true, tally(1, 0)),
        (None, false, tally(0, 1)),
        (Some(tally(0, 0)), true, tally(0, 0)),
        (Some(tally(5, 2)), false, tally(5, 2)),
        (Some(tally(5, 0)), false, tally(5, 1)),
    ];
    for (seen, succeeded, expected) in cases {
        assert_eq!(judge(seen, succeeded), expected);
    }
}

#[test]
fn summaries_of_both_outputs_are_added() {
    let script = "echo '2 passed, 0 failed'; echo '1 passed, 3 failed' >&2; exit 1";
    let seen =
        counted(Command::new("sh").args(["-c", script]), Summary::Plain).expect("sh is there");
    assert_eq!(seen, tally(3, 3));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error =
        counted(&mut Command::new("/nowhere/at-all"), Summary::None).expect_err("no such program");
    assert_eq!(error.to_string(), "starting `/nowhere/at-all`");
}
