//! Scripts: a session as set up, steps, and the story they make.

use std::sync::Arc;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::sandbox::SessionSandbox;
use mainstay_core::subagent::{Parent, subagent_specs};
use mainstay_core::tool::{ToolSource, ToolSpec};

use super::agent::{agent, parent, sandbox, tools, with_machine};
use super::names::Names;
use super::rules::FakeRules;
use super::step::Step;
use super::tell::{fact_line, rejection_line, row_lines, run_line, status_line};
use super::world::World;

/// What a session is created with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) agent: AgentDefinition,
    pub(crate) tools: Option<Arc<[ToolSpec]>>,
    pub(crate) spend_limit_microusd: Option<u64>,
    pub(crate) sandbox: Option<Arc<SessionSandbox>>,
    pub(crate) parent: Option<Arc<Parent>>,
    pub(crate) rules: FakeRules,
}

impl Default for Setup {
    fn default() -> Self {
        let (agent, tools) = (agent(), Some(tools()));
        let rules = FakeRules::default();
        Self { agent, tools, spend_limit_microusd: None, sandbox: None, parent: None, rules }
    }
}

impl Setup {
    /// With another agent, whose tools are the same.
    pub(crate) fn agent(change: impl FnOnce(&mut AgentDefinition)) -> Self {
        let mut setup = Self::default();
        change(&mut setup.agent);
        setup
    }

    /// With a machine, and tools that use it.
    pub(crate) fn machine(mut self) -> Self {
        let (agent, tools) = with_machine(self.agent);
        (self.agent, self.tools) = (agent, Some(tools));
        self.sandbox = Some(Arc::new(sandbox()));
        self
    }

    /// With subagents, and tools for them.
    pub(crate) fn subagents(mut self) -> Self {
        let tools = self.tools.take().unwrap_or_else(tools);
        let own = subagent_specs(self.agent.tools.len());
        self.agent.tools.push(ToolSource::Agents { max_concurrent_count: 2 });
        self.tools = Some(tools.iter().cloned().chain(own).collect());
        self
    }

    /// As a subagent of another session.
    pub(crate) fn child(mut self) -> Self {
        self.parent = Some(Arc::new(parent()));
        self
    }

    /// With another context window, in tokens.
    pub(crate) fn window(mut self, model: &str, tokens: u64) -> Self {
        self.rules.windows.insert(model.to_owned(), tokens);
        self
    }
}

/// The story of a session: each step with its facts (`+`), what is abandoned (`-`) and run (`!`),
/// the rows that changed (`#`) and where the session stands (`=`).
pub(crate) fn tell<const N: usize>(setup: Setup, steps: [Step; N]) -> String {
    tell_from(setup, [], steps)
}

/// The story of the steps that come after others, which are not told.
pub(crate) fn tell_from<const M: usize, const N: usize>(
    setup: Setup,
    before: [Step; M],
    steps: [Step; N],
) -> String {
    let mut world = World::created(setup);
    let mut names = Names::default();
    for step in before {
        for line in tell_step(&mut world, step) {
            names.shorten(&line);
        }
    }
    let lines = steps.into_iter().flat_map(|step| tell_step(&mut world, step));
    lines.map(|line| names.shorten(&line) + "\n").collect()
}

fn tell_step(world: &mut World, step: Step) -> Vec<String> {
    let mut lines = vec![format!("> {}", step.label)];
    let decision = match world.step(step) {
        Ok(decision) => decision,
        Err(rejected) => {
            lines.push(rejection_line(&rejected));
            return lines;
        }
    };
    lines.extend(decision.facts.iter().map(|fact| format!("  + {}", fact_line(fact))));
    lines.extend(decision.aborts.iter().map(|effect| format!("  - {effect}")));
    lines.extend(decision.dispatches.iter().map(|dispatch| format!("  ! {}", run_line(dispatch))));
    lines.extend(row_lines(&decision.rows).into_iter().map(|line| format!("  # {line}")));
    lines.push(format!("  = {}", status_line(&world.state)));
    lines
}
