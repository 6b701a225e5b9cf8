//! What a request asks, checked against what the model takes.

use std::ops::Range;
use std::sync::Arc;

use foresite_datasets::{Fitted, Package};
use foresite_features::task::Micros;
use foresite_inference::{Data, Parameter, Request, Tensor};
use jiff::Timestamp;

use crate::refusal::Refusal;

/// Parameters that a request may carry.
const PARAMETERS: [&str; 3] = ["as_of", "explain", "nan_is_missing"];

/// Cutoffs that one request may name: each is a read of the tables.
const MOST_CUTOFFS: usize = 8;

/// One thing to say something about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Empty where only features are given.
    pub(crate) entity: String,
    pub(crate) cutoff: Micros,
    /// Places of its features or history among the numbers of the request, where they are given;
    /// otherwise they are read from the tables.
    pub(crate) values: Option<Range<usize>>,
}

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) rows: Vec<Row>,
    /// Features or histories of all rows, one after the other.
    pub(crate) numbers: Arc<[f64]>,
    /// Whether drivers are told.
    pub(crate) explain: bool,
    /// The clock for reads; `None` = now.
    pub(crate) as_of: Option<Micros>,
}

impl Ask {
    /// Checks names, types and shapes, so that what comes after can rely on them.
    pub(crate) fn of(
        request: &Request,
        package: &Package,
        now: Micros,
        most_rows: usize,
    ) -> Result<Self, Refusal> {
        let wide = Wide::of(package);
        no_strangers(request, wide.as_ref().map(|wide| wide.name))?;
        let find = |name: &str| request.inputs.iter().find(|input| input.name == name);
        let given = match wide.as_ref().and_then(|wide| Some((wide, find(wide.name)?))) {
            Some((wide, tensor)) => Some((wide.numbers(tensor)?, wide.columns.max(1))),
            None => None,
        };
        let entities = find("entity").map(texts).transpose()?;
        let count = match (&given, &entities) {
            (Some((numbers, columns)), _) => numbers.len() / columns,
            (None, Some(entities)) => entities.len(),
            (None, None) => return Err(Refusal::bad(needs(wide.as_ref()))),
        };
        if count == 0 || count > most_rows {
            let text = format!("{count} rows: expected at least 1 and at most {most_rows}");
            return Err(Refusal::bad(text));
        }
        let as_of = as_of(request.parameters.get("as_of"))?;
        let clock = as_of.unwrap_or(now);
        let newest = package.task.cutoffs.at_or_before(clock);
        let cutoffs = cutoffs(find("cutoff"), package, clock)?;
        let (numbers, columns) = given.unzip();
        let rows = rows(count, entities, (cutoffs, newest), columns)?;
        let is_read = rows.first().is_some_and(|row| row.values.is_none());
        if is_read {
            few_cutoffs(&rows)?;
        }
        let numbers = numbers.unwrap_or_default();
        Ok(Self { rows, numbers, explain: explains(request)?, as_of })
    }
}

/// A tensor of a fixed number of columns that a model takes.
struct Wide<'a> {
    name: &'static str,
    columns: usize,
    package: &'a Package,
}

impl<'a> Wide<'a> {
    fn of(package: &'a Package) -> Option<Self> {
        match &package.fitted {
            Fitted::Tabular { kernel, .. } => {
                Some(Self { name: "features", columns: kernel.raw_names().len(), package })
            }
            Fitted::Forecast { model, .. } => {
                Some(Self { name: "history", columns: model.look_back, package })
            }
            // Its window is the panel of a whole neighbourhood: by entity and cutoff alone.
            Fitted::Anomaly { .. } => None,
        }
    }

    /// The numbers of all rows, one after the other.
    fn numbers(&self, tensor: &Tensor) -> Result<Arc<[f64]>, Refusal> {
        let Self { name, columns, .. } = self;
        if tensor.shape.len() != 2 || tensor.shape[1] != *columns {
            let task = &self.package.task.task;
            return Err(Refusal::bad(format!(
                "input `{name}`: expected shape [rows, {columns}], got {:?}; the metadata of `{task}` \
                 names the columns",
                tensor.shape
            )));
        }
        match &tensor.data {
            Data::Float(data) => Ok(data.as_slice().into()),
            Data::Int(data) => Ok(data.iter().map(|value| *value as f64).collect()),
            Data::Bool(_) | Data::Text(_) => {
                let word = tensor.datatype.word();
                Err(Refusal::bad(format!("input `{name}`: expected FP64, got {word}")))
            }
        }
    }
}

/// Refuses names that nobody asks by: of parameters, and of inputs beside the model's own one.
fn no_strangers(request: &Request, own: Option<&str>) -> Result<(), Refusal> {
    if let Some(name) = request.parameters.keys().find(|n| !PARAMETERS.contains(&n.as_str())) {
        let known = PARAMETERS.join(", ");
        return Err(Refusal::bad(format!("parameter `{name}`: expected one of {known}")));
    }
    let is_known = |name: &str| ["entity", "cutoff"].contains(&name) || own == Some(name);
    match request.inputs.iter().find(|input| !is_known(&input.name)) {
        Some(Tensor { name, .. }) => {
            let own = own.map_or(String::new(), |own| format!(", {own}"));
            Err(Refusal::bad(format!("input `{name}`: expected one of entity, cutoff{own}")))
        }
        None => Ok(()),
    }
}

