//! Deviations of many entities on one grid of steps.

use std::ops::Range;

/// `[entities, steps, channels]`: deviations from the usual, or plain values where a set has no
/// usual hour. NaN = not observed.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Entity ids.
    pub entities: Vec<String>,
    /// Channel names.
    pub channels: Vec<String>,
    steps: usize,
    values: Vec<f32>,
    /// Indices of the neighbours of every entity; empty lists switch the silence part off.
    pub neighbours: Vec<Vec<usize>>,
    /// Steps that may not be learned from: planned work, settling. `[entities, steps]`
    masked: Vec<bool>,
}

/// Steps of the slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// Scales and forecasts.
    pub fit: Range<usize>,
    /// Own forecast against the pooled one.
    pub select: Range<usize>,
    /// Residual scales, references, thresholds.
    pub calibrate: Range<usize>,
}

impl Panel {
    /// An unobserved panel.
    pub fn new(entities: Vec<String>, channels: Vec<String>, steps: usize) -> Self {
        Self {
            steps,
            values: vec![f32::NAN; entities.len() * steps * channels.len()],
            neighbours: vec![Vec::new(); entities.len()],
            masked: vec![false; entities.len() * steps],
            entities,
            channels,
        }
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Values of one step, one per channel.
    pub fn row(&self, entity: usize, step: usize) -> &[f32] {
        let at = (entity * self.steps + step) * self.channels.len();
        &self.values[at..at + self.channels.len()]
    }

    /// Values of one step, to be filled.
    pub fn row_mut(&mut self, entity: usize, step: usize) -> &mut [f32] {
        let at = (entity * self.steps + step) * self.channels.len();
        let width = self.channels.len();
        &mut self.values[at..at + width]
    }

    /// Keeps a step out of everything that is learned.
    pub fn mask(&mut self, entity: usize, step: usize) {
        self.masked[entity * self.steps + step] = true;
    }

    /// Whether a step may be learned from.
    pub fn counts(&self, entity: usize, step: usize) -> bool {
        !self.masked[entity * self.steps + step]
    }

    /// Mean of a channel over the neighbours that are observed; `None` without any.
    pub fn neighbour_mean(&self, entity: usize, step: usize, channel: usize) -> Option<f64> {
        let observed = self.neighbours[entity]
            .iter()
            .map(|&other| self.row(other, step)[channel])
            .filter(|value| value.is_finite());
        let (sum, count) =
            observed.fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(value), count + 1.0));
        (count > 0.0).then(|| sum / count)
    }
}
