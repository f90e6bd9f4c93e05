//! The table of figures.

use crate::figure::{Figure, Goal, Group};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "start", figures: &[&START, &START_READY, &RESIDENT] },
    Group { name: "turn", figures: &[&TURN, &TURN_BYTES] },
    Group { name: "steps-1", figures: &[&STEPS_1, &CPU_1, &FLUSHES_1] },
    Group { name: "steps-128", figures: &[&STEPS_128, &CPU_128, &FLUSHES_128] },
    Group { name: "growth", figures: &[&GROWTH] },
    Group {
        name: "crash",
        figures: &[&RESUMED, &NEW_ANSWER, &EFFECTS_REPEATED, &MODEL_REPEATED, &ALL_ENDED],
    },
    Group { name: "parked", figures: &[&PARKED] },
];

pub(super) const STEPS_1: Figure = Figure {
    name: "durable steps/s, 1 session, over HTTP",
    unit: "/s",
    goal: Goal::AtLeast(3_500.0),
    peer: "1,783 (workerd Durable Object), 529 (Restate), 212 (LangGraph on SQLite)",
};
pub(super) const STEPS_128: Figure = Figure {
    name: "durable steps/s, 128 sessions",
    unit: "/s",
    goal: Goal::AtLeast(8_000.0),
    peer: "3,973 (Restate), 2,442 (workerd), 430 (LangGraph)",
};
pub(super) const TURN: Figure = Figure {
    name: "turn with one tool call, p50, 1 session",
    unit: "ms",
    goal: Goal::AtMost(1.0),
    peer: "2.9 ms (workerd), 7.3 ms (Restate), 9 ms (LangGraph)",
};
pub(super) const CPU_1: Figure = Figure {
    name: "CPU per step, server, 1 session",
    unit: "ms",
    goal: Goal::AtMost(0.1),
    peer: "0.27 ms (workerd), 0.34 + 0.24 ms (Restate and its service)",
};
pub(super) const CPU_128: Figure = Figure {
    name: "CPU per step, server, 128 sessions",
    unit: "ms",
    goal: Goal::AtMost(0.1),
    peer: "0.27 ms (workerd), 0.34 + 0.24 ms (Restate and its service)",
};
pub(super) const FLUSHES_1: Figure = Figure {
    name: "fsyncs per step, 1 session",
    unit: "",
    goal: Goal::AtMost(1.3),
    peer: "2.6 (workerd)",
};
pub(super) const FLUSHES_128: Figure =
    Figure { name: "fsyncs per step, 128 sessions", unit: "", goal: Goal::AtMost(0.1), peer: "" };
pub(super) const GROWTH: Figure = Figure {
    name: "bytes written per turn at turn 1,000 against turn 1",
    unit: "×",
    goal: Goal::AtMost(1.1),
    peer: "5 × (Restate), 19 × (LangGraph on SQLite), 1 × (workerd, at 79 KB)",
};
pub(super) const TURN_BYTES: Figure = Figure {
    name: "bytes written per turn with one tool call",
    unit: "KB",
    goal: Goal::AtMost(16.0),
    peer: "44 KB (Restate), 79 KB (workerd), 147 KB (LangGraph)",
};
pub(super) const RESUMED: Figure = Figure {
    name: "kill -9 with 1,000 sessions in flight: first resumed step",
    unit: "s",
    goal: Goal::AtMost(0.25),
    peer: "0.5 s (workerd), 1.7 s (LangGraph), 2.4 s (DBOS), 4.9 s (Restate)",
};
pub(super) const NEW_ANSWER: Figure = Figure {
    name: "… a new session's first answer after that restart",
    unit: "s",
    goal: Goal::AtMost(0.5),
    peer: "5.6 s (Restate)",
};
pub(super) const EFFECTS_REPEATED: Figure = Figure {
    name: "… tool effects repeated (a tool declared once, and one that honours the key)",
    unit: "",
    goal: Goal::AtMost(0.0),
    peer: "0 (workerd), 0 to 20 (Restate), 220 (DBOS), 282 to 676 (LangGraph)",
};
pub(super) const MODEL_REPEATED: Figure = Figure {
    name: "… finished model calls repeated",
    unit: "",
    goal: Goal::AtMost(5.0),
    peer: "27 (workerd), 0 to 232 (Restate), 248 (DBOS), 139 to 487 (LangGraph)",
};
pub(super) const ALL_ENDED: Figure =
    Figure { name: "… all 1,000 turns ended", unit: "s", goal: Goal::None, peer: "" };
pub(super) const PARKED: Figure = Figure {
    name: "10,000 parked sessions: resident memory above base",
    unit: "MB",
    goal: Goal::AtMost(5.0),
    peer: "< 20 MB (Restate), 500 MB (workerd)",
};
pub(super) const RESIDENT: Figure = Figure {
    name: "server resident at start (without the embedded model)",
    unit: "MB",
    goal: Goal::AtMost(40.0),
    peer: "151 MB (Restate)",
};
pub(super) const START: Figure = Figure {
    name: "process start to first answer",
    unit: "ms",
    goal: Goal::AtMost(30.0),
    peer: "32 ms (workerd), 850 ms (LangGraph), 1,020 ms (Restate)",
};
pub(super) const START_READY: Figure = Figure {
    name: "process start to the line that says it answers",
    unit: "ms",
    goal: Goal::None,
    peer: "",
};
