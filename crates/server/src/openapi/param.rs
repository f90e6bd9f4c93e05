//! Parameters of queries and headers.
//!
//! Invariant: what reads a query refuses what stands in no [`Param`] of its endpoint.

use mainstay_protocol::MAX_ID_CHARS;
use serde_json::{Value, json};

use crate::openai::wire::{DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS, MIN_PAGE_ITEMS};

/// A parameter that may be left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param {
    name: &'static str,
    about: &'static str,
    kind: Kind,
    is_extension: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Id,
    Text,
    Flag,
    Whole {
        least: u64,
        most: u64,
    },
    OneOf(&'static [&'static str]),
    /// `name[]=value`, as often as wanted.
    Texts(&'static [&'static str]),
    /// `name[key]=value`, as often as wanted.
    Pairs,
}

/// Which page of a list.
pub(crate) const PAGE: &[Param] =
    &[Param::id("after", "The element after which the page begins."), LIMIT, ORDER];
/// Which page of a list whose pages have tokens.
pub(crate) const PAGE_BY_TOKEN: &[Param] =
    &[Param::text("page", "The token of the page."), LIMIT, ORDER];

const LIMIT: Param = Param::whole(
    "limit",
    "The most elements of the page.",
    MIN_PAGE_ITEMS as u64,
    MAX_PAGE_ITEMS as u64,
);
const ORDER: Param =
    Param::one_of("order", "The direction: by default the newest first.", &["asc", "desc"]);

impl Param {
    const fn of(name: &'static str, about: &'static str, kind: Kind) -> Self {
        Self { name, about, kind, is_extension: false }
    }

    pub(crate) const fn id(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Id)
    }

    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Text)
    }

    pub(crate) const fn flag(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Flag)
    }

    pub(crate) const fn whole(
        name: &'static str,
        about: &'static str,
        least: u64,
        most: u64,
    ) -> Self {
        Self::of(name, about, Kind::Whole { least, most })
    }

    pub(crate) const fn one_of(
        name: &'static str,
        about: &'static str,
        values: &'static [&'static str],
    ) -> Self {
        Self::of(name, about, Kind::OneOf(values))
    }

    /// The name has its brackets: `include[]`. Without values, any text.
    pub(crate) const fn texts(
        name: &'static str,
        about: &'static str,
        values: &'static [&'static str],
    ) -> Self {
        Self::of(name, about, Kind::Texts(values))
    }

    pub(crate) const fn pairs(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Pairs)
    }

    pub(crate) const fn extension(self) -> Self {
        Self { is_extension: true, ..self }
    }

    /// The parameter as the document has it.
    pub(super) fn show(&self, place: &str) -> Value {
        let mut shown = json!({
            "name": self.name, "in": place, "description": self.about, "required": false,
            "schema": self.schema(),
        });
        if matches!(self.kind, Kind::Pairs) {
            shown["style"] = json!("deepObject");
            shown["explode"] = json!(true);
        }
        if self.is_extension {
            shown["x-mainstay-extension"] = json!(true);
        }
        shown
    }

    fn schema(&self) -> Value {
        match self.kind {
            Kind::Id => json!({"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS}),
            Kind::Text => json!({"type": "string"}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Whole { least, most }
                if self.name == "limit" && most == u64::from(MAX_PAGE_ITEMS) =>
            {
                json!({
                    "type": "integer", "minimum": least, "maximum": most,
                    "default": DEFAULT_PAGE_ITEMS,
                })
            }
            Kind::Whole { least, most: u64::MAX } => json!({"type": "integer", "minimum": least}),
            Kind::Whole { least, most } => {
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
            Kind::OneOf(values) => json!({"type": "string", "enum": values}),
            Kind::Texts([]) => json!({"type": "array", "items": {"type": "string"}}),
            Kind::Texts(values) => {
                json!({"type": "array", "items": {"type": "string", "enum": values}})
            }
            Kind::Pairs => json!({
                "type": "object", "additionalProperties": {"type": "string"},
            }),
        }
    }
}
