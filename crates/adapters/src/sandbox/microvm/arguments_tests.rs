use std::path::{Path, PathBuf};

use super::{Acceleration, Cell, KernelKind, MicrovmSettings, Start, Vm, command};

fn line(acceleration: Acceleration, start: Start<'_>, user: Option<(u32, u32)>) -> String {
    line_of(KernelKind::Minimal, acceleration, start, user)
}

fn line_of(
    kernel: KernelKind,
    acceleration: Acceleration,
    start: Start<'_>,
    user: Option<(u32, u32)>,
) -> String {
    let settings = MicrovmSettings::new(PathBuf::from("/scratch"), PathBuf::from("/images"));
    let doors = [PathBuf::from("/groups/memory/cgroup.procs")];
    let (folder, vm) = (Path::new("/machines/one"), Path::new("/machines/one/vm"));
    let cell = Cell { folder, vm, doors: &doors, user };
    let root = Path::new("/images/root.squashfs");
    let vm = Vm { cpus: 2, memory_mib: 512, disk_mib: 1024, acceleration, root, kernel, start };
    let words = command(&settings, &cell, &vm);
    words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn boot() -> Start<'static> {
    let (kernel, initrd) = (Path::new("/images/vmlinux"), Path::new("/images/init.cpio"));
    Start::Boot { kernel, initrd, khz: 2_100_000 }
}

/// What QEMU is given in place of these words would be another machine.
fn devices(line: &str) -> Vec<&str> {
    let words: Vec<_> = line.split(' ').collect();
    let kinds = ["-device", "-drive", "-M", "-cpu", "-m", "-smp", "-serial"];
    words.windows(2).filter(|pair| kinds.contains(&pair[0])).map(|pair| pair[1]).collect()
}

#[test]
fn a_clone_has_the_devices_of_its_template() {
    let kinds = [KernelKind::Minimal, KernelKind::Cloud];
    let all = [Acceleration::Kvm, Acceleration::Tcg].map(|found| kinds.map(|kind| (kind, found)));
    for (kernel, acceleration) in all.into_iter().flatten() {
        let template = line_of(kernel, acceleration, boot(), None);
        let clone = line_of(kernel, acceleration, Start::Clone, None);
        assert_eq!(devices(&template), devices(&clone));
        assert!(clone.contains("share=off") && clone.contains("-incoming defer"), "{clone}");
        assert!(template.contains("share=on") && !template.contains("-incoming"), "{template}");
    }
}

#[test]
fn there_is_no_network_and_no_device_of_the_host_but_kvm() {
    let tcg = line(Acceleration::Tcg, boot(), None);
    assert!(!tcg.contains("/dev/kvm") && !tcg.contains("net-device"), "{tcg}");
    assert!(line(Acceleration::Kvm, boot(), None).contains("--dev-bind /dev/kvm /dev/kvm"));
    for word in ["--unshare-net", "--unshare-pid", "-nodefaults", "-no-user-config", "spawn=deny"] {
        assert!(tcg.contains(word), "{word}");
    }
}

#[test]
fn root_gives_itself_up() {
    let line = line(Acceleration::Tcg, Start::Clone, Some((70_000, 107)));
    assert!(line.contains("setpriv --reuid=70000 --regid=70000 --groups=107"), "{line}");
    assert!(line.contains("--bounding-set=-all --inh-caps=-all --no-new-privs -- qemu"), "{line}");
}

#[test]
fn the_group_is_entered_before_anything_else() {
    let line = line(Acceleration::Tcg, Start::Clone, None);
    let doors = line.find("sh 1 /groups/memory/cgroup.procs bwrap").expect("it is entered");
    assert!(doors < line.find("--unshare-pid").expect("namespaces are made"));
    assert!(line.contains("--setenv MAINSTAY_MACHINE /machines/one"), "its mark: {line}");
}
