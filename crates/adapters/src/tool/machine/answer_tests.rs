use bytes::Bytes;

use super::*;

fn output(stdout: &str, stderr: &str, end: ExecEnd, omitted_bytes: u64) -> ExecOutput {
    ExecOutput {
        end,
        stdout: Bytes::copy_from_slice(stdout.as_bytes()),
        stderr: Bytes::copy_from_slice(stderr.as_bytes()),
        stdout_omitted_bytes: omitted_bytes,
        stderr_omitted_bytes: 0,
        duration_ms: 1_500,
    }
}

#[test]
fn what_a_model_reads_of_a_command() {
    let check = |output: &ExecOutput, text: &str, is_error: bool| {
        assert_eq!(exec_text(output), (text.to_owned(), is_error));
    };
    let exited = |code| ExecEnd::Exited { code };
    check(&output("", "", exited(0), 0), "(no output)", false);
    check(&output("hi\n", "", exited(0), 0), "hi\n", false);
    check(&output("hi", "no", exited(2), 0), "hi\n[stderr]\nno\n[exit code 2]", false);
    check(&output("", "", ExecEnd::Signalled { signal: 9 }, 0), "[ended by signal 9]", true);
    let killed = "x\n[killed: it ran for 1500 ms, its time limit]";
    check(&output("x", "", ExecEnd::TimedOut, 0), killed, true);
    check(&output("", "", ExecEnd::OutOfMemory, 0), "[killed: the machine's memory ran out]", true);
    check(&output("abcd", "", exited(0), 7), "ab\n[7 bytes left out]\ncd", false);
}

#[test]
fn a_machine_that_was_made_again_is_said() {
    let text = |readiness| match &answer(readiness, "out", false).content[0] {
        mainstay_core::item::Content::Text { text } => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(Readiness::Running), "out");
    assert_eq!(text(Readiness::New), "out");
    insta::assert_snapshot!(
        [0, 2].map(|lost_calls| text(Readiness::Resumed { lost_calls })).join("\n"),
        @r"
    [The machine was lost and goes on from its last checkpoint, with processes and variables as they were then.]
    out
    [The machine was lost and goes on from its last checkpoint, with files, processes and variables as they were then: without the 2 calls made since.]
    out
    "
    );
    let restored = text(Readiness::Restored { lost_calls: 3 });
    assert!(restored.contains("last 3 calls") && restored.ends_with("\nout"), "{restored}");
    let whole = text(Readiness::Restored { lost_calls: 0 });
    assert!(whole.contains("files are all there"), "{whole}");
}
