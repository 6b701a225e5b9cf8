//! Forecasts of a series: coverage of the 80 % intervals and error of the median, alone and over that
//! of the seasonal naive forecast, once the forecast day has come.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::cube::Cube;
use foresite_features::events::{EventLog, Marks};
use foresite_features::series::SeriesBuilder;
use foresite_features::task::{DAY, Head, LabelRule, Micros, WEEK};
use foresite_metrics::{block_interval, coverage, mae};
use foresite_schema::catalog::derived;
use foresite_stage::Result;
use foresite_tables::Read;

use super::predictions::Said;
use super::shadow::Losses;
use super::{Kind, Metric, State, block, label, labeller, span_word};
use crate::cause::Known;
use crate::config::Config;
use crate::models::Model;
use crate::source::{Source, misfit};

const REPLICATES: usize = 300;
const SEED: u64 = 6;
/// Entities whose truth is held at a time: a sector's half-year of hours of three cells takes 100 KB
/// or so, and every batch reads the table once.
pub(super) const ENTITIES: usize = 2000;
/// Forecasts, and entities' weeks, without which a coverage says nothing.
const LEAST: usize = 20;

#[derive(Default)]
struct Horizon {
    actual: Vec<f64>,
    median: Vec<f64>,
    /// What the same hour of the last week before the cutoff says; not a number where it is not known.
    naive: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    blocks: Vec<u64>,
}

/// Coverage and error of every horizon, of forecasts whose day came after `since`.
pub(super) fn metrics(
    source: &mut Source<'_>,
    config: &Config,
    (model, said): (&Model, &[Said]),
    (known, losses): (&Known, &mut Losses),
    (since, end): (Micros, Micros),
) -> Result<Vec<Metric>> {
    let (Head::Forecast { step, .. }, LabelRule::ValueAt { .. }) =
        (&model.task.head, &model.task.label)
    else {
        return Ok(Vec::new());
    };
    let due: Vec<&Said> = said
        .iter()
        .filter(|one| one.cutoff + one.horizon <= end)
        .filter(|one| one.interval.is_some())
        .collect();
    let mut horizons: BTreeMap<Micros, Horizon> =
        said.iter().map(|one| (one.horizon, Horizon::default())).collect();
    // Labels count from the cutoff: the series must reach back to the oldest, and to what the naive
    // forecast of it knew.
    let naive_at = |one: &Said| one.cutoff - weeks_before(one.horizon) * WEEK;
    let oldest = due.iter().map(|one| naive_at(one)).min().unwrap_or(since) - 2 * DAY;
    let (nothing, unmarked) = (EventLog::default(), Marks::default());
    for due in batches(&due, ENTITIES) {
        let mut entities: Vec<String> = due.iter().map(|one| (*one.entity_id).to_owned()).collect();
        entities.dedup();
        let series = series(source, (model, entities), known, (oldest, end + DAY))?;
        let labeller = labeller(model, known, &unmarked, &nothing, &series);
        for one in due {
            let at = usize::try_from(one.horizon / step.micros()).unwrap_or(0);
            let value_after = |cutoff| {
                let values = label(&labeller, known, &Said { cutoff, ..(*one).clone() }).values;
                at.checked_sub(1).and_then(|at| values.get(at).copied().flatten())
            };
            let actual = value_after(one.cutoff);
            if let (Some(actual), Some((low, high))) = (actual, one.interval) {
                let off = one.median.map_or(f64::NAN, |median| (actual - median).abs());
                losses.add((&one.entity_id, one.cutoff, one.horizon), off, None);
                if one.cutoff + one.horizon < since {
                    continue;
                }
                let of = horizons.entry(one.horizon).or_default();
                of.actual.push(actual);
                of.median.push(one.median.unwrap_or(f64::NAN));
                of.naive.push(value_after(naive_at(one)).unwrap_or(f64::NAN));
                of.low.push(low);
                of.high.push(high);
                of.blocks.push(block(&one.entity_id, one.cutoff, one.horizon));
            }
        }
    }
    Ok(horizons
        .iter()
        .flat_map(|(horizon, of)| of.metrics(config, model, *horizon, since))
        .collect())
}

/// Weeks from a forecast moment back to the last one of its kind that is known at the cutoff.
fn weeks_before(horizon: Micros) -> Micros {
    (horizon + WEEK - 1).div_euclid(WEEK)
}

