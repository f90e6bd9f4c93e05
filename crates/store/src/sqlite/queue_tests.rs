use super::*;
use crate::conformance::Chain;

/// Longer than any test takes.
const FILL_WAIT: Duration = Duration::from_secs(3_600);

fn commit(size_bytes: usize) -> Write {
    let payload = format!("\"{}\"", "x".repeat(size_bytes));
    Write::Commit(Chain::new("ses_a").commit(&[&payload]))
}

fn queue(limit_count: usize, sizes_bytes: &[usize]) -> Queue {
    let queue = Queue::new(limit_count, FILL_WAIT);
    for size_bytes in sizes_bytes {
        queue.push(commit(*size_bytes), oneshot::channel().0).expect("there is room");
    }
    queue
}

/// How many commits each turn of the writer takes; 0 stands for other work.
fn turns(queue: &Queue, group_limit_count: usize) -> Vec<usize> {
    queue.close();
    let turn = |work| match work {
        Work::Group(group) => group.len(),
        Work::Migrate { .. } | Work::Checkpoint => 0,
    };
    std::iter::from_fn(|| queue.take(group_limit_count, None).map(turn)).collect()
}

#[test]
fn a_group_ends_at_its_bounds() {
    let big = GROUP_LIMIT_BYTES / 2 + 1;
    let cases: &[(&[usize], usize, &[usize])] = &[
        (&[1, 1, 1], 10, &[3]),
        (&[1, 1, 1, 1, 1], 2, &[2, 2, 1]),
        (&[1, big, big, 1], 10, &[3, 1]),
        (&[GROUP_LIMIT_BYTES * 2, 1], 10, &[1, 1]),
        (&[], 10, &[]),
    ];
    for (sizes_bytes, group_limit_count, expected) in cases {
        assert_eq!(
            turns(&queue(10, sizes_bytes), *group_limit_count),
            *expected,
            "{sizes_bytes:?}"
        );
    }
}

#[test]
fn a_migration_is_taken_alone_and_in_turn() {
    let queue = queue(10, &[1, 1]);
    queue.push_migration(&[], oneshot::channel().0).expect("there is room");
    queue.push(commit(1), oneshot::channel().0).expect("there is room");
    assert_eq!(turns(&queue, 10), [2, 0, 1]);
}

#[test]
fn a_full_or_closed_queue_refuses() {
    let queue = queue(2, &[1, 1]);
    let refused = queue.push(commit(1), oneshot::channel().0);
    assert!(matches!(refused, Err(StoreError::Overloaded { limit_count: 2 })), "{refused:?}");
    queue.close();
    let refused = queue.push(commit(1), oneshot::channel().0);
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}

#[test]
fn whoever_waits_learns_that_the_writer_is_gone() {
    let queue = Queue::new(1, FILL_WAIT);
    let (reply, mut answer) = oneshot::channel();
    queue.push(commit(1), reply).expect("there is room");
    queue.abandon();
    assert_eq!(answer.try_recv().map(|_| ()), Err(oneshot::error::TryRecvError::Closed));
}

#[test]
fn a_lone_caller_has_its_turn_only_when_nobody_writes_or_waits() {
    let queue = Queue::new(10, FILL_WAIT);
    let mut turn = queue.begin_alone().expect("nobody is there");
    assert!(queue.begin_alone().is_none(), "one at a time");
    queue.push(commit(1), oneshot::channel().0).expect("there is room");
    turn.needs_checkpoint = true;
    drop(turn);
    assert!(queue.begin_alone().is_none(), "work waits for the thread");
    assert!(matches!(queue.take(10, None), Some(Work::Checkpoint)));
    assert!(matches!(queue.take(10, None), Some(Work::Group(_))));
    assert!(queue.begin_alone().is_none(), "the thread writes");
    queue.close();
    assert!(queue.take(10, None).is_none());
    assert!(queue.begin_alone().is_none(), "a closed queue gives no turns");
}

#[test]
fn the_thread_waits_for_a_lone_caller() {
    let queue = Queue::new(10, FILL_WAIT);
    let turn = queue.begin_alone().expect("nobody is there");
    std::thread::scope(|scope| {
        let taken = scope.spawn(|| queue.take(10, None));
        while !queue.lock().is_thread_asleep {
            std::thread::yield_now();
        }
        queue.push(commit(1), oneshot::channel().0).expect("there is room");
        assert!(queue.lock().is_thread_asleep, "not woken while somebody writes");
        drop(turn);
        assert!(matches!(taken.join(), Ok(Some(Work::Group(_)))));
    });
}

/// A queue whose last group was one of many.
fn filling(fill_wait: Duration) -> Queue {
    let queue = Queue::new(10, fill_wait);
    let mut turn = queue.begin_alone().expect("nobody is there");
    turn.fill = Some(Fill { count: 3, until: herd::now() + FILL_WAIT });
    drop(turn);
    queue
}

#[test]
fn a_group_fills_where_others_are_about_to_write() {
    type Act = fn(&Queue);
    let push: Act = |queue| {
        queue.push(commit(1), oneshot::channel().0).expect("there is room");
    };
    let cases: [(&str, &[Act], usize); 2] =
        [("it is full", &[push, push], 3), ("the queue is closed", &[push, Queue::close], 2)];
    for (what, acts, expected) in cases {
        let queue = filling(FILL_WAIT);
        assert!(queue.begin_alone().is_none(), "others are about to write");
        push(&queue);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| queue.take(10, None));
            while queue.lock().awaited_count.is_none() {
                std::thread::yield_now();
            }
            for act in acts {
                act(&queue);
            }
            let work = taken.join().expect("it does not panic");
            assert!(matches!(&work, Some(Work::Group(group)) if group.len() == expected), "{what}");
        });
    }
}

#[test]
fn a_group_fills_for_a_bounded_time() {
    let queue = filling(Duration::from_micros(1));
    queue.push(commit(1), oneshot::channel().0).expect("there is room");
    assert!(matches!(queue.take(10, None), Some(Work::Group(group)) if group.len() == 1));
    assert!(filling(Duration::ZERO).begin_alone().is_some(), "nobody waits where waits are off");
}
