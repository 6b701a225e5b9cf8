//! What feeds the model: series, rolling statistics, events, neighbours and calendar.

use serde::{Deserialize, Serialize};

use super::{Span, TaskError, ensure};

/// Whose rows a rolling statistic reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Rows of the entity itself.
    #[default]
    Own,
    /// Rows of the units (rectifier, battery, radios) and links of the entity's site.
    Units,
    /// Rows of the cells below the entity.
    Cells,
}

/// How the members of a scope become one value, and how a finer step becomes a coarser one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean of what is observed.
    #[default]
    Mean,
    /// Sum of what is observed.
    Sum,
    /// Smallest observed value.
    Min,
    /// Greatest observed value; over the hours of a local day this is the busy hour.
    Max,
}

impl Aggregate {
    /// The aggregate of observed values; NaN of none.
    pub fn of(self, seen: &[f64]) -> f64 {
        if seen.is_empty() {
            return f64::NAN;
        }
        match self {
            Self::Mean => seen.iter().sum::<f64>() / seen.len() as f64,
            Self::Sum => seen.iter().sum(),
            Self::Min => seen.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => seen.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// The word used in feature names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// Entities whose rows together make the series of a task's entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Their type, somewhere below the task's entity.
    pub entity_type: String,
    /// How they become one value; with `by_prb` the mean is weighted by resource blocks.
    #[serde(default)]
    pub combine: Aggregate,
    /// Weighs carriers by their resource blocks: utilisation of a sector is blocks in use over
    /// blocks there are.
    #[serde(default)]
    pub by_prb: bool,
}

/// What is subtracted before a statistic is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// The value as it stands.
    #[default]
    Raw,
    /// Distance from the hour-of-week profile in spreads.
    Profile,
}

/// A statistic over the steps of a window that ends at the cutoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Mean.
    Mean,
    /// Sample standard deviation.
    Std,
    /// Least-squares slope per step.
    Slope,
    /// Smallest value.
    Min,
    /// Greatest value.
    Max,
    /// Newest value.
    Last,
}

impl Statistic {
    /// The word used in feature names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Slope => "slope",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
        }
    }
}

/// Rolling statistics of some channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rolling {
    /// Channels of `kpis`.
    pub channels: Vec<String>,
    /// Whose rows are read.
    #[serde(default)]
    pub of: Scope,
    /// How members of the scope become one value per step.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// What is subtracted first.
    #[serde(default)]
    pub transform: Transform,
    /// Windows that end at the cutoff.
    pub windows: Vec<Span>,
    /// Statistics per window.
    pub statistics: Vec<Statistic>,
}

/// Features from the alarm log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Alarm names told apart; all others share `other`. Empty = only `other`.
    pub specific_problems: Vec<String>,
    /// Windows of the counts, ending at the cutoff.
    pub windows: Vec<Span>,
    /// How far back an event is remembered; one older than this counts as never.
    #[serde(default = "default_memory")]
    pub memory: Span,
    /// Bins of the time-since encoding.
    #[serde(default = "default_bins")]
    pub bins: usize,
}

fn default_memory() -> Span {
    Span::days(180)
}

fn default_bins() -> usize {
    16
}

fn default_observed() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}

/// Everything that the feature kernel reads for a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Step of the series grid.
    pub granularity: Span,
    /// Channels of the entity that form the model's window, in the model's order.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Channels whose silence against expectation marks a sleeping cell.
    #[serde(default)]
    pub silence: Vec<String>,
    /// Whose rows make the series where the entity has none of its own.
    #[serde(default)]
    pub members: Option<Members>,
    /// How a finer row becomes a step: `max` over a local day gives the busy hour.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Column to read where only rows as coarse as a step exist; the channel itself without it.
    #[serde(default)]
    pub coarse_channel: Option<String>,
    /// Channels that are sums over their period (volumes, counts): where a day stands for its
    /// hours, each hour gets its share, and a partly filled period counts as missing.
    #[serde(default)]
    pub additive: Vec<String>,
    /// Whether the window is expressed in spreads from the hour-of-week profile.
    #[serde(default)]
    pub transform: Transform,
    /// Rolling statistics.
    #[serde(default)]
    pub rolling: Vec<Rolling>,
    /// Features from the alarm log.
    #[serde(default)]
    pub events: Option<Events>,
    /// Whether the deviation of neighbours and of cells of the same site is a feature.
    #[serde(default)]
    pub neighbours: bool,
    /// Whether time since commissioning is a feature.
    #[serde(default)]
    pub age: bool,
    /// `false` switches calendar features off: the set's times are no wall clock.
    #[serde(default = "yes")]
    pub wall_clock: bool,
    /// Share of a window that must be observed; below it the statistic is missing.
    #[serde(default = "default_observed")]
    pub min_observed: f64,
}

impl Inputs {
    /// Every channel that any part of the inputs reads, sorted, once.
    pub fn all_channels(&self) -> Vec<String> {
        let rolling = self.rolling.iter().flat_map(|rolling| &rolling.channels);
        let all = self.channels.iter().chain(&self.silence).chain(rolling);
        let unique: std::collections::BTreeSet<_> =
            all.chain(&self.coarse_channel).cloned().collect();
        unique.into_iter().collect()
    }

    pub(super) fn check(&self, look_back: Span) -> Result<(), TaskError> {
        let step = self.granularity.micros();
        ensure(step > 0, "inputs.granularity", "must be longer than nothing")?;
        ensure(
            look_back.micros() % step == 0,
            "look_back",
            format!("{look_back} is no multiple of the granularity {}", self.granularity),
        )?;
        ensure(
            self.min_observed > 0.0 && self.min_observed <= 1.0,
            "inputs.min_observed",
            "expected a share above 0, at most 1",
        )?;
        for (index, rolling) in self.rolling.iter().enumerate() {
            rolling.check(&format!("inputs.rolling[{index}]"), self.granularity, look_back)?;
        }
        let events = self.events.as_ref();
        let windows = events.map_or(&[][..], |events| &events.windows);
        ensure(
            windows.iter().all(|window| window.micros() > 0),
            "inputs.events.windows",
            "must be longer than nothing",
        )?;
        ensure(
            events.is_none_or(|events| events.bins >= 2),
            "inputs.events.bins",
            "expected at least 2",
        )
    }
}

impl Rolling {
    fn check(&self, field: &str, step: Span, look_back: Span) -> Result<(), TaskError> {
        ensure(!self.channels.is_empty(), field, "`channels` is empty")?;
        ensure(!self.statistics.is_empty(), field, "`statistics` is empty")?;
        for window in &self.windows {
            let whole = window.micros() > 0 && window.micros() % step.micros() == 0;
            ensure(
                whole && *window <= look_back,
                field,
                format!(
                    "window {window}: expected a multiple of {step}, at most the look-back {look_back}"
                ),
            )?;
        }
        Ok(())
    }
}
