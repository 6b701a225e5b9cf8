//! What concerns several fields of a task file.

use super::{Head, LabelRule, Task};

/// Why a task file contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct TaskError {
    /// Path of the field inside the file.
    pub field: String,
    /// What was expected and found.
    pub problem: String,
}

/// Fails with `problem` at `field` unless `holds`.
pub(super) fn ensure(
    holds: bool,
    field: &str,
    problem: impl Into<String>,
) -> Result<(), TaskError> {
    if holds {
        return Ok(());
    }
    Err(TaskError { field: field.into(), problem: problem.into() })
}

impl Task {
    pub(super) fn check(&self) -> Result<(), TaskError> {
        let plain = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        ensure(plain(&self.task), "task", "expected lower-case letters, digits and `_`")?;
        ensure(!self.entity_type.is_empty(), "entity_type", "is empty")?;
        ensure(self.cutoffs.step.micros() > 0, "cutoffs.step", "must be longer than nothing")?;
        ensure(self.look_back.micros() > 0, "look_back", "must be longer than nothing")?;
        ensure(!self.metrics.is_empty(), "metrics", "expected at least one metric")?;
        self.inputs.check(self.look_back)?;
        self.slices.check()?;
        self.check_head()?;
        self.check_label()
    }

    fn check_head(&self) -> Result<(), TaskError> {
        match &self.head {
            Head::TimeToEvent { bins, .. } => {
                let ascending = bins.windows(2).all(|pair| pair[0] < pair[1]);
                let positive = bins.first().is_some_and(|first| first.micros() > 0);
                ensure(
                    ascending && positive,
                    "head.bins",
                    "expected ascending spans, the first above zero",
                )
            }
            Head::Forecast { step, horizon, quantiles, limit } => {
                ensure(step.micros() > 0, "head.step", "must be longer than nothing")?;
                ensure(*horizon > 0, "head.horizon", "expected at least one step")?;
                let inside = quantiles.iter().all(|q| *q > 0.0 && *q < 1.0);
                let ascending = quantiles.windows(2).all(|pair| pair[0] < pair[1]);
                ensure(
                    inside && ascending && quantiles.contains(&0.5),
                    "head.quantiles",
                    "expected ascending levels between 0 and 1 with 0.5 among them",
                )?;
                let fits = limit.is_none_or(|l| l.steps > 0 && l.steps <= l.of_steps);
                ensure(fits, "head.limit", "expected 1 <= `steps` <= `of_steps`")
            }
            Head::Multiclass { classes } => {
                ensure(classes.len() > 1, "head.classes", "expected at least two classes")
            }
            Head::Regression { cap } => {
                ensure(cap.is_none_or(|cap| cap > 0.0), "head.cap", "must be above zero")
            }
            Head::Anomaly {} | Head::Binary {} => Ok(()),
        }
    }

    fn check_label(&self) -> Result<(), TaskError> {
        let (events, point) = (
            matches!(self.label, LabelRule::EventWithin { .. }),
            matches!(self.label, LabelRule::Point { .. }),
        );
        let interval = matches!(self.label, LabelRule::Interval { .. });
        let value_at = matches!(self.label, LabelRule::ValueAt { .. });
        let fits = match self.head {
            Head::Anomaly {} => point || matches!(self.label, LabelRule::None {}),
            Head::TimeToEvent { .. } => events,
            Head::Forecast { .. } => value_at,
            Head::Regression { .. } => {
                point || value_at || matches!(self.label, LabelRule::RemainingLife { .. })
            }
            Head::Binary {} => {
                let exceeds = matches!(self.label, LabelRule::Exceedance { .. });
                events || exceeds || interval || point
            }
            Head::Multiclass { .. } => interval || point,
        };
        ensure(fits, "label.rule", "this rule gives no labels for the task's head")?;
        self.label.check(&self.inputs)
    }
}
