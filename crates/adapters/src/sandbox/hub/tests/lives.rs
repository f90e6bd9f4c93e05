//! The lives of machines: made, found again, parked, lost, ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mainstay_core::port::{
    Readiness, SandboxError, SandboxRequest, SandboxSetup, SandboxSpec, SandboxStatus, SandboxTier,
    Sandboxes,
};

use super::support::{World, checkpoint, command, folders, hub, request, session, spec};

#[tokio::test]
async fn the_first_call_makes_a_machine_and_the_next_use_it() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    let setup = SandboxSetup {
        files: [("/workspace/a".to_owned(), "aGk=".to_owned())].into(),
        python_packages: vec!["six".to_owned()],
        npm_packages: vec!["left".to_owned()],
        commands: vec!["make it".to_owned()],
        ..SandboxSetup::default()
    };
    let request = SandboxRequest { setup: Arc::new(setup), ..request("ses_1") };
    let (_, readiness) = hub.exec(&request, command("one"), None).await.expect("it runs");
    assert_eq!(readiness, Readiness::New);
    insta::assert_snapshot!(world.told().join("\n"), @r"
    boot ses_1
    connect ses_1
    write /workspace/a: hi
    exec python3 -m pip install --user --no-input --break-system-packages --disable-pip-version-check -- six
    exec npm install --global --prefix /workspace/.local --no-audit --no-fund -- left
    exec /bin/sh -c make it
    exec one
    ");
    let (_, readiness) = hub.exec(&request, command("two"), None).await.expect("it runs");
    assert_eq!((readiness, world.told()), (Readiness::Running, vec!["exec two".to_owned()]));
}

#[tokio::test]
async fn a_setup_that_fails_is_told_and_leaves_nothing() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    let commands = vec!["true".to_owned(), "fail".to_owned()];
    let setup = SandboxSetup { commands, ..SandboxSetup::default() };
    let request = SandboxRequest { setup: Arc::new(setup), ..request("ses_1") };
    let error = hub.ready(&request).await.expect_err("the setup fails");
    let told = "the environment's command 2 (\"fail\") ended with code 1: why";
    assert_eq!(error, SandboxError::Invalid(told.to_owned()));
    assert!(folders(data.path()).is_empty());
}

#[tokio::test]
async fn a_restart_finds_the_machine_and_what_it_was_saved_as() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let first = hub(data.path(), &world).await;
    first.ready(&request("ses_1")).await.expect("a machine");
    first.save(&session("ses_1"), 0, None).await.expect("saved");
    drop(first);
    world.told();
    let second = hub(data.path(), &world).await;
    let fate = second.exec_fate(&session("ses_1"), &command("x").effect).await.expect("asked");
    assert_eq!(fate, mainstay_core::port::Fate::NotRun);
    let (_, readiness) = second.exec(&request("ses_1"), command("on"), None).await.expect("runs");
    assert_eq!(readiness, Readiness::Running);
    insta::assert_snapshot!(world.told().join("\n"), @r"
    connect ses_1
    as caretaker
    exec on
    ");
}

#[tokio::test]
async fn a_machine_that_broke_is_made_again_from_the_checkpoint() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    world.breaks.store(true, Ordering::SeqCst);
    let broken = hub.exec(&request("ses_1"), command("x"), None).await;
    assert_eq!(broken, Err(SandboxError::Broken("told to".to_owned())));
    std::fs::remove_file(data.path().join("ses_1/running")).expect("the machine is dead");
    world.told();
    let checkpoint = Some(Arc::new(checkpoint("c1")));
    let request = SandboxRequest { checkpoint, calls_since: 3, ..request("ses_1") };
    assert_eq!(hub.ready(&request).await, Ok(Readiness::Restored { lost_calls: 3 }));
    insta::assert_snapshot!(world.told().join("\n"), @r"
    destroy ses_1
    boot ses_1
    connect ses_1
    restore c1
    ");
}

