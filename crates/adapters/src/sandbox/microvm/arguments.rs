//! The command line: a control group, namespaces, limits, a user, QEMU.
//!
//! Invariant: QEMU is given the devices that a machine needs and no other, and no file but those that are
//! mounted for it. Clones get the devices of their template, in the same order.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::{AGENT_SOCKET, DISK, INCOMING_SOCKET, QMP_SOCKET, READY_SOCKET, STATE};
use super::limits::{SERIAL_BYTES, TCG_CACHE_MIB};
use super::settings::{Acceleration, MicrovmSettings};
use crate::sandbox::KernelKind;
use crate::sandbox::driver::MIB;

/// How processes of a machine are told apart, on bubblewrap's command line: a variable of QEMU.
pub(super) const MARK: &str = "MAINSTAY_MACHINE";
/// Where QEMU sees its folder.
const VM: &str = "/vm";
const ROOT: &str = "/image";
const KERNEL: &str = "/kernel";
/// Standard input: memory that has no name.
const MEMORY: &str = "/proc/self/fd/0";
const INITRD: &str = "/initrd";
/// Enters the groups, then becomes the rest.
const ENTER: &str = "count=$1; shift
while [ \"$count\" -gt 0 ]; do echo 0 > \"$1\" || exit 97; shift; count=$((count - 1)); done
exec \"$@\"";
const KVM: &str = "/dev/kvm";
/// Files that QEMU has open.
const MAX_OPEN_FILES: u32 = 1024;
/// What QEMU writes beside disk and memory.
const OTHER_FILE_MIB: u64 = 64;
const SHARED_LIBRARIES: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// How a machine begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start<'a> {
    /// The kernel boots, in memory that is its own.
    Boot {
        kernel: &'a Path,
        initrd: &'a Path,
        /// Kilohertz of the time stamp counter, for a guest that cannot measure it.
        khz: u64,
    },
    /// It goes on where its template stood still, over whose memory it writes its own.
    Clone,
}

/// What QEMU runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vm<'a> {
    pub(super) cpus: u32,
    pub(super) memory_mib: u64,
    pub(super) disk_mib: u64,
    pub(super) acceleration: Acceleration,
    pub(super) root: &'a Path,
    pub(super) kernel: KernelKind,
    pub(super) start: Start<'a>,
}

/// Who QEMU is, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    /// The machine's folder, its mark.
    pub(super) folder: &'a Path,
    /// What QEMU sees of it.
    pub(super) vm: &'a Path,
    /// The files that put a process into the machine's groups.
    pub(super) doors: &'a [PathBuf],
    /// The user and the group that may use KVM; none where we are no root.
    pub(super) user: Option<(u32, u32)>,
}

/// The whole command, behind the shell.
pub(super) fn command(settings: &MicrovmSettings, cell: &Cell<'_>, vm: &Vm<'_>) -> Vec<OsString> {
    let mut line = Line::default();
    line.words(&["-c", ENTER, "sh", &cell.doors.len().to_string()]);
    cell.doors.iter().for_each(|door| line.path(door));
    line.path(&settings.bubblewrap);
    namespaces(&mut line, cell, vm);
    let largest_mib = vm.disk_mib.max(vm.memory_mib).saturating_add(OTHER_FILE_MIB);
    let largest = largest_mib.saturating_mul(MIB);
    line.words(&["--", "prlimit", &format!("--fsize={largest}"), "--core=0"]);
    line.words(&[&format!("--nofile={MAX_OPEN_FILES}"), "--"]);
    if let Some((user, kvm)) = cell.user {
        line.words(&["setpriv", &format!("--reuid={user}"), &format!("--regid={user}")]);
        line.words(&[&format!("--groups={kvm}"), "--bounding-set=-all", "--inh-caps=-all"]);
        line.words(&["--no-new-privs", "--"]);
    }
    line.path(&settings.qemu);
    qemu(&mut line, vm);
    line.0
}

