//! Formats that were published: what an older version wrote is read, and means what it meant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mainstay_core::fact::{Fact, UnknownFact};
use mainstay_core::item::ItemBody;
use mainstay_core::session::{Command, SessionState, fold};
use mainstay_protocol::{Entry, EntryDraft, Hash};

use crate::lab::*;

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// An entry that stands alone.
fn entry(kind: &'static str, version: u16, payload: String) -> Entry {
    let draft = EntryDraft { kind, version, payload };
    Entry::seal(draft, &"ses_1".into(), 1, Hash::ZERO, 5, &"ann".into(), &"".into())
}

/// The fixtures of a kind: version and path, of files named `<version>.json` or
/// `<version>-<variant>.json`.
fn fixtures(kind: &str) -> Vec<(u16, PathBuf)> {
    let folder = testdata("entries").join(kind);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.expect("a listed file").path());
    let version = |path: &Path| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain name");
        name.split('-').next().and_then(|version| version.parse().ok()).expect("a version")
    };
    paths.map(|path| (version(&path), path)).collect()
}

#[test]
fn every_kind_has_a_fixture_of_the_version_that_is_written() {
    for (kind, version) in Fact::KINDS {
        assert!(testdata(&format!("entries/{kind}/{version}.json")).is_file(), "{kind} {version}");
    }
    let kinds: BTreeSet<&str> = Fact::KINDS.iter().map(|(kind, _)| *kind).collect();
    let folders = fs::read_dir(testdata("entries")).expect("fixtures");
    for folder in folders {
        let name = folder.expect("a listed folder").file_name();
        assert!(kinds.contains(name.to_str().expect("a plain name")), "{name:?} is no kind");
    }
}

#[test]
fn what_was_written_is_read_and_written_again() {
    for (kind, current) in Fact::KINDS {
        for (version, path) in fixtures(kind) {
            let text = read(&path);
            let text = text.trim_end();
            let fact = Fact::read(&entry(kind, version, text.to_owned()));
            let fact = fact.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            assert_eq!(fact.kind(), *kind);
            if version == *current {
                assert_eq!(fact.draft().payload, text, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_recorded_journal_folds_to_what_it_was() {
    let text = read(&testdata("journals/v0.1-invoice.jsonl"));
    let mut state = SessionState::new("ses_invoice".into());
    for line in text.lines() {
        let entry: Entry = serde_json::from_str(line).expect("an entry");
        assert_eq!(serde_json::to_string(&entry).expect("serialises"), line);
        assert_eq!(entry.verify_after(state.seq, state.hash), Ok(()));
        assert!(entry.is_canonical());
        fold(&mut state, &entry).expect("a known kind");
    }
    insta::assert_snapshot!(summary(&state), @r#"
    Idle at 52, 532daef2825e654fb2b039652c7ed165845a0eaf97221cdf6b557b39eb972a12
    agent agent_invoice revision 2
    usage Usage { input_tokens: 600, cached_input_tokens: 0, output_tokens: 60, reasoning_tokens: 0, cost_microusd: Some(30) }
    answered [call_ask], queue 0
    summary "The user wants invoice 4711 paid once; it was paid (receipt 99). The sum is 1,200.00 EUR."
    user [Text { text: "And tell me the sum." }]
    call call_pay ask_pay
    call call_send send
    output of call_send, error false
    output of call_pay, error false
    call call_more read
    output of call_more, error false
    agent "Paid: 1,200.00 EUR, receipt 99."
    user [Text { text: "Thanks. Anything else due?" }]
    user [Text { text: "Which invoices are open?" }]
    agent "None."
    "#);
}

fn summary(state: &SessionState) -> String {
    let mut lines = vec![
        format!("{:?} at {}, {}", state.status, state.seq, state.hash),
        format!("agent {} revision {}", state.config().agent.id, state.config().agent.revision),
        format!("usage {:?}", state.usage),
        format!("answered {:?}, queue {}", state.answered, state.queue.len()),
    ];
    for item in state.transcript.items() {
        lines.push(match &item.body {
            ItemBody::UserMessage { content } => format!("user {content:?}"),
            ItemBody::AssistantMessage { text } => format!("agent {text:?}"),
            ItemBody::Reasoning { summary, .. } => format!("thought {summary:?}"),
            ItemBody::ToolCall { call_id, name, .. } => format!("call {call_id} {name}"),
            ItemBody::ToolOutput { call_id, is_error, .. } => {
                format!("output of {call_id}, error {is_error}")
            }
            ItemBody::Summary { text } => format!("summary {text:?}"),
            ItemBody::DeveloperMessage { content, .. } => format!("developer {content:?}"),
            ItemBody::Foreign { value } => format!("foreign {value}"),
        });
    }
    lines.join("\n")
}

#[test]
fn an_entry_of_a_newer_binary_stops_the_session_with_a_clear_error() {
    let newer = entry("effect.imagined", 1, "{}".to_owned());
    insta::assert_snapshot!(Fact::read(&newer).expect_err("no such kind"), @r#"
    entry 1 of journal ses_1 is "effect.imagined" version 1, which this version of mainstay does not know
    "#);
    let newer = entry("turn.resumed", 2, "{\"turn\":\"turn_1\"}".to_owned());
    insta::assert_snapshot!(Fact::read(&newer).expect_err("no such version"), @r#"
    entry 1 of journal ses_1 is "turn.resumed" version 2, which this version of mainstay does not know
    "#);

    let mut state = SessionState::new("ses_1".into());
    fold(&mut state, &newer).expect_err("no such version");
    assert_eq!(state, SessionState::new("ses_1".into()), "a refused entry changes nothing");
}

#[test]
fn a_payload_that_is_not_of_its_kind_is_refused() {
    for payload in ["{}", "{\"turn\":1}", "{\"turn\":\"turn_1\",\"more\":1}", "null"] {
        let error = Fact::read(&entry("turn.resumed", 1, payload.to_owned()));
        assert!(matches!(error, Err(UnknownFact::Shape { .. })), "{payload}: {error:?}");
    }
}

#[test]
fn fractions_survive_the_journal() {
    let mut world = World::created(Setup::default());
    let wire = Some(serde_json::json!({"weight": 31.245_270_191_439_438, "tiny": 5e-324}));
    let update = Command::Update { agent: None, metadata: None, spend_limit: None, wire };
    // The world compares what was decided with what its entries fold to.
    world.decide(vec![update]).expect("settings may change");
}
