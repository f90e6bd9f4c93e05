//! Sessions of many kinds.

use mainstay_core::agent::TurnLimits;
use mainstay_core::tool::UnknownRule;

use super::random::Dice;
use crate::lab::{Setup, client_only, tools};

/// A session whose agent, limits, window and budget are drawn.
pub(super) fn setup(dice: &mut Dice) -> Setup {
    let mut setup = Setup::default();
    let rules = [UnknownRule::Ask, UnknownRule::Report, UnknownRule::Retry];
    setup.agent.unknown_outcome = dice.pick(&rules);
    setup.tools = if dice.one_in(4) { None } else { Some(tools()) };
    if dice.one_in(8) {
        let (agent, tools) = client_only();
        (setup.agent, setup.tools) = (agent, Some(tools));
    }
    if dice.one_in(2) {
        setup = setup.machine();
    }
    if dice.one_in(2) && setup.tools.is_some() {
        setup = setup.subagents();
    }
    if dice.one_in(4) {
        setup = setup.child();
    }
    if dice.one_in(3) {
        setup.agent.fallback_models.clear();
    }
    if dice.one_in(3) {
        setup.agent.limits = TurnLimits {
            max_steps: dice.below(6) + 1,
            max_tool_calls: dice.below(6),
            max_tokens: u64::from(dice.below(1_500)) + 100,
            max_wall_ms: u64::from(dice.below(60_000)) + 1_000,
        };
    }
    if dice.one_in(6) {
        setup.spend_limit_microusd = Some(u64::from(dice.below(60)));
    }
    if dice.one_in(2) {
        setup = setup.window("alpha", 2_500).window("beta", 4_000);
    }
    setup
}
