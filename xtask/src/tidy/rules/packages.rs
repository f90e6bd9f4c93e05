//! The number of packages in the lock file.

use super::rule::Finding;
use crate::tidy::tree::Tree;

const LOCK: &str = "Cargo.lock";
const BUDGETS: &str = "xtask/budgets.toml";
const BUDGET: &str = "locked_packages";

pub(super) fn packages(tree: &Tree) -> Vec<Finding> {
    let budget = tree.text(BUDGETS).and_then(|text| text.parse::<toml::Table>().ok());
    let budget = budget
        .and_then(|table| table.get(BUDGET)?.as_integer())
        .and_then(|n| usize::try_from(n).ok());
    let Some(budget) = budget else {
        return vec![Finding::file(BUDGETS, format!("has no number `{BUDGET}`"))];
    };
    let locked =
        tree.text(LOCK).unwrap_or_default().lines().filter(|line| *line == "[[package]]").count();
    if locked <= budget {
        return Vec::new();
    }
    vec![Finding::file(LOCK, format!("{locked} packages, more than the {budget} of {BUDGETS}"))]
}
