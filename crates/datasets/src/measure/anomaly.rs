//! Detectors, against labels where there are any and against their own budget where there are none.

pub(super) mod beside;
mod marks;

use std::collections::BTreeMap;
use std::ops::Range;

use foresite_features::task::{DAY, LabelRule, Micros, SliceName, Task};
use foresite_metrics as metrics;
use foresite_models::anomaly::{Anomaly, Panel};

use self::beside::ALERTS;
use super::{Judging, Measured};
use crate::{CutoffGrid, SampleSet};

/// Greatest border width of VUS-PR, in steps.
const WIDEST: usize = 100;

/// What is known about some entities from a source of truth.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Episodes {
    /// Anomalies by entity, half-open.
    pub anomalies: BTreeMap<String, Vec<(Micros, Micros)>>,
    /// Times in which neither yes nor no can be said: outages that everybody sees, planned work.
    pub unclear: BTreeMap<String, Vec<(Micros, Micros)>>,
}

impl Episodes {
    fn label(&self, entity: &str, at: Micros) -> Option<bool> {
        let within = |of: &BTreeMap<String, Vec<(Micros, Micros)>>| {
            let spans = of.get(entity).into_iter().flatten();
            spans.into_iter().any(|(start, end)| *start <= at && at < *end)
        };
        if within(&self.anomalies) {
            return Some(true);
        }
        (!within(&self.unclear)).then_some(false)
    }
}

/// One entity over the steps of the slice that were observed, labelled or not.
struct Track {
    entity: usize,
    steps: Vec<usize>,
    labels: Vec<Option<bool>>,
    raw: Vec<f64>,
    smoothed: Vec<f64>,
    /// Mean square of the deviations, and the greatest of them: what a rule would look at.
    level: Vec<f64>,
    widest: Vec<f64>,
    alarms: Vec<bool>,
    low: usize,
}

/// Judges a detector on a slice.
pub fn anomaly(
    task: &Task,
    (model, panel): (&Anomaly, &Panel),
    (set, grid): (&SampleSet, &CutoffGrid),
    truth: Option<&Episodes>,
    slice: SliceName,
    judging: &Judging,
) -> Measured {
    let mut measured = Measured::default();
    let Some((first, last)) = set.span(slice) else {
        return measured;
    };
    let start = grid.cutoffs.partition_point(|at| *at < first);
    let end = grid.cutoffs.partition_point(|at| *at <= last);
    let own = labels_of(set, panel, grid, slice);
    let label = |entity: usize, step: usize| match truth {
        Some(truth) => {
            truth.label(&panel.entities[entity], task.cutoffs.period_end(grid.cutoffs[step]) - 1)
        }
        None => own.get(&(entity, step)).copied(),
    };
    let tracks: Vec<Track> = (0..panel.entities.len())
        .map(|entity| track(model, panel, entity, start..end, &label))
        .filter(|track| !track.steps.is_empty())
        .collect();
    workload(task, model, &tracks, &mut measured);
    if truth.is_none() && matches!(task.label, LabelRule::None {}) {
        marks::by_marks(&tracks, &mut measured);
        return measured;
    }
    let is_labelled = tracks.iter().any(|t| t.labels.contains(&Some(true)));
    if is_labelled {
        detection(&tracks, &mut measured);
        against_rules(&tracks, grid, judging, &mut measured);
    }
    measured
}

fn labels_of(
    set: &SampleSet,
    panel: &Panel,
    grid: &CutoffGrid,
    slice: SliceName,
) -> BTreeMap<(usize, usize), bool> {
    let index: BTreeMap<&str, usize> =
        panel.entities.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    set.of(slice)
        .filter_map(|sample| {
            let entity = *index.get(set.entities[sample.entity].as_str())?;
            Some(((entity, grid.step(sample.cutoff)?), sample.label? > 0.5))
        })
        .collect()
}

