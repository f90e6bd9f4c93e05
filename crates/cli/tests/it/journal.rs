//! `mainstay journal`: through a server, from the folder, from a file; and a file that was changed.

use mainstay_it::model_server::Step;

use crate::support::{Said, World, script};

#[tokio::test]
async fn a_journal_is_the_same_wherever_it_is_read() {
    let world = World::new().await;
    let server = world.start().await;
    world.ok(&["chat", "-m", &script(vec![Step::text("Hello.")])]).await;
    let session = world.newest_session().await;
    let commands: [&[&str]; 3] = [
        &["journal", "show", &session],
        &["journal", "verify", &session],
        &["journal", "export", &session],
    ];
    let mut served = Vec::new();
    for command in commands {
        served.push(world.ok(command).await);
    }
    let table: Vec<&str> = served[0].lines().map(|line| line[19..].trim_end()).collect();
    let kinds: Vec<&str> = table.iter().filter_map(|line| line.split_whitespace().next()).collect();
    insta::assert_snapshot!("journal_kinds", kinds.join("\n"));
    server.kill().await.expect("the server ends");
    for (command, served) in commands.iter().zip(&served) {
        assert_eq!(&world.ok(command).await, served, "{command:?}");
    }
    let control = world.ok(&["journal", "verify", "control:default"]).await;
    assert!(control.starts_with("control:default verified: "), "{control}");

    let head = served[1].rsplit(' ').next().expect("a head");
    let check = async |text: &str, head: &str| -> Said {
        let file = world.path("journal.ndjson");
        std::fs::write(&file, text).expect("a file");
        world.run(&["journal", "verify", "--file", &file.to_string_lossy(), "--head", head]).await
    };
    let exported = &served[2];
    assert_eq!(check(exported, head).await.code, Some(0));
    let without_first: String = exported.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let changed = [
        exported.replace("Hello.", "Hullo."),
        without_first,
        exported.lines().rev().map(|line| format!("{line}\n")).collect(),
        exported[..exported.len() - 1].to_owned(),
        String::new(),
    ];
    for text in &changed {
        let said = check(text, head).await;
        assert_eq!(said.code, Some(1), "{}", said.shown());
    }
    assert_eq!(check(exported, &"0".repeat(64)).await.code, Some(1), "a head it never had");
}
