//! The table of figures.

use crate::figure::{Figure, Goal, Group};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "responses", figures: &[&OVERHEAD, &FIRST_TOKEN] },
    Group { name: "reconnect", figures: &[&RECONNECT] },
    Group { name: "followers", figures: &[&FOLLOWER_MEMORY, &LOST] },
];

pub(super) const OVERHEAD: Figure = Figure {
    name: "stored, streamed response over the bare model call, 16 clients, p50",
    unit: "ms",
    goal: Goal::AtMost(1.5),
    peer: "",
};
pub(super) const FIRST_TOKEN: Figure = Figure {
    name: "time to the first token over the bare model call, 16 clients, p50",
    unit: "ms",
    goal: Goal::AtMost(2.0),
    peer: "",
};
pub(super) const RECONNECT: Figure = Figure {
    name: "reconnect to a stream of 10,000 events at a random number: first event, p50",
    unit: "ms",
    goal: Goal::AtMost(5.0),
    peer: "",
};
pub(super) const FOLLOWER_MEMORY: Figure = Figure {
    name: "1,000 clients following 1,000 sessions: resident memory for each",
    unit: "KB",
    goal: Goal::AtMost(64.0),
    peer: "",
};
pub(super) const LOST: Figure =
    Figure { name: "… events lost", unit: "", goal: Goal::AtMost(0.0), peer: "" };
