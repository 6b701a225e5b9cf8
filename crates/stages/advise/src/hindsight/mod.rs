//! How good the worklists were, judged by a truth that nobody had at the time.
//!
//! Only the simulator knows the truth, so the step `hindsight` runs on simulated networks alone. It
//! is the only code of this stage that opens `truth/`; the worklist itself never sees it.

mod score;
mod truth;

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::outcome;
use foresite_stage::{Context, Report, Result};
use foresite_tables::Read;

pub use score::{Item, Population, Rules, Score, TruthEvent, score_against_truth};

use crate::clock::{HOUR, Micros};
use crate::config::{Config, Head, ListConfig};
use crate::incidents::Change;
use crate::network::Network;
use crate::read::{Reader, Rows, TASK_OFFSET};
use crate::worklist::SOURCE;

/// Scores the lists whose cutoffs lie in the interval (its end included, as a run's cutoff is the
/// end of its interval).
///
/// # Errors
/// `Missing` without a truth or a worklist; storage errors.
pub fn run(cx: &Context, config: &Config) -> Result<Report> {
    let interval = cx.interval()?;
    let mut report = cx.report();
    let span = (interval.start + 1, interval.end + 1);
    let network = Reader::new(cx, config, interval.end).network()?;
    let members = members(cx, span)?;
    for list in &config.lists {
        let items = items(cx, list, span, &members)?;
        let mut cutoffs: BTreeSet<Micros> = members.keys().map(|(_, cutoff)| *cutoff).collect();
        cutoffs.extend(predicted(cx, list, span)?);
        let score = score(cx, list, &network, (&items, cutoffs))?;
        put(&mut report, &list.task, &score);
    }
    Ok(report)
}

/// Whether the network is a simulated one.
///
/// # Errors
/// Storage errors.
pub(crate) fn has_truth(cx: &Context) -> Result<bool> {
    Ok(cx.root().exists("truth/failures.parquet")?)
}

/// Scores the items that the lists of these cutoffs named.
///
/// # Errors
/// `Missing` without a truth; storage errors.
pub(crate) fn score(
    cx: &Context,
    list: &ListConfig,
    network: &Network,
    (items, cutoffs): (&[Item], BTreeSet<Micros>),
) -> Result<Score> {
    let events = truth::events(cx, list.head)?;
    let population = population(network, list.head, cutoffs);
    let rules = Rules::of(list.head, list);
    Ok(score_against_truth(items, &events, &population, &rules, |a, b| concerns(network, a, b)))
}

/// What came of lists, each judged by the events of its own time, as means over the lists.
pub(crate) struct Came {
    /// Items that were right.
    pub(crate) hits: f64,
    /// Entities with a due event that were not named.
    pub(crate) misses: f64,
}

/// What came of the lists that named these entities, by cutoff; items of other lists are left aside.
/// `None` without a list.
///
/// # Errors
/// `Missing` without a truth; storage errors.
pub(crate) fn came(
    cx: &Context,
    list: &ListConfig,
    network: &Network,
    (named, items): (&BTreeMap<Micros, &BTreeSet<String>>, &[Item]),
) -> Result<Option<Came>> {
    if named.is_empty() {
        return Ok(None);
    }
    let events = truth::events(cx, list.head)?;
    let population = population(network, list.head, named.keys().copied().collect());
    let rules = Rules::of(list.head, list);
    let concerns = |a: &str, b: &str| concerns(network, a, b);
    let mean = |sum: usize| sum as f64 / named.len() as f64;
    Ok(Some(Came {
        hits: mean(score::right(items, &events, &population, &rules, concerns)),
        misses: mean(score::missed(named, &events, &population, &rules, concerns)),
    }))
}

