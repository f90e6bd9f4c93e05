//! Machines that wait for sessions.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{Readiness, SandboxRequest, SandboxSpec, Sandboxes};

use super::support::{World, command, folders, hub_with, request, session, spec};

const AN_HOUR_MS: u64 = 60 * 60 * 1000;

/// The names of machines that were started ahead differ.
fn told(world: &World) -> String {
    let told = world.told().join("\n");
    told.replace("0-1", "ahead-1").replace("0-2", "ahead-2")
}

fn warm(machines: &Path) -> usize {
    folders(&machines.join(".warm")).len()
}

#[tokio::test]
async fn the_next_session_gets_the_machine_that_waits_and_another_takes_its_place() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub_with(data.path(), &world, 1).await;
    hub.tend().await.expect("tended");
    assert_eq!(told(&world), "", "none for what nobody asked for");
    assert_eq!(hub.ready(&request("ses_1")).await, Ok(Readiness::New));
    hub.tend().await.expect("tended");
    insta::assert_snapshot!(told(&world), @r"
    boot ses_1
    connect ses_1
    boot ahead-1
    connect ahead-1
    for nobody
    warm
    ");
    let (_, readiness) = hub.exec(&request("ses_2"), command("one"), None).await.expect("it runs");
    assert_eq!(readiness, Readiness::New);
    insta::assert_snapshot!(told(&world), @r"
    connect ahead-1
    exec one
    ");
    assert_eq!(warm(data.path()), 1, "the one that is in use");
    hub.destroy(&session("ses_1")).await.expect("ended");
    hub.tend().await.expect("tended");
    assert_eq!(warm(data.path()), 2);
    hub.destroy(&session("ses_2")).await.expect("ended");
    let left: Vec<_> = folders(data.path()).into_iter().collect();
    assert_eq!((warm(data.path()), left), (1, vec![".calls".to_owned(), ".warm".to_owned()]));
    hub.stop().await;
    hub.tend().await.expect("tended");
    assert_eq!(warm(data.path()), 0);
}

#[tokio::test]
async fn a_machine_of_another_kind_is_not_given_and_one_nobody_wants_ends() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub_with(data.path(), &world, 1).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    hub.tend().await.expect("tended");
    world.told();
    let large = Arc::new(SandboxSpec { memory_mib: 300, ..spec() });
    let large = SandboxRequest { spec: large, ..request("ses_2") };
    hub.ready(&large).await.expect("a machine");
    assert!(told(&world).contains("boot ses_2"), "it has another size");
    hub.destroy(&session("ses_2")).await.expect("ended");
    hub.destroy(&session("ses_1")).await.expect("ended");
    world.pass(AN_HOUR_MS);
    hub.tend().await.expect("tended");
    assert_eq!(warm(data.path()), 0);
}

#[tokio::test]
async fn what_waits_gives_way_to_sessions() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub_with(data.path(), &world, 2).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    hub.tend().await.expect("tended");
    assert_eq!(warm(data.path()), 1, "two machines may run at once");
    let large = Arc::new(SandboxSpec { memory_mib: 300, ..spec() });
    let large = SandboxRequest { spec: large, ..request("ses_2") };
    world.told();
    hub.ready(&large).await.expect("a machine");
    insta::assert_snapshot!(told(&world), @r"
    destroy ahead-1
    boot ses_2
    connect ses_2
    ");
    assert_eq!(warm(data.path()), 0);
}

#[tokio::test]
async fn a_start_ends_what_waited_and_keeps_what_was_given() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let first = hub_with(data.path(), &world, 1).await;
    first.ready(&request("ses_1")).await.expect("a machine");
    first.destroy(&session("ses_1")).await.expect("ended");
    first.tend().await.expect("tended");
    first.ready(&request("ses_2")).await.expect("a machine");
    first.tend().await.expect("tended");
    assert_eq!(warm(data.path()), 2);
    drop(first);
    world.told();
    let second = hub_with(data.path(), &world, 1).await;
    assert_eq!(told(&world), "destroy ahead-2");
    assert_eq!(second.ready(&request("ses_2")).await, Ok(Readiness::Running));
    second.destroy(&session("ses_2")).await.expect("ended");
    assert_eq!(warm(data.path()), 0);
}

#[tokio::test]
async fn one_that_cannot_be_started_is_not_tried_for_ever() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub_with(data.path(), &world, 1).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    world.told();
    world.fails_boot.store(true, Ordering::SeqCst);
    hub.tend().await.expect("tended");
    hub.tend().await.expect("tended");
    insta::assert_snapshot!(told(&world), @r"
    boot ahead-1
    destroy ahead-1
    ");
    assert_eq!(warm(data.path()), 0);
}
