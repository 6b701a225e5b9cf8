//! The task file: what is predicted, for whom, when, from what, and how it is judged.
//!
//! A task is JSON, parsed once into types whose fields cannot be wrong: unknown keys are refused,
//! spans and fractions check themselves, and what concerns several fields is checked in
//! `Task::check` before anyone holds a [`Task`]. The three built-in tasks and any task over a
//! mapped public set are the same type; nothing in the code asks for a task by its name.

mod check;
mod input;
mod label;
mod slices;
mod span;

use serde::{Deserialize, Serialize};

pub use check::TaskError;
use check::ensure;
pub use input::{Aggregate, Events, Inputs, Members, Rolling, Scope, Statistic, Transform};
pub use label::{EventFilter, EventTable, LabelRule, Masks};
pub use slices::{Group, SliceName, SliceRule, Slices};
pub use span::{DAY, HOUR, MINUTE, Micros, SECOND, Span, SpanError, WEEK};

/// What a model of the task puts out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Head {
    /// A score of how unlike itself and its neighbours an entity behaves; needs no labels.
    Anomaly {},
    /// Discrete-time hazards: the chance of an event per bin, given none before it.
    TimeToEvent {
        /// Ends of the hazard bins after the cutoff, ascending; the first bin begins at the lead.
        bins: Vec<Span>,
        /// Causes told apart, in the order of the class index in `label`; empty = one cause.
        #[serde(default)]
        causes: Vec<String>,
    },
    /// Future values of one series with quantiles.
    Forecast {
        /// Distance of two forecast values.
        step: Span,
        /// Number of values.
        horizon: usize,
        /// Quantile levels, ascending, the median among them.
        quantiles: Vec<f64>,
        /// The limit whose first passage is dated, where the task has one.
        #[serde(default)]
        limit: Option<Limit>,
    },
    /// One real value.
    Regression {
        /// Greatest value the label takes (remaining useful life is capped in most papers).
        #[serde(default)]
        cap: Option<f64>,
    },
    /// The probability of a yes.
    Binary {},
    /// One of several classes.
    Multiclass {
        /// Class names in the order of the label's index.
        classes: Vec<String>,
    },
}

/// The level whose first passage the capacity task dates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The level, in the unit of the series.
    pub value: f64,
    /// Steps above the level that make an exceedance …
    pub steps: usize,
    /// … among this many consecutive steps.
    pub of_steps: usize,
}

/// The grid of cutoffs: whole multiples of `step` since the epoch (UTC) plus `offset`.
///
/// A cutoff lies `offset` after the end of the last period it describes, because the files of
/// that period arrive a while after its end; without the offset the newest period would never be
/// visible (`known_at <= cutoff`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoffs {
    /// Distance of two cutoffs.
    pub step: Span,
    /// Lateness that is waited for: shift against whole multiples of `step`.
    #[serde(default)]
    pub offset: Span,
}

impl Cutoffs {
    /// The cutoffs that describe periods ending in `(start, end]`: those of a run over the data
    /// interval `[start, end)`.
    pub fn of_interval(&self, start: Micros, end: Micros) -> impl Iterator<Item = Micros> + use<> {
        let (step, offset) = (self.step.micros(), self.offset.micros());
        let first = (start.div_euclid(step) + 1) * step;
        (0..)
            .map(move |n| first + n * step)
            .take_while(move |period_end| *period_end <= end)
            .map(move |period_end| period_end + offset)
    }

    /// The end of the last period that a cutoff describes.
    pub fn period_end(&self, cutoff: Micros) -> Micros {
        cutoff - self.offset.micros()
    }

    /// The last cutoff that describes nothing after `end`.
    pub fn of_period_end(&self, end: Micros) -> Micros {
        self.at_or_before(end + self.offset.micros())
    }

    /// The last cutoff at or before `at`.
    pub fn at_or_before(&self, at: Micros) -> Micros {
        let (step, offset) = (self.step.micros(), self.offset.micros());
        offset + (at - offset).div_euclid(step) * step
    }
}

