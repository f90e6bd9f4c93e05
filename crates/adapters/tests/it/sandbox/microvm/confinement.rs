//! What QEMU itself may do, as the host's kernel shows it of one that runs: a guest may have taken it over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mainstay_adapters::sandbox::{Driver, Place};

use super::rig::{Rig, run};

const NO_CAPABILITIES: &str = "0000000000000000";

/// The folder of a machine's QEMU in `/proc`.
struct Qemu(PathBuf);

impl Qemu {
    fn of(place: &Place) -> Self {
        let record = fs::read(place.folder().join("microvm.json")).expect("it is recorded");
        let record: serde_json::Value = serde_json::from_slice(&record).expect("it is JSON");
        Self(PathBuf::from(format!("/proc/{}", record["qemu"]["pid"])))
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).expect("it runs").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Where the links of a folder lead.
    fn links(&self, folder: &str) -> Vec<(String, String)> {
        let read = |name: String| {
            let target = fs::read_link(self.0.join(folder).join(&name)).ok()?;
            Some((name, target.to_string_lossy().into_owned()))
        };
        self.names(folder).into_iter().filter_map(read).collect()
    }

    /// The most that it may raise a limit to.
    fn limit(&self, name: &str) -> String {
        let text = self.text("limits");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("it is told");
        line.split_whitespace().nth(1).expect("it has a bound").to_owned()
    }

    /// A file of the control groups that it is in.
    fn group(&self, names: [&str; 2]) -> Option<String> {
        let text = self.text("cgroup");
        let folders = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            path.contains("/mainstay/vm-").then_some((controllers.to_owned(), path.to_owned()))
        });
        let mounts = |(controllers, path): (String, String)| {
            [controllers.as_str(), "unified", ""].map(|mount| {
                Path::new("/sys/fs/cgroup").join(mount).join(path.trim_start_matches('/'))
            })
        };
        let mut found = folders.flat_map(mounts).flat_map(|one| names.map(|name| one.join(name)));
        found.find_map(|file| fs::read_to_string(file).ok()).map(|text| text.trim().to_owned())
    }
}

/// A line of a thread's `status`.
fn field(status: &str, name: &str) -> Vec<String> {
    let line = status.lines().find(|line| line.starts_with(name)).expect("it is told");
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_thread_of_qemu_has_a_privilege() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    // It has done what it does for a guest: its threads are there.
    run(&rig.connect(&place).await, "echo x > file; sync").await;
    let qemu = Qemu::of(&place);
    let is_root = rustix::process::geteuid().is_root();
    let threads = qemu.names("task");
    assert!(threads.len() > 1, "one for the guest's processor, one for its devices");
    for thread in threads {
        let status = qemu.text(&format!("task/{thread}/status"));
        for name in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(field(&status, name), [NO_CAPABILITIES], "{name} {status}");
        }
        assert_eq!(field(&status, "NoNewPrivs:"), ["1"], "{status}");
        assert_eq!(field(&status, "Seccomp:"), ["2"], "{status}");
        if is_root {
            assert_eq!(field(&status, "CapBnd:"), [NO_CAPABILITIES], "{status}");
            let users = [field(&status, "Uid:"), field(&status, "Gid:"), field(&status, "Groups:")];
            assert!(!users.concat().contains(&"0".to_owned()), "{status}");
        }
    }
    rig.end(&[&place]).await;
}

#[tokio::test]
async fn qemu_is_held_to_what_its_guest_was_given() {
    let rig = Rig::new();
    let (place, other) = (rig.boot("one").await, rig.boot("other").await);
    let qemu = Qemu::of(&place);
    let largest = (rig.spec.disk_mib.max(rig.spec.memory_mib) + 64) << 20;
    assert_eq!(qemu.limit("Max file size"), largest.to_string());
    assert_eq!(qemu.limit("Max core file size"), "0");
    assert_eq!(qemu.limit("Max open files"), "1024");
    let notes = rig.driver.notes();
    if let Some(note) = notes.iter().find(|note| note.contains("no control group for")) {
        println!("NOT LIMITED: {note}");
    } else {
        let memory = qemu.group(["memory.max", "memory.limit_in_bytes"]);
        assert_eq!(memory, Some(((rig.spec.memory_mib * 2 + 256) << 20).to_string()));
        let threads = qemu.group(["pids.max", "pids.max"]);
        assert_eq!(threads, Some((rig.spec.cpus + 96).to_string()));
        let time = qemu.group(["cpu.max", "cpu.cfs_quota_us"]);
        let micros = u64::from(rig.spec.cpus + 1) * 100_000;
        assert!(time.is_some_and(|time| time.starts_with(&micros.to_string())));
    }
    if rustix::process::geteuid().is_root() {
        let user = |qemu: &Qemu| field(&qemu.text("status"), "Uid:");
        assert_ne!(user(&qemu), user(&Qemu::of(&other)), "each has a user of its own");
    }
    rig.end(&[&place, &other]).await;
}

#[tokio::test]
async fn qemu_sees_its_machine_and_nothing_else() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    run(&rig.connect(&place).await, "echo x > file; sync").await;
    let qemu = Qemu::of(&place);
    let own = |name: &str| fs::read_link(format!("/proc/self/ns/{name}")).expect("it is there");
    let others: BTreeSet<String> =
        ["pid", "net", "mnt", "ipc", "uts", "cgroup"].map(str::to_owned).into();
    for (name, namespace) in qemu.links("ns") {
        if others.contains(&name) {
            assert_ne!(Path::new(&namespace), own(&name), "its {name} namespace is its own");
        }
    }
    let root: BTreeSet<String> = qemu.names("root").into_iter().collect();
    let expected = ["bin", "dev", "etc", "image", "lib", "lib64", "proc", "sbin", "usr", "vm"];
    assert_eq!(root, expected.map(str::to_owned).into());
    let devices: BTreeSet<String> = qemu.names("root/dev").into_iter().collect();
    let harmless = [
        "console", "core", "fd", "full", "kvm", "null", "ptmx", "pts", "random", "shm", "stderr",
        "stdin", "stdout", "tty", "urandom", "zero",
    ];
    assert!(devices.is_subset(&harmless.map(str::to_owned).into()), "{devices:?}");
    let log = place.folder().join("qemu.log").display().to_string();
    let kinds = [
        "anon_inode:",
        "pipe:",
        "socket:",
        "/dev/null",
        "/memfd:mainstay-template",
        "/vm/",
        "/image",
    ];
    for (number, file) in qemu.links("fd") {
        let is_its_own = kinds.iter().any(|kind| file.starts_with(kind)) || file == log;
        assert!(is_its_own, "file {number} of QEMU is {file}");
    }
    let environ = qemu.text("environ");
    let names: BTreeSet<&str> =
        environ.split('\0').filter_map(|one| Some(one.split_once('=')?.0)).collect();
    assert!(names.is_subset(&["MAINSTAY_MACHINE", "PATH", "PWD"].into()), "{names:?}");
    rig.end(&[&place]).await;
}
