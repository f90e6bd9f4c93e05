//! File tools: what they do, and that nothing outside of the workspace is reached.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use mainstay_adapters::tool::{remove_workspace, seed_workspace, workspace_dir};
use mainstay_core::port::Tools;
use mainstay_core::tool::{Safety, ToolSource};
use mainstay_protocol::SessionId;
use serde_json::{Value, json};

use super::support::{Bench, Wanted, text};

const FILES: ToolSource = ToolSource::Files { read_only: false };

/// A workspace with a few files, and a secret beside it.
fn bench() -> Bench {
    let bench = Bench::new(Wanted::default());
    let workspace = bench.workspace();
    fs::create_dir_all(workspace.join("invoices/old")).expect("folders");
    fs::write(workspace.join("readme.md"), "first\nsecond\nthird\n").expect("a file");
    fs::write(workspace.join("invoices/a.csv"), "Greta Lindqvist;12\nOlaf;7\n").expect("a file");
    fs::write(workspace.join("invoices/old/b.csv"), "greta lindqvist;3\n").expect("a file");
    fs::write(bench.root.path().join("secret.txt"), "secret").expect("a file");
    bench
}

#[track_caller]
fn check(found: &str, expected: &str) {
    assert_eq!(found, expected);
}

#[tokio::test]
async fn files_are_listed_read_searched_and_written() {
    let bench = bench();
    let call = |tool, arguments| bench.call(&FILES, tool, arguments);
    check(&call("list_files", json!({})).await, "invoices/\nreadme.md");
    check(&call("list_files", json!({"path": "invoices"})).await, "invoices/a.csv\ninvoices/old/");
    check(
        &call("list_files", json!({"recursive": true})).await,
        "invoices/\ninvoices/a.csv\ninvoices/old/\ninvoices/old/b.csv\nreadme.md",
    );
    check(&call("read_file", json!({"path": "./readme.md"})).await, "first\nsecond\nthird\n");
    check(
        &call("read_file", json!({"path": "readme.md", "offset": 2, "limit": 1})).await,
        "second\n[lines 2 to 2 of a file of 19 bytes; go on with offset 3]",
    );
    check(
        &call("read_file", json!({"path": "readme.md", "offset": 3, "limit": 9})).await,
        "third\n",
    );
    check(
        &call("read_file", json!({"path": "readme.md", "offset": 4})).await,
        "(the file ends before line 4)",
    );
    check(
        &call("search_files", json!({"text": "GRETA lindqvist"})).await,
        "invoices/a.csv:1: Greta Lindqvist;12\ninvoices/old/b.csv:1: greta lindqvist;3",
    );
    check(
        &call("search_files", json!({"text": "^o.*7$", "regex": true, "path": "invoices/a.csv"}))
            .await,
        "invoices/a.csv:2: Olaf;7",
    );
    check(&call("search_files", json!({"text": "^o.*7$"})).await, "no line contains \"^o.*7$\"");
    check(
        &call("write_file", json!({"path": "out/2026/report.md", "content": "fine\n"})).await,
        "wrote 5 bytes to out/2026/report.md",
    );
    check(&call("read_file", json!({"path": "out/2026/report.md"})).await, "fine\n");
    check(
        &call("write_file", json!({"path": "out/2026/report.md", "content": ""})).await,
        "wrote 0 bytes to out/2026/report.md",
    );
    check(&call("read_file", json!({"path": "out/2026/report.md"})).await, "(the file is empty)");
}

#[tokio::test]
async fn paths_that_lead_out_are_refused() {
    let bench = bench();
    for path in ["../secret.txt", "invoices/../../secret.txt", "/etc/passwd", "..", "a/../.."] {
        for (tool, arguments) in [
            ("read_file", json!({"path": path})),
            ("list_files", json!({"path": path})),
            ("search_files", json!({"path": path, "text": "s"})),
            ("write_file", json!({"path": path, "content": "x"})),
        ] {
            let found = bench.call(&FILES, tool, arguments).await;
            check(
                &found,
                &format!("error: {path:?} leads out of the workspace; use a relative path"),
            );
        }
    }
    check(
        &fs::read_to_string(bench.root.path().join("secret.txt")).expect("still there"),
        "secret",
    );
}

