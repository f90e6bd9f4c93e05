//! Choices from bytes that proptest draws and shrinks.

/// A source of choices that ends; then every choice is the first.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    bytes: Vec<u8>,
    used: usize,
}

impl Dice {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used >= self.bytes.len()
    }

    fn byte(&mut self) -> u32 {
        let byte = self.bytes.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        u32::from(byte)
    }

    /// A number below the bound.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let number = if bound > 256 { self.byte() << 8 | self.byte() } else { self.byte() };
        number % bound.max(1)
    }

    /// Rarely yes; no when the bytes have ended.
    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == count - 1
    }

    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        let count = u32::try_from(choices.len()).expect("few choices");
        choices[self.below(count) as usize].clone()
    }
}