#[tokio::test]
async fn the_idle_are_parked_then_removed_once_they_are_saved() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    hub.ready(&request("ses_1")).await.expect("a machine");
    world.told();
    hub.tend().await.expect("tended");
    assert_eq!(world.told(), Vec::<String>::new());
    world.pass(1_000);
    hub.tend().await.expect("tended");
    assert_eq!(world.told(), ["park ses_1"]);
    world.pass(100_000);
    hub.tend().await.expect("tended");
    assert_eq!(world.told(), ["flush ses_1"], "its workspace is nowhere else");
    assert_eq!(hub.ready(&request("ses_1")).await, Ok(Readiness::Restored { lost_calls: 0 }));
    hub.save(&session("ses_1"), 0, None).await.expect("saved");
    world.pass(1_000);
    hub.tend().await.expect("tended");
    world.pass(10_000);
    hub.tend().await.expect("tended");
    insta::assert_snapshot!(world.told().join("\n"), @r"
    unpark ses_1
    connect ses_1
    save
    park ses_1
    destroy ses_1
    ");
    assert!(folders(data.path()).is_empty());
}

#[tokio::test]
async fn room_is_made_by_parking_the_least_used_and_never_one_in_use() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    for name in ["ses_1", "ses_2"] {
        hub.ready(&request(name)).await.expect("a machine");
        world.pass(1);
    }
    hub.ready(&request("ses_1")).await.expect("used again");
    world.told();
    hub.ready(&request("ses_3")).await.expect("a machine");
    assert_eq!(world.told(), ["park ses_2", "boot ses_3", "connect ses_3"]);
    let (one, three) = (request("ses_1"), request("ses_3"));
    let first = hub.exec(&one, command("wait"), None);
    let second = hub.exec(&three, command("wait"), None);
    let (four, five) = (request("ses_4"), request("ses_5"));
    let others = async {
        world.waits.acquire_many(2).await.expect("never closed").forget();
        let refused = hub.ready(&four).await;
        let one_ends = async {
            world.go_on.add_permits(1);
        };
        let (waited, ()) = tokio::join!(hub.ready(&five), one_ends);
        world.go_on.add_permits(1);
        (refused, waited)
    };
    let (first, second, (refused, waited)) = tokio::join!(first, second, others);
    assert!(first.is_ok() && second.is_ok() && waited.is_ok());
    insta::assert_snapshot!(refused.expect_err("all are in use"), @"a limit of the sandbox is reached: all machines of this server were in use for 60 s (compute.max_machines is 2, compute.max_total_memory_mib 1024); try again when another session rests");
}

#[tokio::test]
async fn a_start_ends_what_was_not_finished_and_lists_the_rest() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let first = hub(data.path(), &world).await;
    for name in ["ses_dead", "ses_kept"] {
        first.ready(&request(name)).await.expect("a machine");
    }
    drop(first);
    let cut = data.path().join("ses_cut");
    std::fs::create_dir(&cut).expect("made");
    let record = data.path().join("ses_kept/machine.json");
    let record = std::fs::read_to_string(record).expect("written");
    let record = record.replace("ses_kept", "ses_cut").replace("\"running\"", "\"making\"");
    std::fs::write(cut.join("machine.json"), record).expect("written");
    std::fs::create_dir(data.path().join("ses_empty")).expect("made");
    std::fs::remove_file(data.path().join("ses_dead/running")).expect("the machine is dead");
    let second = hub(data.path(), &world).await;
    let listed = second.list().await.expect("listed");
    let listed = listed.iter().map(|info| (info.session.as_str(), info.status));
    assert_eq!(
        listed.collect::<Vec<_>>(),
        [("ses_dead", SandboxStatus::Parked), ("ses_kept", SandboxStatus::Running)]
    );
    for name in ["ses_dead", "ses_kept", "ses_kept"] {
        second.destroy(&session(name)).await.expect("ended, and ended twice");
    }
    assert!(folders(data.path()).is_empty());
}

#[tokio::test]
async fn one_that_was_on_its_way_when_the_server_was_killed_runs_and_is_counted() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let parked = async |name: &str| {
        let first = hub(data.path(), &world).await;
        first.ready(&request(name)).await.expect("a machine");
        first.park(&session(name)).await.expect("parked");
        // Killed before it was, or behind its coming back.
        std::fs::write(data.path().join(name).join("running"), "").expect("written");
    };
    world.keeps_memory.store(true, Ordering::SeqCst);
    parked("ses_1").await;
    world.told();
    let second = hub(data.path(), &world).await;
    let listed = second.list().await.expect("listed");
    assert_eq!(listed[0].status, SandboxStatus::Running);
    assert_eq!(second.ready(&request("ses_1")).await, Ok(Readiness::Running));
    assert_eq!(world.told(), ["connect ses_1"]);
    drop(second);
    // Where processes do not outlive it, one cannot tell which of its lives this is.
    world.keeps_memory.store(false, Ordering::SeqCst);
    parked("ses_2").await;
    world.told();
    let third = hub(data.path(), &world).await;
    let restored = Readiness::Restored { lost_calls: 0 };
    assert_eq!(third.ready(&request("ses_2")).await, Ok(restored));
    assert_eq!(world.told(), ["unpark ses_2", "connect ses_2"]);
}

