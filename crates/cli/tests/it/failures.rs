//! What commands say that cannot do what they are asked.

use crate::support::{Home, World};

async fn check(name: &str, arguments: &[&str], environment: &[(&str, &str)]) {
    let said = Home::new().run(arguments, environment).await;
    insta::assert_snapshot!(format!("failure_{name}"), said.shown());
}

#[tokio::test]
async fn without_a_server() {
    check("no_server", &["sessions", "list"], &[]).await;
    let nobody = ["sessions", "list", "--url", "http://127.0.0.1:1"];
    check("unreachable", &nobody, &[("MAINSTAY_KEY", "msk_1")]).await;
    check("no_key", &nobody, &[]).await;
    let nonsense = ["sessions", "list", "--url", "nonsense"];
    check("no_url", &nonsense, &[("MAINSTAY_KEY", "msk_1")]).await;
    check("no_store", &["keys", "list"], &[]).await;
    check("no_store_for_a_journal", &["journal", "show", "ses_1"], &[]).await;
}

#[tokio::test]
async fn asked_wrongly() {
    check("unknown_command", &["sesions"], &[]).await;
    check("no_definition", &["agents", "create"], &[]).await;
    check("two_definitions", &["agents", "create", "--file", "a", "--model", "b"], &[]).await;
    check("limit_of_none", &["sessions", "list", "--limit", "0"], &[]).await;
    check("negative_limit", &["sessions", "list", "--limit", "-1"], &[]).await;
    check("no_address", &["serve", "--listen", "here"], &[]).await;
    check("no_log_filter", &["serve", "--log", "a=b=c", "--listen", "127.0.0.1:0"], &[]).await;
    check("name_of_a_key", &["keys", "create", "--name", ""], &[]).await;
    check("no_hash", &["journal", "verify", "ses_1", "--head", "xyz"], &[]).await;
    check("no_configuration", &["config", "check", "--config", "nowhere.toml"], &[]).await;
}

#[tokio::test]
async fn with_a_server() {
    let world = World::new().await;
    let server = world.start().await;
    let cases: &[(&str, &[&str])] = &[
        ("unknown_session", &["sessions", "show", "ses_1"]),
        ("unknown_session_to_follow", &["sessions", "follow", "ses_1"]),
        ("unknown_session_to_cancel", &["sessions", "cancel", "ses_1"]),
        ("unknown_journal", &["journal", "show", "ses_1"]),
        ("control_journal", &["journal", "show", "control:default"]),
        ("unknown_agent", &["agents", "show", "agent_1"]),
        ("unknown_agent_to_talk_to", &["chat", "--agent", "agent_1", "-m", "x"]),
        ("unknown_key", &["keys", "revoke", "key_1"]),
        ("no_id", &["sessions", "show", "../keys"]),
        ("empty_id", &["agents", "delete", ""]),
    ];
    for (name, arguments) in cases {
        let said = world.run(arguments).await;
        insta::assert_snapshot!(format!("failure_{name}"), said.shown());
    }
    let said = world.type_in(&["agents", "create", "--file", "-"], "{\"model\":").await;
    insta::assert_snapshot!("failure_definition_cut", said.shown());
    let wrong = r#"{"model": "scripted", "tols": []}"#;
    let said = world.type_in(&["agents", "create", "--file", "-"], wrong).await;
    insta::assert_snapshot!("failure_definition_wrong", said.shown());
    let mut command = world.setup.command(&["sessions", "list"]);
    command.env("MAINSTAY_KEY", "msk_wrong");
    let said = crate::support::said(command, "").await;
    insta::assert_snapshot!("failure_wrong_key", said.shown());
    drop(server);
}
