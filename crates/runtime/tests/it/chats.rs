//! Chat completions: their entries, what they spend, and what becomes of those under way.

use std::sync::Arc;

use mainstay_core::chat::{CHAT_CALLS, ChatEnded, ChatOutcome, ChatRequested, chat_journal};
use mainstay_core::spend::{KeySpend, KeySpendLimit, SpendPeriod};
use mainstay_protocol::{ErrorCode, Hash, KeyId, Usage};
use mainstay_runtime::{ChatCall, EngineSettings, NewChat};
use mainstay_store::{Direction, MemoryStore, RowScan, Store};

use crate::support::*;

const TENANT: &str = "ten_test";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn key() -> KeyId {
    KeyId::parse("key_test").expect("a plain id")
}

/// A chat completion that may cost 100, of a key with this limit.
fn chat(completion: &str, limit_microusd: Option<u64>, period: SpendPeriod) -> NewChat {
    NewChat {
        completion: completion.to_owned(),
        caller: caller(TENANT),
        key: key(),
        limit: limit_microusd.map(|limit_microusd| KeySpendLimit { limit_microusd, period }),
        models: vec!["fake".to_owned()],
        body_sha256: "0".repeat(64),
        most_microusd: 100,
    }
}

fn costs(cost_microusd: u64) -> Usage {
    Usage { cost_microusd: Some(cost_microusd), ..Usage::default() }
}

async fn begin(bench: &Bench, completion: &str, limit_microusd: u64) -> ChatCall {
    let new = chat(completion, Some(limit_microusd), SpendPeriod::Total);
    bench.engine.begin_chat(new).await.expect("it fits the limit")
}

/// The entries of a day, verified.
async fn day(store: &MemoryStore, day: u64) -> Vec<mainstay_protocol::Entry> {
    let journal = chat_journal(&caller(TENANT).tenant, day);
    let range = mainstay_store::EntryRange::following(0, 10_000);
    let entries = store.entries(&journal, range).await.expect("the store answers");
    let mut end = (0, Hash::ZERO);
    for entry in &entries {
        entry.verify_after(end.0, end.1).expect("the chain holds");
        end = (entry.seq, entry.hash);
    }
    entries
}

fn kinds(entries: &[mainstay_protocol::Entry]) -> Vec<&str> {
    entries.iter().map(|entry| &*entry.kind).collect()
}

fn ends(entries: &[mainstay_protocol::Entry]) -> Vec<ChatEnded> {
    let ended = entries.iter().filter(|entry| &*entry.kind == "chat.ended");
    ended.map(|entry| serde_json::from_str(entry.payload.get()).expect("its shape")).collect()
}

async fn spent(bench: &Bench) -> KeySpend {
    let tenant = caller(TENANT).tenant;
    bench.engine.control().key_spend(&tenant, &key()).await.expect("the store answers")
}

async fn calls_under_way(store: &MemoryStore) -> usize {
    let scan = RowScan {
        spec: CHAT_CALLS.name.into(),
        index: Vec::new(),
        prefix: Vec::new(),
        after: None,
        direction: Direction::Ascending,
        limit_count: 1_000,
    };
    store.rows(scan).await.expect("the store answers").rows.len()
}

