//! Commands and files of a client's own machine, through every way in which its connection and this
//! process can break.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mainstay_core::port::{
    ExecEnd, ExecRequest, ExecutorError, ExecutorStatus, Executors, Fate, OutputSink, Sandboxes,
};
use mainstay_protocol::SessionId;

use super::executor_bench::{Bench, exited, machine, printed, request, session};

#[tokio::test]
async fn a_command_is_told_streamed_and_ends_with_its_code() {
    let bench = Bench::new().await;
    assert_eq!(bench.sandboxes.status(&session()).await, ExecutorStatus::Pending);
    let shown = Arc::new(Mutex::new(String::new()));
    let seen = shown.clone();
    let sink: OutputSink = Arc::new(move |stream, bytes| {
        let text = format!("{stream:?}:{} ", String::from_utf8_lossy(bytes));
        seen.lock().expect("whole").push_str(&text);
    });
    // The call comes first, and waits for the executor.
    let running = bench.exec("eff_1", Some(sink));
    bench.connect();
    let start = bench.executor.asked("process/start", 1).await;
    insta::assert_json_snapshot!(start);
    assert_eq!(bench.sandboxes.status(&session()).await, ExecutorStatus::Connected);
    bench.executor.print("eff_1", "stdout", "12345678");
    bench.executor.print("eff_1", "stderr", "oh");
    bench.executor.print("eff_1", "stdout", "abc");
    bench.executor.exit("eff_1", 3);
    let output = running.await.expect("no panic").expect("ends");
    assert_eq!(printed(&output), (exited(3), "12348abc".to_owned(), "oh".to_owned()));
    assert_eq!((output.stdout_omitted_bytes, output.stderr_omitted_bytes), (3, 0));
    assert_eq!(*shown.lock().expect("whole"), "Stdout:12345678 Stderr:oh Stdout:abc ");
    assert!(bench.executor.all_asked("process/terminate").is_empty());
    // What it is asked again under its id is not run a second time.
    let again = bench.exec("eff_1", None).await.expect("no panic").expect("ends");
    assert_eq!(printed(&again), printed(&output));
}

#[tokio::test]
async fn a_connection_that_breaks_loses_nothing_and_runs_nothing_twice() {
    let bench = Bench::new().await;
    bench.connect();
    let running = bench.exec("eff_1", None);
    bench.executor.asked("process/start", 1).await;
    bench.executor.print("eff_1", "stdout", "one ");
    bench.executor.hang_up();
    bench.executor.print("eff_1", "stdout", "two");
    bench.connect();
    bench.executor.asked("process/read", 1).await;
    bench.executor.hang_up();
    bench.executor.exit("eff_1", 0);
    bench.connect();
    let output = running.await.expect("no panic").expect("ends");
    assert_eq!(printed(&output), (exited(0), "one two".to_owned(), String::new()));
    assert_eq!(bench.executor.all_asked("process/start").len(), 1);
    let resumed = bench.executor.all_asked("initialize");
    assert_eq!(resumed[2]["resumeSessionId"], "session-0");
}

#[tokio::test]
async fn an_executor_that_died_with_a_command_leaves_its_fate_unknown() {
    let bench = Bench::new().await;
    bench.connect();
    let running = bench.exec("eff_1", None);
    bench.executor.asked("process/start", 1).await;
    bench.executor.restart();
    bench.connect();
    let error = running.await.expect("no panic").expect_err("nobody knows");
    insta::assert_snapshot!(error.to_string());
    assert_eq!(bench.fate("eff_1").await.expect("no panic"), Ok(Fate::Gone));
    assert_eq!(bench.fate("eff_2").await.expect("no panic"), Ok(Fate::NotRun));
    assert_eq!(bench.executor.all_asked("process/start").len(), 1);
    // Somebody decides that it is run again: the same id, in the executor's new session.
    let again = bench.exec("eff_1", None);
    bench.executor.asked("process/start", 2).await;
    bench.executor.exit("eff_1", 0);
    assert_eq!(printed(&again.await.expect("no panic").expect("ends")).0, exited(0));
}

