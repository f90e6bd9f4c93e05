//! `mainstay serve`: what scripts rely on.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{Home, PATIENCE, World};

#[tokio::test]
async fn one_line_on_stdout_and_a_key_on_stderr_once() {
    let home = Home::new();
    for is_first in [true, false] {
        let (line, rest, complaint) = serve(&home).await;
        let line: Value = serde_json::from_str(&line).expect("the line is JSON");
        let members: Vec<&str> =
            line.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members, ["pid", "url", "version"]);
        let url = line["url"].as_str().expect("a URL");
        assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"), "{url}");
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(rest, "", "more than one line on stdout");
        assert_eq!(complaint.contains("msk_"), is_first, "{complaint}");
        let has_model = cfg!(feature = "embedded-model");
        assert_eq!(complaint.contains("no model is configured"), !has_model, "{complaint}");
        assert!(!complaint.contains('\u{1b}'), "colours in a file: {complaint}");
    }
    let kept = std::fs::read_to_string(home.path(".local/share/mainstay/key")).expect("a key");
    assert!(kept.starts_with("msk_"));
}

/// Serves until the first line came and it was asked to stop; the line, what followed, the log.
async fn serve(home: &Home) -> (String, String, String) {
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"], &[]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("it has an output"));
    let mut line = String::new();
    let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
    read.expect("a line comes").expect("it is text");
    let pid = child.id().expect("it runs").to_string();
    let asked = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().await;
    assert!(asked.expect("a shell").success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).await.expect("it is text");
    let ended = timeout(PATIENCE, child.wait_with_output()).await.expect("it stops");
    let ended = ended.expect("its output");
    assert!(ended.status.success(), "{ended:?}");
    (line, rest, String::from_utf8(ended.stderr).expect("the log is text"))
}

#[tokio::test]
async fn a_second_start_says_where_the_first_one_is() {
    let world = World::new().await;
    let server = world.start().await;
    let address = server.target.address.to_string();
    let said = world.run(&["serve", "--listen", &address]).await;
    assert_eq!(said.code, Some(1));
    let hint = format!("hint: a server runs on this data folder already, at http://{address} (pid");
    assert!(said.stderr.contains(&hint), "{}", said.shown());
}

#[tokio::test]
async fn an_address_that_is_taken_leaves_no_folder_behind() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let home = Home::new();
    let said = home.run(&["serve", "--listen", &address], &[]).await;
    insta::assert_snapshot!(said.shown().replace(&address, "[ADDRESS]"));
    assert!(!home.path(".local").exists(), "a data folder was made");
}

#[tokio::test]
async fn what_a_killed_server_left_behind_is_waited_for() {
    let home = Home::new();
    serve(&home).await;
    let mut gone = std::process::Command::new("true").spawn().expect("it starts");
    gone.wait().expect("it ends");
    let folder = home.path(".local/share/mainstay");
    let running =
        serde_json::json!({"url": "http://127.0.0.1:1", "pid": gone.id(), "version": "0"});
    std::fs::write(folder.join("server.json"), running.to_string()).expect("written");
    // As a child that has not become another program yet.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let lock = std::fs::File::create(folder.join("lock")).expect("the lock");
    std::io::Write::write_all(&mut &lock, gone.id().to_string().as_bytes()).expect("written");
    lock.lock().expect("nobody has it");

    let address = taken.local_addr().expect("an address").to_string();
    let mut command = home.command(&["serve", "--listen", &address], &[]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut log = BufReader::new(child.stderr.take().expect("it has a log")).lines();
    let held: [(&str, Box<dyn std::any::Any + Send>); 2] =
        [("127.0.0.1:", Box::new(taken)), (".local/share", Box::new(lock))];
    for (name, held) in held {
        let line = timeout(PATIENCE, log.next_line()).await.expect("it says so");
        let line = line.expect("it is text").expect("it goes on");
        assert!(line.contains(name) && line.contains("is still held after a crash"), "{line}");
        drop(held);
    }
    let mut stdout = BufReader::new(child.stdout.take().expect("it has an output")).lines();
    let line = timeout(PATIENCE, stdout.next_line()).await.expect("it starts after all");
    let line = line.expect("it is text").expect("a line");
    assert!(line.contains(&address), "{line}");
}