/// Waits until nothing is under way any more.
async fn all_ended(store: &MemoryStore) {
    while calls_under_way(store).await > 0 {
        pass(10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_completion_is_two_entries_of_its_day() {
    let bench = Bench::new(Fakes::new(vec![])).await;
    let new = chat("chatcmpl-1", None, SpendPeriod::Total);
    let mut call = bench.engine.begin_chat(new).await.expect("it begins");
    assert_eq!(kinds(&day(&bench.store, 0).await), ["chat.day_began", "chat.requested"]);
    call.asks("fake");
    pass(250).await;
    call.completed(costs(7)).await.expect("it is written");
    let entries = day(&bench.store, 0).await;
    assert_eq!(kinds(&entries), ["chat.day_began", "chat.requested", "chat.ended"]);
    let ended = &ends(&entries)[0];
    assert_eq!((ended.outcome, ended.seq, ended.duration_ms), (ChatOutcome::Completed, 2, 250));
    assert_eq!((ended.counted_microusd, ended.usage), (None, Some(costs(7))));
    assert_eq!(calls_under_way(&bench.store).await, 0);
    // A key without a limit has no row.
    assert_eq!(spent(&bench).await.total_microusd, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_is_counted_with() {
    let bench = Bench::new(Fakes::new(vec![])).await;
    let told = |spend: KeySpend| (spend.total_microusd, spend.reserved_microusd);
    let call = begin(&bench, "completed", 1_000).await;
    assert_eq!(told(spent(&bench).await), (0, 100));
    call.completed(costs(30)).await.expect("it is written");
    assert_eq!(told(spent(&bench).await), (30, 0));
    let unavailable = ErrorCode::ModelUnavailable;
    let call = begin(&bench, "failed before anything", 1_000).await;
    call.failed(unavailable, false).await.expect("it is written");
    assert_eq!(told(spent(&bench).await), (30, 0));
    let call = begin(&bench, "failed in the middle", 1_000).await;
    call.failed(unavailable, true).await.expect("it is written");
    assert_eq!(told(spent(&bench).await), (130, 0));
    drop(begin(&bench, "left", 1_000).await);
    all_ended(&bench.store).await;
    assert_eq!(told(spent(&bench).await), (230, 0));
    let outcomes = ends(&day(&bench.store, 0).await).into_iter().map(|ended| ended.outcome);
    let failed = ChatOutcome::Failed;
    let all = [ChatOutcome::Completed, failed, failed, ChatOutcome::Left];
    assert_eq!(outcomes.collect::<Vec<_>>(), all);
}

#[tokio::test(start_paused = true)]
async fn calls_side_by_side_never_pass_the_limit_and_share_commits() {
    let bench = Bench::new(Fakes::new(vec![])).await;
    begin(&bench, "first", 1_000).await.completed(costs(0)).await.expect("it is written");
    let before = bench.store.health().await.expect("it answers").commit_count;
    let names: Vec<String> = (0..40).map(|n| format!("chatcmpl-{n}")).collect();
    let asked = names
        .iter()
        .map(|name| bench.engine.begin_chat(chat(name, Some(1_000), SpendPeriod::Total)));
    let answers = futures::future::join_all(asked).await;
    let after = bench.store.health().await.expect("it answers").commit_count;
    assert!(after - before < 5, "{} commits", after - before);
    let (begun, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((begun.len(), refused.len()), (10, 30));
    for refusal in refused {
        let error = refusal.err().expect("a refusal");
        assert_eq!(error.code, ErrorCode::BudgetReached);
    }
    assert_eq!(spent(&bench).await.reserved_microusd, 1_000);
    for call in begun {
        call.expect("it began").completed(costs(60)).await.expect("it is written");
    }
    assert_eq!(spent(&bench).await.total_microusd, 600);
    // Four more fit into what is left.
    let mut more = Vec::new();
    for n in 0..4 {
        more.push(begin(&bench, &format!("more-{n}"), 1_000).await);
    }
    let refused = bench.engine.begin_chat(chat("much", Some(1_000), SpendPeriod::Total)).await;
    let message = refused.err().expect("nothing is left").message;
    assert!(message.contains("0.00 of 0.001 USD are left"), "{message}");
    // A raised limit lets the next one through.
    drop(begin(&bench, "raised", 1_100).await);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_two_entries_is_settled_at_the_next_start() {
    let bench = Bench::new(Fakes::new(vec![])).await;
    begin(&bench, "whole", 1_000).await.completed(costs(10)).await.expect("it is written");
    let call = begin(&bench, "broken", 1_000).await;
    let bench = bench.crash().await;
    all_ended(&bench.store).await;
    // The process that had the call writes nothing any more.
    drop(call);
    pass(1_000).await;
    let ended = ends(&day(&bench.store, 0).await);
    let outcomes: Vec<_> =
        ended.iter().map(|ended| (ended.completion.as_str(), ended.outcome)).collect();
    assert_eq!(outcomes, [("whole", ChatOutcome::Completed), ("broken", ChatOutcome::Unknown)]);
    let spend = spent(&bench).await;
    assert_eq!((spend.total_microusd, spend.reserved_microusd), (110, 0));
}

#[tokio::test(start_paused = true)]
async fn a_day_follows_the_one_before() {
    // What looks for work now and then would look a day long.
    let settings =
        EngineSettings { sweep_ms: DAY_MS, lease_ms: 10 * DAY_MS, ..EngineSettings::default() };
    let bench = Bench::over(Arc::new(MemoryStore::new()), Fakes::new(vec![]), settings).await;
    let new = |name: &str| chat(name, Some(250), SpendPeriod::Day);
    let early = bench.engine.begin_chat(new("early")).await.expect("it fits");
    let over = bench.engine.begin_chat(new("over")).await.expect("it fits");
    early.completed(costs(200)).await.expect("it is written");
    assert!(bench.engine.begin_chat(new("refused")).await.is_err());
    pass(DAY_MS).await;
    // The day's limit is whole again, but for what is reserved.
    let next = bench.engine.begin_chat(new("next")).await.expect("it fits");
    assert!(bench.engine.begin_chat(new("refused")).await.is_err());
    over.completed(costs(40)).await.expect("it is written");
    next.completed(costs(50)).await.expect("it is written");
    let spend = spent(&bench).await;
    assert_eq!((spend.day_microusd, spend.total_microusd), (90, 290));
    let (first, second) = (day(&bench.store, 0).await, day(&bench.store, 1).await);
    let requested = "chat.requested";
    assert_eq!(
        kinds(&first),
        ["chat.day_began", requested, requested, "chat.ended", "chat.day_ended"]
    );
    assert_eq!(kinds(&second), ["chat.day_began", requested, "chat.ended", "chat.ended"]);
    let last = first.last().expect("an entry").hash.to_string();
    assert!(second[0].payload.get().contains(&last), "{}", second[0].payload.get());
    let over = &ends(&second)[0];
    assert_eq!((&*over.journal, over.seq), ("chat:ten_test:1970-01-01", 3));
}

#[tokio::test(start_paused = true)]
async fn two_processes_write_one_journal() {
    let settings = |owner: &str| EngineSettings {
        owner: owner.into(),
        is_only_writer: false,
        ..EngineSettings::default()
    };
    let store = Arc::new(MemoryStore::new());
    let one = Bench::over(store.clone(), Fakes::new(vec![]), settings("one")).await;
    let two = Bench::over(store.clone(), Fakes::new(vec![]), settings("two")).await;
    let held = begin(&one, "held", 1_000).await;
    let mut begun = 0;
    for round in 0..6 {
        let names = [format!("one-{round}"), format!("two-{round}")];
        let ask = |bench: &Bench, name: &str| {
            let engine = bench.engine.clone();
            let new = chat(name, Some(1_000), SpendPeriod::Total);
            async move { engine.begin_chat(new).await }
        };
        let (a, b) = tokio::join!(ask(&one, &names[0]), ask(&two, &names[1]));
        for call in [a, b].into_iter().flatten() {
            begun += 1;
            call.completed(costs(100)).await.expect("it is written");
        }
    }
    assert_eq!(begun, 9);
    let spend = spent(&one).await;
    assert_eq!((spend.total_microusd, spend.reserved_microusd), (900, 100));
    // What is under way in a process that lives is left alone, and settled when it is dead.
    pass(120_000).await;
    assert_eq!(calls_under_way(&store).await, 1);
    one.engine.halt();
    pass(120_000).await;
    all_ended(&store).await;
    drop(held);
    let entries = day(&store, 0).await;
    let last = ends(&entries).pop().expect("an end");
    assert_eq!((last.completion.as_str(), last.outcome), ("held", ChatOutcome::Unknown));
    assert_eq!(spent(&two).await.total_microusd, 1_000);
    let requested = entries.iter().filter(|entry| &*entry.kind == "chat.requested");
    let asked = requested.map(|entry| {
        let fact: ChatRequested = serde_json::from_str(entry.payload.get()).expect("its shape");
        fact.completion
    });
    assert_eq!(asked.count(), 10);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_gone_asks_nothing() {
    let bench = Bench::new(Fakes::new(vec![])).await;
    let new = chat("gone", Some(1_000), SpendPeriod::Total);
    let asked = bench.engine.begin_chat(new);
    // It is polled once, and waits, when its client goes.
    assert!(futures::FutureExt::now_or_never(asked).is_none());
    begin(&bench, "next", 1_000).await.completed(costs(1)).await.expect("it is written");
    all_ended(&bench.store).await;
    let spend = spent(&bench).await;
    assert_eq!((spend.total_microusd, spend.reserved_microusd), (1, 0));
}
