//! What happens to a session that takes all it can get.

use mainstay_core::port::{ExecEnd, ExecRequest};

use super::rig::{Rig, run, shell, try_run};

#[tokio::test]
async fn limits_hold_and_the_session_goes_on() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    // The shell itself forks once, before the bomb does, becomes the sleep, and waits for its time.
    let bomb = "bomb() { bomb | bomb & }; (bomb) & exec sleep 100";
    let request = ExecRequest { timeout_ms: 3_000, ..shell(bomb) };
    let output = machine.exec(request, None).await.expect("it ends");
    assert_eq!(output.end, ExecEnd::TimedOut);
    assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    let greedy = [
        "python3 -c 'x = bytearray(4 << 30)'",
        "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'",
        "dd if=/dev/zero of=/workspace/full bs=1M",
        "head -c 300000000 /dev/zero > /tmp/full",
    ];
    for line in greedy {
        let output =
            try_run(&machine, line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_ne!(output.end, ExecEnd::Exited { code: 0 }, "`{line}` finds its end");
        run(&machine, "rm -f /workspace/full /tmp/full").await;
        assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    }
    // All at once, so that the kernel does not first give up what others need to go on.
    let fill = "python3 -c 'import mmap, os; size = os.sysconf(\"SC_PHYS_PAGES\") * 4096; \
                mmap.mmap(-1, size - (1 << 20), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000)'";
    let filled = try_run(&machine, fill).await.expect("it ends");
    assert_eq!(filled.end, ExecEnd::OutOfMemory, "{filled:?}");
    assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    let loud = try_run(&machine, "head -c 100000000 /dev/zero").await.expect("it ends");
    assert_eq!(loud.end, ExecEnd::Exited { code: 0 });
    assert!(loud.stdout.len() <= 1 << 16 && loud.stdout_omitted_bytes > 90_000_000);
    drop(machine);
    // The disk on the host gave back what was deleted, or is at least no larger than it may be.
    let disk = std::fs::metadata(place.folder().join("vm/disk")).expect("it is there");
    assert!(disk.len() <= rig.spec.disk_mib << 20);
    rig.end(&[&place]).await;
}

#[tokio::test]
async fn a_program_that_grows_bit_by_bit_is_killed_and_what_only_reads_much_is_not() {
    let mut rig = Rig::new();
    rig.spec.memory_mib = 256;
    let place = rig.boot("small").await;
    let machine = rig.connect(&place).await;
    // Twice the memory through the cache of files, and libraries that fill most of it.
    run(&machine, "dd if=/dev/zero of=big bs=1M count=200 2>&1; cat big big big | wc -c; rm big")
        .await;
    assert_eq!(run(&machine, "python3 -c 'import pandas; print(1)'").await, "1");
    // Its time-out is what a machine without memory is left to that reads its programs again and again.
    let grows = "python3 -c 'x = []\nwhile True: x.append(bytearray(40000))'";
    let grown = try_run(&machine, grows).await.expect("it ends");
    assert_eq!(
        grown.end,
        ExecEnd::OutOfMemory,
        "{grown:?}; is the kernel of the images this one's?"
    );
    assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    drop(machine);
    rig.end(&[&place]).await;
}
