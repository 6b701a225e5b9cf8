//! `evaluations` and `performance`: how good the models are that spoke.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, Int64Array, RecordBatch};
use foresite_kpi::{Columns, micros};
use foresite_schema::catalog::{outcome, watch};
use foresite_stage::{Interval, Result};
use foresite_tables::{Micros, Read};

use crate::config::Config;
use crate::moment::DAY;
use crate::source::{Source, number, text, unfit};

/// A number with its interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figure {
    pub(crate) metric: String,
    pub(crate) value: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) samples: Option<i64>,
}

/// The newest evaluation of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Evaluation {
    pub(crate) task: String,
    pub(crate) at: Micros,
    pub(crate) verdict: Option<String>,
    /// Of the slice that decides.
    pub(crate) gate: Vec<Figure>,
    /// Of the slice that changes nothing.
    pub(crate) test: Vec<Figure>,
}

/// How a model's statements compare with what came, in a window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Realised {
    pub(crate) task: String,
    pub(crate) model_id: String,
    pub(crate) scope: String,
    pub(crate) window: (Micros, Micros),
    pub(crate) figure: Figure,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
}

/// The newest realised deviation of each model that is heard, by scope: of the last window that ended
/// by the end of the interval, within the last `accuracy_days`. `monitor` looks back at a day some time
/// after its end, so that an hour's own windows are never known in time. A metric without a value says
/// nothing and is left out.
pub(crate) fn realised(
    source: &mut Source<'_>,
    config: &Config,
    interval: Interval,
) -> Result<Vec<Realised>> {
    let since = interval.end - Micros::from(config.accuracy_days.get()) * DAY;
    let read = Read::all().period(since, interval.end + 1).text("kind", "realised");
    let Some(batch) = source.resolved(watch::performance(), read, Micros::MAX)? else {
        return Ok(Vec::new());
    };
    let columns = Columns(&batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [tasks, models, roles, scopes] =
        [words("task")?, words("model_id")?, words("role")?, words("scope")?];
    let [states, reasons] = [words("state")?, words("reason")?];
    let times = |name| columns.times(name).map_err(unfit);
    let (starts, ends) = (times("window_start")?, times("window_end")?);
    let figures = Figures::of(&batch)?;
    let one = |row: usize| {
        let task = text(&tasks, row)?;
        let deviation = config.terms(&task)?.deviation.as_ref()?;
        let figure = figures.at(row).filter(|figure| figure.metric == *deviation)?;
        config.hears(roles.value(row)).then_some(())?;
        Some(Realised {
            task,
            model_id: text(&models, row)?,
            scope: text(&scopes, row).unwrap_or_default(),
            window: (micros(&starts, row)?, micros(&ends, row)?),
            figure,
            state: text(&states, row).unwrap_or_default(),
            reason: text(&reasons, row),
        })
    };
    let mut newest: BTreeMap<(String, String, String), Realised> = BTreeMap::new();
    for of in (0..batch.num_rows()).filter_map(one) {
        let key = (of.task.clone(), of.model_id.clone(), of.scope.clone());
        match newest.get(&key) {
            Some(have) if have.window.1 >= of.window.1 => {}
            _ => {
                newest.insert(key, of);
            }
        }
    }
    Ok(newest.into_values().collect())
}

/// The newest evaluation of each of the models.
pub(crate) fn evaluations(
    source: &mut Source<'_>,
    models: &BTreeSet<String>,
) -> Result<BTreeMap<String, Evaluation>> {
    let mut found = BTreeMap::new();
    source.scan(outcome::evaluations(), Read::all(), |batch| add(batch, models, &mut found))?;
    Ok(found)
}

fn add(
    batch: &RecordBatch,
    wanted: &BTreeSet<String>,
    found: &mut BTreeMap<String, Evaluation>,
) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [tasks, models, slices] = [words("task")?, words("model_id")?, words("slice")?];
    let [baselines, verdicts] = [words("baseline")?, words("verdict")?];
    let times = columns.times("at").map_err(unfit)?;
    let figures = Figures::of(batch)?;
    for row in (0..batch.num_rows()).filter(|row| wanted.contains(models.value(*row))) {
        let at = micros(&times, row).unwrap_or_default();
        let of = found.entry(models.value(row).to_owned()).or_default();
        if at < of.at {
            continue;
        }
        if at > of.at {
            let task = text(&tasks, row).unwrap_or_default();
            *of = Evaluation { task, at, ..Evaluation::default() };
        }
        of.verdict = text(&verdicts, row).or(of.verdict.take());
        // A row with a baseline is the baseline's number, or a difference from it.
        let (None, Some(figure)) = (text(&baselines, row), figures.at(row)) else { continue };
        match slices.value(row) {
            "gate" => of.gate.push(figure),
            "test" => of.test.push(figure),
            _ => {}
        }
    }
    Ok(())
}

/// The columns of a figure.
struct Figures {
    metric: arrow::array::StringArray,
    numbers: [arrow::array::Float64Array; 3],
    samples: Int64Array,
}

impl Figures {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        let numbers = |name| columns.doubles(name).map_err(unfit);
        Ok(Self {
            metric: columns.text("metric").map_err(unfit)?,
            numbers: [numbers("value")?, numbers("low")?, numbers("high")?],
            samples: columns.longs("samples").map_err(unfit)?,
        })
    }

    /// The figure of a row that has a value.
    fn at(&self, row: usize) -> Option<Figure> {
        let [value, low, high] = self.numbers.each_ref().map(|numbers| number(numbers, row));
        Some(Figure {
            metric: text(&self.metric, row)?,
            value: value?,
            low,
            high,
            samples: self.samples.is_valid(row).then(|| self.samples.value(row)),
        })
    }
}
