//! Forecasts, and the date on which a limit is passed.

use std::collections::BTreeMap;

use foresite_datasets::{first_ahead, limit};
use foresite_features::cube::Cube;
use foresite_features::task::{Micros, Task};
use foresite_models::forecast::{Forecast, Forecaster, Limit, SeriesSet};

use crate::statement::{Statement, driver};

/// A forecaster in use.
pub(crate) struct Ahead<'a> {
    pub(crate) task: &'a Task,
    pub(crate) model: &'a Forecaster,
    pub(crate) drivers: usize,
}

impl Ahead<'_> {
    /// Statements about every series at every cutoff; `values` are those of the cube.
    pub(crate) fn statements(
        &self,
        cube: &Cube,
        values: &SeriesSet,
        entities: &BTreeMap<Micros, Vec<String>>,
    ) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (cutoff, ids) in entities {
            let ids = if ids.is_empty() { cube.entities() } else { ids };
            let ahead = first_ahead(cube, *cutoff);
            for id in ids {
                let history = cube.entity(id).map(|at| &values.row(at)[..ahead]);
                statements.extend(self.of(id, *cutoff, history.unwrap_or(&[])));
            }
        }
        statements
    }

    /// Statements about one series that ends at the cutoff.
    pub(crate) fn of(&self, id: &str, cutoff: Micros, history: &[f64]) -> Vec<Statement> {
        let from = history.len().saturating_sub(self.model.look_back);
        let history = &history[from..];
        match self.model.predict(id, history) {
            Some(forecast) => self.about(id, cutoff, history, &forecast),
            None => vec![Statement::not_scored(id, cutoff, "too_little_history")],
        }
    }

    fn about(
        &self,
        id: &str,
        cutoff: Micros,
        history: &[f64],
        forecast: &Forecast,
    ) -> Vec<Statement> {
        let step = self.task.inputs.granularity.micros();
        let at = |ahead: usize| i64::try_from(ahead).unwrap_or(0) * step;
        let steps: Vec<usize> = match limit(self.task) {
            // Thirds of the horizon: 30, 60 and 90 days ahead of a capacity plan.
            Some(_) => vec![self.model.horizon / 3, 2 * self.model.horizon / 3, self.model.horizon],
            None => (1..=self.model.horizon).collect(),
        };
        let mut statements: Vec<Statement> = steps
            .into_iter()
            .filter(|ahead| *ahead > 0)
            .map(|ahead| Statement {
                horizon: at(ahead),
                drivers: self.parts(id, history, ahead - 1),
                ..self.at_step(id, cutoff, forecast, ahead - 1)
            })
            .collect();
        if let Some(limit) = limit(self.task) {
            self.date(id, cutoff, history, limit, &mut statements);
        }
        statements
    }

    fn at_step(&self, id: &str, cutoff: Micros, forecast: &Forecast, h: usize) -> Statement {
        let level = |q: f64| {
            let at = self.model.quantiles.iter().position(|have| (have - q).abs() < 1e-9)?;
            Some(forecast.quantiles[at][h])
        };
        Statement {
            entity_id: id.to_owned(),
            cutoff,
            score: Some(forecast.base[h]),
            low: level(0.1),
            median: level(0.5),
            high: level(0.9),
            values: forecast.quantiles.iter().map(|quantile| quantile[h]).collect(),
            ..Statement::default()
        }
    }

    /// Probabilities and dates of the first passage; a limit that is passed already is passed now.
    fn date(
        &self,
        id: &str,
        cutoff: Micros,
        history: &[f64],
        limit: Limit,
        statements: &mut [Statement],
    ) {
        let step = self.task.inputs.granularity.micros();
        let start = self.task.cutoffs.period_end(cutoff);
        if limit.is_passed(history) {
            for statement in statements {
                statement.probability = Some(1.0);
                statement.event_low_at = Some(start);
                statement.event_at = Some(start);
                statement.event_high_at = Some(start);
            }
            return;
        }
        let Some(passage) = self.model.passage(id, history, limit, seed(id, cutoff)) else {
            return;
        };
        // The step that completes the exceedance, by its start.
        let date = |q| Some(start + i64::try_from(passage.quantile(q)?).unwrap_or(0) * step);
        for statement in statements {
            let ahead = usize::try_from(statement.horizon / step).unwrap_or(0);
            statement.probability = Some(passage.within(ahead));
            statement.event_low_at = date(0.1);
            statement.event_at = date(0.5);
            statement.event_high_at = date(0.9);
        }
    }

    /// Level, weekly shape and change as shares of the forecast; they add up to one.
    fn parts(&self, id: &str, history: &[f64], h: usize) -> Vec<String> {
        if self.drivers == 0 {
            return Vec::new();
        }
        let Some(parts) = self.model.components(id, history, h) else {
            return Vec::new();
        };
        let total = parts.level + parts.shape + parts.change;
        if total.abs() < 1e-9 {
            return Vec::new();
        }
        let named =
            [("level", parts.level), ("weekly_shape", parts.shape), ("change", parts.change)];
        named.into_iter().map(|(name, part)| driver(name, part / total, None)).collect()
    }
}

/// Paths of a series at a cutoff are the same in every run.
fn seed(id: &str, cutoff: Micros) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^ cutoff.unsigned_abs()
}
