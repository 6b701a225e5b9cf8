//! What scores of an entity are usual, and the level at which alarms keep their budget.

use std::ops::Range;

use super::parts::{part_score, residuals};
use super::{Alarms, Anomaly, AnomalyOptions, EntityState, Panel, Periods, Tail};
use crate::ModelError;
use crate::conformal::Reference;

/// Parts of the calibrate slice that are held against the others.
const FOLDS: usize = 5;

impl Anomaly {
    /// Residual and part scales from the select and calibrate slices, references and the alarm level
    /// from the calibrate slice alone.
    ///
    /// Scales of the calibrate slice alone would make its own scores look calmer than any later ones;
    /// a few days of the select slice alone are a poor scale for channels that drift. Both were tried.
    pub(super) fn calibrate(
        &mut self,
        panel: &Panel,
        states: Vec<EntityState>,
        periods: &Periods,
        options: &AnomalyOptions,
    ) -> Result<(), ModelError> {
        let steps = periods.calibrate.clone();
        let mut runs: Vec<Vec<Option<f64>>> = Vec::new();
        for (entity, mut state) in states.into_iter().enumerate() {
            let counted = |steps: Range<usize>| -> Vec<usize> {
                let counts =
                    |step: &usize| panel.counts(entity, *step) && panel.is_observed(entity, *step);
                steps.filter(counts).collect()
            };
            if counted(steps.clone()).is_empty() {
                continue;
            }
            let mut for_scales = counted(periods.select.clone());
            for_scales.extend(counted(steps.clone()));
            self.scale_parts(panel, &mut state, entity, &for_scales, options.floor);
            self.entities.insert(panel.entities[entity].clone(), state);
            let scored = self.run(panel, entity, steps.clone());
            let smoothed: Vec<Option<f64>> = scored
                .into_iter()
                .enumerate()
                .map(|(at, scored)| scored.filter(|_| panel.counts(entity, steps.start + at)))
                .map(|scored| scored.map(|(_, smoothed)| smoothed))
                .collect();
            if let Some(state) = self.entities.get_mut(&panel.entities[entity]) {
                state.reference = Reference::new(smoothed.iter().flatten().copied());
            }
            runs.push(smoothed);
        }
        if self.entities.is_empty() {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        self.tail = Tail::of(self.entities.values().map(|state| &state.reference));
        self.alarms = Alarms::within_budget(&held_out(&runs), options.budget);
        self.newcomer = newcomer(self.entities.values(), self.parts.len(), self.channels.len());
        Ok(())
    }

    fn scale_parts(
        &self,
        panel: &Panel,
        state: &mut EntityState,
        entity: usize,
        steps: &[usize],
        floor: f64,
    ) {
        let width = self.channels.len();
        let rows: Vec<Vec<Vec<f64>>> =
            steps.iter().map(|&step| residuals(self, state, panel, (entity, step)).2).collect();
        for k in 0..self.parts.len() {
            let sigma: Vec<f64> = (0..width)
                .map(|channel| {
                    let sizes = rows.iter().map(|parts| parts[k][channel].abs());
                    let q99 = Reference::new(sizes).quantile(0.99).unwrap_or(1.0);
                    q99.max(floor) + floor
                })
                .collect();
            let scores =
                rows.iter().filter_map(|parts| part_score(&parts[k], &sigma)).map(|(mean, _)| mean);
            let q99 = Reference::new(scores).quantile(0.99).unwrap_or(1.0);
            state.sigma.push(sigma);
            state.q99.push(q99.max(1e-6));
        }
    }
}

/// P-values of all entities as later scores get them: every fifth of the slice against the rest of it.
/// Against themselves scores are uniform by construction, and a level chosen by that lets more pass
/// later, because the usual drifts from week to week.
fn held_out(runs: &[Vec<Option<f64>>]) -> Vec<Vec<Option<f64>>> {
    let length = runs.iter().map(Vec::len).max().unwrap_or(0).div_ceil(FOLDS).max(1);
    let mut p_values: Vec<Vec<Option<f64>>> = vec![Vec::new(); runs.len()];
    for fold in 0..FOLDS {
        let is_held = |(at, _): &(usize, &Option<f64>)| at / length == fold;
        let others = |run: &Vec<Option<f64>>| {
            let others = run.iter().enumerate().filter(|score| !is_held(score));
            Reference::new(others.filter_map(|(_, score)| *score))
        };
        let references: Vec<Reference> = runs.iter().map(others).collect();
        let tail = Tail::of(references.iter());
        for ((run, reference), p_values) in runs.iter().zip(&references).zip(&mut p_values) {
            let held = run.iter().enumerate().filter(is_held);
            p_values.extend(held.map(|(_, score)| score.map(|s| tail.p_value(reference, s))));
        }
    }
    p_values
}

/// Medians over the entities, and one reference made of all of theirs.
fn newcomer<'a>(
    states: impl Iterator<Item = &'a EntityState> + Clone,
    parts: usize,
    channels: usize,
) -> EntityState {
    let median = |of: &dyn Fn(&EntityState) -> f64| {
        Reference::new(states.clone().map(of)).quantile(0.5).unwrap_or(1.0)
    };
    let per_channel = |of: &dyn Fn(&EntityState, usize) -> f64| -> Vec<f64> {
        (0..channels).map(|c| median(&|state| of(state, c))).collect()
    };
    let levels = (0..=200).map(|k| f64::from(k) / 200.0);
    let all: Vec<f64> = states
        .clone()
        .flat_map(|state| levels.clone().filter_map(|q| state.reference.quantile(q)))
        .collect();
    EntityState {
        centre: per_channel(&|state, c| state.centre[c]),
        scale: per_channel(&|state, c| state.scale[c]),
        own: None,
        principal: None,
        sigma: (0..parts).map(|k| per_channel(&|state, c| state.sigma[k][c])).collect(),
        q99: (0..parts).map(|k| median(&|state| state.q99[k])).collect(),
        reference: Reference::new(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_held_against_the_rest_of_their_slice() {
        // A level shift in the last fifth: alike among themselves, beyond everything before.
        let run: Vec<Option<f64>> = (0..100)
            .map(|at| Some(f64::from(at % 20) + if at < 80 { 0.0 } else { 50.0 }))
            .collect();
        let p = held_out(&[run.clone(), vec![None; 100]]);
        assert!(p[0][80..].iter().flatten().all(|p| *p < 0.02), "{:?}", &p[0][80..]);
        assert!(p[0][..20].iter().flatten().all(|p| *p > 0.1));
        assert_eq!((p[0].len(), &p[1]), (100, &vec![None; 100]));
        let own = Reference::new(run.iter().flatten().copied());
        assert!(own.p_value(60.0) > 0.05, "unlike against themselves");
    }
}
