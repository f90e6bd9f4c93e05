//! Which calls surely never reached a machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{Fate, Sandboxes};
use mainstay_protocol::{EffectId, SessionId};

use super::super::calls::Calls;
use super::support::{World, command, hub, request, session};

fn effect(name: &str) -> EffectId {
    EffectId::parse(name).expect("an id")
}

#[tokio::test]
async fn a_call_whose_machine_never_came_did_not_run() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let first = hub(data.path(), &world).await;
    world.fails_boot.store(true, Ordering::SeqCst);
    let unsent = command("unsent");
    first.exec(&request("ses_2"), unsent.clone(), None).await.expect_err("no machine starts");
    drop(first);
    let second = hub(data.path(), &world).await;
    let fate = async |name: &str, effect: &EffectId| {
        second.exec_fate(&session(name), effect).await.expect("asked")
    };
    assert_eq!(fate("ses_2", &unsent.effect).await, Fate::NotRun);
    assert_eq!(fate("ses_2", &effect("eff_foreign")).await, Fate::Gone, "nobody knows of it here");
    second.destroy(&session("ses_2")).await.expect("ended");
    assert_eq!(fate("ses_2", &unsent.effect).await, Fate::Gone, "the session is gone");
}

#[test]
fn what_was_sent_once_or_before_the_host_started_anew_is_never_said_to_be_unsent() {
    let data = tempfile::tempdir().expect("a folder");
    let (calls, session) = (Calls::new(data.path()), session("ses_1"));
    let is_unsent = |name: &str| calls.is_unsent(&session, &effect(name));
    assert!(!is_unsent("eff_a"), "it was not asked for");
    calls.asked(&session, &effect("eff_a")).expect("noted");
    assert!(is_unsent("eff_a"));
    calls.sent(&session, &effect("eff_a")).expect("noted");
    calls.asked(&session, &effect("eff_a")).expect("noted");
    assert!(!is_unsent("eff_a"), "an attempt before was sent");
    let file = data.path().join(".calls/ses_1");
    let before = "asked 00000000-0000-0000-0000-000000000000 eff_b\n";
    std::fs::write(&file, before).expect("written");
    assert!(!is_unsent("eff_b"), "another start of the host");
    calls.asked(&session, &effect("eff_b")).expect("noted");
    assert!(is_unsent("eff_b"));
}

#[test]
fn the_list_of_a_long_session_stays_short_and_keeps_the_newest() {
    let data = tempfile::tempdir().expect("a folder");
    let (calls, session) = (Calls::new(data.path()), session("ses_1"));
    let size = |session: &SessionId| {
        std::fs::metadata(data.path().join(".calls").join(session.as_str())).expect("there").len()
    };
    let mut most = 0;
    for number in 0..2_000 {
        calls.asked(&session, &effect(&format!("eff_{number}"))).expect("noted");
        most = most.max(size(&session));
    }
    assert!(most <= 64 * 1024, "{most} bytes");
    assert!(calls.is_unsent(&session, &effect("eff_1999")));
    assert!(!calls.is_unsent(&session, &effect("eff_0")), "it is not known any more");
}

#[test]
fn a_line_that_was_cut_off_takes_no_other_with_it() {
    let data = tempfile::tempdir().expect("a folder");
    let (calls, session) = (Calls::new(data.path()), session("ses_1"));
    calls.asked(&session, &effect("eff_a")).expect("noted");
    let file = data.path().join(".calls/ses_1");
    let mut text = std::fs::read(&file).expect("there");
    text.extend_from_slice(b"asked 0000");
    std::fs::write(&file, text).expect("written");
    calls.sent(&session, &effect("eff_a")).expect("noted");
    assert!(!calls.is_unsent(&session, &effect("eff_a")));
}

#[test]
fn calls_side_by_side_lose_no_line_when_the_list_is_cut() {
    let data = tempfile::tempdir().expect("a folder");
    let (calls, session) = (Calls::new(data.path()), session("ses_1"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (calls, session) = (&calls, &session);
            scope.spawn(move || {
                for number in 0..1_000 {
                    let effect = effect(&format!("eff_{thread}_{number}"));
                    calls.asked(session, &effect).expect("noted");
                    calls.sent(session, &effect).expect("noted");
                    assert!(!calls.is_unsent(session, &effect), "{effect} was sent");
                }
            });
        }
    });
}
