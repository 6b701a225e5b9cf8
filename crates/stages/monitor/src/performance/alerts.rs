//! Alerts: how many a day against a control band, and how many turned out right.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, ListArray};
use foresite_features::events::{Event, Marked, Marks};
use foresite_features::task::{DAY, HOUR, Micros};
use foresite_kpi::Columns;
use foresite_metrics::drift::volume::{Band, LEAST_DAYS};
use foresite_metrics::right_share;
use foresite_schema::catalog::outcome;
use foresite_schema::marks::{Judgement, Mark, judgement};
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Kind, Metric, State, predictions};
use crate::cause::Known;
use crate::config::Config;
use crate::models::Model;
use crate::source::{Source, unfit};

/// Alerts without which a share says nothing.
const LEAST_ALERTS: usize = 10;

/// An incident when it was first raised.
struct Alert {
    at: Micros,
    entities: BTreeSet<String>,
    members: BTreeSet<String>,
}

/// Volume and precision of a task's alerts.
pub(super) fn metrics(
    source: &mut Source<'_>,
    config: &Config,
    (model, known): (&Model, &Known),
    (since, end): (Micros, Micros),
) -> Result<Vec<Metric>> {
    let mut alerts = alerts(source, model, (since - DAY, end))?;
    let marks = source.marks(since)?;
    let day_of = |at: Micros| (at - 1).div_euclid(DAY);
    let spoken: BTreeSet<Micros> = predictions::periods(source, model, (since - DAY, end))?
        .into_iter()
        .filter(|at| (since - DAY..=end).contains(at))
        .map(day_of)
        .collect();
    // An incident does not say whose it is: those of other days are another model's.
    alerts.retain(|alert| spoken.contains(&day_of(alert.at)));
    let volume = volume(config, (model, since), (&alerts, &spoken), day_of(end));
    Ok(vec![volume, precision(config, (model, since), &alerts, known, &marks)])
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
    let mut counts: BTreeMap<Micros, u64> = spoken.iter().map(|day| (*day, 0)).collect();
    for alert in alerts {
        if let Some(count) = counts.get_mut(&(alert.at - 1).div_euclid(DAY)) {
            *count += 1;
        }
    }
    let metric = Metric::of_model(model, "day", "new_incidents", Kind::Volume, since);
    let before: Vec<u64> = counts.range(..today).map(|(_, count)| *count).collect();
    let Some(count) = counts.get(&today).copied() else {
        return metric.state(State::Unknown, "the model said nothing on this day".to_owned());
    };
    let mut metric = metric.value(Some(count as f64), before.len());
    let Some(band) = Band::of(&before, config.judging.volume_alpha.get()) else {
        let reason = format!("{} days before, {LEAST_DAYS} are needed for a band", before.len());
        return metric.state(State::Unknown, reason);
    };
    metric.interval = Some((band.low as f64, band.high as f64));
    if band.holds(count) {
        return metric.state(State::Ok, None);
    }
    let reason = format!(
        "{count} new incidents on a day, {} to {} are usual (mean {:.1})",
        band.low, band.high, band.mean
    );
    metric.state(State::Warn, reason)
}

/// Share of alerts that a ticket or a mark confirmed, of those that had time to be.
fn precision(
    config: &Config,
    (model, since): (&Model, Micros),
    alerts: &[Alert],
    known: &Known,
    marks: &Marks,
) -> Metric {
    let reach = Micros::from(config.judging.hit_within_hours.get()) * HOUR;
    let ripe = alerts.iter().filter(|alert| alert.at > since && alert.at + reach <= known.as_of);
    let judged: Vec<bool> = ripe.filter_map(|alert| alert.is_right(known, marks, reach)).collect();
    let hits = judged.iter().filter(|is_right| **is_right).count();
    let metric = Metric::of_model(model, "alerts", "precision", Kind::Realised, since);
    let share = right_share(hits, judged.len());
    let mut metric = metric.value(share.as_ref().map(|share| share.value), judged.len());
    metric.interval = share.map(|share| (share.interval.low, share.interval.high));
    if judged.len() < LEAST_ALERTS {
        let reason = format!("{} alerts were judged, {LEAST_ALERTS} are needed", judged.len());
        return metric.state(State::Unknown, reason);
    }
    metric.state(State::Ok, None)
}

impl Alert {
    /// Marks decide; without any a ticket of the entity within the reach makes a hit. `None`: people
    /// disagree, or acted, and what would have happened is not known.
    fn is_right(&self, known: &Known, marks: &Marks, reach: Micros) -> Option<bool> {
        let near = |at: Micros| (at - self.at).abs() <= reach;
        let marks: Vec<&Marked> = self
            .entities
            .iter()
            .flat_map(|id| marks.of(id))
            .filter(|marked| near(marked.at))
            .collect();
        let marked = |mark: Mark| marks.iter().any(|marked| marked.mark == mark);
        if marked(Mark::Missed) {
            return Some(true);
        }
        let said = marks.iter().map(|said| (said.person.as_deref(), said.mark, said.at));
        match judgement(said) {
            Some(Judgement::Right) => return Some(true),
            Some(Judgement::Wrong) => return Some(false),
            Some(Judgement::Disputed) => return None,
            None => {}
        }
        let hits = |event: &Event| {
            let start = event.start(known.as_of);
            let end = event.end(known.as_of).unwrap_or(Micros::MAX);
            start.is_some_and(|start| start <= self.at + reach) && end >= self.at - reach
        };
        let has_ticket = self.entities.iter().any(|id| known.tickets.outages.of(id).any(hits));
        let acted = marked(Mark::Done) && !self.members.is_empty();
        (has_ticket || !acted).then_some(has_ticket)
    }
}