fn needs(wide: Option<&Wide<'_>>) -> String {
    match wide {
        Some(wide) => format!("no input `entity` and no input `{}`", wide.name),
        None => "no input `entity`".to_owned(),
    }
}

fn column(tensor: &Tensor) -> Result<&Tensor, Refusal> {
    match tensor.shape.as_slice() {
        [_] | [_, 1] => Ok(tensor),
        other => {
            let text = format!("input `{}`: expected shape [rows], got {other:?}", tensor.name);
            Err(Refusal::bad(text))
        }
    }
}

fn texts(tensor: &Tensor) -> Result<Vec<String>, Refusal> {
    match &column(tensor)?.data {
        Data::Text(data) => Ok(data.clone()),
        _ => {
            let (name, word) = (&tensor.name, tensor.datatype.word());
            Err(Refusal::bad(format!("input `{name}`: expected BYTES, got {word}")))
        }
    }
}

/// Cutoffs as given: none, one for all rows, or one a row; all on the grid of the task.
fn cutoffs(
    tensor: Option<&Tensor>,
    package: &Package,
    now: Micros,
) -> Result<Vec<Micros>, Refusal> {
    let Some(tensor) = tensor else {
        return Ok(Vec::new());
    };
    let given = match &column(tensor)?.data {
        Data::Int(data) => data.clone(),
        Data::Text(data) => {
            data.iter().map(|text| time("cutoff", text)).collect::<Result<_, _>>()?
        }
        _ => {
            let word = tensor.datatype.word();
            let text = format!("input `cutoff`: expected BYTES or INT64, got {word}");
            return Err(Refusal::bad(text));
        }
    };
    let grid = package.task.cutoffs;
    for &cutoff in &given {
        let said = stamp("input `cutoff`", cutoff)?;
        if cutoff > now {
            return Err(Refusal::bad(format!("input `cutoff`: {said} lies in the future")));
        }
        let before = grid.at_or_before(cutoff);
        if before != cutoff {
            let nearest = Timestamp::from_microsecond(before).unwrap_or(said);
            let text = format!("input `cutoff`: {said} is no cutoff of the task, {nearest} is");
            return Err(Refusal::bad(text));
        }
    }
    Ok(given)
}

fn stamp(what: &str, micros: Micros) -> Result<Timestamp, Refusal> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| Refusal::bad(format!("{what}: {micros} is no time")))
}

fn time(what: &str, text: &str) -> Result<Micros, Refusal> {
    let stamp: Result<Timestamp, _> = text.parse();
    stamp.map(Timestamp::as_microsecond).map_err(|_| {
        let text: String = text.chars().take(40).collect();
        Refusal::bad(format!("`{what}`: `{text}` is no RFC 3339 time"))
    })
}

fn as_of(parameter: Option<&Parameter>) -> Result<Option<Micros>, Refusal> {
    match parameter {
        None => Ok(None),
        Some(Parameter::Int(micros)) => stamp("parameter `as_of`", *micros).map(|_| Some(*micros)),
        Some(Parameter::Text(text)) => time("as_of", text).map(Some),
        Some(_) => Err(Refusal::bad("parameter `as_of`: expected a time or microseconds")),
    }
}

fn rows(
    count: usize,
    entities: Option<Vec<String>>,
    (cutoffs, newest): (Vec<Micros>, Micros),
    columns: Option<usize>,
) -> Result<Vec<Row>, Refusal> {
    let entities = entities.unwrap_or_else(|| vec![String::new(); count]);
    if entities.len() != count {
        let have = entities.len();
        return Err(Refusal::bad(format!("input `entity`: {have} rows, expected {count}")));
    }
    if cutoffs.len() > 1 && cutoffs.len() != count {
        let have = cutoffs.len();
        return Err(Refusal::bad(format!("input `cutoff`: {have} rows, expected 1 or {count}")));
    }
    let one = cutoffs.first().copied().unwrap_or(newest);
    let cutoff = |row: usize| if cutoffs.len() > 1 { cutoffs[row] } else { one };
    let row = |(at, entity)| Row {
        entity,
        cutoff: cutoff(at),
        values: columns.map(|columns| at * columns..(at + 1) * columns),
    };
    Ok(entities.into_iter().enumerate().map(row).collect())
}

fn few_cutoffs(rows: &[Row]) -> Result<(), Refusal> {
    let mut cutoffs: Vec<Micros> = rows.iter().map(|row| row.cutoff).collect();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    if cutoffs.len() > MOST_CUTOFFS {
        let text = format!("{} cutoffs in one request, more than {MOST_CUTOFFS}", cutoffs.len());
        return Err(Refusal::bad(text));
    }
    match rows.iter().find(|row| row.entity.is_empty()) {
        Some(_) => Err(Refusal::bad("input `entity`: an empty name")),
        None => Ok(()),
    }
}

/// Asked for by parameter, or by naming the output.
fn explains(request: &Request) -> Result<bool, Refusal> {
    let is_wanted = request.outputs.iter().flatten().any(|name| name == "drivers");
    match request.parameters.get("explain") {
        None => Ok(is_wanted),
        Some(Parameter::Bool(explain)) => Ok(*explain || is_wanted),
        Some(_) => Err(Refusal::bad("parameter `explain`: expected true or false")),
    }
}
