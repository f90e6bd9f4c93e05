//! What is measured, what it should reach, and what others reach.

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Only to be known.
    None,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    /// What others reach on a machine like this (2 cores, quiet).
    pub(crate) peer: &'static str,
}

impl Goal {
    /// Whether a value reaches it; none where there is nothing to reach.
    pub(crate) fn is_reached(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bound) => Some(value >= bound),
            Self::AtMost(bound) => Some(value <= bound),
            Self::None => None,
        }
    }
}

/// Figures that are measured together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) figures: &'static [&'static Figure],
}

/// A measured value of a figure.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) figure: &'static Figure,
    pub(crate) value: f64,
    /// What the machine could do at the most, as measured in the same run.
    pub(crate) limit: Option<String>,
}

impl Figure {
    pub(crate) fn is(&'static self, value: f64) -> Measured {
        Measured { figure: self, value, limit: None }
    }
}

impl Measured {
    pub(crate) fn beside(self, limit: impl Into<String>) -> Self {
        Self { limit: Some(limit.into()), ..self }
    }
}
