//! Commands.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{ExecEnd, ExecRequest, Fate, OutputStream, SandboxError};

use crate::support::{Guest, command, effect_id, shell, shown};

#[tokio::test]
async fn a_command_has_what_it_was_given_and_gives_what_it_made() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let check = async |request: ExecRequest, expected: &str| {
        let output = machine.exec(request, None).await.expect("run");
        assert_eq!(shown(&output), expected);
    };
    check(command("1", &["true"]), "Exited { code: 0 } [] []").await;
    check(command("2", &["/bin/false"]), "Exited { code: 1 } [] []").await;
    check(shell("3", "echo out; echo err >&2; exit 7"), "Exited { code: 7 } [out\n] [err\n]").await;
    check(shell("4", "kill -9 $$"), "Signalled { signal: 9 } [] []").await;
    check(
        shell("5", "pwd; id -u; echo $GREETING $HOME"),
        "Exited { code: 0 } [/workspace\n1000\nhello /workspace\n] []",
    )
    .await;
    let mut request = command("6", &["wc", "-c"]);
    request.stdin = Bytes::from(vec![b'x'; 3_000_000]);
    check(request, "Exited { code: 0 } [3000000\n] []").await;
    let mut request = shell("7", "echo $EXTRA; pwd");
    request.env = [("EXTRA".to_owned(), "more".to_owned())].into();
    request.cwd = "/tmp".to_owned();
    check(request, "Exited { code: 0 } [more\n/tmp\n] []").await;
    let long = "y".repeat(100_000);
    let request = command("8", &["sh", "-c", "printf '%s' \"${#1}\"", "sh", &long]);
    check(request, "Exited { code: 0 } [100000] []").await;
}

#[tokio::test]
async fn what_cannot_be_run_is_said() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let check = async |request: ExecRequest, expected: &str| {
        let error = machine.exec(request, None).await.expect_err("refuse");
        assert_eq!(error, SandboxError::Invalid(expected.to_owned()));
    };
    check(command("1", &[]), "a command needs a program").await;
    check(command("2", &["nonesuch"]), "there is no program `nonesuch` in the machine's PATH")
        .await;
    check(command("3", &["./nonesuch"]), "there is no program `./nonesuch` in the machine").await;
    check(
        command("4", &["/etc/passwd"]),
        "`/etc/passwd` in the machine may not be run; its mode lacks `x`",
    )
    .await;
    check(
        command("5", &["a\0b"]),
        "arguments and variables hold no NUL byte, and names of variables no `=`",
    )
    .await;
    let mut request = command("6", &["true"]);
    request.cwd = "/nonesuch".to_owned();
    check(request, "there is no folder `/nonesuch` in the machine to run in").await;
    let output =
        machine.exec(command("2", &["true"]), None).await.expect("an id that ran nothing is free");
    assert_eq!(output.end, ExecEnd::Exited { code: 0 });
}

#[tokio::test]
async fn under_one_id_nothing_runs_twice() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let request = shell("1", "echo once >> log; wc -l < log");
    let first = machine.exec(request.clone(), None).await.expect("run");
    let second = machine.exec(request.clone(), None).await.expect("know");
    assert_eq!((shown(&first), &first), (shown(&second), &second));
    drop(machine);
    let machine = guest.connect().await;
    let Fate::Ended(third, _) = machine.exec_fate(&request.effect).await.expect("know") else {
        panic!("it ended");
    };
    assert_eq!(third, first);
    assert_eq!(machine.exec_fate(&effect_id("2")).await, Ok(Fate::NotRun));
    assert_eq!(std::fs::read_to_string(guest.workspace().join("log")).expect("the log"), "once\n");
}

#[tokio::test]
async fn a_host_that_vanishes_ends_nothing_and_the_next_finds_the_outcome() {
    let guest = Guest::start();
    let machine = Arc::new(guest.connect().await);
    let request =
        shell("1", "echo begun > begun; while [ ! -e go ]; do sleep 0.01; done; echo done");
    let effect = request.effect.clone();
    let running = {
        let machine = Arc::clone(&machine);
        // The task is ended with the whole connection, as a crash would end it.
        tokio::task::JoinSet::from_iter([async move { machine.exec(request, None).await }])
    };
    until(|| guest.workspace().join("begun").exists()).await;
    // The newest connection wins, and the old one is told nothing more.
    let second = guest.connect().await;
    machine.closed().await;
    std::fs::write(guest.workspace().join("go"), "").expect("let it go");
    let Fate::Ended(output, _) = second.exec_fate(&effect).await.expect("know") else {
        panic!("it ended");
    };
    assert_eq!(shown(&output), "Exited { code: 0 } [done\n] []");
    drop(running);
}

