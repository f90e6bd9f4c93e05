//! What a machine may use up, and that it goes on afterwards.

use mainstay_core::port::ExecEnd;

use super::support::{Host, Sandbox, printed};

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
