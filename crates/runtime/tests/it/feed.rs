//! Followers: no gap, no duplicate, the text so far.

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