/// Forecasts, entity by entity, of at most so many entities each.
fn batches<'a>(due: &'a [&'a Said], entities: usize) -> impl Iterator<Item = &'a [&'a Said]> {
    let mut rest = due;
    std::iter::from_fn(move || {
        let of_entities = rest.chunk_by(|a, b| a.entity_id == b.entity_id);
        let length = of_entities.take(entities).map(<[_]>::len).sum();
        let (batch, after) = rest.split_at(length);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The task's own series of these entities, so that truth is what the model learnt.
pub(super) fn series(
    source: &mut Source<'_>,
    (model, entities): (&Model, Vec<String>),
    known: &Known,
    span: (Micros, Micros),
) -> Result<Cube> {
    let task = &model.task;
    let mut builder = SeriesBuilder::new(task, &known.network, entities, span, known.as_of);
    let Some(table) = source.cx.root().find(derived::kpis())? else {
        return Ok(builder.finish());
    };
    let columns: BTreeSet<String> = SeriesBuilder::columns(task)
        .into_iter()
        .filter(|name| table.def().column(name).is_some())
        .collect();
    let members = task.inputs.members.as_ref();
    let of_type = members.map_or(&task.entity_type, |members| &members.entity_type);
    let period = builder.period();
    let read = Read::all().columns(columns).text("entity_type", of_type).period(period.0, period.1);
    source.scan(derived::kpis(), read, |batch| builder.push(batch).map(|_| ()).map_err(misfit))?;
    Ok(builder.finish())
}

impl Horizon {
    fn metrics(
        &self,
        config: &Config,
        model: &Model,
        horizon: Micros,
        since: Micros,
    ) -> Vec<Metric> {
        let scope = span_word(horizon);
        let count = self.actual.len();
        let of = |metric, kind| Metric::of_model(model, &scope, metric, kind, since);
        let mut covered = of("coverage_80", Kind::Coverage)
            .value(coverage(&self.actual, &self.low, &self.high), count);
        covered.interval = block_interval(&self.blocks, REPLICATES, SEED, |rows| {
            let pick = |of: &[f64]| rows.iter().map(|row| of[*row]).collect::<Vec<f64>>();
            coverage(&pick(&self.actual), &pick(&self.low), &pick(&self.high))
        })
        .map(|interval| (interval.low, interval.high));
        let error = of("mae", Kind::Realised).value(mae(&self.actual, &self.median), count);
        let skill = self.over_naive(of("mae_over_seasonal_naive", Kind::Realised));
        if count < LEAST {
            let reason = match count {
                0 => "no forecast day has come yet".to_owned(),
                _ => format!("{count} forecasts are due, {LEAST} are needed"),
            };
            return [covered, error, skill]
                .map(|metric| metric.state(State::Unknown, reason.clone()))
                .into();
        }
        vec![self.judged(config, covered), error.state(State::Ok, None), worth(skill)]
    }

    /// The error over that of the seasonal naive forecast, where both are known.
    fn over_naive(&self, metric: Metric) -> Metric {
        let known: Vec<usize> =
            (0..self.naive.len()).filter(|row| self.naive[*row].is_finite()).collect();
        let ratio = |rows: &mut dyn Iterator<Item = usize>| {
            let (own, naive) = rows.fold((0.0, 0.0), |(own, naive), row| {
                let off = |said: f64| (self.actual[row] - said).abs();
                (own + off(self.median[row]), naive + off(self.naive[row]))
            });
            (naive > 0.0).then(|| own / naive)
        };
        let blocks: Vec<u64> = known.iter().map(|row| self.blocks[*row]).collect();
        let mut metric = metric.value(ratio(&mut known.iter().copied()), known.len());
        metric.interval = block_interval(&blocks, REPLICATES, SEED, |rows| {
            ratio(&mut rows.iter().map(|row| known[*row]))
        })
        .map(|interval| (interval.low, interval.high));
        metric
    }

    /// Coverage is off when the whole interval of what is plausible is; too wide does no harm.
    fn judged(&self, config: &Config, metric: Metric) -> Metric {
        let judging = &config.judging;
        let Some(value) = metric.value else { return metric };
        let (low, high) = metric.interval.unwrap_or((value, value));
        let (state, width) = if high < judging.coverage_broken_below.get() {
            (State::Broken, "narrow")
        } else if high < judging.coverage_low.get() {
            (State::Warn, "narrow")
        } else if low > judging.coverage_high.get() {
            (State::Warn, "wide")
        } else {
            return metric.state(State::Ok, None);
        };
        metric.state(state, format!("intervals are too {width}: {value:.2} of 0.80 covered"))
    }
}

/// A forecast is worth nothing when the whole interval of what is plausible says that last week knew
/// better.
fn worth(metric: Metric) -> Metric {
    let Some((low, _)) = metric.interval.filter(|_| metric.samples >= LEAST) else {
        let reason = format!("{} naive forecasts are known, {LEAST} are needed", metric.samples);
        return metric.state(State::Unknown, reason);
    };
    if low > 1.0 {
        let ratio = metric.value.unwrap_or(f64::NAN);
        let reason = format!("{ratio:.2} times the error of the same hour of the last week known");
        return metric.state(State::Warn, reason);
    }
    metric.state(State::Ok, None)
}

#[cfg(test)]
mod tests;