#[tokio::test]
async fn a_command_is_ended_with_all_that_it_started() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let mut request = shell(
        "1",
        "echo before; (sleep 600; echo late) & setsid sleep 601 & (setsid sh -c 'sleep 604 &' &); \
         trap '' TERM; while :; do sleep 602; done",
    );
    request.timeout_ms = 300;
    let output = machine.exec(request, None).await.expect("run");
    assert_eq!(shown(&output), "TimedOut [before\n] []");
    let left =
        machine.exec(shell("2", "grep -l sleep /proc/*/comm | wc -l"), None).await.expect("look");
    assert_eq!(shown(&left), "Exited { code: 0 } [0\n] []");

    let request = shell("3", "echo $$ > begun; exec sleep 603");
    let begun = guest.workspace().join("begun");
    tokio::select! {
        output = machine.exec(request, None) => panic!("it ended by itself: {output:?}"),
        () = until(|| begun.exists()) => {}
    }
    let Fate::Ended(output, _) = machine.exec_fate(&effect_id("3")).await.expect("know") else {
        panic!("it was begun");
    };
    assert_eq!(output.end, ExecEnd::Signalled { signal: 15 });
}

#[tokio::test]
async fn what_is_left_in_the_background_holds_nothing_up() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let output = machine.exec(shell("1", "sleep 600 & echo started"), None).await.expect("run");
    assert_eq!(shown(&output), "Exited { code: 0 } [started\n] []");
    let left =
        machine.exec(shell("2", "grep -l sleep /proc/*/comm | wc -l"), None).await.expect("look");
    assert_eq!(shown(&left), "Exited { code: 0 } [1\n] []");
    machine.exec(shell("3", "pkill -x sleep"), None).await.expect("end it");
    // An orphan that ended is no zombie: the first process takes it.
    let gone = shell("4", "while grep -qs sleep /proc/*/comm; do :; done");
    assert_eq!(machine.exec(gone, None).await.expect("look").end, ExecEnd::Exited { code: 0 });
}

#[tokio::test]
async fn commands_may_look_at_each_other() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    // Under way together, so that threads of their own have started them. The kernel shows who a process
    // is to those that may look into it alone.
    let looked_at = shell("1", "echo $$ > process; exec sleep 600");
    let look = shell("2", "readlink /proc/$(cat process)/exe");
    let written = guest.workspace().join("process");
    tokio::select! {
        output = machine.exec(looked_at, None) => panic!("it ended by itself: {output:?}"),
        output = async {
            until(|| std::fs::read_to_string(&written).is_ok_and(|text| text.ends_with('\n'))).await;
            machine.exec(look, None).await
        } => {
            let output = output.expect("run");
            assert_eq!(output.end, ExecEnd::Exited { code: 0 }, "{output:?}");
        }
    }
}

#[tokio::test]
async fn of_endless_output_the_first_and_last_half_are_kept_and_shown_while_it_comes() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = {
        let seen = Arc::clone(&seen);
        Arc::new(move |stream: OutputStream, bytes: &[u8]| {
            if stream == OutputStream::Stdout {
                seen.lock().expect("no panic").extend_from_slice(bytes);
            }
        })
    };
    let mut request = shell("1", "echo first; head -c 300000000 /dev/zero; echo last");
    request.output_limit_bytes = 100;
    let output = machine.exec(request, Some(sink)).await.expect("run");
    assert_eq!(output.stdout.len(), 100);
    assert_eq!(&output.stdout[..6], b"first\n");
    assert_eq!(&output.stdout[95..], b"last\n");
    assert_eq!(output.stdout_omitted_bytes, 300_000_000 + 11 - 100);
    let seen = seen.lock().expect("no panic");
    assert!(seen.starts_with(b"first\n") && seen.len() <= 100, "{} bytes were shown", seen.len());
}

/// Waits for what a command does to the world.
async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it comes true");
}
