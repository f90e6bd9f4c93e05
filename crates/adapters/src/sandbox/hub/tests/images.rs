//! Memory images of checkpoints.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{Readiness, SandboxRequest, Sandboxes};

use super::support::{World, checkpoint, folders, hub_keeping, request, session};

fn world() -> Arc<World> {
    let world = World::default();
    world.keeps_memory.store(true, Ordering::SeqCst);
    Arc::new(world)
}

/// A request of a session whose last checkpoint is this one.
fn saved_as(name: &str, workspace: &str, calls_since: u32) -> SandboxRequest {
    let checkpoint = Some(Arc::new(checkpoint(workspace)));
    SandboxRequest { checkpoint, calls_since, ..request(name) }
}

fn lose(machines: &Path, name: &str) {
    std::fs::remove_file(machines.join(name).join("running")).expect("the machine is dead");
}

#[tokio::test]
async fn a_lost_machine_goes_on_from_its_checkpoints_memory() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), world());
    let first = hub_keeping(data.path(), &world, 0, 1).await;
    first.ready(&request("ses_1")).await.expect("a machine");
    first.save(&session("ses_1"), 0, None).await.expect("saved");
    drop(first);
    lose(data.path(), "ses_1");
    world.told();
    let second = hub_keeping(data.path(), &world, 0, 1).await;
    let lost = saved_as("ses_1", "saved", 2);
    assert_eq!(second.ready(&lost).await, Ok(Readiness::Resumed { lost_calls: 2 }));
    insta::assert_snapshot!(world.told().join("\n"), @r"
    destroy ses_1
    resume ses_1
    connect ses_1
    ");
    let knowing = SandboxRequest { told_resets: 1, ..lost };
    assert_eq!(second.ready(&knowing).await, Ok(Readiness::Running));
    second.destroy(&session("ses_1")).await.expect("ended");
    assert!(folders(&data.path().join(".images")).is_empty());
}

#[tokio::test]
async fn an_image_of_another_checkpoint_or_of_no_use_is_passed_over() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), world());
    let hub = hub_keeping(data.path(), &world, 0, 1).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    hub.save(&session("ses_1"), 0, None).await.expect("saved");
    drop(hub);
    let hub = hub_keeping(data.path(), &world, 0, 1).await;
    lose(data.path(), "ses_1");
    let other = saved_as("ses_1", "of another turn", 0);
    assert_eq!(hub.ready(&other).await, Ok(Readiness::Restored { lost_calls: 0 }));
    drop(hub);
    let hub = hub_keeping(data.path(), &world, 0, 1).await;
    lose(data.path(), "ses_1");
    std::fs::remove_file(data.path().join(".images/ses_1/memory")).expect("it is damaged");
    world.told();
    let lost = saved_as("ses_1", "saved", 0);
    assert_eq!(hub.ready(&lost).await, Ok(Readiness::Restored { lost_calls: 0 }));
    insta::assert_snapshot!(world.told().join("\n"), @r"
    destroy ses_1
    resume ses_1
    destroy ses_1
    boot ses_1
    connect ses_1
    restore saved
    ");
    assert!(folders(&data.path().join(".images")).is_empty());
}

#[tokio::test]
async fn the_newest_images_are_kept_and_none_unless_asked_for() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), world());
    let images = data.path().join(".images");
    for (count, expected) in [(0, vec![]), (1, vec!["ses_2"]), (2, vec!["ses_1", "ses_2"])] {
        let hub = hub_keeping(data.path(), &world, 0, count).await;
        for name in ["ses_1", "ses_2"] {
            hub.ready(&request(name)).await.expect("a machine");
            hub.save(&session(name), 0, None).await.expect("saved");
        }
        assert_eq!(folders(&images).into_iter().collect::<Vec<_>>(), expected, "{count}");
    }
}
