//! What shows a small model the form of its answers, and when to stop.
//!
//! Invariant: constant, so that the state after it is kept; short, because it is read once per agent
//! at 70 tokens a second. The tools in it exist nowhere, and decoding allows no call of them.

/// One request with its steps.
pub(super) struct Example {
    pub(super) request: &'static str,
    pub(super) steps: &'static [ExampleStep],
    pub(super) reply: &'static str,
}

/// One call with its output.
pub(super) struct ExampleStep {
    pub(super) tool: &'static str,
    pub(super) arguments: &'static str,
    pub(super) output: &'static str,
}

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        request: "Hello, what can you do?",
        steps: &[],
        reply: "Hello! I can use my tools for you and answer questions.",
    },
    Example { request: "What is the capital of France?", steps: &[], reply: "Paris." },
    Example {
        request: "Which tasks of plan.txt are open? Mark task 2 as done.",
        steps: &[
            ExampleStep {
                tool: "get_tasks",
                arguments: r#"{"file": "plan.txt"}"#,
                output: "1 buy nails: open\n2 call Sue: open",
            },
            ExampleStep {
                tool: "finish_task",
                arguments: r#"{"file": "plan.txt", "task": 2}"#,
                output: "ok",
            },
        ],
        reply: "Two tasks were open: buy nails and call Sue. Task 2 is now done.",
    },
    Example {
        request: "How old is Sue?",
        steps: &[ExampleStep {
            tool: "find_person",
            arguments: r#"{"name": "Sue"}"#,
            output: r#"{"name":"Sue","age":44}"#,
        }],
        reply: "Sue is 44.",
    },
];
