//! Alerts: how many a day against a control band, and how many turned out right.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, ListArray};
use foresite_features::events::{Event, Marked, Marks};
use foresite_features::task::{DAY, HOUR, Head, Micros};
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
use crate::panel::Members;
use crate::source::{Source, unfit};

/// Alerts without which a share says nothing.
const LEAST_ALERTS: usize = 10;

/// An incident when it was first raised.
struct Alert {
    at: Micros,
    entities: BTreeSet<String>,
    members: BTreeSet<String>,
}

/// What makes an alert right.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// How long before the alert a ticket or a mark still belongs to it.
    back: Micros,
    /// How long after it truth may come.
    ahead: Micros,
    /// Whether an outage is what the task foretells.
    by_tickets: bool,
}

impl Reach {
    /// What a task foretells comes after the alert and within its horizon; a detector's word is about
    /// what goes on around it. That a busy hour passes its limit is in no ticket.
    fn of(config: &Config, model: &Model) -> Self {
        let around = Micros::from(config.judging.hit_within_hours.get()) * HOUR;
        let by_tickets = !matches!(model.task.head, Head::Forecast { .. });
        match model.task.horizon().micros() {
            0 => Self { back: around, ahead: around, by_tickets },
            horizon => Self { back: 0, ahead: horizon, by_tickets },
        }
    }

    /// Whether an outage of the entity makes an alert at `at` right.
    fn has_ticket(self, known: &Known, entity: &str, at: Micros) -> bool {
        let hits = |event: &Event| {
            let start = event.start(known.as_of);
            let end = event.end(known.as_of).unwrap_or(Micros::MAX);
            // What went on already was not foretold.
            let in_time = start.is_some_and(|start| start <= at + self.ahead);
            let is_news = self.back > 0 || start.is_some_and(|start| start > at);
            in_time && is_news && end >= at - self.back
        };
        self.by_tickets && known.tickets.outages.of(entity).any(hits)
    }
}

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
    let mut found = vec![volume, precision((model, since), &ripe, (known, &marks), reach)];
    found.extend(by_chance((model, since), (&ripe, chosen), known, reach));
    Ok(found)
}

/// Number of the day that ends at a moment or holds it.
fn day_of(at: Micros) -> Micros {
    (at - 1).div_euclid(DAY)
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
    (model, since): (&Model, Micros),
    ripe: &[&Alert],
    (known, marks): (&Known, &Marks),
    reach: Reach,
) -> Metric {
    let judged = ripe.iter().filter_map(|alert| alert.is_right(known, marks, reach));
    let judged: Vec<bool> = judged.collect();
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

impl Alert {
    /// Marks decide; without any a ticket of the entity within the reach makes a hit. `None`: people
    /// disagree, or acted, and what would have happened is not known; or no ticket could tell.
    fn is_right(&self, known: &Known, marks: &Marks, reach: Reach) -> Option<bool> {
        let near = |at: Micros| (self.at - reach.back..=self.at + reach.ahead).contains(&at);
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
            None if !reach.by_tickets => return None,
            None => {}
        }
        let has_ticket = self.entities.iter().any(|id| reach.has_ticket(known, id, self.at));
        let acted = marked(Mark::Done) && !self.members.is_empty();
        (has_ticket || !acted).then_some(has_ticket)
    }
}
