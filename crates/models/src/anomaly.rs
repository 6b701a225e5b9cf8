//! How unlike itself, and unlike its neighbours, an entity behaves.
//!
//! ```text
//! deviations [channels] ─┬─ forecast part:  minus what ridge (+ network) says from the last steps
//!                        ├─ together part:  minus what the main directions say
//!                        ├─ level part:     as they are
//!                        └─ silence part:   below the neighbours (chosen channels, downwards only)
//! part k: s_k = mean over channels of (residual / σ)²          σ, q99: calibrate slice, per entity
//! score  = Σ_k log1p(s_k / q99_k)           additive: the share of every channel is exact
//! alarm  = causal smoothing of the score → p-value (own body, shared tail) → hysteresis
//! ```
//! Sources: ridge-AR with per-channel residuals and causal smoothing leads the reference table of
//! ASD; the log-ratio sum is Hotelling-like but additive. Differs from the usual recipe: per-entity
//! fits replace the pooled one only where they forecast the select slice better.

mod alarm;
mod calibrate;
mod fit;
mod panel;
mod parts;
mod residual;
mod tail;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conformal::Reference;
use crate::linear::{Principal, Ridge};
use crate::network::Residual;

pub use alarm::{AlarmState, Alarms, Promise};
pub use fit::AnomalyOptions;
pub use panel::{Panel, Periods};
pub use parts::{Part, StepScore};
pub use tail::Tail;

/// A fitted detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Channel names in order.
    pub channels: Vec<String>,
    /// Indices of the channels whose silence counts.
    pub silence: Vec<usize>,
    /// Parts of the score.
    pub parts: Vec<Part>,
    /// Steps that the forecast part looks back.
    pub lags: usize,
    /// Span of the causal smoothing, in steps.
    pub smoothing: usize,
    /// Forecast of all channels from the last steps, fitted on all entities.
    pub pooled: Ridge,
    /// What is added to the forecast of every entity, where it earned its place.
    pub residual: Option<Residual>,
    /// Main directions of all entities.
    pub principal: Principal,
    /// What was learned per entity.
    pub entities: BTreeMap<String, EntityState>,
    /// What stands in for an entity that was not there: medians, and the reference of all.
    pub newcomer: EntityState,
    /// How far unusual scores reach, over all entities.
    pub tail: Tail,
    /// When alarms rise and clear.
    pub alarms: Alarms,
}

/// What was learned about one entity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EntityState {
    /// Centre of every channel over the fit slice.
    pub centre: Vec<f64>,
    /// Scale of every channel over the fit slice.
    pub scale: Vec<f64>,
    /// Own forecast, where it beat the pooled one.
    pub own: Option<Ridge>,
    /// Own main directions, where there are rows enough.
    pub principal: Option<Principal>,
    /// 99 % quantile of |residual|: one row of channels per part.
    pub sigma: Vec<Vec<f64>>,
    /// 99 % quantile of every part's score.
    pub q99: Vec<f64>,
    /// Smoothed scores of the calibrate slice.
    pub reference: Reference,
}

impl Anomaly {
    /// Steps before the scored one that a full score needs.
    pub fn history(&self) -> usize {
        self.lags + self.window() - 1
    }

    /// Steps that the smoothing reaches over: three spans hold 95 % of its weight.
    fn window(&self) -> usize {
        if self.smoothing <= 1 { 1 } else { 3 * self.smoothing }
    }

    /// The state of an entity, or what stands in for a newcomer.
    pub fn state(&self, entity: &str) -> &EntityState {
        self.entities.get(entity).unwrap_or(&self.newcomer)
    }

    /// Whether the entity was there when the model was fitted.
    pub fn knows(&self, entity: &str) -> bool {
        self.entities.contains_key(entity)
    }

    /// Name of what ships, for the card.
    pub fn path_name(&self) -> String {
        let linear = "linear (ridge, principal components, levels)";
        match &self.residual {
            Some(residual) => format!("{linear} + network {}", residual.name()),
            None => linear.into(),
        }
    }

    /// Raw score of one step with its account; `None` where nothing is observed.
    pub fn score(&self, panel: &Panel, entity: usize, step: usize) -> Option<StepScore> {
        parts::score(self, self.state(&panel.entities[entity]), panel, entity, step)
    }

    /// Smoothed score and p-value of one step; `None` where the step is not observed.
    pub fn smoothed(&self, panel: &Panel, entity: usize, step: usize) -> Option<(f64, f64)> {
        let first = (step + 1).saturating_sub(self.window());
        let scores: Vec<Option<f64>> = (first..=step)
            .map(|t| self.score(panel, entity, t).map(|scored| scored.score))
            .collect();
        (*scores.last()?)?;
        let smooth = smooth(&scores, self.smoothing);
        Some((smooth, self.p_value(&panel.entities[entity], smooth)))
    }

    /// How often a smoothed score of the entity is at least this great.
    pub fn p_value(&self, entity: &str, smoothed: f64) -> f64 {
        self.tail.p_value(&self.state(entity).reference, smoothed)
    }

    /// Raw and smoothed scores of a run of steps, each raw score computed once.
    pub fn run(
        &self,
        panel: &Panel,
        entity: usize,
        steps: std::ops::Range<usize>,
    ) -> Vec<Option<(f64, f64)>> {
        let first = (steps.start + 1).saturating_sub(self.window());
        let raw: Vec<Option<f64>> = (first..steps.end)
            .map(|t| self.score(panel, entity, t).map(|scored| scored.score))
            .collect();
        steps
            .map(|step| {
                let end = step + 1 - first;
                let window = &raw[end.saturating_sub(self.window())..end];
                let own = (*window.last()?)?;
                Some((own, smooth(window, self.smoothing)))
            })
            .collect()
    }
}

/// Exponential weights that end with the window, so that a score never depends on where the caller's
/// series began; steps without a score carry no weight.
fn smooth(scores: &[Option<f64>], span: usize) -> f64 {
    let keep = 1.0 - 2.0 / (span as f64 + 1.0);
    let (mut sum, mut total, mut weight) = (0.0, 0.0, 1.0);
    for score in scores.iter().rev() {
        if let Some(score) = score {
            sum += weight * score;
            total += weight;
        }
        weight *= keep;
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

#[cfg(test)]
mod tests;
