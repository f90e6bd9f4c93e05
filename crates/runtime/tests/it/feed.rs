//! Followers: no gap, no duplicate, the text so far.

use std::future::Future;

use mainstay_core::port::{OutputStream, ToolCall, ToolError, ToolOutput, WorldChange};
use mainstay_protocol::Seq;
use mainstay_runtime::{Feed, FeedItem, FollowFrom};

use crate::support::{Bench, Fakes, Reply, pass, session};

/// What a follower sees until a turn ends: positions, and the text of deltas with their offsets.
async fn watch(feed: &mut Feed) -> (Vec<Seq>, Vec<(usize, String)>) {
    let (mut seqs, mut deltas) = (Vec::new(), Vec::new());
    while let Some(item) = feed.next().await {
        match item.expect("the memory store answers") {
            FeedItem::Entry(entry) => {
                seqs.push(entry.seq);
                if &*entry.kind == "turn.ended" {
                    break;
                }
            }
            FeedItem::Delta(delta) => deltas.push((delta.offset, delta.text.clone())),
            FeedItem::Output(_) => {}
        }
    }
    (seqs, deltas)
}

async fn follow(bench: &Bench, from: FollowFrom) -> Feed {
    bench.engine.follow(&session(), from).await.expect("the session is followed")
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_shown_everything_from_where_it_starts() {
    let bench = Bench::new(Fakes::new(vec![Reply::Slowly(&["one ", "two"])])).await;
    bench.create("go").await;
    let mut all = follow(&bench, FollowFrom::After(0)).await;
    let mut live = follow(&bench, FollowFrom::Live).await;
    assert_eq!(live.head(), 3);
    let deltas = vec![(0, "one ".to_owned()), (4, "two".to_owned())];
    assert_eq!(watch(&mut all).await, (vec![1, 2, 3, 4, 5], deltas.clone()));
    assert_eq!(watch(&mut live).await, (vec![4, 5], deltas));
    let mut later = follow(&bench, FollowFrom::After(2)).await;
    assert_eq!(watch(&mut later).await, (vec![3, 4, 5], Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_late_follower_gets_the_text_so_far() {
    let bench = Bench::new(Fakes::new(vec![Reply::Slowly(&["one ", "two ", "three"])])).await;
    bench.create("go").await;
    pass(250).await;
    let mut late = follow(&bench, FollowFrom::Live).await;
    let deltas = vec![(0, "one two ".to_owned()), (8, "three".to_owned())];
    assert_eq!(watch(&mut late).await, (vec![4, 5], deltas));
}

#[tokio::test(start_paused = true)]
async fn a_slow_follower_loses_no_entry() {
    let replies = (0..60).map(|_| Reply::Calls(vec!["act"; 4])).collect();
    let bench = Bench::new(Fakes::new(replies)).await;
    bench.create("").await;
    let mut slow = follow(&bench, FollowFrom::After(0)).await;
    bench.input("go").await.expect("accepted");
    bench.rest().await;
    let head = bench.entries().await.len() as Seq;
    assert!(head > 500, "more than the live channel holds");
    let (seqs, _) = watch(&mut slow).await;
    assert_eq!(seqs, (1..=head).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_when_the_engine_stops() {
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    bench.create("go").await;
    bench.rest().await;
    let mut feed = follow(&bench, FollowFrom::Live).await;
    bench.engine.shutdown(100).await;
    assert!(feed.next().await.is_none());
    assert_eq!(bench.engine.stats().followers, 0);
}

/// What a follower sees of outputs until a turn ends: attempts and offsets with the text.
async fn outputs(feed: &mut Feed) -> Vec<(u32, usize, String)> {
    let mut seen = Vec::new();
    while let Some(item) = feed.next().await {
        match item.expect("the memory store answers") {
            FeedItem::Entry(entry) if &*entry.kind == "turn.ended" => break,
            FeedItem::Entry(_) | FeedItem::Delta(_) => {}
            FeedItem::Output(delta) => {
                seen.push((delta.attempt, delta.offset, delta.text.clone()));
            }
        }
    }
    seen
}

fn print(call: &ToolCall, stream: OutputStream, bytes: &[u8]) {
    let sink = call.live.0.as_ref().expect("a tool is given somewhere to print");
    sink(stream, bytes);
}

async fn printing<F>(act: impl Fn(ToolCall) -> F + Send + Sync + 'static) -> Bench
where
    F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
{
    let fakes = Fakes::new(vec![Reply::Calls(vec!["act"])]);
    fakes.tool(act);
    let bench = Bench::new(fakes).await;
    bench.create("").await;
    bench
}

#[tokio::test(start_paused = true)]
async fn what_a_tool_prints_is_shown_while_it_runs() {
    let bench = printing(async |call| {
        print(&call, OutputStream::Stdout, "grü".as_bytes());
        pass(100).await;
        print(&call, OutputStream::Stdout, b"\xc3");
        print(&call, OutputStream::Stderr, b"oh ");
        print(&call, OutputStream::Stdout, b"\x9fe");
        pass(100).await;
        Ok(ToolOutput::text("done"))
    })
    .await;
    let mut early = follow(&bench, FollowFrom::Live).await;
    bench.input("go").await.expect("accepted");
    pass(150).await;
    let mut late = follow(&bench, FollowFrom::Live).await;
    let pieces = [(0, "grü"), (4, "oh "), (7, "ße")];
    let pieces = pieces.map(|(offset, text)| (1, offset, text.to_owned()));
    assert_eq!(outputs(&mut early).await, pieces);
    // Who comes late is given it from its beginning.
    assert_eq!(outputs(&mut late).await, [(1, 0, "grüoh ße".to_owned())]);
    bench.rest().await;
    let mut after = follow(&bench, FollowFrom::After(0)).await;
    assert_eq!(outputs(&mut after).await, [], "what ended is in its entry alone");
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_gets_all_that_may_be_shown_and_no_more() {
    const LINE: &str = "0123456789abcde\n";
    let bench = printing(async |call| {
        for _ in 0..40_000 {
            print(&call, OutputStream::Stdout, LINE.as_bytes());
        }
        pass(100).await;
        Ok(ToolOutput::text("done"))
    })
    .await;
    let mut slow = follow(&bench, FollowFrom::Live).await;
    bench.input("go").await.expect("accepted");
    // It reads nothing while all of it is printed, and so loses nearly every piece.
    pass(50).await;
    let mut text = String::new();
    for (_, offset, piece) in outputs(&mut slow).await {
        text.truncate(offset);
        assert_eq!(text.len(), offset, "a piece is missing");
        text.push_str(&piece);
    }
    assert_eq!(text, LINE.repeat(256 * 1024 / LINE.len()));
}

#[tokio::test(start_paused = true)]
async fn a_further_attempt_prints_from_its_own_beginning() {
    let bench = printing(async |call| {
        print(&call, OutputStream::Stdout, b"tries");
        pass(10).await;
        if call.attempt == 1 {
            return Err(ToolError {
                message: "away".to_owned(),
                retryable: true,
                world: WorldChange::No,
                retry_after_ms: None,
                needs: None,
            });
        }
        Ok(ToolOutput::text("done"))
    })
    .await;
    let mut feed = follow(&bench, FollowFrom::Live).await;
    bench.input("go").await.expect("accepted");
    assert_eq!(outputs(&mut feed).await, [(1, 0, "tries".to_owned()), (2, 0, "tries".to_owned())]);
}
