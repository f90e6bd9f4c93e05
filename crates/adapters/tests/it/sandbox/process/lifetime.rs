//! A machine outlives who started it, is found again, and leaves nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use mainstay_adapters::sandbox::Driver;
use mainstay_core::port::{ExecEnd, Fate};

use super::support::{Host, Sandbox, command, connect, printed};

#[tokio::test]
async fn a_machine_outlives_its_server_and_is_found_again() {
    let host = Host::new().await;
    let Sandbox { place, machine, .. } = host.start("m1").await;
    let first = command(1, &["/bin/sh", "-c", "echo once >> /workspace/x; echo said"], 10_000);
    machine.exec(first.clone(), None).await.expect("it runs");
    drop(machine);
    let driver = host.another_driver();
    assert!(driver.is_running(&place).await);
    let machine = connect(&driver, &place).await;
    let fate = machine.exec_fate(&first.effect).await.expect("it is asked");
    let Fate::Ended(output, _) = fate else { panic!("it was forgotten: {fate:?}") };
    assert_eq!((output.end, printed(&output).as_str()), (ExecEnd::Exited { code: 0 }, "said"));
    let second = command(2, &["cat", "/workspace/x"], 10_000);
    let output = machine.exec(second, None).await.expect("it runs");
    assert_eq!(printed(&output), "once");
    drop(machine);
    driver.destroy(&place).await.expect("it ends");
    assert!(!host.driver.is_running(&place).await);
}

#[tokio::test]
async fn a_parked_machine_keeps_its_files() {
    let host = Host::new().await;
    let Sandbox { place, machine, .. } = host.start("m1").await;
    let write = command(1, &["/bin/sh", "-c", "echo kept > x; echo gone > /tmp/x"], 10_000);
    machine.exec(write, None).await.expect("it runs");
    drop(machine);
    host.driver.park(&place).await.expect("it is parked");
    assert!(!host.driver.is_running(&place).await);
    if rustix::process::geteuid().is_root() {
        let mut look = Command::new("dumpe2fs");
        let output = look.arg("-h").arg(place.folder().join("disk.ext4")).output();
        let told = output.expect("e2fsprogs is installed").stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(told.contains("Filesystem state:         clean"), "{told}");
        assert_eq!(attached(host.folder()), 0, "nothing shows it any more");
    }
    host.driver.unpark(&place, &Host::spec()).await.expect("it comes back");
    let machine = connect(&host.driver, &place).await;
    let read = command(2, &["/bin/sh", "-c", "cat x; ls /tmp; ls -A"], 10_000);
    let output = machine.exec(read, None).await.expect("it runs");
    assert_eq!(printed(&output), "kept\nx");
    host.driver.destroy(&place).await.expect("it ends");
}

#[tokio::test]
async fn what_is_not_recorded_is_ended_all_the_same() {
    let host = Host::new().await;
    let Sandbox { place, machine, .. } = host.start("m1").await;
    drop(machine);
    // As if the server had ended between starting it and writing it down.
    fs::remove_file(place.folder().join("process.json")).expect("removed");
    assert!(!host.driver.is_running(&place).await);
    host.driver.destroy(&place).await.expect("it ends");
    assert!(host.driver.connect(&place).await.is_err(), "nobody listens any more");
    host.driver.destroy(&place).await.expect("ending it twice is no error");
}

/// The disks that are attached to a device, of those below a folder.
fn attached(folder: &Path) -> usize {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let shown = devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    shown.filter(|file| Path::new(file).starts_with(folder)).count()
}

#[tokio::test]
async fn what_a_killed_server_left_of_a_probe_is_ended_by_the_next() {
    let host = Host::new().await;
    let mut server = Command::new("true").spawn().expect("it starts");
    server.wait().expect("it ends");
    let dead = format!(".probe-{}", server.id());
    let (left, gone) = (host.folder().join(&dead), host.folder().join("elsewhere").join(&dead));
    let alive = host.folder().join(".probe-1");
    for folder in [&left, &gone, &alive] {
        fs::create_dir_all(folder).expect("made");
        fs::write(folder.join("disk.ext4"), vec![0; 1 << 20]).expect("written");
        if rustix::process::geteuid().is_root() {
            let mut attach = Command::new("losetup");
            attach.arg("--find").arg(folder.join("disk.ext4"));
            assert!(attach.status().expect("losetup is there").success());
        }
    }
    fs::remove_dir_all(&gone).expect("removed");
    host.another_driver().probe().await.expect("it works");
    assert!(!left.exists() && alive.exists());
    let devices = usize::from(rustix::process::geteuid().is_root());
    assert_eq!(attached(host.folder()), devices, "the one whose server runs");
    // Its server ends too, as far as a name can say.
    let ended = host.folder().join(&dead);
    fs::rename(&alive, &ended).expect("renamed");
    host.another_driver().probe().await.expect("it works");
    assert_eq!((attached(host.folder()), ended.exists()), (0, false));
}
