//! From a machine's start to its end.

use std::collections::BTreeSet;

use mainstay_adapters::sandbox::{Driver, DriverError};
use rustix::process::{Pid, Signal, kill_process};

use super::rig::{Rig, run, try_run, unix_seconds};

#[tokio::test]
async fn a_machine_starts_and_runs_commands() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    assert!(rig.driver.is_running(&place).await);
    let machine = rig.connect(&place).await;
    let said = run(&machine, "id -un; pwd; uname -s; ls -A /workspace | wc -l").await;
    assert_eq!(said, "agent\n/workspace\nLinux\n0");
    assert_eq!(run(&machine, "python3 -c 'print(6 * 7)'").await, "42");
    drop(machine);
    // Whoever comes next finds it as it was.
    let machine = rig.connect(&place).await;
    run(&machine, "echo kept > file").await;
    drop(machine);
    let machine = rig.connect(&place).await;
    assert_eq!(run(&machine, "cat file").await, "kept");
    drop(machine);
    rig.end(&[&place]).await;
}

#[tokio::test]
async fn clones_have_their_own_randomness_and_the_right_time() {
    let rig = Rig::new();
    let (one, other) = (rig.boot("one").await, rig.boot("other").await);
    let random = "head -c 16 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid; \
                  python3 -c 'import os, random; print(os.urandom(8).hex(), random.random())'";
    let mut said = Vec::new();
    for place in [&one, &other] {
        let machine = rig.connect(place).await;
        let before = unix_seconds();
        let inside: u64 = run(&machine, "date +%s").await.parse().expect("a number");
        assert!((before..=unix_seconds()).contains(&inside), "{inside} is the time");
        said.push(run(&machine, random).await);
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (one_said, other_said) = (lines(&said[0]), lines(&said[1]));
    for (one, other) in one_said.iter().zip(&other_said) {
        assert_ne!(one, other);
    }
    assert_eq!(one_said.len(), 3);
    rig.end(&[&one, &other]).await;
}

#[tokio::test]
async fn a_parked_machine_goes_on_where_it_was() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    run(&machine, "echo kept > file; (sleep 1000 & echo $! > process) > /dev/null 2>&1").await;
    drop(machine);
    rig.driver.park(&place).await.expect("it can be parked");
    assert!(!rig.driver.is_running(&place).await);
    assert_eq!(super::rig::processes_of(place.folder()), 0, "nothing of it runs");
    for _ in 0..2 {
        rig.driver.unpark(&place, &rig.spec).await.expect("it comes back");
        let machine = rig.connect(&place).await;
        assert_eq!(
            run(&machine, "cat file; kill -0 $(cat process) && echo alive").await,
            "kept\nalive"
        );
        let inside: u64 = run(&machine, "date +%s").await.parse().expect("a number");
        assert!(unix_seconds() - inside <= 1, "its clock is right");
        drop(machine);
        rig.driver.park(&place).await.expect("it can be parked again");
    }
    // Another server finds it parked.
    let again = Rig::new();
    again.driver.unpark(&place, &rig.spec).await.expect("it comes back");
    assert!(again.driver.is_running(&place).await);
    again.end(&[]).await;
    rig.end(&[&place]).await;
}

/// A server may be killed before it writes down that a machine is parked, or that it is back.
#[tokio::test]
async fn a_machine_that_runs_is_not_brought_back_a_second_time() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    run(&rig.connect(&place).await, "(sleep 1000 & echo $! > process) > /dev/null 2>&1").await;
    let is_as_it_was = async || {
        rig.driver.unpark(&place, &rig.spec).await.expect("it goes on");
        let machine = rig.connect(&place).await;
        run(&machine, "echo more >> file; kill -0 $(cat process) && wc -l < file").await
    };
    assert_eq!(is_as_it_was().await, "1", "it was never parked");
    rig.driver.park(&place).await.expect("it can be parked");
    assert_eq!(is_as_it_was().await, "2");
    let record = place.folder().join("microvm.json");
    let text = std::fs::read_to_string(&record).expect("it is written down");
    let parked = text.replace(r#""is_parked":false"#, r#""is_parked":true"#);
    assert_ne!(parked, text);
    std::fs::write(&record, parked).expect("it is written");
    assert_eq!(is_as_it_was().await, "3", "its disk is ahead of what was parked");
    assert!(rig.driver.is_running(&place).await);
    rig.end(&[&place]).await;
}

