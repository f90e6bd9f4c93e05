//! Machines with Debian's kernel, which hosts get that cannot build ours.

use mainstay_adapters::sandbox::Driver;

use super::escape::check_escapes;
use super::rig::{Rig, run};

#[tokio::test]
async fn machines_of_debians_kernel_are_started_parked_and_copied_as_ours() {
    let images = tempfile::tempdir().expect("a folder can be made");
    let rig = Rig::with_fallback(images.path());
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    assert!(run(&machine, "uname -r").await.ends_with("-cloud-amd64"));
    assert_eq!(run(&machine, "id -un; python3 -c 'print(6 * 7)'").await, "agent\n42");
    run(&machine, "echo kept > file; (sleep 1000 & echo $! > process) > /dev/null 2>&1").await;
    // Its drivers are loaded, and nobody loads another.
    assert_eq!(run(&machine, "grep -c ^virtio /proc/modules; ls -d /modules || true").await, "6");
    check_escapes(&machine).await;
    drop(machine);
    rig.driver.park(&place).await.expect("it can be parked");
    rig.driver.unpark(&place, &rig.spec).await.expect("it comes back");
    let copy = rig.place("copy");
    rig.driver.fork(&place, &copy, &rig.spec).await.expect("it can be copied");
    for place in [&place, &copy] {
        let machine = rig.connect(place).await;
        let seen = run(&machine, "cat file; kill -0 $(cat process) && echo alive").await;
        assert_eq!(seen, "kept\nalive");
    }
    rig.end(&[&place, &copy]).await;
}