#[tokio::test]
async fn what_was_parked_when_the_host_ended_is_used_if_it_was_flushed() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    world.keeps_memory.store(true, Ordering::SeqCst);
    let first = hub(data.path(), &world).await;
    for name in ["ses_1", "ses_2"] {
        first.ready(&request(name)).await.expect("a machine");
    }
    first.park(&session("ses_1")).await.expect("parked");
    world.told();
    first.tend().await.expect("tended");
    first.tend().await.expect("tended");
    assert_eq!(world.told(), ["flush ses_1"], "once is enough");
    first.park(&session("ses_2")).await.expect("parked");
    drop(first);
    // As if that had been before the host's last start.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("it says");
    for name in ["ses_1", "ses_2"] {
        let path = data.path().join(name).join("machine.json");
        let text = std::fs::read_to_string(&path).expect("written down");
        std::fs::write(&path, text.replace(boot.trim(), "before")).expect("written");
    }
    let second = hub(data.path(), &world).await;
    assert_eq!(second.ready(&request("ses_1")).await, Ok(Readiness::Running));
    let calls = SandboxRequest { calls_since: 1, ..request("ses_2") };
    assert_eq!(second.ready(&calls).await, Ok(Readiness::Restored { lost_calls: 1 }));
}

#[tokio::test]
async fn a_boot_that_fails_leaves_nothing_and_takes_no_room() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let hub = hub(data.path(), &world).await;
    world.fails_boot.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let failed = hub.ready(&request("ses_1")).await;
        assert_eq!(failed, Err(SandboxError::NotStarted("boot: told to".to_owned())));
    }
    world.fails_boot.store(false, Ordering::SeqCst);
    for name in ["ses_2", "ses_3"] {
        hub.ready(&request(name)).await.expect("there is room for two");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_the_reason() {
    let (data, world) = (tempfile::tempdir().expect("a folder"), Arc::new(World::default()));
    let fine = hub(data.path(), &world).await;
    let check = async |change: fn(&mut SandboxSpec)| {
        let mut asked = spec();
        change(&mut asked);
        fine.check(&asked).await.map_err(|error| error.to_string())
    };
    assert_eq!(check(|_| {}).await, Ok(()));
    let refusals = [
        check(|spec| spec.cpus = 3).await,
        check(|spec| spec.memory_mib = 1).await,
        check(|spec| spec.memory_mib = 4096).await,
        check(|spec| spec.disk_mib = 1 << 40).await,
        check(|spec| spec.processes = 0).await,
        check(|spec| spec.image = "other".to_owned()).await,
        check(|spec| spec.tier = Some(SandboxTier::Microvm)).await,
    ];
    let refusals = refusals.map(|refusal| refusal.expect_err("it is refused"));
    insta::assert_snapshot!(refusals.join("\n"), @r"
    cpus is 3, and this server gives 1 to 2
    memory_mib is 1, and this server gives 64 to 4096
    memory_mib is 4096, and this server's host has 2048: ask for a smaller machine
    disk_mib is 1099511627776, and this server gives 16 to 1024
    processes is 0, and this server gives 8 to 100
    there is no image other
    no isolated compute is available: no microVM can be had here (compute.tier switches it off); `mainstay doctor` says more
    ");
    world.is_unusable.store(true, Ordering::SeqCst);
    let without = hub(data.path(), &world).await;
    let error = without.ready(&request("ses_1")).await.expect_err("there is no driver");
    insta::assert_snapshot!(error, @"no isolated compute is available: nothing isolates machines here (files: there is no files; get some); `mainstay doctor` says more");
    assert!(folders(data.path()).is_empty());
}
