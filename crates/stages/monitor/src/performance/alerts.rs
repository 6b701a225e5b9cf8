//! Alerts: how many a day against a control band, how many turned out right, and what the lists stated.

mod lists;
mod right;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, ListArray};
use foresite_features::task::{DAY, Micros};
use foresite_kpi::Columns;
use foresite_metrics::right_share;
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::band::{self, day_of};
use super::passed::Passed;
use super::{Kind, Metric, State, predictions};
use crate::cause::Known;
use crate::config::Config;
use crate::models::Model;
use crate::panel::Members;
use crate::source::{Source, unfit};
use right::{Alert, Reach, Truth};

/// Alerts without which a share says nothing.
const LEAST_ALERTS: usize = 10;

/// Volume and precision of a task's alerts. Precision is of those whose reach ended in the days since
/// `since`.
pub(super) fn metrics(
    source: &mut Source<'_>,
    config: &Config,
    (model, chosen, known): (&Model, &Members, &Known),
    (since, end): (Micros, Micros),
) -> Result<Vec<Metric>> {
    let reach = Reach::of(config, model);
    let from = since - reach.ahead - DAY;
    let mut alerts = alerts(source, model, (from, end))?;
    let marks = source.marks(from)?;
    let spoken: BTreeSet<Micros> = predictions::periods(source, model, (from, end))?
        .into_iter()
        .filter(|at| (from..=end).contains(at))
        .map(day_of)
        .collect();
    // An incident does not say whose it is: those of other days are another model's.
    alerts.retain(|alert| spoken.contains(&day_of(alert.at)));
    let volume = volume(config, (model, since), (&alerts, &spoken), day_of(end));
    let ripe = |alert: &&Alert| {
        let due = alert.at + reach.ahead;
        due > since && due <= known.as_of
    };
    let ripe: Vec<&Alert> = alerts.iter().filter(ripe).collect();
    let chance = by_chance((model, since), (&ripe, chosen), known, reach);
    let random = chance.as_ref().and_then(|metric| metric.value).unwrap_or(0.0);
    let passed = Passed::read(source, (model, known), (from, end))?;
    let truth = Truth { known, marks: &marks, passed: passed.as_ref() };
    let mut found = vec![volume, precision((config, model, since), &ripe, truth, (reach, random))];
    found.extend(chance);
    found.extend(lists::metrics(source, (model, truth), (reach, &spoken), (since, end))?);
    Ok(found)
}

/// Incidents of the task that were new in the span.
fn alerts(
    source: &mut Source<'_>,
    model: &Model,
    (start, end): (Micros, Micros),
) -> Result<Vec<Alert>> {
    let read = Read::all().period(start + 1, end + 1);
    let Some(batch) = source.resolved(outcome::incidents(), read)? else {
        return Ok(Vec::new());
    };
    let columns = Columns(&batch);
    let text = |name| columns.text(name).map_err(unfit);
    let (tasks, states, ids) = (text("task")?, text("state")?, text("incident_id")?);
    let cutoffs = columns.times("cutoff").map_err(unfit)?;
    let members = columns.lists("members").map_err(unfit)?;
    let entities = columns.lists("member_entities").map_err(unfit)?;
    let mut found: BTreeMap<String, Alert> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        if tasks.value(row) != model.task.task || states.value(row) != "new" {
            continue;
        }
        let alert = Alert {
            at: cutoffs.value(row),
            entities: texts(&entities, row),
            members: texts(&members, row),
        };
        found.entry(ids.value(row).to_owned()).or_insert(alert);
    }
    Ok(found.into_values().collect())
}

fn texts(lists: &ListArray, row: usize) -> BTreeSet<String> {
    if lists.is_null(row) {
        return BTreeSet::new();
    }
    let list = lists.value(row);
    let texts = list.as_string_opt::<i32>();
    texts.into_iter().flat_map(|texts| texts.iter().flatten()).map(str::to_owned).collect()
}

