//! What a session is told of its machine, and of what became of its commands.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{ExecEnd, Fate, Readiness, SandboxRequest, Sandboxes};
use mainstay_protocol::{EffectId, IdMint};

use super::support::{World, command, hub, request, session};

#[tokio::test]
async fn a_loss_is_told_until_the_journal_tells_of_it() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let request = SandboxRequest { calls_since: 3, ..request("ses_1") };
    let restored = Readiness::Restored { lost_calls: 3 };
    let first = hub(data.path(), &world).await;
    let list = first.list_files(&request, "/", false, None, 1).await;
    assert_eq!(list.expect("listed").1, restored);
    drop(first);
    let second = hub(data.path(), &world).await;
    let (_, readiness) = second.exec(&request, command("x"), None).await.expect("it runs");
    assert_eq!(readiness, restored);
    // This server ends before what it answered is in the journal: whoever asks what became of the call is told.
    drop(second);
    let third = hub(data.path(), &world).await;
    world.knows_fates.store(true, Ordering::SeqCst);
    let fate = third.exec_fate(&request.session, &command("x").effect).await.expect("asked");
    assert!(matches!(fate, Fate::Ended(_, told) if told == restored), "{fate:?}");
    assert_eq!(third.ready(&request).await, Ok(restored));
    let knowing = SandboxRequest { told_resets: 1, ..request };
    assert_eq!(third.ready(&knowing).await, Ok(Readiness::Running), "it is told");
    drop(third);
    let fourth = hub(data.path(), &world).await;
    assert_eq!(fourth.ready(&knowing).await, Ok(Readiness::Running));
}

#[tokio::test]
async fn what_is_lost_after_a_loss_that_was_told_is_told_too() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    let first = SandboxRequest { calls_since: 3, ..request("ses_1") };
    assert_eq!(hub.ready(&first).await, Ok(Readiness::Restored { lost_calls: 3 }));
    // The journal tells of it. Then the machine is put away, and is back for somebody who does not know that.
    hub.park(&first.session).await.expect("parked");
    hub.save(&first.session, 0, None).await.expect("saved");
    let next = SandboxRequest { calls_since: 0, told_resets: 1, ..first };
    let lost = Readiness::Restored { lost_calls: 3 };
    assert_eq!(hub.ready(&next).await, Ok(lost), "its processes are gone");
    let knowing = SandboxRequest { told_resets: 2, ..next };
    assert_eq!(hub.ready(&knowing).await, Ok(Readiness::Running));
}

#[tokio::test]
async fn only_what_was_asked_for_well_behind_its_start_was_surely_not_run() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    world.pass(1_000_000);
    let hub = hub(data.path(), &world).await;
    let asked_at = |ms| EffectId::mint(&mut IdMint::new(ms, 7));
    let fate = async |name: &str, effect: EffectId| {
        hub.exec_fate(&session(name), &effect).await.expect("asked")
    };
    hub.ready(&request("ses_new")).await.expect("a machine");
    assert_eq!(fate("ses_new", asked_at(1)).await, Fate::NotRun, "there was no other machine");
    let again = SandboxRequest { calls_since: 1, ..request("ses_again") };
    hub.ready(&again).await.expect("a machine");
    for (asked_at_ms, expected) in
        [(999_999, Fate::Gone), (1_060_000, Fate::Gone), (1_060_001, Fate::NotRun)]
    {
        assert_eq!(fate("ses_again", asked_at(asked_at_ms)).await, expected, "{asked_at_ms}");
    }
    let foreign = EffectId::parse("eff_imported").expect("an id");
    assert_eq!(fate("ses_again", foreign).await, Fate::Gone);
}

#[tokio::test]
async fn a_victim_of_the_machines_memory_is_told_by_the_machines_own_count() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    let end = async |text: &str, is_victim: bool| {
        world.kills_next.store(is_victim, Ordering::SeqCst);
        let done = hub.exec(&request("ses_1"), command(text), None).await;
        done.expect("it runs").0.end
    };
    let killed = ExecEnd::Signalled { signal: 9 };
    assert_eq!(end("killed", true).await, ExecEnd::OutOfMemory);
    assert_eq!(end("killed", false).await, killed);
    assert_eq!(end("shell of killed", true).await, ExecEnd::OutOfMemory);
    assert_eq!(end("shell of killed", false).await, ExecEnd::Exited { code: 137 });
    assert_eq!(end("taken for a victim", false).await, killed, "another machine's was killed");
    assert_eq!(end("ends well beside one", true).await, ExecEnd::Exited { code: 0 });
}