pub(crate) fn put(report: &mut Report, task: &str, score: &Score) {
    let rounded = |value: Option<f64>| value.map(|value| (value * 1e4).round() / 1e4);
    report.number(&format!("{task}_incidents"), score.listed);
    report.number(&format!("{task}_events"), score.events);
    report.number(&format!("{task}_found"), score.found);
    report.number(&format!("{task}_precision"), rounded(score.precision));
    report.number(&format!("{task}_recall"), rounded(score.recall));
    report.number(&format!("{task}_random_precision"), rounded(score.random_precision));
}

/// Entities of every incident and cutoff.
type Members = BTreeMap<(String, Micros), BTreeSet<String>>;

fn members(cx: &Context, span: (Micros, Micros)) -> Result<Members> {
    let table = cx.root().existing(outcome::incidents())?;
    let batch = table.read(&Read::all().period(span.0, span.1).as_of(cx.as_of()))?;
    let rows = Rows::of(&batch);
    let (id, cutoff) = (rows.text("incident_id")?, rows.times("cutoff")?);
    let entities = rows.texts("member_entities")?;
    Ok((0..rows.len())
        .map(|row| ((id.owned(row), cutoff.required(row)), entities.at(row).into_iter().collect()))
        .collect())
}

/// Cutoffs for which the task made predictions. A list without an incident left no row, yet what it
/// did not name it missed. Of what a model said in a replay, or in the shadow, there was no list.
fn predicted(cx: &Context, list: &ListConfig, span: (Micros, Micros)) -> Result<BTreeSet<Micros>> {
    let Some(table) = cx.root().find(outcome::predictions(&list.task))? else {
        return Ok(BTreeSet::new());
    };
    let read = Read::all().period(span.0, span.1 + TASK_OFFSET).text("source", SOURCE);
    let batch = table.read(&read.as_of(cx.as_of()))?;
    let rows = Rows::of(&batch);
    let at = rows.times("cutoff")?;
    // A task speaks some minutes after the end of the data, which is the cutoff of the list.
    let cutoffs = (0..rows.len()).map(|row| at.required(row).div_euclid(HOUR) * HOUR);
    Ok(cutoffs.filter(|cutoff| (span.0..span.1).contains(cutoff)).collect())
}

/// The listed items of a task.
fn items(
    cx: &Context,
    list: &ListConfig,
    span: (Micros, Micros),
    members: &Members,
) -> Result<Vec<Item>> {
    let table = cx.root().existing(outcome::worklist())?;
    let batch = table.read(&Read::all().period(span.0, span.1).as_of(cx.as_of()))?;
    let rows = Rows::of(&batch);
    let (id, task) = (rows.text("incident_id")?, rows.text("task")?);
    let (cutoff, rank) = (rows.times("cutoff")?, rows.ints("rank")?);
    let change = rows.text("change")?;
    // A check says that nothing is expected there.
    let is_check = |row: usize| change.at(row) == Some(Change::Check.word());
    let items = (0..rows.len())
        .filter(|row| task.at(*row) == Some(&list.task) && rank.at(*row).is_some())
        .filter(|row| !is_check(*row))
        .map(|row| {
            let cutoff = cutoff.required(row);
            let incident_id = id.owned(row);
            let entities = members.get(&(incident_id.clone(), cutoff)).cloned().unwrap_or_default();
            Item { incident_id, cutoff, entities }
        });
    Ok(items.collect())
}

/// The entities among which a random list would be drawn.
fn population(network: &Network, head: Head, cutoffs: BTreeSet<Micros>) -> Population {
    let entity_type = match head {
        Head::Anomaly => "cell",
        Head::TimeToEvent => "site",
        Head::Forecast => "sector",
    };
    let entities = network.of_type(entity_type).map(|entity| entity.id.clone()).collect();
    Population { entities, cutoffs }
}

/// Whether a listed entity and the place of an event are one thing: the same, or one inside the
/// other.
fn concerns(network: &Network, listed: &str, event: &str) -> bool {
    network.path_up(listed).contains(&event) || network.path_up(event).contains(&listed)
}
