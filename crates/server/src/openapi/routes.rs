//! Routes, each with what the document says of it.

use std::collections::BTreeSet;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use super::describe::{Describe, Schemas, Shape};
use super::doc::Doc;
use crate::state::AppState;

/// Tells what a handler's type says.
type DescribeFn = fn(&mut Schemas) -> Shape;

/// One method of one path.
pub(crate) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) doc: Doc,
    pub(super) describe: DescribeFn,
}

/// The methods of a path.
pub(crate) struct Operations {
    router: MethodRouter<AppState>,
    methods: Vec<(Method, Doc, DescribeFn)>,
}

/// Paths with their methods.
pub(crate) struct Routes {
    router: Router<AppState>,
    endpoints: Vec<Endpoint>,
}

/// A path that can be read.
pub(crate) fn get<H, T: 'static, D>(handler: H, doc: Doc) -> Operations
where
    H: Handler<T, AppState> + Describe<D>,
{
    Operations { router: MethodRouter::new(), methods: Vec::new() }.get(handler, doc)
}

/// A path that takes something.
pub(crate) fn post<H, T: 'static, D>(handler: H, doc: Doc) -> Operations
where
    H: Handler<T, AppState> + Describe<D>,
{
    Operations { router: MethodRouter::new(), methods: Vec::new() }.post(handler, doc)
}

/// A path that can be removed.
pub(crate) fn delete<H, T: 'static, D>(handler: H, doc: Doc) -> Operations
where
    H: Handler<T, AppState> + Describe<D>,
{
    Operations { router: MethodRouter::new(), methods: Vec::new() }.delete(handler, doc)
}

impl Operations {
    fn get<H, T: 'static, D>(mut self, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, AppState> + Describe<D>,
    {
        self.methods.push((Method::GET, doc, H::describe));
        Self { router: self.router.merge(routing::get(handler)), ..self }
    }

    /// The path takes something too.
    pub(crate) fn post<H, T: 'static, D>(mut self, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, AppState> + Describe<D>,
    {
        self.methods.push((Method::POST, doc, H::describe));
        Self { router: self.router.merge(routing::post(handler)), ..self }
    }

    /// The path can be removed too.
    pub(crate) fn delete<H, T: 'static, D>(mut self, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, AppState> + Describe<D>,
    {
        self.methods.push((Method::DELETE, doc, H::describe));
        Self { router: self.router.merge(routing::delete(handler)), ..self }
    }
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), endpoints: Vec::new() }
    }

    /// Adds a path.
    pub(crate) fn route(mut self, path: &'static str, operations: Operations) -> Self {
        let Operations { router, methods } = operations;
        self.endpoints.extend(methods.into_iter().map(|(method, doc, describe)| Endpoint {
            path,
            method,
            doc,
            describe,
        }));
        Self { router: self.router.route(path, router), ..self }
    }

    /// Adds a path of a protocol that has a document of its own.
    pub(crate) fn aside(self, path: &'static str, router: MethodRouter<AppState>) -> Self {
        Self { router: self.router.route(path, router), ..self }
    }

    /// Adds the paths of another table.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.endpoints.extend(other.endpoints);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The routes as the server runs them.
    pub(crate) fn into_router(self) -> Router<AppState> {
        self.router
    }

    /// The paths whose answers are kept.
    pub(crate) fn kept_paths(&self) -> BTreeSet<&'static str> {
        self.endpoints.iter().filter(|one| one.doc.is_kept).map(|one| one.path).collect()
    }

    /// The routes as the document describes them.
    pub(crate) fn into_endpoints(self) -> Vec<Endpoint> {
        self.endpoints
    }
}
