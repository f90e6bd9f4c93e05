//! Terminals.

use std::time::Duration;

use bytes::Bytes;
use mainstay_adapters::sandbox::Terminal;
use mainstay_core::port::{ExecEnd, SandboxError, Terminal as _, TerminalEvent, TerminalRequest};

use crate::support::{Guest, shell, shown};

fn request(argv: &[&str]) -> TerminalRequest {
    TerminalRequest {
        argv: argv.iter().map(|&part| part.to_owned()).collect(),
        cwd: "/workspace".to_owned(),
        env: [("PS1".to_owned(), "$ ".to_owned())].into(),
        columns: 81,
        rows: 25,
    }
}

/// Reads until the text is shown.
async fn until(terminal: &Terminal, text: &str) -> String {
    let mut seen = String::new();
    let wait = async {
        while !seen.contains(text) {
            match terminal.next().await.expect("go on") {
                TerminalEvent::Output(bytes) => seen.push_str(&String::from_utf8_lossy(&bytes)),
                TerminalEvent::Ended(end) => panic!("it ended with {end:?} after {seen:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is shown");
    seen
}

async fn end(terminal: &Terminal) -> ExecEnd {
    loop {
        if let TerminalEvent::Ended(end) = terminal.next().await.expect("go on") {
            return end;
        }
    }
}

#[tokio::test]
async fn a_shell_on_a_terminal_has_its_size_its_signals_and_its_end() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let terminal = machine.terminal(request(&["sh"])).await.expect("start");
    let type_ = async |text: &'static str| terminal.write(Bytes::from(text)).await.expect("type");
    until(&terminal, "$ ").await;
    type_("stty size; test -t 0 && echo is'-'tty\n").await;
    let seen = until(&terminal, "is-tty").await;
    assert!(seen.contains("25 81"), "{seen:?}");
    terminal.resize(100, 40);
    type_("stty size\n").await;
    until(&terminal, "40 100").await;
    type_("sh -c 'echo be'gun'; exec sleep 600'\n").await;
    until(&terminal, "begun").await;
    type_("\x03").await;
    until(&terminal, "$ ").await;
    type_("exit 7\n").await;
    assert_eq!(end(&terminal).await, ExecEnd::Exited { code: 7 });
    let error = terminal.write(Bytes::from("late")).await.expect_err("refuse");
    assert_eq!(error, SandboxError::Invalid("the terminal's command has ended".to_owned()));
}

#[tokio::test]
async fn a_terminal_that_is_dropped_ends_what_runs_on_it() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let terminal = machine
        .terminal(request(&["sh", "-c", "sleep 601 & echo begun; sleep 602"]))
        .await
        .expect("start");
    until(&terminal, "begun").await;
    drop(terminal);
    let gone = shell("1", "while pgrep -x sleep > /dev/null; do :; done; echo gone");
    assert_eq!(
        shown(&machine.exec(gone, None).await.expect("look")),
        "Exited { code: 0 } [gone\n] []"
    );
    let terminal = machine.terminal(request(&["nonesuch"])).await.expect("ask");
    let error = terminal.next().await.expect_err("refuse");
    assert_eq!(
        error,
        SandboxError::Invalid("there is no program `nonesuch` in the machine's PATH".to_owned())
    );
}

#[tokio::test]
async fn a_terminal_that_nobody_reads_holds_up_nothing_else() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let terminal = machine.terminal(request(&["cat", "/dev/zero"])).await.expect("start");
    for n in 0..20 {
        let output = machine.exec(shell(&n.to_string(), "echo ok"), None).await.expect("run");
        assert_eq!(shown(&output), "Exited { code: 0 } [ok\n] []");
    }
    drop(terminal);
}
