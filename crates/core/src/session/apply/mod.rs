//! The fold: facts into state.
//!
//! Invariant: total over any history that `decide` produced. A fact that names an effect or turn
//! which is not open changes nothing.

mod effect;
mod fold;
mod response;
mod settle;
mod turn;

pub use fold::{apply, fold};
