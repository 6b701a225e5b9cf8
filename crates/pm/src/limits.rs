//! How much a file may cost before it is refused.

/// Bounds on hostile or broken input; the defaults fit every genuine file met so far by an order
/// of magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text, after decompression.
    pub max_bytes: usize,
    /// Bytes of text per compressed byte. Genuine files reach 15.
    pub max_ratio: usize,
    /// Text below this size is accepted at any ratio: tiny files compress oddly.
    pub ratio_floor: usize,
    /// Elements inside each other. Genuine files reach 5.
    pub max_depth: usize,
    /// Bytes of one text node or attribute.
    pub max_text: usize,
    /// Objects × counters of a file, at 8 bytes each: a file names both once and need not write the
    /// values between them.
    pub max_cells: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 512 << 20,
            max_ratio: 200,
            ratio_floor: 8 << 20,
            max_depth: 32,
            max_text: 1 << 20,
            max_cells: 64 << 20,
        }
    }
}

impl Limits {
    /// The most text that `compressed` bytes may expand to.
    pub(crate) fn output_cap(&self, compressed: usize) -> usize {
        let by_ratio = compressed.saturating_mul(self.max_ratio);
        by_ratio.max(self.ratio_floor).min(self.max_bytes)
    }
}