/// The tasks that Foresite brings along, as JSON text by name. Their files are samples as well.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("anomaly", include_str!("../../../docs/samples/tasks/anomaly.json")),
    ("maintenance", include_str!("../../../docs/samples/tasks/maintenance.json")),
    ("capacity", include_str!("../../../docs/samples/tasks/capacity.json")),
];

/// The text of a built-in task.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(task, _)| *task == name).map(|(_, text)| *text)
}

/// A checked task. Built by deserialising a task file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TaskFile")]
pub struct Task {
    /// Name: the suffix of the task's tables and its folder below `models/`.
    pub task: String,
    /// One sentence for people.
    pub about: String,
    /// Type of the entities that are judged.
    pub entity_type: String,
    /// What the model puts out.
    pub head: Head,
    /// When predictions are made.
    pub cutoffs: Cutoffs,
    /// How far back before the cutoff a feature or window may look.
    pub look_back: Span,
    /// Distance from the cutoff to where labels begin.
    pub lead: Span,
    /// Series, rolling statistics, events, neighbours and calendar that feed the model.
    pub inputs: Inputs,
    /// How samples get their labels.
    pub label: LabelRule,
    /// Why samples do not count.
    pub masks: Masks,
    /// The five ordered slices.
    pub slices: Slices,
    /// Metrics reported, the deciding one first.
    pub metrics: Vec<String>,
    /// Baselines that stand beside the model.
    pub baselines: Vec<String>,
}

/// The file as written, before the fields are checked against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    task: String,
    #[serde(default)]
    about: String,
    entity_type: String,
    head: Head,
    cutoffs: Cutoffs,
    look_back: Span,
    #[serde(default)]
    lead: Span,
    inputs: Inputs,
    label: LabelRule,
    #[serde(default)]
    masks: Masks,
    slices: Slices,
    metrics: Vec<String>,
    baselines: Vec<String>,
}

impl TryFrom<TaskFile> for Task {
    type Error = TaskError;

    fn try_from(file: TaskFile) -> Result<Self, TaskError> {
        let task = Self {
            task: file.task,
            about: file.about,
            entity_type: file.entity_type,
            head: file.head,
            cutoffs: file.cutoffs,
            look_back: file.look_back,
            lead: file.lead,
            inputs: file.inputs,
            label: file.label,
            masks: file.masks,
            slices: file.slices,
            metrics: file.metrics,
            baselines: file.baselines,
        };
        task.check()?;
        Ok(task)
    }
}

impl Task {
    /// Distance from the cutoff to the end of what the label looks at.
    pub fn horizon(&self) -> Span {
        let own = match &self.head {
            Head::TimeToEvent { bins, .. } => bins.last().copied().unwrap_or_default(),
            Head::Forecast { step, horizon, .. } => step.times(*horizon),
            _ => Span::default(),
        };
        own.max(self.label.horizon()).plus(self.lead)
    }

    /// Gap that separates two slices: label horizon plus look-back.
    pub fn purge(&self) -> Span {
        self.slices.purge.unwrap_or_else(|| self.horizon().plus(self.look_back))
    }

    /// Whether samples carry a feature row; otherwise windows are gathered from `kpis`.
    pub fn stores_features(&self) -> bool {
        !matches!(self.head, Head::Anomaly {} | Head::Forecast { .. })
    }

    /// Steps of the series grid in one look-back.
    pub fn window_steps(&self) -> usize {
        let steps = self.look_back.micros() / self.inputs.granularity.micros();
        usize::try_from(steps).unwrap_or(0)
    }

    /// Number of labels per sample: hazard bins, forecast values, or one.
    pub fn outputs(&self) -> usize {
        match &self.head {
            Head::TimeToEvent { bins, .. } => bins.len(),
            Head::Forecast { horizon, .. } => *horizon,
            Head::Multiclass { classes } => classes.len(),
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests;
