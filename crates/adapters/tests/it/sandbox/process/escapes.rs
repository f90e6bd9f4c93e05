//! What commands of a machine try in order to leave it, and what comes of it.

use super::support::{Host, image, printed};

/// System calls that lead out, by their names.
pub(in crate::sandbox) const CALLS: &str = r#"
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    answer = libc.syscall(*arguments)
    return "it worked" if answer >= 0 else errno.errorcode[ctypes.get_errno()]
def attempt(work):
    try:
        work()
        return "it worked"
    except OSError as error:
        return errno.errorcode[error.errno]
NEWUSER, NEWNS = 0x10000000, 0x20000
buffer = ctypes.create_string_buffer(256)
calls = {
    "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "umount2": (166, b"/usr", 2),
    "pivot_root": (155, b"/tmp", b"/tmp"),
    "chroot": (161, b"/tmp"),
    "fsopen": (430, b"tmpfs", 0),
    "open_tree": (428, -100, b"/", 1),
    "unshare of users": (272, NEWUSER),
    "unshare of mounts": (272, NEWNS),
    "setns": (308, 0, 0),
    "clone of users": (56, NEWUSER | 17, 0, 0, 0, 0),
    "clone3": (435, buffer, 88),
    "ptrace of the agent": (101, 16, 1, 0, 0),
    "process_vm_readv of the agent": (310, 1, buffer, 1, buffer, 1, 0),
    "process_vm_writev of the agent": (311, 1, buffer, 1, buffer, 1, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "init_module": (175, buffer, 10, b""),
    "finit_module": (313, 0, b"", 0),
    "delete_module": (176, b"x", 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "bpf": (321, 0, buffer, 40),
    "perf_event_open": (298, buffer, 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "io_uring_setup": (425, 8, buffer),
    "keyctl": (250, 0, 0, 0, 0, 0),
    "add_key": (248, b"user", b"a", b"b", 1, -2),
    "syslog": (103, 3, buffer, 10),
    "reboot": (169, 0xfee1dead, 672274793, 0, 0),
    "swapon": (167, b"/workspace/x", 0),
    "sethostname": (170, b"x", 1),
    "settimeofday": (164, buffer, 0),
    "clock_settime": (227, 0, buffer),
    "iopl": (172, 3),
    "open_by_handle_at": (304, 3, buffer, 0),
    "fanotify_init": (300, 0, 0),
    "personality": (135, 0x0400000),
    "quotactl": (179, 0, 0, 0, 0),
    "acct": (163, 0),
    "an x32 call": (0x40000000 | 39,),
}
for name, arguments in calls.items():
    print(f"{name}: {call(*arguments)}")
sockets = {
    "raw": (socket.AF_INET, socket.SOCK_RAW, 1),
    "ping": (socket.AF_INET, socket.SOCK_DGRAM, 1),
    "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132),
    "mptcp": (socket.AF_INET, socket.SOCK_STREAM, 262),
    "packet": (17, socket.SOCK_DGRAM, 0),
    "netlink": (16, socket.SOCK_RAW, 0),
    "vsock": (40, socket.SOCK_STREAM, 0),
    "crypto": (38, socket.SOCK_SEQPACKET, 0),
    "stream": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "datagram": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "local": (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0),
}
for name, arguments in sockets.items():
    print(f"a {name} socket: {attempt(lambda: socket.socket(*arguments))}")
"#;

#[tokio::test]
async fn system_calls_that_lead_out_are_refused() {
    let host = Host::new().await;
    let sandbox = host.start("m1").await;
    let output = sandbox.python(CALLS).await;
    insta::assert_snapshot!(printed(&output));
    host.end(sandbox).await;
}

/// Files that lead out, and the network.
const FILES: &str = r#"
import errno, os, socket, stat
def attempt(what, work):
    try:
        answer = work()
        print(f"{what}: it worked ({answer})" if answer is not None else f"{what}: it worked")
    except OSError as error:
        print(f"{what}: {errno.errorcode[error.errno]}")
def write(path, text="1"):
    with open(path, "w") as file:
        file.write(text)
def read(path):
    with open(path, "rb") as file:
        file.read(1)
for path in ["/x", "/usr/x", "/etc/x", "/dev/x", "/proc/x", "/.agent", "/etc/passwd",
             "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger",
             "/proc/self/uid_map", "/proc/1/oom_score_adj"]:
    attempt(f"write {path}", lambda: write(path))
attempt("lower oom_score_adj", lambda: write("/proc/self/oom_score_adj", "-999"))
for path in ["/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/kcore", "/proc/kmsg",
             "/sys/kernel", "/sys/fs/cgroup", "/dev/kvm", "/dev/mem", "/dev/sda",
             "/dev/vda", "/dev/loop0", "/dev/net/tun", "/run/docker.sock", "/root", "/home"]:
    attempt(f"read {path}", lambda: read(path))
for path in ["/proc/1/root", "/proc/1/cwd", "/proc/1/fd"]:
    attempt(f"list {path}", lambda: os.listdir(path))
attempt("a device", lambda: os.mknod("/workspace/kvm", 0o600 | stat.S_IFCHR, os.makedev(10, 232)))
attempt("become root", lambda: os.setuid(0))
attempt("become another group", lambda: os.setgroups([0]))
attempt("kill the agent", lambda: os.kill(1, 9))
for name, address in {"the metadata address": "169.254.169.254", "a public one": "1.1.1.1",
                      "a private one": "10.0.0.1"}.items():
    attempt(f"connect to {name}", lambda: socket.create_connection((address, 80), 5).close())
print("devices:", *sorted(os.listdir("/dev")))
print("interfaces:", *sorted(
    line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]))
print("descriptors:", len(os.listdir("/proc/self/fd")) - 1)
print("processes:", *sorted(name for name in os.listdir("/proc") if name.isdigit())[:1])
print("user:", os.getuid(), os.getgid(), os.getgroups())
"#;

#[tokio::test]
async fn files_and_addresses_of_the_host_are_not_there() {
    let host = Host::new().await;
    let sandbox = host.start("m1").await;
    let output = sandbox.python(FILES).await;
    insta::assert_snapshot!(printed(&output));
    host.end(sandbox).await;
}

#[tokio::test]
async fn the_server_and_its_folders_cannot_be_found() {
    let host = Host::new().await;
    std::fs::write(host.folder().join("vault.key"), "the vault's key").expect("written");
    let sandbox = host.start("m1").await;
    let folder = host.folder().display();
    let name = host.folder().file_name().expect("it has a name").to_string_lossy().into_owned();
    for path in [format!("{folder}"), format!("{folder}/vault.key"), format!("{folder}/m1")] {
        let listed = sandbox.shell(&format!("ls -d {path}")).await;
        assert_ne!(listed.end, mainstay_core::port::ExecEnd::Exited { code: 0 }, "{path} is there");
    }
    let found =
        format!("find / -name '{name}*' -o -name vault.key -o -name agent.sock 2>/dev/null");
    assert_eq!(printed(&sandbox.shell(&found).await), "");
    // What has the name of a file of the host is the image's.
    let shadow = std::fs::read(image().tree.join("etc/shadow")).expect("the image has one");
    let (inside, _) =
        sandbox.machine.read_file("/etc/shadow", 0, 1 << 16).await.expect("the image's is read");
    assert_eq!(inside, shadow);
    // The environment is what the agent gives commands, and nothing of this process.
    let names = sandbox.text("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
    insta::assert_snapshot!(names);
    host.end(sandbox).await;
}

#[tokio::test]
async fn programs_that_raise_privileges_do_not() {
    let host = Host::new().await;
    let sandbox = host.start("m1").await;
    sandbox.text("cp /usr/bin/id /workspace/id && chmod 6755 /workspace/id").await;
    let told =
        sandbox.text("/workspace/id -u; grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status");
    insta::assert_snapshot!(told.await, @r"
    1000
    CapEff:	0000000000000000
    CapBnd:	0000000000000000
    NoNewPrivs:	1
    ");
    let mounts = sandbox.text("grep -cv nosuid /proc/self/mounts || true").await;
    assert_eq!(mounts, "0", "a mount honours set-uid programs");
    host.end(sandbox).await;
}

#[tokio::test]
async fn files_are_read_and_written_in_the_machine_alone() {
    let host = Host::new().await;
    let secret = host.folder().join("secret");
    std::fs::write(&secret, "of the host").expect("written");
    let sandbox = host.start("m1").await;
    let secret = secret.display();
    sandbox.text(&format!("ln -s {secret} link; ln -s / root; mkdir -p deep/er")).await;
    let outside = format!("/workspace/../..{secret}");
    for path in ["/workspace/link", &format!("/workspace/root{secret}"), &outside] {
        let read = sandbox.machine.read_file(path, 0, 100).await;
        let text = read.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned());
        assert!(!text.as_ref().is_ok_and(|text| text.contains("of the host")), "{path}: {text:?}");
        let bytes = bytes::Bytes::from_static(b"of the machine");
        // Whatever it does, it does it inside.
        let _ = sandbox.machine.write_file(path, bytes, None).await;
    }
    let kept = std::fs::read_to_string(host.folder().join("secret")).expect("it is there");
    assert_eq!(kept, "of the host");
    let linked = sandbox.shell("ln /etc/passwd /workspace/passwd").await;
    assert!(printed(&linked).contains("cross-device"), "{}", printed(&linked));
    host.end(sandbox).await;
}
