//! What happens to a session that takes all it can get.

use mainstay_core::port::ExecEnd;

use super::rig::{Rig, run, try_run};

#[tokio::test]
async fn limits_hold_and_the_session_goes_on() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    let greedy = [
        // A fork bomb ends with the time of its command.
        "timeout 3 sh -c 'bomb() { bomb | bomb & }; bomb; sleep 2'",
        "python3 -c 'x = bytearray(4 << 30)'",
        "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'",
        "dd if=/dev/zero of=/workspace/full bs=1M",
        "head -c 300000000 /dev/zero > /tmp/full",
    ];
    for line in greedy {
        let output =
            try_run(&machine, line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        let is_bomb = line.contains("bomb");
        assert!(is_bomb || output.end != ExecEnd::Exited { code: 0 }, "`{line}` finds its end");
        run(&machine, "rm -f /workspace/full /tmp/full").await;
        assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    }
    let loud = try_run(&machine, "head -c 100000000 /dev/zero").await.expect("it ends");
    assert_eq!(loud.end, ExecEnd::Exited { code: 0 });
    assert!(loud.stdout.len() <= 1 << 16 && loud.stdout_omitted_bytes > 90_000_000);
    drop(machine);
    // The disk on the host gave back what was deleted, or is at least no larger than it may be.
    let disk = std::fs::metadata(place.folder().join("vm/disk")).expect("it is there");
    assert!(disk.len() <= rig.spec.disk_mib << 20);
    rig.end(&[&place]).await;
}
