//! Integration tests of the store.

mod blobs;
mod conformance;
mod crash;
mod damage;
mod differential;
mod full;
mod group;
mod restart;
mod support;
mod world;
