//! `mainstay keys`, with a server and without one.

use crate::support::{Home, Said, World};

fn is_key(said: &Said) -> bool {
    let line = said.stdout.strip_suffix('\n').unwrap_or_default();
    let secret = line.strip_prefix("msk_").unwrap_or_default();
    secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn a_key_is_alone_on_stdout() {
    let home = Home::new();
    let said = home.run(&["keys", "create", "--name", "first"], &[]).await;
    assert!(said.code == Some(0) && is_key(&said) && said.stderr.is_empty(), "{}", said.shown());
    let world = World::new().await;
    let _server = world.start().await;
    let said = world.run(&["keys", "create", "--name", "second"]).await;
    assert!(said.code == Some(0) && is_key(&said) && said.stderr.is_empty(), "{}", said.shown());
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let world = World::new().await;
    let server = world.start().await;
    let secret = world.ok(&["keys", "create", "--name", "lost"]).await;
    let with_key = async || {
        let mut command = world.setup.command(&["sessions", "list"]);
        command.env("MAINSTAY_KEY", &secret);
        crate::support::said(command, "").await.code
    };
    assert_eq!(with_key().await, Some(0));
    let keys = world.run(&["keys", "list", "--json"]).await.json_lines();
    let lost = keys.iter().find(|key| key["name"] == "lost").expect("the key is listed");
    assert!(!world.ok(&["keys", "list"]).await.contains(&secret), "a list shows a secret");
    world.ok(&["keys", "revoke", lost["id"].as_str().expect("keys have ids")]).await;
    assert_eq!(with_key().await, Some(1));
    server.kill().await.expect("the server ends");
    let keys = world.run(&["keys", "list", "--json"]).await.json_lines();
    let lost = keys.iter().find(|key| key["name"] == "lost").expect("the key is listed");
    assert!(lost["revoked_at"].is_u64(), "{lost}");
}
