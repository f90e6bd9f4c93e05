//! Every POST takes an `Idempotency-Key`.

use axum::http::Method;
use schemars::SchemaGenerator;

use super::describe::Schemas;
use crate::routes::routes;

#[test]
fn every_post_takes_an_idempotency_key() {
    let mut schemas =
        Schemas { read: SchemaGenerator::default(), written: SchemaGenerator::default() };
    let posts = routes().into_endpoints().into_iter().filter(|one| one.method == Method::POST);
    let without: Vec<_> = posts
        .filter(|one| {
            let shape = (one.describe)(&mut schemas);
            !shape.takes_key && !one.doc.is_keyed
        })
        .map(|one| one.path)
        .collect();
    assert_eq!(without, Vec::<&str>::new());
}

/// What neither makes a resource nor feeds a session is answered from what was kept.
#[test]
fn answers_are_kept_where_nothing_else_is() {
    let kept: Vec<_> = routes().kept_paths().into_iter().collect();
    insta::assert_debug_snapshot!(kept);
}
