//! The client against servers that misbehave: what it asks, what it makes of the answers, and what
//! it does about connections that are lost.

mod address;
mod answers;
mod feed;
mod pages;
mod server;
mod timeouts;