#[tokio::test]
async fn links_that_lead_out_are_refused() {
    let bench = bench();
    let workspace = bench.workspace();
    let secret = bench.root.path().join("secret.txt");
    symlink(&secret, workspace.join("absolute")).expect("a link");
    symlink("../../secret.txt", workspace.join("relative")).expect("a link");
    symlink(bench.root.path(), workspace.join("folder")).expect("a link");
    symlink("/proc/self/root", workspace.join("magic")).expect("a link");
    symlink("invoices/a.csv", workspace.join("inside")).expect("a link");
    symlink("invoices", workspace.join("around")).expect("a link");
    symlink("loop", workspace.join("loop")).expect("a link");
    for path in ["absolute", "relative", "folder/secret.txt", "magic/etc/passwd", "loop"] {
        let found = bench.call(&FILES, "read_file", json!({"path": path})).await;
        assert!(found.starts_with(&format!("error: read {path:?}: ")), "{found}");
        let found =
            bench.call(&FILES, "search_files", json!({"path": path, "text": "secret"})).await;
        assert!(found.starts_with("error: search"), "{found}");
    }
    let found = bench.call(&FILES, "list_files", json!({"path": "folder"})).await;
    assert!(found.starts_with("error: list"), "{found}");
    let found =
        bench.call(&FILES, "write_file", json!({"path": "folder/new.txt", "content": "x"})).await;
    assert!(found.starts_with("error: write"), "{found}");
    assert!(!bench.root.path().join("new.txt").exists());
    check(
        &bench.call(&FILES, "search_files", json!({"text": "secret"})).await,
        "no line contains \"secret\"",
    );
    check(
        &bench.call(&FILES, "read_file", json!({"path": "inside", "limit": 1, "offset": 2})).await,
        "Olaf;7\n",
    );
    check(
        &bench.call(&FILES, "list_files", json!({"path": "around"})).await,
        "around/a.csv\naround/old/",
    );
}

#[tokio::test]
async fn writing_through_a_link_changes_nothing_else() {
    let bench = bench();
    let workspace = bench.workspace();
    let secret = bench.root.path().join("secret.txt");
    symlink(&secret, workspace.join("soft")).expect("a link");
    fs::hard_link(&secret, workspace.join("hard")).expect("a link");
    for path in ["soft", "hard"] {
        let found =
            bench.call(&FILES, "write_file", json!({"path": path, "content": "mine"})).await;
        check(&found, &format!("wrote 4 bytes to {path}"));
        check(&bench.call(&FILES, "read_file", json!({"path": path})).await, "mine");
    }
    check(&fs::read_to_string(&secret).expect("still there"), "secret");
}

