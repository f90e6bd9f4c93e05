//! What must hold in every history: random commands, answers, times and crashes.

mod asks;
mod driver;
mod laws;
mod ledger;
mod random;
mod rows;
mod setups;