fn track(
    model: &Anomaly,
    panel: &Panel,
    entity: usize,
    steps: Range<usize>,
    label: &dyn Fn(usize, usize) -> Option<bool>,
) -> Track {
    let scored = model.run(panel, entity, steps.clone());
    let p: Vec<Option<f64>> = scored
        .iter()
        .enumerate()
        .map(|(at, scored)| scored.filter(|_| panel.is_judged(entity, steps.start + at)))
        .map(|scored| scored.map(|(_, smoothed)| model.p_value(&panel.entities[entity], smoothed)))
        .collect();
    let alarms = model.alarms.run(&p);
    let mut track = Track {
        entity,
        steps: Vec::new(),
        labels: Vec::new(),
        raw: Vec::new(),
        smoothed: Vec::new(),
        level: Vec::new(),
        widest: Vec::new(),
        alarms: Vec::new(),
        low: p.iter().flatten().filter(|p| **p <= model.alarms.alpha).count(),
    };
    for (at, step) in steps.enumerate() {
        let (Some((raw, smoothed)), true) = (scored[at], panel.is_judged(entity, step)) else {
            continue;
        };
        let state = model.state(&panel.entities[entity]);
        let deviations: Vec<f64> = panel
            .row(entity, step)
            .iter()
            .enumerate()
            .map(|(c, value)| (f64::from(*value) - state.centre[c]) / state.scale[c])
            .filter(|deviation| deviation.is_finite())
            .collect();
        track.steps.push(step);
        track.labels.push(label(entity, step));
        track.raw.push(raw);
        track.smoothed.push(smoothed);
        let squares: f64 = deviations.iter().map(|z| z * z).sum();
        track.level.push(squares / deviations.len().max(1) as f64);
        track.widest.push(deviations.iter().fold(0.0, |most: f64, z| most.max(z.abs())));
        track.alarms.push(alarms[at]);
    }
    track
}

/// How much people get to see, and whether the promised rate of false alarms holds.
fn workload(task: &Task, model: &Anomaly, tracks: &[Track], measured: &mut Measured) {
    let steps: usize = tracks.iter().map(|track| track.steps.len()).sum();
    let episodes: usize = tracks.iter().map(|t| metrics::segments(&t.alarms).len()).sum();
    let days = steps as f64 * task.cutoffs.step.micros() as f64 / DAY as f64;
    let rate = (days > 0.0).then(|| episodes as f64 / days);
    measured.add(ALERTS, rate, steps);
    let low: usize = tracks.iter().map(|track| track.low).sum();
    measured.add("exceedance_rate", (steps > 0).then(|| low as f64 / steps as f64), steps);
    measured.add("nominal_rate", Some(model.alarms.alpha), steps);
}

impl Track {
    /// Rows with a label: (label, row).
    fn labelled(&self) -> (Vec<bool>, Vec<usize>) {
        let known = self.labels.iter().enumerate();
        known.filter_map(|(row, label)| label.map(|label| (label, row))).unzip()
    }

    fn pick(values: &[f64], rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|&row| values[row]).collect()
    }
}

fn detection(tracks: &[Track], measured: &mut Measured) {
    let mut total = metrics::EventScore::default();
    let (mut all_labels, mut all_alarms) = (Vec::new(), Vec::new());
    let (mut vus, mut vus_raw, mut auc, mut auc_raw) = (vec![], vec![], vec![], vec![]);
    for track in tracks {
        let (labels, rows) = track.labelled();
        let alarms: Vec<bool> = rows.iter().map(|&row| track.alarms[row]).collect();
        total = total.merge(&metrics::event_score(&labels, &alarms, 6));
        let (smoothed, raw) = (Track::pick(&track.smoothed, &rows), Track::pick(&track.raw, &rows));
        vus.extend(metrics::vus_pr(&labels, &smoothed, WIDEST));
        vus_raw.extend(metrics::vus_pr(&labels, &raw, WIDEST));
        auc.extend(metrics::auc_pr(&labels, &smoothed));
        auc_raw.extend(metrics::auc_pr(&labels, &raw));
        all_labels.extend(labels);
        all_alarms.extend(alarms);
    }
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let n = all_labels.len();
    measured.add("vus_pr", mean(&vus), vus.len());
    measured.add("vus_pr_raw", mean(&vus_raw), vus_raw.len());
    measured.add("auc_pr", mean(&auc), auc.len());
    measured.add("auc_pr_raw", mean(&auc_raw), auc_raw.len());
    let counts = metrics::confusion(&all_labels, &all_alarms);
    measured.add("precision", counts.precision(), n);
    measured.add("recall", counts.recall(), n);
    measured.add("f1", counts.f1(), n);
    let rate = metrics::base_rate(&all_labels);
    measured.add_baseline("f1", "all_positive", rate.map(metrics::all_positive_f1), n);
    measured.add_baseline("precision", "random", rate, n);
    measured.add("false_positive_rate", counts.false_positive_rate(), n);
    measured.add("event_recall", total.recall(), total.events as usize);
    measured.add("event_precision", total.precision(), total.episodes as usize);
    measured.add("detection_delay_steps", total.mean_delay, total.found as usize);
    measured.events = Some(total.events as usize);
}

