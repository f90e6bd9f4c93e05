//! Configuration: one typed tree, from a TOML file, then the environment, then flags.
//!
//! Invariant: what the tree does not know is refused with the place it came from; secrets are held
//! by reference and read once, where they are used. Nothing else reads the environment.

mod compute;
mod data;
mod embedded_model;
mod environment;
mod limits;
mod load;
mod log;
mod place;
mod provider;
mod secret;
mod server;
mod tools;
mod tree;
mod vault;

pub(crate) use compute::Tier;
pub(crate) use environment::{Environment, KEY as KEY_VARIABLE, URL as URL_VARIABLE};
pub(crate) use load::{Flags, file, load};
pub(crate) use log::{Log, LogFormat};
pub(crate) use provider::Provider;
pub(crate) use tree::{Config, EXAMPLE, schema};
pub(crate) use vault::WITNESS_FILE;
