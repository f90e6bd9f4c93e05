//! Copies of machines.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{Readiness, SandboxError, SandboxRequest, SandboxSpec, Sandboxes};

use super::support::{World, checkpoint, command, folders, hub, request, session, spec};

#[tokio::test]
async fn a_machine_whose_processes_stay_gives_its_files() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    world.told();
    let copy = SandboxRequest { checkpoint: Some(Arc::new(checkpoint("c1"))), ..request("ses_2") };
    assert_eq!(hub.fork(&session("ses_1"), &copy).await, Ok(true));
    insta::assert_snapshot!(world.told().join("\n"), @r"
    boot ses_2
    connect ses_2
    give files
    take given
    ");
    assert!(
        !folders(&data.path().join("ses_2")).contains("files"),
        "they are on their way no more"
    );
    let restored = Readiness::Restored { lost_calls: 0 };
    let (_, readiness) = hub.exec(&copy, command("x"), None).await.expect("it runs");
    assert_eq!(readiness, restored, "its processes are gone");
    let knowing = SandboxRequest { told_resets: 1, ..copy.clone() };
    assert_eq!(hub.ready(&knowing).await, Ok(Readiness::Running));
    assert_eq!(hub.ready(&request("ses_1")).await, Ok(Readiness::Running));
    let again = hub.fork(&session("ses_1"), &copy).await;
    assert!(matches!(again, Err(SandboxError::Invalid(_))), "{again:?}");
}

#[tokio::test]
async fn without_a_machine_like_it_nothing_is_copied_and_a_failure_leaves_nothing() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    assert_eq!(hub.fork(&session("ses_1"), &request("ses_2")).await, Ok(false));
    hub.ready(&request("ses_1")).await.expect("a machine");
    let large = Arc::new(SandboxSpec { memory_mib: 300, ..spec() });
    let large = SandboxRequest { spec: large, ..request("ses_2") };
    assert_eq!(hub.fork(&session("ses_1"), &large).await, Ok(false));
    world.fails_boot.store(true, Ordering::SeqCst);
    let failed = hub.fork(&session("ses_1"), &request("ses_2")).await;
    assert!(matches!(failed, Err(SandboxError::Broken(_))), "{failed:?}");
    assert_eq!(folders(data.path()).into_iter().collect::<Vec<_>>(), ["ses_1"]);
    world.fails_boot.store(false, Ordering::SeqCst);
    hub.ready(&request("ses_3")).await.expect("its room was given back");
}
