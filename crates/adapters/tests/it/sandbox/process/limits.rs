//! What a machine may use up, and that it goes on afterwards.

use std::fs;

use mainstay_adapters::sandbox::Driver;
use mainstay_core::port::ExecEnd;

use super::support::{Host, Sandbox, groups_of_machines, printed};

/// A limit was reached: the machine can be used, and its neighbour was not disturbed.
async fn check_afterwards(sandbox: &Sandbox, neighbour: &Sandbox) {
    assert_eq!(sandbox.text("echo it goes on").await, "it goes on");
    assert_eq!(neighbour.text("echo it goes on").await, "it goes on");
}

#[tokio::test]
async fn a_fork_bomb_ends_with_its_time() {
    let host = Host::new().await;
    let (sandbox, neighbour) = (host.start("m1").await, host.start("m2").await);
    // The shell itself forks once, before the bomb does, becomes the sleep, and waits for its time.
    let bomb = "bomb() { bomb | bomb & }; (bomb) & exec sleep 100";
    let output = sandbox.exec(&["/bin/sh", "-c", bomb], 3_000).await;
    assert_eq!(output.end, ExecEnd::TimedOut, "{}", printed(&output));
    check_afterwards(&sandbox, &neighbour).await;
    assert_eq!(
        sandbox.text("ls -d /proc/[0-9]* | wc -l").await.len(),
        1,
        "fewer than ten are left"
    );
    host.end(sandbox).await;
    host.end(neighbour).await;
}

/// Two programs that only compute, and what they got: time of processors, and time.
const BUSY: &str = "
import os, resource, time
begun = time.monotonic()
for _ in range(2):
    if os.fork() == 0:
        while time.monotonic() < begun + 2: pass
        os._exit(0)
os.wait(), os.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, time.monotonic() - begun)";

/// How much more than its processors a machine may be seen to get: time is handed out by tenths of a second.
const MAX_EXCESS: f64 = 1.15;

#[tokio::test]
async fn two_busy_programs_get_the_time_of_one_processor() {
    let host = Host::new().await;
    let sandbox = host.start("m1").await;
    let output = sandbox.python(BUSY).await;
    let told = printed(&output);
    let seconds = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{told}"));
    let (used, passed) = told.split_once(' ').unwrap_or_else(|| panic!("{told}"));
    let share = seconds(used) / seconds(passed);
    let notes = host.driver.notes();
    if notes.iter().any(|note| is_unlimited(note, "cpu")) {
        println!("NOT LIMITED: no control group here has processors: {share:.2} were used");
    } else {
        assert!(share <= MAX_EXCESS, "{share:.2} processors were used of one: {told}");
        let groups = groups_of_machines(sandbox.place.folder());
        let read =
            |name: &str| groups.iter().find_map(|one| fs::read_to_string(one.join(name)).ok());
        let bound = read("cpu.max").or_else(|| {
            Some(format!("{} {}", read("cpu.cfs_quota_us")?.trim(), read("cpu.cfs_period_us")?))
        });
        assert_eq!(bound.as_deref().map(str::trim), Some("100000 100000"), "{groups:?}");
        // Where the host itself had less to give, nothing was held back.
        let held_back = read("cpu.stat").and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?;
            line.parse::<u64>().ok()
        });
        println!("{share:.2} processors were used, which were held back {held_back:?} times");
        assert!(
            held_back.is_some_and(|times| times > 0) || share < 1.05,
            "{share:.2}, {held_back:?}"
        );
    }
    host.end(sandbox).await;
}

/// Whether a note of the driver says that nothing limits this.
fn is_unlimited(note: &str, controller: &str) -> bool {
    let missing =
        note.split_once("no control group for ").and_then(|(_, rest)| rest.split_once(" can be"));
    missing.is_some_and(|(names, _)| names.split(", ").any(|name| name == controller))
}

#[tokio::test]
async fn who_takes_all_memory_is_killed() {
    let host = Host::new().await;
    let (sandbox, neighbour) = (host.start("m1").await, host.start("m2").await);
    let output = sandbox.python("print(len(bytearray(2 << 30)))").await;
    assert!(
        matches!(output.end, ExecEnd::OutOfMemory | ExecEnd::Signalled { signal: 9 }),
        "{:?}: {}",
        output.end,
        printed(&output)
    );
    check_afterwards(&sandbox, &neighbour).await;
    // Files in memory count too.
    let filled = sandbox.shell("head -c 2G /dev/zero > /dev/shm/x").await;
    assert_ne!(filled.end, ExecEnd::Exited { code: 0 });
    check_afterwards(&sandbox, &neighbour).await;
    host.end(sandbox).await;
    host.end(neighbour).await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_can_be_emptied() {
    let host = Host::new().await;
    let (sandbox, neighbour) = (host.start("m1").await, host.start("m2").await);
    let fill = "for i in 1 2 3 4 5 6 7 8 9; do head -c 5M /dev/urandom > part$i || exit 1; done";
    let output = sandbox.shell(fill).await;
    assert!(printed(&output).contains("No space left on device"), "{}", printed(&output));
    assert_eq!(neighbour.text("echo x > x && cat x").await, "x");
    sandbox.text("rm part*; echo x > x && cat x").await;
    check_afterwards(&sandbox, &neighbour).await;
    host.end(sandbox).await;
    host.end(neighbour).await;
}

#[tokio::test]
async fn ten_gigabytes_of_output_are_cut() {
    let host = Host::new().await;
    let (sandbox, neighbour) = (host.start("m1").await, host.start("m2").await);
    let output = sandbox.shell("head -c 10G /dev/zero").await;
    assert_eq!(output.end, ExecEnd::Exited { code: 0 });
    assert_eq!(output.stdout.len() as u64 + output.stdout_omitted_bytes, 10 << 30);
    assert!(output.stdout.len() <= 64 * 1024);
    check_afterwards(&sandbox, &neighbour).await;
    host.end(sandbox).await;
    host.end(neighbour).await;
}

#[tokio::test]
async fn who_ignores_signals_ends_with_its_time() {
    let host = Host::new().await;
    let (sandbox, neighbour) = (host.start("m1").await, host.start("m2").await);
    let deaf = "trap '' TERM INT HUP QUIT; (setsid sleep 1000 &); while :; do sleep 1; done";
    let output = sandbox.exec(&["/bin/sh", "-c", deaf], 500).await;
    assert_eq!(output.end, ExecEnd::TimedOut);
    check_afterwards(&sandbox, &neighbour).await;
    sandbox.shell("kill -9 -1; kill -9 1").await;
    check_afterwards(&sandbox, &neighbour).await;
    host.end(sandbox).await;
    host.end(neighbour).await;
}