#[tokio::test]
async fn after_a_crash_of_the_server_the_outcome_is_the_executors() {
    let bench = Bench::new().await;
    bench.connect();
    for effect in ["eff_ends", "eff_runs", "eff_old"] {
        bench.exec(effect, None);
    }
    bench.executor.asked("process/start", 3).await;
    bench.executor.exit("eff_old", 0);
    let bench = bench.crash().await;
    assert_eq!(bench.sandboxes.status(&session()).await, ExecutorStatus::Disconnected);
    bench.executor.print("eff_ends", "stdout", "done");
    bench.executor.exit("eff_ends", 5);
    bench.executor.forget("eff_old");
    assert_eq!(bench.sandboxes.admit(&session(), &bench.registration).await, Ok(()));
    let (ends, runs) = (bench.fate("eff_ends"), bench.fate("eff_runs"));
    bench.connect();
    let Ok(Fate::Ended(output, _)) = ends.await.expect("no panic") else { panic!("it ended") };
    assert_eq!(printed(&output), (exited(5), "done".to_owned(), String::new()));
    bench.executor.print("eff_runs", "stderr", "late");
    bench.executor.exit("eff_runs", 0);
    let Ok(Fate::Ended(output, _)) = runs.await.expect("no panic") else { panic!("it ended") };
    assert_eq!(printed(&output), (exited(0), String::new(), "late".to_owned()));
    assert_eq!(bench.fate("eff_old").await.expect("no panic"), Ok(Fate::Gone));
    assert_eq!(bench.fate("eff_never").await.expect("no panic"), Ok(Fate::NotRun));
    assert_eq!(bench.executor.all_asked("process/start").len(), 3);
    let folder = bench.folder.path().join("executors");
    bench.sandboxes.destroy(&session()).await.expect("forgets");
    assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_command_is_killed_when_its_time_is_over_or_nobody_waits() {
    let bench = Bench::new().await;
    bench.connect();
    let late = bench.exec("eff_late", None);
    bench.executor.asked("process/start", 1).await;
    bench.executor.print("eff_late", "stdout", "so far");
    let output = bench.until(late).await.expect("ends");
    assert_eq!(printed(&output), (ExecEnd::TimedOut, "so far".to_owned(), String::new()));
    assert_eq!(bench.executor.asked("process/terminate", 1).await["processId"], "eff_late");
    let dropped = bench.exec("eff_dropped", None);
    bench.executor.asked("process/start", 2).await;
    dropped.abort();
    assert_eq!(bench.executor.asked("process/terminate", 2).await["processId"], "eff_dropped");
    // One that is dropped while the executor is away is killed when it is back.
    let away = bench.exec("eff_away", None);
    bench.executor.asked("process/start", 3).await;
    bench.executor.hang_up();
    let serving = std::mem::take(&mut *bench.serving.lock().expect("whole"));
    for ended in serving {
        ended.await.expect("no panic");
    }
    away.abort();
    away.await.expect_err("it was dropped");
    bench.connect();
    assert_eq!(bench.executor.asked("process/terminate", 3).await["processId"], "eff_away");
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let bench = Bench::new().await;
    let alone = bench.exec("eff_alone", None);
    let mut told = vec![bench.until(alone).await.expect_err("nobody is there").to_string()];
    bench.connect();
    let argv = vec!["/no/such".to_owned()];
    let none = bench.run(ExecRequest { argv, ..request("eff_none") }, None);
    told.push(none.await.expect("no panic").expect_err("no such program").to_string());
    let cwd = "relative".to_owned();
    let relative = bench.run(ExecRequest { cwd, ..request("eff_relative") }, None);
    told.push(relative.await.expect("no panic").expect_err("no such folder").to_string());
    let (sandboxes, machine) = (&bench.sandboxes, machine());
    let read = sandboxes.read_file(&machine, "/workspace/none", 0, 10).await;
    told.push(read.expect_err("no such file").to_string());
    let walk = sandboxes.list_files(&machine, "/workspace/huge", true, None, 10).await;
    told.push(walk.expect_err("too many").to_string());
    let large = Bytes::from(vec![0; 17 * 1024 * 1024]);
    let write = sandboxes.write_file(&machine, "/workspace/large", large).await;
    told.push(write.expect_err("too large").to_string());
    // One that starts and says nothing of it, and then leaves for good.
    bench.executor.mute("process/start");
    let mute = bench.exec("eff_mute", None);
    bench.executor.asked("process/start", 2).await;
    bench.executor.hang_up();
    told.push(bench.until(mute).await.expect_err("it does not come back").to_string());
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn the_newest_registration_counts() {
    let bench = Bench::new().await;
    let other = SessionId::parse("ses_2").expect("an id");
    let admit = |registration: String| {
        let sandboxes = bench.sandboxes.clone();
        async move { sandboxes.admit(&session(), &registration).await }
    };
    assert_eq!(admit(bench.registration.clone()).await, Ok(()));
    let unknown = bench.sandboxes.admit(&other, &bench.registration).await;
    assert_eq!(unknown, Err(ExecutorError::Unregistered));
    bench.connect();
    bench.executor.asked("initialized", 1).await;
    let newer = bench.sandboxes.register(&session()).await.expect("registers");
    assert_eq!(admit(newer).await, Ok(()));
    assert_eq!(admit(bench.registration.clone()).await, Err(ExecutorError::Superseded));
    assert_eq!(bench.sandboxes.status(&session()).await, ExecutorStatus::Connected);
}

#[tokio::test]
async fn nonsense_of_an_executor_harms_nothing() {
    let bench = Bench::new().await;
    bench.connect();
    let running = bench.exec("eff_1", None);
    bench.executor.asked("process/start", 1).await;
    for text in [
        "",
        "{",
        "[]",
        "null",
        r#"{"id":9999,"result":{}}"#,
        r#"{"id":"x","result":{}}"#,
        r#"{"method":"process/output","params":{"processId":"eff_1","seq":1,"stream":"stdout","chunk":"%%%"}}"#,
        r#"{"method":"process/output","params":{"processId":"eff_none","seq":1}}"#,
        r#"{"method":"process/closed","params":{"processId":"eff_1","seq":99}}"#,
        r#"{"method":"network/policyRequest","params":{}}"#,
    ] {
        bench.executor.say(text);
    }
    bench.executor.print("eff_1", "stdout", "fine");
    bench.executor.exit("eff_1", 0);
    let output = running.await.expect("no panic").expect("ends");
    assert_eq!(printed(&output), (exited(0), "fine".to_owned(), String::new()));
}

#[tokio::test]
async fn files_are_the_workspace_directorys() {
    let bench = Bench::new().await;
    bench.connect();
    let (sandboxes, machine) = (&bench.sandboxes, machine());
    let content = Bytes::from_static(b"hello there");
    sandboxes.write_file(&machine, "/workspace/a b.txt", content).await.expect("writes");
    let made = bench.executor.all_asked("fs/createDirectory");
    assert_eq!(made[0]["path"], "file:///srv/my%20project");
    let (bytes, info, _) =
        sandboxes.read_file(&machine, "/workspace/a b.txt", 2, 8).await.expect("reads");
    assert_eq!((bytes.as_ref(), info.size_bytes), (b"llo ther".as_ref(), 11));
    for is_recursive in [false, true] {
        let listed = sandboxes.list_files(&machine, "/workspace", is_recursive, None, 10).await;
        let (files, _) = listed.expect("lists");
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/workspace/a b.txt"], "{is_recursive}");
        let after = Some("/workspace/a b.txt");
        let rest = sandboxes.list_files(&machine, "/workspace", is_recursive, after, 10).await;
        assert!(rest.expect("lists").0.is_empty());
    }
    assert!(bench.executor.asked("fs/close", 1).await["handleId"].is_string());
    // Standard input goes through a file that the command's shell removes.
    let stdin = Bytes::from_static(b"typed");
    bench.run(ExecRequest { stdin, ..request("eff_in") }, None);
    let start = bench.executor.asked("process/start", 1).await;
    insta::assert_json_snapshot!(start["argv"]);
}