fn namespaces(line: &mut Line, cell: &Cell<'_>, vm: &Vm<'_>) {
    line.words(&["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]);
    line.words(&["--unshare-cgroup-try", "--new-session", "--clearenv"]);
    line.words(&["--setenv", "PATH", "/usr/sbin:/usr/bin", "--setenv", MARK]);
    line.path(cell.folder);
    line.words(&["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]);
    for name in SHARED_LIBRARIES {
        let own = PathBuf::from("/").join(name);
        match std::fs::read_link(&own) {
            Ok(target) => {
                line.word("--symlink");
                line.path(&target);
                line.path(&own);
            }
            Err(_) => line.mount("--ro-bind-try", &own, &own.to_string_lossy()),
        }
    }
    // Made by root it would be for root alone.
    line.words(&["--perms", "0755", "--dir", "/etc"]);
    line.words(&["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]);
    line.words(&["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]);
    if vm.acceleration == Acceleration::Kvm {
        line.words(&["--dev-bind", KVM, KVM]);
    }
    line.mount("--ro-bind", vm.root, ROOT);
    if let Start::Boot { kernel, initrd, .. } = vm.start {
        line.mount("--ro-bind", kernel, KERNEL);
        line.mount("--ro-bind", initrd, INITRD);
    }
    line.mount("--bind", cell.vm, VM);
    line.words(&["--chdir", VM]);
}

fn qemu(line: &mut Line, vm: &Vm<'_>) {
    // Under KVM the guest has a clock of KVM's, and needs none of these.
    let clocks = match vm.acceleration {
        Acceleration::Kvm => "rtc=off,pit=off,pic=off",
        Acceleration::Tcg => "rtc=on,pit=on,pic=on",
    };
    let devices_by = match vm.kernel {
        KernelKind::Minimal => "acpi=off,auto-kernel-cmdline=on",
        KernelKind::Cloud => "acpi=on,auto-kernel-cmdline=off",
    };
    let machine = format!(
        "microvm,x-option-roms=off,isa-serial=on,{devices_by},memory-backend=ram,suppress-vmdesc=on"
    );
    let accel = match vm.acceleration {
        Acceleration::Kvm => "kvm".to_owned(),
        Acceleration::Tcg => format!("tcg,thread=multi,tb-size={TCG_CACHE_MIB}"),
    };
    // Copies by one instruction are fast where a processor does them; translated, they go byte by byte,
    // which the kernel and the library would take for the fastest way.
    let processor = match vm.acceleration {
        Acceleration::Kvm => "max",
        Acceleration::Tcg => "max,-erms",
    };
    let size = vm.memory_mib;
    line.words(&["-name", "mainstay", "-M", &format!("{machine},{clocks}"), "-accel", &accel]);
    line.words(&["-cpu", processor, "-m", &size.to_string(), "-smp", &vm.cpus.to_string()]);
    line.words(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    // A clone's memory is there before its devices' state, which is all that is loaded.
    line.words(&["-global", "migration.send-configuration=off"]);
    let share = match vm.start {
        Start::Boot { .. } => "on",
        Start::Clone => "off",
    };
    let memory = format!("memory-backend-file,id=ram,size={size}M,mem-path={MEMORY},share={share}");
    line.words(&["-object", &memory]);
    devices(line);
    match vm.start {
        Start::Boot { khz, .. } => {
            let append = kernel_line(vm.acceleration, khz);
            line.words(&["-kernel", KERNEL, "-initrd", INITRD, "-append", &append]);
        }
        Start::Clone => line.words(&["-incoming", "defer"]),
    }
    let refused = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
    line.words(&["-sandbox", refused]);
}

fn devices(line: &mut Line) {
    // The kernel's last words stay in memory: a guest that talks without end fills no disk.
    let serial = format!("ringbuf,id=serial,size={SERIAL_BYTES}");
    line.words(&["-chardev", &serial, "-serial", "chardev:serial"]);
    line.words(&["-device", "virtio-serial-device,max_ports=2"]);
    let socket =
        |id: &str, name: &str| format!("socket,id={id},path={VM}/{name},server=on,wait=off");
    line.words(&["-chardev", &socket("agent", AGENT_SOCKET)]);
    line.words(&["-device", "virtserialport,chardev=agent,name=agent,nr=1"]);
    let root = format!("if=none,id=root,file={ROOT},format=raw,readonly=on,cache=writeback");
    line.words(&["-drive", &root, "-device", "virtio-blk-device,drive=root"]);
    let disk = format!(
        "if=none,id=disk,file={VM}/{DISK},format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap"
    );
    line.words(&["-drive", &disk, "-device", "virtio-blk-device,drive=disk"]);
    line.words(&["-device", "virtio-rng-device"]);
    line.words(&[
        "-chardev",
        &socket("control", QMP_SOCKET),
        "-mon",
        "chardev=control,mode=control",
    ]);
    let ready = format!("socket,id=ready,path={VM}/{READY_SOCKET}");
    line.words(&["-chardev", &ready, "-mon", "chardev=ready,mode=control"]);
}

/// The kernel gives what it does not know to the agent, as its arguments.
fn kernel_line(acceleration: Acceleration, khz: u64) -> String {
    let clock = match acceleration {
        // Translated code is kept by its address: programs that begin elsewhere each time would be
        // translated anew each time.
        Acceleration::Tcg => format!(" norandmaps tsc=reliable tsc_early_khz={khz}"),
        Acceleration::Kvm => String::new(),
    };
    format!(
        "quiet console=ttyS0 reboot=t panic=-1 8250.nr_uarts=1 random.trust_cpu=on{clock} \
         --init --port /dev/vport0p1"
    )
}

/// What QEMU writes its devices' state to.
pub(super) fn state_inside() -> String {
    format!("{VM}/{STATE}")
}

/// Where QEMU listens for a state to load.
pub(super) fn incoming_inside() -> String {
    format!("unix:{VM}/{INCOMING_SOCKET}")
}

#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn word(&mut self, word: &str) {
        self.0.push(word.into());
    }

    fn words(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.word(word));
    }

    fn path(&mut self, path: &Path) {
        self.0.push(path.into());
    }

    fn mount(&mut self, how: &str, path: &Path, inside: &str) {
        self.word(how);
        self.path(path);
        self.word(inside);
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
