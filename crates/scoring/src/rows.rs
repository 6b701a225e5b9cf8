//! Hazards, yes or no, classes and values, from rows of `features_<task>`.

use std::collections::BTreeMap;

use foresite_datasets::{FeatureRow, model_error};
use foresite_features::kernel::FeatureKernel;
use foresite_features::task::{Head, Micros, Span, Task};
use foresite_models::ModelError;
use foresite_models::linear::Matrix;
use foresite_models::tabular::{Tabular, cumulative};
use foresite_stage::Result;

use crate::ByRow;
use crate::statement::{Statement, driver};

/// Rows that go through the model together: what they become on the way stays in the processor's
/// cache.
const CHUNK: usize = 256;

/// The raw features of an entity at a cutoff, wherever they are kept.
#[derive(Debug, Clone, Copy)]
pub struct GivenRow<'a> {
    /// The entity.
    pub entity: &'a str,
    /// The cutoff.
    pub cutoff: Micros,
    /// In the order of the model's raw features, NaN = missing.
    pub values: &'a [f64],
}

impl<'a> From<&'a FeatureRow> for GivenRow<'a> {
    fn from(row: &'a FeatureRow) -> Self {
        Self { entity: &row.entity, cutoff: row.cutoff, values: &row.values }
    }
}

/// A model of feature rows in use.
pub(crate) struct Rows<'a> {
    pub(crate) task: &'a Task,
    pub(crate) kernel: &'a FeatureKernel,
    pub(crate) model: &'a Tabular,
    pub(crate) causes: Option<&'a Tabular>,
    pub(crate) usual: &'a [f64],
    pub(crate) drivers: usize,
}

