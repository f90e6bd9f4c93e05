//! A bound on the digits of numbers in a call.
//!
//! Invariant: follows JSON text byte by byte; inside strings nothing is a number. A schema cannot
//! say how many digits a number may have, and a small model that begins a fraction may not end it.

/// Digits before the point.
const MAX_WHOLE_DIGITS: usize = 15;
/// Digits after it.
const MAX_FRACTION_DIGITS: usize = 6;

/// Where in a JSON text we are.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct NumberBound {
    in_string: bool,
    escaped: bool,
    whole_digits: usize,
    /// Set after the point.
    fraction_digits: Option<usize>,
}

impl NumberBound {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push_byte(*byte);
        }
    }

    /// Whether another digit is too much.
    pub(super) fn is_reached(&self) -> bool {
        let whole = self.whole_digits >= MAX_WHOLE_DIGITS;
        self.fraction_digits.map_or(whole, |digits| digits >= MAX_FRACTION_DIGITS)
    }

    /// Whether a token would go on with a number.
    pub(super) fn goes_on(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'e' | b'E'))
    }

    fn push_byte(&mut self, byte: u8) {
        match (self.in_string, byte) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (true, b'"') => self.in_string = false,
            (true, _) => {}
            (false, b'"') => *self = Self { in_string: true, ..Self::default() },
            (false, b'0'..=b'9') => match &mut self.fraction_digits {
                Some(digits) => *digits += 1,
                None => self.whole_digits += 1,
            },
            (false, b'.') if self.whole_digits > 0 => self.fraction_digits = Some(0),
            (false, _) => *self = Self::default(),
        }
    }
}
