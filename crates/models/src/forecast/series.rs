//! Values of many series on one grid of steps.

/// `[series, steps]`, NaN = not observed.
#[derive(Debug, Clone)]
pub struct SeriesSet {
    /// Ids.
    pub names: Vec<String>,
    steps: usize,
    values: Vec<f64>,
}

/// A moment at which a forecast is made: everything before `step` is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Index of the series.
    pub series: usize,
    /// First step ahead.
    pub step: usize,
    /// Steps ahead that may be looked at: what lies beyond belongs to the next slice.
    pub reach: usize,
    /// Origins of a block are drawn together by the bootstrap.
    pub block: u64,
}

impl SeriesSet {
    /// An unobserved set.
    pub fn new(names: Vec<String>, steps: usize) -> Self {
        Self { values: vec![f64::NAN; names.len() * steps], names, steps }
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// One series.
    pub fn row(&self, series: usize) -> &[f64] {
        &self.values[series * self.steps..(series + 1) * self.steps]
    }

    /// One series, to be filled.
    pub fn row_mut(&mut self, series: usize) -> &mut [f64] {
        &mut self.values[series * self.steps..(series + 1) * self.steps]
    }

    /// The newest `look_back` values before an origin; fewer near the start.
    pub fn history(&self, origin: Origin, look_back: usize) -> &[f64] {
        let end = origin.step.min(self.steps);
        &self.row(origin.series)[end.saturating_sub(look_back)..end]
    }

    /// The values ahead of an origin, as far as it may look and the set reaches.
    pub fn future(&self, origin: Origin, horizon: usize) -> &[f64] {
        let start = origin.step.min(self.steps);
        &self.row(origin.series)[start..(start + horizon.min(origin.reach)).min(self.steps)]
    }
}
