use std::fs;
use std::path::Path;

use super::delegated::{is_delegated, vacate};
use super::{Bounds, Groups};

const BOUNDS: Bounds = Bounds { memory_mib: 64, processes: 20, cpus: 2 };

/// A host whose groups are plain folders: what is written stays to be read.
fn check(layout: &[(&str, &str)], mounts: &str, own: &str) -> (Vec<&'static str>, String) {
    let host = tempfile::tempdir().expect("a folder");
    let at = |path: &str| host.path().join(path);
    for (path, content) in layout {
        fs::create_dir_all(at(path).parent().expect("a file is in a folder")).expect("made");
        fs::write(at(path), content).expect("written");
    }
    let mounts = mounts.replace("HOST", host.path().to_str().expect("the path is text"));
    let groups = Groups::find_in(&mounts, own);
    let group = groups.make("m1", &BOUNDS).expect("the group is made");
    let mut written = Vec::new();
    for folder in group.folders() {
        let mut files: Vec<_> = fs::read_dir(&folder).expect("a folder").flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        for file in files {
            let path = file.path();
            let name = path.strip_prefix(host.path()).unwrap_or(Path::new("")).display();
            let content = fs::read_to_string(file.path()).expect("read");
            written.push(format!("{name} = {content}"));
        }
    }
    (groups.missing(), written.join("\n"))
}

#[test]
fn each_controller_of_version_one_has_its_mount() {
    let mounts = "30 20 0:1 / HOST/memory rw - cgroup cgroup rw,memory\n\
                  31 20 0:2 / HOST/pids rw - cgroup cgroup rw,pids\n\
                  32 20 0:3 / HOST/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
    let own = "4:memory:/a/b\n8:pids:/\n1:cpu,cpuacct:/\n0::/";
    let layout = [("memory/a/b/tasks", ""), ("pids/tasks", ""), ("cpu,cpuacct/tasks", "")];
    let (missing, written) = check(&layout, mounts, own);
    assert_eq!(missing, Vec::<&str>::new());
    insta::assert_snapshot!(written, @r"
    memory/a/b/mainstay/m1/memory.limit_in_bytes = 67108864
    memory/a/b/mainstay/m1/memory.memsw.limit_in_bytes = 67108864
    pids/mainstay/m1/pids.max = 20
    cpu,cpuacct/mainstay/m1/cpu.cfs_period_us = 100000
    cpu,cpuacct/mainstay/m1/cpu.cfs_quota_us = 200000
    ");
}

#[test]
fn version_two_is_used_where_the_service_was_given_its_group() {
    let mounts = "30 20 0:1 / HOST rw - cgroup2 cgroup2 rw";
    let own = "0::/system/mainstay.service";
    let parent = "system/mainstay.service";
    let layout = [
        (&*format!("{parent}/cgroup.subtree_control"), "cpu memory pids"),
        (&*format!("{parent}/mainstay/cgroup.subtree_control"), "cpu memory pids"),
    ];
    let (missing, written) = check(&layout, mounts, own);
    assert_eq!(missing, Vec::<&str>::new());
    insta::assert_snapshot!(written, @r"
    system/mainstay.service/mainstay/m1/cpu.max = 200000 100000
    system/mainstay.service/mainstay/m1/memory.max = 67108864
    system/mainstay.service/mainstay/m1/memory.swap.max = 0
    system/mainstay.service/mainstay/m1/pids.max = 20
    ");
}

#[test]
fn a_host_without_controllers_says_so() {
    let mounts = "30 20 0:1 / HOST rw - cgroup2 cgroup2 rw";
    let (missing, written) = check(&[("cgroup.procs", "")], mounts, "0::/");
    assert_eq!(missing, ["memory", "pids", "cpu"]);
    assert_eq!(written, "");
}

#[test]
fn kills_are_counted_and_processes_enter_where_the_kernel_has_it() {
    let one = ("30 20 0:1 / HOST rw - cgroup cgroup rw,memory", "4:memory:/\n0::/");
    let two = ("30 20 0:1 / HOST rw - cgroup2 cgroup2 rw", "0::/own");
    let versions = [(one, "memory.oom_control", "tasks"), (two, "memory.events", "cgroup.procs")];
    for ((mounts, own), file, door) in versions {
        let host = tempfile::tempdir().expect("a folder");
        let branch = host.path().join("own/mainstay");
        fs::create_dir_all(&branch).expect("made");
        for folder in [host.path().join("own"), branch] {
            fs::write(folder.join("cgroup.subtree_control"), "memory").expect("written");
        }
        let mounts = mounts.replace("HOST", host.path().to_str().expect("the path is text"));
        let groups = Groups::find_in(&mounts, own);
        let group = groups.make("m1", &BOUNDS).expect("the group is made");
        assert_eq!(group.memory_kills(), None, "{file}");
        let [folder] = &group.folders()[..] else { panic!("one controller, one folder") };
        assert_eq!(group.door_paths(), [folder.join(door)]);
        fs::write(folder.join(file), "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
            .expect("written");
        assert_eq!(group.memory_kills(), Some(3), "{file}");
    }
    let none = Groups::default().make("m1", &BOUNDS).expect("of nothing");
    assert_eq!(none.memory_kills(), None);
}

/// The mark that systemd gives a group with its service.
fn mark(folder: &Path) {
    let flags = rustix::fs::XattrFlags::empty();
    let marked = ["user.delegate", "trusted.delegate"]
        .map(|mark| rustix::fs::setxattr(folder, mark, b"1", flags).is_ok());
    assert!(marked.contains(&true), "{} takes no extended attributes", folder.display());
}

#[test]
fn a_group_above_is_used_only_if_it_was_given_to_the_service() {
    for (is_given, expected) in [(true, Vec::new()), (false, vec!["memory", "pids", "cpu"])] {
        let host = tempfile::tempdir().expect("a folder");
        let service = host.path().join("service");
        fs::create_dir_all(service.join("mainstay")).expect("made");
        fs::create_dir(service.join("mainstay-server")).expect("made");
        for folder in [service.clone(), service.join("mainstay")] {
            fs::write(folder.join("cgroup.subtree_control"), "cpu memory pids").expect("written");
        }
        if is_given {
            mark(&service);
        }
        let mounts = format!("30 20 0:1 / {} rw - cgroup2 cgroup2 rw", host.path().display());
        let groups = Groups::find_in(&mounts, "0::/service/mainstay-server");
        assert_eq!(groups.missing(), expected);
    }
}

#[test]
fn the_processes_of_a_given_group_go_into_one_of_their_own() {
    let host = tempfile::tempdir().expect("a folder");
    assert!(!is_delegated(host.path()), "a folder like others");
    mark(host.path());
    assert!(is_delegated(host.path()));
    fs::write(host.path().join("cgroup.procs"), "4711\n").expect("written");
    vacate(host.path());
    let moved = fs::read_to_string(host.path().join("mainstay-server/cgroup.procs"));
    assert_eq!(moved.expect("read"), "4711");
}
