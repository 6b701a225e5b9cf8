//! The predictions of the interval that no exported incident rests on.
//!
//! A network says more in an hour than a file should hold: of each task the likeliest are exported, and
//! how many others there were is told. Which these are is settled hour by hour, over all versions of a
//! row, so that it depends on the rows and not on their order in files, and memory on the rows of one
//! hour (an id and a number each) and on `most_predictions`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use foresite_kpi::Columns;
use foresite_schema::catalog::outcome;
use foresite_stage::{Interval, Result};
use foresite_tables::Read;

use crate::config::Config;
use crate::moment::HOUR;
use crate::predictions::{self, Prediction, Wanted};
use crate::source::{Newest, Source, Versions, number, text, unfit};

/// What the choice is made by.
const COLUMNS: [&str; 10] = [
    "prediction_id",
    "role",
    "replay",
    "probability",
    "p_value",
    "not_scored",
    "tombstone",
    "known_at",
    "ingested_at",
    "lineage_id",
];

/// Predictions beside those of the incidents, by id.
type Told = BTreeMap<String, Prediction>;

/// What is exported beside the incidents.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Each with its task; of a task the likeliest first.
    pub(crate) rows: Vec<(String, Prediction)>,
    /// How many others there were, less likely than these; `None`: none were asked for.
    pub(crate) left_out: Option<usize>,
}

impl Beside {
    /// The predictions of the configured tasks that are not among those `told` with incidents. A task
    /// speaks some minutes after the end of its data, never an hour.
    pub(crate) fn read(
        source: &mut Source<'_>,
        config: &Config,
        told: &Told,
        interval: Interval,
    ) -> Result<Self> {
        let mut found = Self::default();
        if config.most_predictions == 0 {
            return Ok(found);
        }
        for terms in &config.tasks {
            let (chosen, others) = choose(source, &terms.task, (config, told), interval)?;
            let wanted = Wanted { ids: chosen.iter().map(|(_, id)| id.as_str()).collect(), config };
            let period = (interval.start + HOUR, interval.end + HOUR);
            *found.left_out.get_or_insert(0) += others;
            if wanted.ids.is_empty() {
                continue;
            }
            let mut rows = predictions::read(source, &terms.task, &wanted, period)?;
            let in_order = chosen.iter().filter_map(|(_, id)| rows.remove(id));
            found.rows.extend(in_order.map(|row| (terms.task.clone(), row)));
        }
        Ok(found)
    }
}

/// Ids of predictions, the likeliest first.
type Chosen = BTreeSet<(Reverse<u64>, String)>;

/// The likeliest predictions of a task, and how many others there were.
fn choose(
    source: &mut Source<'_>,
    task: &str,
    of: (&Config, &Told),
    interval: Interval,
) -> Result<(Chosen, usize)> {
    let (mut chosen, mut others) = (Chosen::new(), 0);
    for hour in interval.steps(HOUR) {
        let mut newest = Newest::new();
        let read = Read::all().period(hour.end, hour.end + HOUR).columns(COLUMNS);
        source.scan(outcome::predictions(task), read, |batch| rank(batch, of, &mut newest))?;
        for (id, rank) in newest.live() {
            chosen.insert((Reverse(rank), id));
            if chosen.len() > of.0.most_predictions {
                chosen.pop_last();
                others += 1;
            }
        }
    }
    Ok((chosen, others))
}

/// Ranks the predictions that say something and are not told yet.
fn rank(
    batch: &RecordBatch,
    (config, told): (&Config, &Told),
    newest: &mut Newest<String, u64>,
) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [ids, roles, not_scored] = [words("prediction_id")?, words("role")?, words("not_scored")?];
    let replays = columns.bools("replay").map_err(unfit)?;
    let numbers = |name| columns.doubles(name).map_err(unfit);
    let (probabilities, p_values) = (numbers("probability")?, numbers("p_value")?);
    let versions = Versions::of(batch)?;
    for row in (0..batch.num_rows()).filter(|row| !replays.value(*row)) {
        let id = ids.value(row);
        if told.contains_key(id) || !config.hears(roles.value(row)) {
            continue;
        }
        let says = versions.lives(row) && text(&not_scored, row).is_none();
        let rank = likelihood(number(&probabilities, row), number(&p_values, row));
        newest.offer(id.to_owned(), versions.at(row), says.then_some(rank));
    }
    Ok(())
}

/// What orders the predictions of a task: the probability, otherwise the smaller p-value, otherwise
/// nothing. Bits of numbers that are not negative are in the order of the numbers; minus zero, which
/// has the greatest of all, becomes zero.
fn likelihood(probability: Option<f64>, p_value: Option<f64>) -> u64 {
    let by_p_value = || p_value.map(|p| p.max(0.0).recip());
    probability.or_else(by_p_value).map_or(0, |value| (value.max(0.0) + 0.0).to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likelier_ranks_higher() {
        let by_probability = [0.0, 0.02, 0.4, 1.0].map(|p| likelihood(Some(p), None));
        assert!(by_probability.is_sorted_by(|a, b| a < b), "{by_probability:?}");
        let by_p_value = [1.0, 0.4, 1e-9, 1e-12, 0.0].map(|p| likelihood(None, Some(p)));
        assert!(by_p_value.is_sorted_by(|a, b| a < b), "{by_p_value:?}");
        assert_eq!(likelihood(None, None), 0);
        assert_eq!(likelihood(Some(-0.0), None), 0);
    }
}
