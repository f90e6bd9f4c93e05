//! What a step costs does not grow with the session. Allocations are counted, not time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::size_of;
use std::sync::Arc;

use mainstay_core::effect::DispatchKind;
use mainstay_core::item::Item;
use mainstay_core::session::Decision;

use crate::lab::*;

/// Counts what the current thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one adds two counters")]
// SAFETY: both calls are handed to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promise about the layout is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the same allocator with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Allocations of one decision, without the list of items that a model is sent.
#[derive(Debug, Clone, Copy)]
struct Cost {
    count: usize,
    bytes: usize,
}

fn cost_of(decide: &dyn Fn() -> Decision) -> Cost {
    let (count, bytes) = (COUNT.get(), BYTES.get());
    let decision = decide();
    let (count, bytes) = (COUNT.get() - count, BYTES.get() - bytes);
    let items: usize = decision.dispatches.iter().map(|dispatch| items_sent(&dispatch.kind)).sum();
    Cost { count, bytes: bytes - items * size_of::<Arc<Item>>() }
}

fn items_sent(kind: &DispatchKind) -> usize {
    match kind {
        DispatchKind::Model { request, .. } => request.items.len(),
        DispatchKind::Tool(_)
        | DispatchKind::Subagent(_)
        | DispatchKind::Reconcile(_)
        | DispatchKind::ResolveTools { .. }
        | DispatchKind::Checkpoint { .. } => 0,
    }
}

/// The costs of the steps of the turn that comes after so many others.
fn costs_after(turns: u32) -> Vec<Cost> {
    let mut world = World::created(Setup::default().window("alpha", 1_000_000_000));
    for _ in 0..turns {
        for step in turn() {
            world.bare_step(step, |_| ());
        }
    }
    turn().into_iter().map(|step| world.bare_step(step, cost_of)).collect()
}

/// A turn with calls of the server and of the client.
fn turn() -> [Step; 6] {
    [
        input("hello"),
        model([say("I look"), call("c1", "read"), call("c2", "pay"), call("c3", "lookup")]),
        oldest_call_answers("text"),
        oldest_call_answers("paid"),
        oldest_call_answers("found"),
        model([say("done")]),
    ]
}

#[test]
fn a_step_of_a_long_session_allocates_no_more_than_one_of_a_short_session() {
    // After forty turns what is kept for a while and has a bound (answered calls) has reached it.
    let (short, long) = (costs_after(40), costs_after(1_000));
    for (step, (short, long)) in short.iter().zip(&long).enumerate() {
        // A tenth more, and the few pointers of a set that grows with the logarithm.
        let count = short.count + short.count / 10;
        assert!(long.count <= count, "step {step}: {short:?}, then {long:?}");
        let bytes = short.bytes + short.bytes / 10;
        assert!(long.bytes <= bytes, "step {step}: {short:?}, then {long:?}");
    }
}
