//! Runs every rule over the checkout and prints what they find.

use anyhow::{Result, bail};

use super::rules::{self, Finding, Rule};
use super::tree::Tree;
use crate::workspace::Workspace;

/// Check the house rules
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// List the rules with their reasons
    #[arg(long)]
    list: bool,
    /// Record new frozen fixtures; recorded ones are never changed
    #[arg(long, conflicts_with = "list")]
    freeze: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for rule in rules::ALL {
            println!("{:<16}{}", rule.name, rule.reason);
        }
        return Ok(());
    }
    if arguments.freeze {
        return rules::fixtures::freeze(&workspace.root, &Tree::load(&workspace.root)?);
    }
    let (_, failed) = count(workspace)?;
    if failed > 0 {
        bail!("{failed} house rules are broken; `cargo xtask tidy --list` gives the reasons");
    }
    println!("{} house rules hold", rules::ALL.len());
    Ok(())
}

/// How many rules hold and how many are broken, after printing each finding.
pub(crate) fn count(workspace: &Workspace) -> Result<(u64, u64)> {
    let tree = Tree::load(&workspace.root)?;
    let (mut passed, mut failed) = (0, 0);
    for rule in rules::ALL {
        let findings = (rule.check)(&tree);
        if findings.is_empty() {
            passed += 1;
        } else {
            failed += 1;
        }
        findings.iter().for_each(|finding| show(rule, finding));
    }
    Ok((passed, failed))
}

fn show(rule: &Rule, finding: &Finding) {
    println!("tidy {}: {finding}", rule.name);
}
