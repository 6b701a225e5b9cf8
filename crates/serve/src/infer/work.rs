//! The part of a request that a worker does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use foresite_datasets::{FeatureRow, Fitted, Reader};
use foresite_features::task::Micros;
use foresite_scoring::{Scorer, Sources, Statement};
use foresite_tables::Root;
use jiff::Timestamp;
use tokio::sync::oneshot::Sender;

use super::ask::Row;
use super::sheets::{Key, Sheets};
use crate::model::Loaded;
use crate::pool::Job;
use crate::refusal::{Kind, Refusal};

/// What a worker hands back: the statements about every row, in order.
pub(crate) type Outcome = Result<Vec<Vec<Statement>>, Refusal>;

/// Rows of one model.
pub(crate) struct Work {
    pub(crate) model: Arc<Loaded>,
    pub(crate) rows: Vec<Row>,
    pub(crate) drivers: usize,
    pub(crate) as_of: Option<Micros>,
    pub(crate) root: Root,
    pub(crate) sheets: Arc<Sheets>,
    pub(crate) deadline: Instant,
    pub(crate) reply: Sender<Outcome>,
}

impl Job for Work {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn run(self) {
        // Who hung up or got a time-out needs no answer any more.
        if self.reply.is_closed() || Instant::now() >= self.deadline {
            return;
        }
        let outcome = self.outcome();
        drop(self.reply.send(outcome));
    }
}

impl Work {
    fn outcome(&self) -> Outcome {
        let scorer = Scorer { package: &self.model.package, drivers: self.drivers };
        let mut sheets: BTreeMap<Micros, Arc<Sources>> = BTreeMap::new();
        self.rows
            .iter()
            .map(|row| match &row.values {
                Some(values) => self.at_hand(scorer, row, values),
                None => {
                    let sources = match sheets.get(&row.cutoff) {
                        Some(sources) => Arc::clone(sources),
                        None => {
                            let read = self.sheet(scorer, row.cutoff)?;
                            sheets.insert(row.cutoff, Arc::clone(&read));
                            read
                        }
                    };
                    let one = BTreeMap::from([(row.cutoff, vec![row.entity.clone()])]);
                    Ok(scorer.statements(&sources, &one)?)
                }
            })
            .collect()
    }

    fn at_hand(
        &self,
        scorer: Scorer<'_>,
        row: &Row,
        values: &[f64],
    ) -> Result<Vec<Statement>, Refusal> {
        let said = match &self.model.package.fitted {
            Fitted::Forecast { .. } => scorer.of_series(&row.entity, row.cutoff, values)?,
            _ => scorer.of_features(&FeatureRow {
                entity: row.entity.clone(),
                cutoff: row.cutoff,
                values: values.to_vec(),
            })?,
        };
        Ok(said)
    }

    fn sheet(&self, scorer: Scorer<'_>, cutoff: Micros) -> Result<Arc<Sources>, Refusal> {
        let model_id = self.model.id.clone();
        let key = Key { model_id, cutoff, as_of: self.as_of };
        self.sheets.get(key, || {
            let now = Timestamp::now().as_microsecond();
            let mut reader = Reader::new(&self.root, self.as_of.unwrap_or(now));
            scorer.read(&mut reader, &[cutoff]).map_err(|error| {
                let refusal = Refusal::from(error);
                let text = format!("the tables cannot be read: {}", refusal.text);
                let kind = match refusal.kind {
                    Kind::Unavailable => Kind::Unavailable,
                    _ => Kind::Internal,
                };
                Refusal::new(kind, text)
            })
        })
    }
}
