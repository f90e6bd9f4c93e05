//! Tests of reading test runners' summaries.

use super::{Summary, Tally};

fn tally(passed: u64, failed: u64, skipped: u64) -> Option<Tally> {
    Some(Tally { passed, failed, skipped })
}

#[test]
fn summaries_are_read() {
    let cases = [
        (
            Summary::Nextest,
            "     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped",
            tally(3, 0, 0),
        ),
        (
            Summary::Nextest,
            "     Summary [  61.2s] 9/12 tests run: 6 passed (1 slow), 1 failed, 1 timed out, 1 exec failed, 3 skipped",
            tally(6, 3, 3),
        ),
        (
            Summary::Nextest,
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.0s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m",
            tally(1, 0, 0),
        ),
        (Summary::Nextest, "        PASS [   0.005s] xtask tests::passed", None),
        (
            Summary::Libtest,
            "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured",
            tally(3, 0, 2),
        ),
        (Summary::Libtest, "test result: FAILED. 3 passed; 1 failed; 0 ignored", tally(3, 1, 0)),
        (Summary::Libtest, "test it::works ... ok", None),
        (
            Summary::Pytest,
            "==== 2 failed, 10 passed, 1 error in 61.11s (0:01:01) ====",
            tally(10, 3, 0),
        ),
        (Summary::Pytest, "10 passed, 1 skipped in 0.50s", tally(10, 0, 1)),
        (Summary::Pytest, "the answer came in 3s", None),
        (Summary::Node, "ℹ pass 17", tally(17, 0, 0)),
        (Summary::Node, "ℹ cancelled 2", tally(0, 2, 0)),
        (Summary::Node, "ℹ duration_ms 2341.9", None),
        (Summary::Node, "✔ pass 17", None),
        (Summary::Plain, "2000 passed, 1 failed", tally(2000, 1, 0)),
        (Summary::Plain, "seed 7: passed", None),
        (Summary::None, "3 passed, 0 failed", None),
    ];
    for (summary, line, expected) in cases {
        assert_eq!(summary.read(line), expected, "{summary:?}: {line}");
    }
}

#[test]
fn skipped_tests_are_shown_in_the_last_line() {
    let cases =
        [(tally(3, 0, 0), "3 passed, 0 failed"), (tally(3, 1, 2), "3 passed, 1 failed, 2 skipped")];
    for (tally, expected) in cases {
        assert_eq!(tally.expect("the cases have counts").to_string(), expected);
    }
}