/// Average precision over all entities together, taken apart into the loss of every positive: one
/// minus the precision at its rank. So detectors are compared pairwise, block by block.
fn against_rules(tracks: &[Track], grid: &CutoffGrid, judging: &Judging, measured: &mut Measured) {
    let pooled = |of: &dyn Fn(&Track, usize) -> f64| -> Vec<f64> {
        tracks
            .iter()
            .flat_map(|track| {
                let rows = track.labelled().1;
                rows.into_iter().map(|row| of(track, row)).collect::<Vec<_>>()
            })
            .collect()
    };
    let labels: Vec<bool> = tracks.iter().flat_map(|track| track.labelled().0).collect();
    let week = |track: &Track, row: usize| {
        let week = grid.cutoffs[track.steps[row]].div_euclid(foresite_features::task::WEEK);
        ((track.entity as u64) << 32 | u64::try_from(week).unwrap_or(0)) as f64
    };
    let blocks: Vec<u64> = pooled(&week).into_iter().map(|block| block as u64).collect();
    let own = pooled(&|track, row| track.smoothed[row]);
    measured.add("auc_pr_pooled", metrics::auc_pr(&labels, &own), labels.len());
    let positives: Vec<usize> = (0..labels.len()).filter(|&row| labels[row]).collect();
    let own_loss = rank_losses(&labels, &own);
    let of_positives: Vec<u64> = positives.iter().map(|&row| blocks[row]).collect();
    let rules: [(&str, Vec<f64>); 3] = [
        ("profile_z", pooled(&|track, row| track.level[row])),
        ("max_abs_z", pooled(&|track, row| track.widest[row])),
        ("random", (0..labels.len()).map(shuffled).collect()),
    ];
    for (name, scores) in rules {
        let value = metrics::auc_pr(&labels, &scores);
        measured.add_baseline("auc_pr_pooled", name, value, labels.len());
        let theirs = rank_losses(&labels, &scores);
        measured.compare(name, (&own_loss, &theirs), &of_positives, judging);
    }
}

/// One minus the precision at the rank of every positive, in the order of the rows.
fn rank_losses(labels: &[bool], scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut losses = vec![f64::NAN; labels.len()];
    let mut hits = 0.0;
    for (rank, row) in order.into_iter().enumerate() {
        if labels[row] {
            hits += 1.0;
            losses[row] = 1.0 - hits / (rank + 1) as f64;
        }
    }
    (0..labels.len()).filter(|&row| labels[row]).map(|row| losses[row]).collect()
}

/// A reproducible number for a row that has nothing to do with it.
fn shuffled(row: usize) -> f64 {
    let mixed = (row as u64).wrapping_add(0x9e37_79b9).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 11) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_losses_average_to_average_precision() {
        let labels = [false, true, true, false, true, false];
        let scores = [0.1, 0.9, 0.4, 0.5, 0.8, 0.7];
        let losses = rank_losses(&labels, &scores);
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        assert!((1.0 - mean - metrics::auc_pr(&labels, &scores).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn outages_are_neither_right_nor_wrong() {
        let span = |id: &str, start, end| BTreeMap::from([(id.to_owned(), vec![(start, end)])]);
        let truth = Episodes { anomalies: span("a", 5, 9), unclear: span("a", 8, 12) };
        let labels = [4, 5, 8, 9, 12].map(|at| truth.label("a", at));
        assert_eq!(labels, [Some(false), Some(true), Some(true), None, Some(false)]);
    }
}
