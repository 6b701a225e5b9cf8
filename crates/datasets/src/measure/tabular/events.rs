//! Events: ranking, calibration, and what people would have seen within their budget.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::task::{DAY, HOUR, Head, WEEK};
use foresite_metrics as metrics;
use foresite_models::linear::{Logistic, LogisticOptions, Matrix};
use foresite_models::tabular::{Link, Samples, cumulative};
use foresite_stage::Result;

use super::{Frame, Measured, base_hazards, by_horizon};
use crate::{Sample, model_error};

impl Frame<'_> {
    /// Ends of the hazard bins in days with their names; one nameless bin for a yes or no.
    fn horizons(&self) -> Vec<String> {
        match &self.package.task.head {
            Head::TimeToEvent { bins, .. } => bins.iter().map(|bin| format!("_{bin}")).collect(),
            _ => vec![String::new()],
        }
    }

    pub(super) fn hazards(&self, predicted: &[Vec<f64>], measured: &mut Measured) -> Result<()> {
        let horizons = self.horizons();
        for (k, name) in horizons.iter().enumerate() {
            let (rows, labels): (Vec<usize>, Vec<bool>) = self
                .judged
                .y
                .iter()
                .enumerate()
                .filter_map(|(row, y)| by_horizon(&y[..=k]).map(|label| (row, label)))
                .unzip();
            let p: Vec<f64> = rows.iter().map(|&row| cumulative(&predicted[row])[k]).collect();
            self.probabilities(name, &rows, &labels, &p, measured);
        }
        let week = self.week_bin();
        self.at_budget(&horizons[week], week, predicted, measured);
        let base = base_hazards(self.fit);
        let constant = vec![base; predicted.len()];
        self.compare("base_rate", Link::LogOdds, predicted, &constant, measured);
        if let Some(rule) = self.alarm_rule()? {
            self.compare("alarm_count_rule", Link::LogOdds, predicted, &rule, measured);
        }
        Ok(())
    }

    fn probabilities(
        &self,
        name: &str,
        rows: &[usize],
        labels: &[bool],
        p: &[f64],
        measured: &mut Measured,
    ) {
        let blocks: Vec<u64> = rows.iter().map(|&row| self.judged.block[row]).collect();
        measured.add_with_interval(&format!("pr_auc{name}"), &blocks, self.judging, |drawn| {
            let pick = |row: &usize| (labels[*row], p[*row]);
            let (labels, p): (Vec<bool>, Vec<f64>) = drawn.iter().map(pick).unzip();
            metrics::auc_pr(&labels, &p)
        });
        let count = labels.len();
        measured.add_baseline(
            &format!("pr_auc{name}"),
            "random",
            metrics::base_rate(labels),
            count,
        );
        measured.add(&format!("auc_roc{name}"), metrics::auc_roc(labels, p), count);
        measured.add(&format!("brier{name}"), metrics::brier(labels, p), count);
        measured.add(&format!("brier_skill{name}"), metrics::brier_skill(labels, p), count);
        measured.add(&format!("log_loss{name}"), metrics::log_loss(labels, p), count);
        let ece = metrics::expected_calibration_error(labels, p, 15);
        measured.add(&format!("ece{name}"), ece, count);
    }

    /// The bin that ends closest to a week: people plan in weeks.
    fn week_bin(&self) -> usize {
        match &self.package.task.head {
            Head::TimeToEvent { bins, .. } => {
                (0..bins.len()).min_by_key(|&k| (bins[k].micros() - 7 * DAY).abs()).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// What people would have seen who look at the riskiest share of entities at every cutoff.
    fn at_budget(&self, name: &str, bin: usize, predicted: &[Vec<f64>], measured: &mut Measured) {
        let risk = |row: usize| cumulative(&predicted[row])[bin];
        let mut by_cutoff: BTreeMap<i64, Vec<usize>> = Default::default();
        for (row, sample) in self.samples.iter().enumerate() {
            by_cutoff.entry(sample.cutoff).or_default().push(row);
        }
        let mut picked = vec![false; self.samples.len()];
        for rows in by_cutoff.values_mut() {
            rows.sort_by(|&a, &b| risk(b).total_cmp(&risk(a)).then(a.cmp(&b)));
            let budget = (self.judging.budget * rows.len() as f64).ceil() as usize;
            rows.iter().take(budget).for_each(|&row| picked[row] = true);
        }
        let label = |row: usize| by_horizon(&self.judged.y.row(row)[..=bin]);
        let known: Vec<usize> = (0..picked.len()).filter(|&row| label(row).is_some()).collect();
        let flags = |of: &dyn Fn(usize) -> bool| known.iter().map(|&r| of(r)).collect::<Vec<_>>();
        let (labels, alarms) = (flags(&|row| label(row) == Some(true)), flags(&|row| picked[row]));
        let counts = metrics::confusion(&labels, &alarms);
        let n = labels.len();
        measured.add(&format!("precision_at_budget{name}"), counts.precision(), n);
        let rate = metrics::base_rate(&labels);
        measured.add_baseline(&format!("precision_at_budget{name}"), "random", rate, n);
        measured.add(&format!("recall_at_budget{name}"), counts.recall(), n);
        // What is picked, not what was asked for: of a dozen entities one is more than a twentieth.
        let random = metrics::base_rate(&alarms);
        measured.add_baseline(&format!("recall_at_budget{name}"), "random", random, n);
        measured.add(&format!("f1_at_budget{name}"), counts.f1(), n);
        self.events_at_budget(name, &known, &labels, &alarms, measured);
    }

    /// Events are runs of positive cutoffs of an entity; found if one of them was picked.
    fn events_at_budget(
        &self,
        name: &str,
        known: &[usize],
        labels: &[bool],
        alarms: &[bool],
        measured: &mut Measured,
    ) {
        let mut total = metrics::EventScore::default();
        let mut leads = Vec::new();
        let mut start = 0;
        while start < known.len() {
            let entity = self.samples[known[start]].entity;
            let same = |row: &&usize| self.samples[**row].entity == entity;
            let end = start + known[start..].iter().take_while(same).count();
            let (labels, alarms) = (&labels[start..end], &alarms[start..end]);
            total = total.merge(&metrics::event_score(labels, alarms, 4));
            for event in metrics::segments(labels) {
                let cutoff = |at: usize| self.samples[known[start + at]].cutoff;
                if let Some(first) = event.clone().find(|&at| alarms[at]) {
                    leads.push((cutoff(event.end - 1) - cutoff(first)) as f64 / HOUR as f64);
                }
            }
            start = end;
        }
        leads.sort_by(f64::total_cmp);
        measured.events = Some(total.events as usize);
        let n = total.events as usize;
        measured.add(&format!("event_recall_at_budget{name}"), total.recall(), n);
        let episodes = total.episodes as usize;
        measured.add(&format!("episode_precision_at_budget{name}"), total.precision(), episodes);
        measured.add(&format!("median_lead_h{name}"), median(&leads), leads.len());
        let weeks = entity_weeks(known.iter().map(|&row| self.samples[row]));
        let false_alarms = (total.episodes - total.useful) as f64;
        let per_100 = (weeks > 0).then(|| 100.0 * false_alarms / weeks as f64);
        measured.add("false_alarms_per_100_entity_weeks", per_100, weeks);
    }

    /// One logistic regression per bin on the number of alarms in the longest window: what a person
    /// with a counter would do. `None` where the task counts no alarms.
    fn alarm_rule(&self) -> Result<Option<Vec<Vec<f64>>>> {
        let names = self.kernel.names();
        let counts: Vec<usize> = (0..names.len())
            .filter(|&at| names[at].starts_with("alarm_") && names[at].contains("_count_"))
            .collect();
        let Some(&last) = counts.last() else {
            return Ok(None);
        };
        let input = |x: &[f64]| vec![x[last]];
        let column = |samples: &Samples| {
            Matrix::from_rows(1, samples.x.iter().flat_map(input).collect::<Vec<f64>>())
        };
        let (fit, judged) = (column(self.fit), column(self.judged));
        let mut rule = vec![Vec::new(); self.judged.rows()];
        for k in 0..self.fit.y.columns() {
            let rows: Vec<usize> =
                (0..self.fit.rows()).filter(|&row| self.fit.y.row(row)[k].is_finite()).collect();
            let labels: Vec<f64> = rows.iter().map(|&row| self.fit.y.row(row)[k]).collect();
            let weights: Vec<f64> = rows.iter().map(|&row| self.fit.weight[row]).collect();
            let fitted =
                Logistic::fit(&fit.select(&rows), &labels, &weights, LogisticOptions::default())
                    .map_err(model_error)?;
            for (row, x) in rule.iter_mut().zip(judged.iter()) {
                row.push(fitted.probability(x));
            }
        }
        Ok(Some(rule))
    }
}

/// Weeks of an entity in which something was judged.
fn entity_weeks<'a>(samples: impl Iterator<Item = &'a Sample>) -> usize {
    let week = |sample: &Sample| (sample.entity, sample.cutoff.div_euclid(WEEK));
    samples.map(week).collect::<BTreeSet<_>>().len()
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let is_odd = sorted.len() % 2 == 1;
    Some(if is_odd { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use foresite_features::task::SliceName;

    use super::*;

    #[test]
    fn weeks_are_weeks_whatever_the_blocks_of_the_bootstrap() {
        let sample = |entity, day: i64| Sample {
            entity,
            cutoff: day * DAY,
            slice: SliceName::Gate,
            label: None,
            labels: Vec::new(),
            mask: None,
            weight: 1.0,
            features: Vec::new(),
        };
        // Two weeks of one entity, one of another.
        let samples = [sample(0, 0), sample(0, 6), sample(0, 7), sample(1, 13)];
        assert_eq!(entity_weeks(samples.iter()), 3);
    }

    #[test]
    fn medians_of_both_kinds() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, 2.0, 4.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
    }
}
