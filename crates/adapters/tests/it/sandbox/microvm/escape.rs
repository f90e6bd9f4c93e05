//! What a hostile session tries inside.

use std::os::unix::fs::symlink;

use bytes::Bytes;
use mainstay_adapters::sandbox::{Driver, Machine};

use super::rig::{Rig, run, text, try_run};
use crate::sandbox::process::escapes::CALLS;
use crate::sandbox::process::neighbours::{LEAVE, LOOK};
use mainstay_core::port::ExecEnd;

/// Lines that must not work for a session's user.
const REFUSED: [&str; 20] = [
    "mount -t tmpfs none /mnt",
    "mount -o remount,rw /sys",
    "umount /proc",
    "unshare --user true",
    "unshare --mount true",
    "unshare --net true",
    "chroot / true",
    "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
    "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
    "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, 1, 0, 0) < 0)'",
    "python3 -c 'import os; os.setuid(0)'",
    "python3 -c 'import os; os.mknod(\"/tmp/disk\", 0o60600, os.makedev(254, 0))'",
    "insmod /tmp/module.ko",
    "echo 1 > /proc/sys/kernel/panic",
    "echo b > /proc/sysrq-trigger",
    "echo 1 > /sys/kernel/mm/compact_memory",
    "cat /proc/1/environ",
    "kill -9 1",
    "head -c 1 /dev/vda",
    "echo x > /dev/vport0p1",
];

/// Lines that must find nothing.
const ABSENT: [&str; 7] = [
    "ls /dev/kvm /dev/mem /dev/net/tun 2>/dev/null",
    "ls -A /image /disk /vm /host 2>/dev/null",
    "find / -xdev -type f -perm /6000 2>/dev/null",
    "cat /proc/net/route | tail -n +2",
    "ls /sys/class/net | grep -vx lo",
    "env | grep -v ^MAINSTAY_COMMAND= | grep -i -e key -e token -e secret -e mainstay",
    "curl -s -m 2 --noproxy '*' http://169.254.169.254/ || true",
];

#[tokio::test]
async fn a_session_has_no_way_up_and_sees_nothing_of_the_host() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    check_escapes(&machine).await;
    // The host's names are not there, and the machine's processes are its own.
    let host = place.folder().display().to_string();
    let seen = run(&machine, "cat /proc/cmdline /proc/self/mountinfo; ps ax").await;
    assert!(!seen.contains(&host), "{seen}");
    assert_eq!(run(&machine, "echo it goes on").await, "it goes on");
    drop(machine);
    rig.end(&[&place]).await;
}

/// Whatever kernel it has.
pub(super) async fn check_escapes(machine: &Machine) {
    for line in REFUSED {
        let output = try_run(machine, line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_ne!(output.end, ExecEnd::Exited { code: 0 }, "`{line}` is refused");
    }
    for line in ABSENT {
        let output = try_run(machine, line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        let found = String::from_utf8_lossy(&output.stdout);
        assert_eq!(found.trim(), "", "`{line}` finds nothing");
    }
}

/// The calls that the process tier refuses by a list, which a guest's kernel refuses to whom they are not for.
#[tokio::test]
async fn system_calls_that_lead_out_lead_nowhere() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    // With nothing in its buffer this one is `fork`, whose child would print all that follows once more.
    let calls = CALLS.replace("\"clone3\": (435, buffer, 88),", "");
    let told = python(&machine, &calls).await;
    // Answers of calls that need nothing of the host's, and are not there or for root alone.
    insta::assert_snapshot!(told);
    assert_eq!(run(&machine, "cat /proc/cpuinfo | grep -c ^processor; nproc").await, "1\n1");
    drop(machine);
    rig.end(&[&place]).await;
}

async fn python(machine: &Machine, script: &str) -> String {
    let file = Bytes::copy_from_slice(script.as_bytes());
    machine.write_file("/workspace/script.py", file, None).await.expect("it is written");
    run(machine, "python3 script.py").await
}

#[tokio::test]
async fn guests_side_by_side_see_nothing_of_each_other() {
    let rig = Rig::new();
    let (one, other) = (rig.boot("one").await, rig.boot("other").await);
    let (left, looks) = (rig.connect(&one).await, rig.connect(&other).await);
    run(&left, LEAVE).await;
    insta::assert_snapshot!(text(&try_run(&looks, LOOK).await.expect("it ends")), @r"
    /dev/shm:

    /tmp:

    /workspace:
    0
    0
    Connection refused
    Connection refused
    ");
    assert_eq!(run(&left, "cat /workspace/mine /tmp/mine").await, "mine\nmine");
    drop((left, looks));
    rig.end(&[&one, &other]).await;
}

/// Names that lead out of where files go are the guest's own, and of its user's.
#[tokio::test]
async fn files_are_read_and_written_as_the_session_in_the_guest_alone() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    run(&machine, "ln -s /proc/1/environ agent; ln -s /dev/vdb disk; ln -s / root").await;
    let linked = try_run(&machine, "ln /usr/bin/id id").await.expect("it ends");
    assert_ne!(linked.end, ExecEnd::Exited { code: 0 }, "another file system's file");
    for path in ["agent", "disk", "../proc/1/environ", "root/proc/1/mem"] {
        let path = format!("/workspace/{path}");
        machine.read_file(&path, 0, 100).await.expect_err(&path);
        machine.write_file(&path, Bytes::from_static(b"x"), None).await.expect_err(&path);
    }
    for path in [
        "/usr/bin/python3",
        "/workspace/root/etc/passwd",
        "/proc/sys/kernel/panic",
        "/dev/vda",
        "/init",
    ] {
        machine.write_file(path, Bytes::from_static(b"x"), None).await.expect_err(path);
    }
    assert_eq!(run(&machine, "python3 -c 'print(1)'").await, "1");
    drop(machine);
    rig.end(&[&place]).await;
}

/// A QEMU that was taken over writes its own folder.
#[tokio::test]
async fn links_in_the_folder_of_qemu_are_not_followed() {
    let rig = Rig::new();
    let (place, other) = (rig.boot("one").await, rig.boot("other").await);
    let socket = place.folder().join("vm/agent.sock");
    std::fs::remove_file(&socket).expect("it can be removed");
    symlink(other.folder().join("vm/agent.sock"), &socket).expect("a link can be made");
    rig.driver.connect(&place).await.expect_err("the other machine is not reached by it");
    let disk = place.folder().join("vm/disk");
    std::fs::remove_file(&disk).expect("it can be removed");
    symlink("/workspace/root/etc/passwd", &disk).expect("a link can be made");
    let copy = rig.place("copy");
    rig.driver.fork(&place, &copy, &rig.spec).await.expect_err("the host's file is not copied");
    assert!(!copy.folder().join("vm/disk").exists());
    rig.end(&[&place, &other, &copy]).await;
}
