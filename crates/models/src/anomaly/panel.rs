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
    /// `[entities, steps]`
    standing: Vec<Standing>,
}

/// What a step is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Learning and scoring.
    Counts,
    /// Nothing: the sample set says so.
    Masked,
    /// Scoring alone: work that nobody had announced.
    SetAside,
    /// Nothing: work was announced.
    Announced,
}

/// Steps of the slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// Scales and forecasts.
    pub fit: Range<usize>,
    /// Own forecast against the pooled one; when training a network stops.
    pub select: Range<usize>,
    /// Residual scales, references, thresholds.
    pub calibrate: Range<usize>,
    /// A network beside the ridge against the ridge alone.
    pub gate: Range<usize>,
    /// Steps that the bootstrap draws together: a week's.
    pub week: usize,
}

impl Panel {
    /// An unobserved panel.
    pub fn new(entities: Vec<String>, channels: Vec<String>, steps: usize) -> Self {
        Self {
            steps,
            values: vec![f32::NAN; entities.len() * steps * channels.len()],
            neighbours: vec![Vec::new(); entities.len()],
            standing: vec![Standing::Counts; entities.len() * steps],
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
        let standing = &mut self.standing[entity * self.steps + step];
        if *standing == Standing::Counts {
            *standing = Standing::Masked;
        }
    }

    /// Keeps a step out of everything that is learned and leaves it to be scored and judged: what was
    /// odd about it became known later.
    pub fn set_aside(&mut self, entity: usize, step: usize) {
        let standing = &mut self.standing[entity * self.steps + step];
        if *standing == Standing::Counts {
            *standing = Standing::SetAside;
        }
    }

    /// Makes a step read as not observed, because work was announced for it: it is not scored, not
    /// looked back at, and neighbours are not compared with it.
    pub fn announce(&mut self, entity: usize, step: usize) {
        self.standing[entity * self.steps + step] = Standing::Announced;
        self.row_mut(entity, step).fill(f32::NAN);
    }

    /// Whether a step may be learned from.
    pub fn counts(&self, entity: usize, step: usize) -> bool {
        self.standing[entity * self.steps + step] == Standing::Counts
    }

    /// Whether a detector is judged by a step.
    pub fn is_judged(&self, entity: usize, step: usize) -> bool {
        let standing = self.standing[entity * self.steps + step];
        matches!(standing, Standing::Counts | Standing::SetAside)
    }

    /// Whether work was announced for a step.
    pub fn is_announced(&self, entity: usize, step: usize) -> bool {
        self.standing[entity * self.steps + step] == Standing::Announced
    }

    /// Whether any channel of a step was observed.
    pub(super) fn is_observed(&self, entity: usize, step: usize) -> bool {
        self.row(entity, step).iter().any(|value| value.is_finite())
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
