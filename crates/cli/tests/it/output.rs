//! Pipes that close, files, colours.

use std::process::Stdio;

use crate::support::{Home, World};

/// A reader that leaves is not a failure, and nothing is complained about.
#[tokio::test]
async fn a_reader_may_leave() {
    let world = World::new().await;
    let _server = world.start().await;
    world.ok(&["chat", "-m", "Hello."]).await;
    let session = world.newest_session().await;
    let cases: [&[&str]; 6] = [
        &["config", "schema"],
        &["config", "example"],
        &["sessions", "list"],
        &["sessions", "follow", &session, "--json"],
        &["journal", "export", &session],
        &["completions", "bash"],
    ];
    for arguments in cases {
        let mut command = world.setup.command(arguments);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        command.stdout(Stdio::from(writer)).stderr(Stdio::piped());
        let output = command.output().await.expect("the binary starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.is_empty(), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn nothing_is_coloured_in_a_pipe() {
    let home = Home::new();
    let cases: [&[&str]; 3] = [&["--help"], &["bogus"], &["config", "print"]];
    for arguments in cases {
        let said = home.run(arguments, &[("TERM", "xterm-256color")]).await;
        assert!(!said.shown().contains('\u{1b}'), "{arguments:?}: {}", said.shown());
    }
}

#[tokio::test]
async fn the_version() {
    let home = Home::new();
    let expected = format!("mainstay {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["version", "--version", "-V"] {
        assert_eq!(home.run(&[flag], &[]).await.stdout, expected);
    }
    let json = &home.run(&["version", "--json"], &[]).await.json_lines()[0];
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json["embedded_model"].is_boolean());
}
