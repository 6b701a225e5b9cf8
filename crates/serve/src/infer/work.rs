//! The part of a request that a worker does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use foresite_datasets::{Fitted, Reader};
use foresite_features::task::Micros;
use foresite_scoring::{ByRow, GivenRow, Scorer, Sources};
use foresite_tables::Root;
use jiff::Timestamp;
use tokio::sync::oneshot::{Receiver, Sender};
use tracing::Span;

use super::ask::Row;
use super::sheets::{Key, Sheets};
use crate::model::Loaded;
use crate::pool::Job;
use crate::refusal::{Kind, Refusal};

/// Multiplications that take about a tenth of a millisecond.
const QUICK: usize = 1 << 19;

/// What a worker hands back: the statements about every row, in order.
type Outcome = Result<ByRow, Refusal>;

/// Rows of one model.
pub(crate) struct Work {
    pub(crate) model: Arc<Loaded>,
    pub(crate) rows: Vec<Row>,
    /// Features or histories of the whole request.
    pub(crate) numbers: Arc<[f64]>,
    pub(crate) drivers: usize,
    pub(crate) as_of: Option<Micros>,
    pub(crate) root: Root,
    pub(crate) sheets: Arc<Sheets>,
    pub(crate) deadline: Instant,
    pub(crate) reply: Sender<Outcome>,
}

/// Rows of one model that a worker has.
pub(crate) struct Open {
    pub(crate) model: Arc<Loaded>,
    /// Their places in the request.
    pub(crate) places: Vec<usize>,
    /// Whether tables are read for them.
    pub(crate) is_read: bool,
    pub(crate) outcome: Receiver<Outcome>,
}

impl Open {
    /// What the worker says, where it says so in time.
    pub(crate) async fn said(&mut self, deadline: Instant) -> Outcome {
        match tokio::time::timeout_at(deadline.into(), &mut self.outcome).await {
            Ok(Ok(outcome)) => outcome,
            // The worker panicked and said why on its way, or saw that the time was up.
            Ok(Err(_)) if Instant::now() < deadline => {
                Err(Refusal::new(Kind::Internal, "the prediction failed; the log says why"))
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::new(Kind::TimedOut, "no prediction in time")),
        }
    }
}

impl Job for Work {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn goes_with(&self, other: &Self) -> bool {
        // Series go through a forecaster one by one anyway.
        let is_tabular = matches!(self.model.package.fitted, Fitted::Tabular { .. });
        is_tabular
            && Arc::ptr_eq(&self.model, &other.model)
            && self.drivers == other.drivers
            && self.is_at_hand()
            && other.is_at_hand()
    }

    fn together(jobs: &mut Vec<(Span, Self)>) {
        jobs.retain(|(_, job)| job.is_awaited());
        let Some((_, first)) = jobs.first() else { return };
        let rows: Vec<_> = jobs.iter().flat_map(|(_, job)| job.given(&job.rows)).collect();
        // Whose rows these do not fit hears so alone.
        let Ok(said) = first.scorer().of_features(&rows) else { return };
        let mut said = said.each();
        for (_, job) in jobs.drain(..) {
            let own = said.by_ref().take(job.rows.len()).collect();
            drop(job.reply.send(Ok(own)));
        }
    }

    fn run(mut self) {
        if !self.is_awaited() {
            return;
        }
        let rows = std::mem::take(&mut self.rows);
        let outcome = self.outcome(rows);
        drop(self.reply.send(outcome));
    }
}

impl Work {
    /// Whether it takes less time than to hand it to another thread and to wake up again.
    pub(crate) fn is_quick(&self) -> bool {
        let scorer = self.scorer();
        let each = scorer.operations().filter(|_| self.drivers == 0 && self.is_at_hand());
        each.is_some_and(|operations| self.rows.len().saturating_mul(operations) <= QUICK)
    }

    /// Who hung up or got a time-out needs no answer any more.
    fn is_awaited(&self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.deadline
    }

    /// Whether nothing is to be read for its rows.
    fn is_at_hand(&self) -> bool {
        self.rows.iter().all(|row| row.values.is_some())
    }

    fn scorer(&self) -> Scorer<'_> {
        Scorer { package: &self.model.package, drivers: self.drivers }
    }

    fn outcome(&self, rows: Vec<Row>) -> Outcome {
        if rows.iter().all(|row| row.values.is_some()) {
            return self.at_hand(&rows);
        }
        let scorer = self.scorer();
        let mut sheets: BTreeMap<Micros, Arc<Sources>> = BTreeMap::new();
        rows.into_iter()
            .map(|Row { entity, cutoff, .. }| {
                let sources = match sheets.get(&cutoff) {
                    Some(sources) => Arc::clone(sources),
                    None => {
                        let read = self.sheet(scorer, cutoff)?;
                        sheets.insert(cutoff, Arc::clone(&read));
                        read
                    }
                };
                Ok(scorer.statements(&sources, &BTreeMap::from([(cutoff, vec![entity])]))?)
            })
            .collect()
    }

    /// Rows that brought their values along, all of them together through the model.
    fn at_hand(&self, rows: &[Row]) -> Outcome {
        let scorer = self.scorer();
        let given = self.given(rows);
        if let Fitted::Forecast { .. } = &self.model.package.fitted {
            let of = |row: GivenRow<'_>| scorer.of_series(row.entity, row.cutoff, row.values);
            return Ok(given.map(of).collect::<Result<_, _>>()?);
        }
        Ok(scorer.of_features(&given.collect::<Vec<_>>())?)
    }

    fn given<'a>(&'a self, rows: &'a [Row]) -> impl Iterator<Item = GivenRow<'a>> {
        rows.iter().map(|row| GivenRow {
            entity: &row.entity,
            cutoff: row.cutoff,
            values: row.values.clone().map(|at| &self.numbers[at]).unwrap_or_default(),
        })
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
