//! The rules, one file each.

mod error_pages;
pub(super) mod fixtures;
mod layers;
mod leftovers;
mod links;
mod manifests;
mod modules;
mod names;
mod packages;
mod paths;
mod readme;
mod rule;
mod sizes;
mod table;
mod test_layout;

pub(super) use rule::{Finding, Rule};
pub(super) use table::ALL;