#[tokio::test]
async fn a_copy_is_the_same_machine_and_goes_its_own_way() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    run(&machine, "echo both > file; (sleep 1000 & echo $! > process) > /dev/null 2>&1").await;
    drop(machine);
    let copy = rig.place("copy");
    rig.driver.fork(&place, &copy, &rig.spec).await.expect("it can be copied");
    let (one, other) = (rig.connect(&place).await, rig.connect(&copy).await);
    for machine in [&one, &other] {
        assert_eq!(
            run(machine, "cat file; kill -0 $(cat process) && echo alive").await,
            "both\nalive"
        );
    }
    run(&one, "echo one > file; kill $(cat process)").await;
    run(&other, "echo other > file; sync").await;
    assert_eq!(run(&one, "cat file").await, "one");
    assert_eq!(run(&other, "cat file; kill -0 $(cat process) && echo alive").await, "other\nalive");
    drop((one, other));
    rig.end(&[&place, &copy]).await;
}

#[tokio::test]
async fn a_machine_goes_on_from_its_memory_image_as_often_as_it_is_lost() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    run(&machine, "echo kept > file; (sleep 1000 & echo $! > process) > /dev/null 2>&1").await;
    let image = rig.place("image");
    rig.driver.keep(&place, &image).await.expect("its memory is kept");
    run(&machine, "echo later > file; kill $(cat process)").await;
    drop(machine);
    let mut drawn = BTreeSet::new();
    for _ in 0..2 {
        rig.driver.destroy(&place).await.expect("it is lost");
        rig.driver.resume(&image, &place, &rig.spec).await.expect("it goes on");
        let machine = rig.connect(&place).await;
        let seen = run(&machine, "cat file; kill -0 $(cat process) && echo alive").await;
        assert_eq!(seen, "kept\nalive");
        drawn.insert(run(&machine, "head -c 16 /dev/urandom | od -An -tx1").await);
        let inside: u64 = run(&machine, "date +%s").await.parse().expect("a number");
        assert!(unix_seconds() - inside <= 1, "its clock is right");
        run(&machine, "echo again > file; kill $(cat process)").await;
    }
    assert_eq!(drawn.len(), 2, "each draws its own");
    rig.end(&[&place, &image]).await;
}

#[tokio::test]
async fn a_killed_qemu_is_broken_and_a_new_machine_comes_up() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    let record = std::fs::read(place.folder().join("microvm.json")).expect("it is recorded");
    let record: serde_json::Value = serde_json::from_slice(&record).expect("it is JSON");
    let pid = record["qemu"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("QEMU's process is recorded");
    let (asked, killed) = tokio::join!(try_run(&machine, "sleep 1000"), async {
        run(&machine, "true").await;
        kill_process(pid, Signal::KILL)
    });
    killed.expect("it can be killed");
    asked.expect_err("nobody answers");
    assert!(!rig.driver.is_running(&place).await);
    assert!(rig.driver.connect(&place).await.is_err());
    let failed = rig.driver.park(&place).await.expect_err("it is gone");
    assert!(matches!(failed, DriverError::Broken { .. }), "{failed}");
    rig.driver.boot(&place, &rig.spec).await.expect("a new one starts in the same place");
    let machine = rig.connect(&place).await;
    assert_eq!(run(&machine, "ls -A").await, "");
    drop(machine);
    rig.end(&[&place]).await;
}

#[tokio::test]
async fn another_server_finds_a_machine_and_can_end_it() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let again = Rig::new();
    assert!(again.driver.is_running(&place).await);
    let machine = again.connect(&place).await;
    assert_eq!(run(&machine, "echo here").await, "here");
    drop(machine);
    // Also when nothing was written down of it.
    std::fs::remove_file(place.folder().join("microvm.json")).expect("it can be removed");
    again.end(&[&place]).await;
    rig.end(&[&place]).await;
}
