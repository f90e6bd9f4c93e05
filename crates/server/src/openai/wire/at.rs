//! Where in a request a value stands, and the check that every request type passes.
//!
//! Invariant: a path costs nothing until it is printed.

use std::fmt;

use mainstay_protocol::{ApiError, ErrorCode};

/// A place in a request, printed as `input[0].content`.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    /// The body itself.
    Root,
    /// A member of an object.
    Field(&'a Self, &'a str),
    /// An element of an array.
    Index(&'a Self, usize),
}

impl<'a> At<'a> {
    /// The place of a member.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// The place of an element.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// An error about the value at this place.
    pub fn invalid(&self, message: impl fmt::Display) -> ApiError {
        self.refuse(ErrorCode::InvalidParameter, message)
    }

    /// An error about a value that should stand at this place.
    pub fn missing(&self, message: impl fmt::Display) -> ApiError {
        self.refuse(ErrorCode::MissingParameter, message)
    }

    /// An error with a code of its own.
    pub fn refuse(&self, code: ErrorCode, message: impl fmt::Display) -> ApiError {
        match self {
            Self::Root => ApiError::new(code, format!("request body {message}")),
            Self::Field(..) | Self::Index(..) => {
                ApiError::new(code, format!("parameter '{self}' {message}"))
                    .with_param(self.to_string())
            }
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What a well-formed request must hold beyond its types.
pub trait Validate {
    /// Refuses the first value that breaks a limit, naming its place.
    ///
    /// # Errors
    /// The parameter at fault, with the limit it breaks.
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError>;
}

impl<T: Validate> Validate for Option<T> {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        self.as_ref().map_or(Ok(()), |value| value.validate(at))
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        self.iter().enumerate().try_for_each(|(index, value)| value.validate(&at.index(index)))
    }
}