impl Rows<'_> {
    /// Statements about every entity at every cutoff: from its feature row, or why there is none.
    /// `rows` are sorted by entity and cutoff.
    pub(crate) fn statements(
        &self,
        rows: &[FeatureRow],
        entities: &BTreeMap<Micros, Vec<String>>,
    ) -> Result<Vec<Statement>> {
        let mut listed: BTreeMap<Micros, Vec<&str>> = BTreeMap::new();
        for (cutoff, ids) in entities {
            listed.insert(*cutoff, ids.iter().map(String::as_str).collect());
        }
        // Sets without an inventory: the entities are those that have features.
        if entities.values().any(Vec::is_empty) {
            for row in rows {
                if entities.get(&row.cutoff).is_none_or(Vec::is_empty) {
                    listed.entry(row.cutoff).or_default().push(&row.entity);
                }
            }
        }
        let mut statements = Vec::new();
        for (cutoff, ids) in &listed {
            let place = |id: &&str| {
                rows.binary_search_by(|row| (row.entity.as_str(), row.cutoff).cmp(&(*id, *cutoff)))
            };
            let found: Vec<Option<&FeatureRow>> =
                ids.iter().map(|id| place(id).ok().map(|at| &rows[at])).collect();
            let known: Vec<GivenRow<'_>> =
                found.iter().copied().flatten().map(GivenRow::from).collect();
            let mut said = self.of(&known)?.each();
            for (id, row) in ids.iter().zip(found) {
                match row {
                    Some(_) => statements.extend(said.next().unwrap_or_default()),
                    None => statements.push(Statement::not_scored(id, *cutoff, "no_features")),
                }
            }
        }
        Ok(statements)
    }

    /// Statements about rows of features, row by row.
    pub(crate) fn of(&self, rows: &[GivenRow<'_>]) -> Result<ByRow> {
        let mut statements = ByRow::with_capacity(rows.len());
        for chunk in rows.chunks(CHUNK) {
            let observed: Vec<GivenRow<'_>> = chunk.iter().copied().filter(is_observed).collect();
            let (encoded, predicted) = self.predicted(&observed)?;
            let mut each = encoded.iter().zip(predicted);
            for row in chunk {
                if is_observed(row)
                    && let Some((encoded, predicted)) = each.next()
                {
                    self.say(row, encoded, predicted, &mut statements)?;
                } else {
                    statements.push([Statement::not_scored(row.entity, row.cutoff, "no_data")]);
                }
            }
        }
        Ok(statements)
    }

    /// The rows as one batch through the model: encoded, and what it predicts.
    fn predicted(&self, rows: &[GivenRow<'_>]) -> Result<(Matrix, Vec<Vec<f64>>)> {
        if rows.is_empty() {
            return Ok(Default::default());
        }
        let expected = self.model.encoder.features();
        let mut encoded = Vec::with_capacity(rows.len() * expected);
        for row in rows {
            self.kernel.encoder.encode(row.values, &mut encoded);
        }
        if encoded.len() != rows.len() * expected {
            let (what, found) = ("features", encoded.len() / rows.len());
            return Err(model_error(ModelError::Shape { what, expected, found }));
        }
        let encoded = Matrix::from_rows(expected, encoded.into_iter().map(f64::from).collect());
        let predicted = self.model.predict_all(&encoded).map_err(model_error)?;
        Ok((encoded, predicted))
    }

    /// Says what was predicted about a row.
    fn say(
        &self,
        row: &GivenRow<'_>,
        encoded: &[f64],
        predicted: Vec<f64>,
        statements: &mut ByRow,
    ) -> Result<()> {
        let blank = Statement {
            entity_id: row.entity.to_owned(),
            cutoff: row.cutoff,
            drivers: self.drivers(row, encoded, &predicted),
            ..Statement::default()
        };
        let task = self.task;
        let horizon = task.horizon().micros();
        match &task.head {
            Head::TimeToEvent { bins, causes, .. } => {
                let mut blank = blank;
                blank.drivers.extend(self.cause(encoded, causes)?);
                statements.push(by_bin(bins, &predicted, &blank));
            }
            Head::Binary {} => {
                let p = Some(predicted[0]);
                let values = predicted;
                statements.push([Statement { horizon, score: p, probability: p, values, ..blank }]);
            }
            Head::Multiclass { .. } => {
                statements.push([class(predicted, Statement { horizon, ..blank })]);
            }
            _ => statements.push([self.value(predicted, blank)]),
        }
        Ok(())
    }

    /// A value with the interval that holds four fifths of the calibrate slice.
    fn value(&self, predicted: Vec<f64>, blank: Statement) -> Statement {
        let interval = self.model.interval(predicted[0], 0.8);
        Statement {
            score: Some(predicted[0]),
            median: Some(predicted[0]),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            values: predicted,
            ..blank
        }
    }

    /// Features that moved the score most, as shares of all that moved it; observed value and the
    /// usual one of the fit slice beside.
    fn drivers(&self, row: &GivenRow<'_>, encoded: &[f64], predicted: &[f64]) -> Vec<String> {
        if self.drivers == 0 {
            return Vec::new();
        }
        let origins = self.kernel.encoder.origins();
        let names = self.kernel.raw_names();
        let mut by_feature: BTreeMap<usize, f64> = BTreeMap::new();
        for (input, share) in self.model.drivers(encoded, predicted) {
            *by_feature.entry(origins[input]).or_default() += share;
        }
        let total: f64 = by_feature.values().map(|share| share.abs()).sum();
        let mut ranked: Vec<(usize, f64)> = by_feature.into_iter().collect();
        ranked.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        ranked
            .into_iter()
            .filter(|(_, share)| share.abs() > 0.01 * total)
            .take(self.drivers)
            .map(|(feature, share)| {
                let pair = (row.values[feature], self.usual[feature]);
                driver(&names[feature], share / total, Some(pair))
            })
            .collect()
    }

    /// The likeliest cause, given that it happens, as a driver of its own.
    fn cause(&self, encoded: &[f64], names: &[String]) -> Result<Option<String>> {
        let Some(model) = self.causes else {
            return Ok(None);
        };
        let p = model.predict(encoded).map_err(model_error)?;
        let most = (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b]));
        Ok(most.and_then(|at| Some(driver(&format!("cause:{}", names.get(at)?), p[at], None))))
    }
}

fn is_observed(row: &GivenRow<'_>) -> bool {
    row.values.iter().any(|value| !value.is_nan())
}

/// How probable it is that it happens by the end of each bin.
fn by_bin(bins: &[Span], hazards: &[f64], blank: &Statement) -> impl Iterator<Item = Statement> {
    bins.iter().zip(cumulative(hazards)).map(move |(bin, p)| Statement {
        horizon: bin.micros(),
        score: Some(p),
        probability: Some(p),
        values: hazards.to_vec(),
        ..blank.clone()
    })
}

/// The likeliest class and its probability.
fn class(predicted: Vec<f64>, blank: Statement) -> Statement {
    let most = predicted.iter().copied().fold(0.0, f64::max);
    let class = predicted.iter().position(|p| *p == most).map(|at| at as f64);
    Statement { score: class, probability: Some(most), values: predicted, ..blank }
}
