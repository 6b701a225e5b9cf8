//! What the lists stated before anybody could know, beside what came: right items, and entities with
//! an event that no open incident named.
//!
//! Both as a mean over lists: every list before an event misses it, and a sum over lists would count
//! it anew each hour. Nothing is warned about here: whether the probabilities behind hold is what
//! `events_over_expected` tells.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, RecordBatch};
use foresite_features::events::Marked;
use foresite_features::task::{DAY, Micros, SECOND};
use foresite_kpi::Columns;
use foresite_schema::catalog::{outcome, watch};
use foresite_stage::Result;
use foresite_tables::Read;

use super::right::{Alert, Reach, Truth};
use super::texts;
use crate::models::Model;
use crate::performance::band::day_of;
use crate::performance::{Kind, Metric, State};
use crate::source::{Source, unfit};

/// A list that stated something.
#[derive(Default)]
struct List {
    /// How long after it what it stated may come.
    within: Micros,
    /// Expected number of entities with an event that no open incident names.
    misses: f64,
    /// Its open incidents, by id.
    open: BTreeMap<String, Alert>,
    /// Probabilities of its items, by incident.
    items: BTreeMap<String, f64>,
}

/// Lists by cutoff.
type Lists = BTreeMap<Micros, List>;

/// What the lists stated and what came, of those whose time ended in the days since `since`. Nothing of
/// a task whose lists state nothing.
pub(super) fn metrics(
    source: &mut Source<'_>,
    (model, truth): (&Model, Truth<'_>),
    (reach, spoken): (Reach, &BTreeSet<Micros>),
    (since, end): (Micros, Micros),
) -> Result<Vec<Metric>> {
    let read = Read::all().period(since - reach.ahead - DAY, end + 1);
    let mut lists = stated(source, model, read)?;
    // A list does not say whose it is: those of other days are another model's.
    lists.retain(|at, _| spoken.contains(&day_of(*at)));
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    lists.retain(|at, list| (since + 1..=truth.known.as_of).contains(&(*at + list.within)));
    fill(source, model, &mut lists)?;
    let count = lists.len();
    let mean = |sum: f64| sum / count as f64;
    let right = hits(&lists, (model, truth), reach);
    let missed = missed(&lists, (model, truth), reach);
    let misses: f64 = lists.values().map(|list| list.misses).sum();
    let of = |metric, kind, value: Option<f64>, nothing: &str| {
        let metric = Metric::of_model(model, watch::OF_LISTS, metric, kind, since);
        let metric = metric.value(value, count);
        match value {
            Some(_) => metric.state(State::Ok, "of a list, on average".to_owned()),
            None if count == 0 => {
                metric.state(State::Unknown, "the time of no list is over yet".to_owned())
            }
            None => metric.state(State::Unknown, nothing.to_owned()),
        }
    };
    let unjudged = "nobody knows of any item whether it was right";
    Ok(vec![
        of("stated_hits", Kind::Estimated, right.map(|(stated, _)| mean(stated)), unjudged),
        of("hits", Kind::Realised, right.map(|(_, came)| mean(came)), unjudged),
        of("stated_misses", Kind::Estimated, (count > 0).then(|| mean(misses)), ""),
        of("misses", Kind::Realised, missed.map(mean), "nothing tells what was missed"),
    ])
}

/// The reach of what a list stated: that of an alert, for the time that the list speaks of.
fn of_list(list: &List, reach: Reach) -> Reach {
    let later = reach.marked - reach.ahead;
    Reach { ahead: list.within, marked: list.within + later, ..reach }
}

/// Sums over lists of what was stated and of what came, of the items of which it is known; `None`
/// where there are items and it is known of none.
fn hits(lists: &Lists, (model, truth): (&Model, Truth<'_>), reach: Reach) -> Option<(f64, f64)> {
    let (mut judged, mut stated, mut came) = (0_usize, 0.0, 0.0);
    for list in lists.values() {
        let reach = of_list(list, reach);
        for (id, probability) in &list.items {
            let alert = list.open.get(id);
            let of = (truth, model.task.task.as_str());
            let is_right = alert.and_then(|alert| alert.is_right(of, reach));
            let Some(is_right) = is_right else { continue };
            judged += 1;
            stated += probability;
            came += f64::from(u8::from(is_right));
        }
    }
    let has_items = lists.values().any(|list| !list.items.is_empty());
    (!lists.is_empty() && (judged > 0 || !has_items)).then_some((stated, came))
}

/// Entities with an event in time that no open incident of the list named, summed over lists; `None`
/// where neither tickets nor series say anything, or of nobody.
fn missed(lists: &Lists, (model, truth): (&Model, Truth<'_>), reach: Reach) -> Option<f64> {
    let Truth { known, marks, passed } = truth;
    let task = model.task.task.as_str();
    let entities: Vec<&str> = known.network.ever(&model.task.entity_type).collect();
    if !(reach.by_tickets || passed.is_some()) || entities.is_empty() || lists.is_empty() {
        return None;
    }
    let has_passed = |id: &str, at: Micros, reach: Reach| {
        passed.is_some_and(|passed| passed.within(id, at, reach.ahead) == Some(true))
    };
    let has_any = |id: &&str| {
        passed.is_some()
            || known.tickets.outages.of(id).next().is_some()
            || marks.missed(id, task).next().is_some()
    };
    let eventful: Vec<&str> = entities.into_iter().filter(has_any).collect();
    let mut sum = 0;
    for (&at, list) in lists {
        let reach = of_list(list, reach);
        let named: BTreeSet<&str> =
            list.open.values().flat_map(|alert| &alert.entities).map(String::as_str).collect();
        let in_time = |marked: &Marked| (at + 1..=at + reach.ahead).contains(&marked.at);
        let is_missed = |id: &str| {
            !named.contains(id)
                && known.network.state(id, at).is_some()
                && (reach.has_ticket(known, id, at)
                    || has_passed(id, at, reach)
                    || marks.missed(id, task).any(in_time))
        };
        sum += eventful.iter().filter(|id| is_missed(id)).count();
    }
    Some(sum as f64)
}

/// The lists of the task that stated something, over all teams.
fn stated(source: &mut Source<'_>, model: &Model, read: Read) -> Result<Lists> {
    let Some(batch) = source.resolved(outcome::list_statements(), read)? else {
        return Ok(Lists::new());
    };
    let columns = Columns(&batch);
    // A table that an earlier release wrote last has no such column.
    let Ok(within) = columns.ints("within_s") else { return Ok(Lists::new()) };
    let tasks = columns.text("task").map_err(unfit)?;
    let cutoffs = columns.times("cutoff").map_err(unfit)?;
    let misses = columns.doubles("misses").map_err(unfit)?;
    let mut lists = Lists::new();
    for row in (0..batch.num_rows()).filter(|row| tasks.value(*row) == model.task.task) {
        if misses.is_valid(row) && within.is_valid(row) && within.value(row) > 0 {
            let list = lists.entry(cutoffs.value(row)).or_default();
            list.within = Micros::from(within.value(row)) * SECOND;
            list.misses += misses.value(row);
        }
    }
    Ok(lists)
}

/// What is read of incidents and of items: evidence and titles are most of what their tables hold.
const OF_INCIDENTS: [&str; 7] =
    ["incident_id", "cutoff", "task", "state", "members", "member_entities", "lineage_id"];
const OF_ITEMS: [&str; 6] = ["incident_id", "cutoff", "task", "rank", "probability", "lineage_id"];

/// Adds open incidents and items.
fn fill(source: &mut Source<'_>, model: &Model, lists: &mut Lists) -> Result<()> {
    let ends = lists.first_key_value().zip(lists.last_key_value());
    let Some(((&first, _), (&last, _))) = ends else { return Ok(()) };
    let read = || Read::all().period(first, last + 1);
    if let Some(batch) = source.resolved(outcome::incidents(), read().columns(OF_INCIDENTS))? {
        add_open(&batch, model, lists)?;
    }
    if let Some(batch) = source.resolved(outcome::worklist(), read().columns(OF_ITEMS))? {
        add_items(&batch, model, lists)?;
    }
    Ok(())
}

fn add_open(batch: &RecordBatch, model: &Model, lists: &mut Lists) -> Result<()> {
    let columns = Columns(batch);
    let text = |name| columns.text(name).map_err(unfit);
    let (tasks, states, ids) = (text("task")?, text("state")?, text("incident_id")?);
    let cutoffs = columns.times("cutoff").map_err(unfit)?;
    let members = columns.lists("members").map_err(unfit)?;
    let entities = columns.lists("member_entities").map_err(unfit)?;
    for row in (0..batch.num_rows()).filter(|row| tasks.value(*row) == model.task.task) {
        let at = cutoffs.value(row);
        let Some(list) = lists.get_mut(&at) else { continue };
        if !matches!(states.value(row), "closed" | "check") {
            let (entities, members) = (texts(&entities, row), texts(&members, row));
            list.open.insert(ids.value(row).to_owned(), Alert { at, entities, members });
        }
    }
    Ok(())
}

fn add_items(batch: &RecordBatch, model: &Model, lists: &mut Lists) -> Result<()> {
    let columns = Columns(batch);
    let text = |name| columns.text(name).map_err(unfit);
    let (tasks, ids) = (text("task")?, text("incident_id")?);
    let cutoffs = columns.times("cutoff").map_err(unfit)?;
    let ranks = columns.ints("rank").map_err(unfit)?;
    let probabilities = columns.doubles("probability").map_err(unfit)?;
    let is_item = |row: &usize| ranks.is_valid(*row) && probabilities.is_valid(*row);
    let is_own = |row: &usize| tasks.value(*row) == model.task.task;
    for row in (0..batch.num_rows()).filter(is_item).filter(is_own) {
        let list = lists.get_mut(&cutoffs.value(row));
        // A check is no open incident, and so no item here either.
        if let Some(list) = list.filter(|list| list.open.contains_key(ids.value(row))) {
            list.items.insert(ids.value(row).to_owned(), probabilities.value(row));
        }
    }
    Ok(())
}