/// New incidents of the last day, against the band of the days before on which the model spoke: a day
/// without a run is no quiet day.
fn volume(
    config: &Config,
    (model, since): (&Model, Micros),
    (alerts, spoken): (&[Alert], &BTreeSet<Micros>),
    today: Micros,
) -> Metric {
    let days = spoken.range(day_of(since - DAY)..);
    let mut counts: BTreeMap<Micros, u64> = days.map(|day| (*day, 0)).collect();
    for alert in alerts {
        if let Some(count) = counts.get_mut(&day_of(alert.at)) {
            *count += 1;
        }
    }
    let metric = Metric::of_model(model, "day", "new_incidents", Kind::Volume, since);
    let before: Vec<u64> = counts.range(..today).map(|(_, count)| *count).collect();
    let Some(count) = counts.get(&today).copied() else {
        return metric.state(State::Unknown, "the model said nothing on this day".to_owned());
    };
    band::judged(metric, (count, "new incidents"), &before, &config.judging)
}

/// Share of alerts that a ticket or a mark confirmed, of those that had time to be. Worth a look
/// where it is clearly below what as many random alerts would be right of, or where that of the
/// marked ones is clearly low: where nobody said anything, that no ticket came says little.
fn precision(
    (config, model, since): (&Config, &Model, Micros),
    ripe: &[&Alert],
    truth: Truth<'_>,
    (reach, random): (Reach, f64),
) -> Metric {
    let share = |truth: Truth<'_>, reach: Reach| {
        let of = (truth, model.task.task.as_str());
        let judged: Vec<bool> = ripe.iter().filter_map(|alert| alert.is_right(of, reach)).collect();
        let hits = judged.iter().filter(|is_right| **is_right).count();
        right_share(hits, judged.len())
    };
    let all = share(truth, reach);
    let marked = share(Truth { passed: None, ..truth }, Reach { by_tickets: false, ..reach });
    let count = all.map_or(0, |share| share.count);
    let metric = Metric::of_model(model, "alerts", "precision", Kind::Realised, since);
    let mut metric = metric.value(all.map(|share| share.value), count);
    metric.interval = all.map(|share| (share.interval.low, share.interval.high));
    if count < LEAST_ALERTS {
        let reason = format!("{count} alerts were judged, {LEAST_ALERTS} are needed");
        return metric.state(State::Unknown, reason);
    }
    let low = config.judging.precision_low.get();
    if all.is_some_and(|share| share.interval.high < random) {
        let reason = format!("clearly below {random:.3}, of which random alerts would be right");
        return metric.state(State::Warn, reason);
    }
    if let Some(share) = marked.filter(|share| share.interval.high < low) {
        let reason = format!("that of the {} marked alerts is clearly below {low}", share.count);
        return metric.state(State::Warn, reason);
    }
    metric.state(State::Ok, None)
}

/// What as many alerts about as many entities at the same moments would be right of, were they drawn:
/// by tickets alone, as nobody marks what was never raised. `None` where tickets say nothing.
fn by_chance(
    (model, since): (&Model, Micros),
    (ripe, chosen): (&[&Alert], &Members),
    known: &Known,
    reach: Reach,
) -> Option<Metric> {
    if !reach.by_tickets || chosen.entities.is_empty() {
        return None;
    }
    let mut rates: BTreeMap<Micros, f64> = BTreeMap::new();
    let mut right = 0.0;
    for alert in ripe {
        let rate = *rates.entry(alert.at).or_insert_with(|| {
            let in_service = |id: &&String| {
                known.network.state(id, alert.at).is_some() || !known.network.is_listed(id)
            };
            let entities: Vec<&String> = chosen.entities.iter().filter(in_service).collect();
            let hit = entities.iter().filter(|id| reach.has_ticket(known, id, alert.at)).count();
            hit as f64 / entities.len().max(1) as f64
        });
        let entities = i32::try_from(alert.entities.len().max(1)).unwrap_or(i32::MAX);
        right += 1.0 - (1.0 - rate).powi(entities);
    }
    let value = (!ripe.is_empty()).then(|| right / ripe.len() as f64);
    let metric = Metric::of_model(model, "alerts", "precision_by_chance", Kind::Realised, since)
        .value(value, ripe.len());
    Some(match value {
        None => metric.state(State::Unknown, "no alert had time to come true".to_owned()),
        Some(_) => metric
            .state(State::Ok, "random alerts at the same moments, by tickets alone".to_owned()),
    })
}