#[tokio::test]
async fn writing_again_under_the_same_effect_leaves_the_same_file() {
    let bench = bench();
    let workspace = bench.workspace();
    fs::set_permissions(workspace.join("readme.md"), fs::Permissions::from_mode(0o750))
        .expect("a mode");
    let arguments = json!({"path": "readme.md", "content": "new"});
    let call = bench.prepare(&FILES, "write_file", arguments).await;
    assert_eq!(call.spec.safety, Safety::Idempotent);
    // What a server leaves that was killed in the middle of the first attempt.
    fs::write(workspace.join(".mainstay-eff_1-1"), "ne").expect("a file");
    for attempt in [2, 3] {
        let again = mainstay_core::port::ToolCall { attempt, ..call.clone() };
        let output = bench.tools.call(again).await.expect("written");
        check(&text(&output), "wrote 3 bytes to readme.md");
    }
    check(&fs::read_to_string(workspace.join("readme.md")).expect("a file"), "new");
    let mode = fs::metadata(workspace.join("readme.md")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    let names: Vec<_> =
        fs::read_dir(&workspace).expect("entries").flatten().map(|e| e.file_name()).collect();
    assert!(
        !names.iter().any(|name| name.to_string_lossy().starts_with(".mainstay-")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_read_only_source_offers_no_writing() {
    let bench = bench();
    let names = |specs: Vec<mainstay_core::tool::ToolSpec>| {
        specs.into_iter().map(|spec| spec.name).collect::<Vec<_>>()
    };
    let specs = names(bench.specs(&ToolSource::Files { read_only: true }).await);
    assert_eq!(specs, ["list_files", "read_file", "search_files"]);
    let specs = names(bench.specs(&FILES).await);
    assert_eq!(specs, ["list_files", "read_file", "search_files", "write_file", "edit_file"]);
}

#[tokio::test]
async fn a_passage_is_replaced_once() {
    let bench = bench();
    let edit =
        |old: &str, new: &str| json!({"path": "readme.md", "old_text": old, "new_text": new});
    let mut call = bench.prepare(&FILES, "edit_file", edit("second", "2nd")).await;
    for attempt in 1..=3 {
        call.attempt = attempt;
        let answer = text(&bench.tools.call(call.clone()).await.expect("an answer"));
        check(&answer, "edited readme.md: 1 lines became 1");
        let content = fs::read_to_string(bench.workspace().join("readme.md")).expect("a text");
        check(&content, "first\n2nd\nthird\n");
    }
    let refused = bench.call(&FILES, "edit_file", edit("second", "2nd")).await;
    assert!(refused.contains("does not contain"), "{refused}");
    let artifact = json!({"path": "artifacts/a", "old_text": "a", "new_text": "b"});
    let refused = bench.call(&FILES, "edit_file", artifact).await;
    assert!(refused.contains("with write_file"), "{refused}");
}

#[tokio::test]
async fn a_new_workspace_starts_from_the_template() {
    let template = tempfile::tempdir().expect("a folder");
    fs::create_dir(template.path().join("data")).expect("a folder");
    fs::write(template.path().join("data/a.txt"), "a").expect("a file");
    symlink("/etc/passwd", template.path().join("link")).expect("a link");
    let wanted = Wanted { template: Some(template.path().to_path_buf()), ..Wanted::default() };
    let bench = Bench::new(wanted);
    let call = |arguments: Value| bench.call(&FILES, "list_files", arguments);
    let (one, other) =
        tokio::join!(call(json!({"recursive": true})), call(json!({"recursive": true})));
    check(&one, "data/\ndata/a.txt");
    check(&other, "data/\ndata/a.txt");
    fs::remove_file(bench.workspace().join("data/a.txt")).expect("removed");
    check(&call(json!({"path": "data"})).await, "(empty)");
}

#[test]
fn workspaces_of_strange_ids_stay_below_the_root() {
    let root = tempfile::tempdir().expect("a folder");
    let from = tempfile::tempdir().expect("a folder");
    fs::write(from.path().join("a.txt"), "a").expect("a file");
    let mut folders = Vec::new();
    for id in ["ses_1", ".", "..", "...", ".%", "a:b"] {
        let Ok(session) = SessionId::parse(id) else { continue };
        let folder = workspace_dir(root.path(), &session);
        assert_eq!(folder.parent(), Some(root.path()), "{id}");
        assert!(
            folder.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')),
            "{id}"
        );
        assert_eq!(seed_workspace(root.path(), &session, from.path()).expect("copied"), 1, "{id}");
        assert_eq!(seed_workspace(root.path(), &session, from.path()).expect("left"), 0, "{id}");
        folders.push(folder);
        remove_workspace(root.path(), &session).expect("removed");
        remove_workspace(root.path(), &session).expect("nothing to remove");
    }
    folders.dedup();
    assert_eq!(folders.len(), 5);
}
