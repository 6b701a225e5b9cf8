//! Record batches of the tables `pm_counters`, `counter_sets` and `pm_histograms`.

mod object;
mod rows;

use std::collections::{BTreeMap, HashSet};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::Micros;
use crate::model::{Block, MeasFile};
use object::Place;
use rows::{CounterRows, HistogramRows, SetRows};

/// What the caller knows about a file: the columns that do not come out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Where it came from: the name of a mapping or feed.
    pub source: String,
    /// The plan that took it.
    pub plan: String,
    /// Its sha256.
    pub file_id: String,
    /// The lineage document of the run.
    pub lineage_id: String,
    /// When its facts could be known.
    pub known_at: Micros,
    /// When it was loaded.
    pub ingested_at: Micros,
    /// Buckets of the tables.
    pub buckets: u32,
}

/// The rows of some files, as one batch per table; a table without rows has an empty batch.
#[derive(Debug, Clone)]
pub struct Batches {
    /// Rows of `pm_counters`.
    pub pm_counters: RecordBatch,
    /// Rows of `counter_sets`, each set once.
    pub counter_sets: RecordBatch,
    /// Rows of `pm_histograms`.
    pub pm_histograms: RecordBatch,
}

/// What the batches hold, counted where they are built; the parser's
/// [`Counts`](crate::Counts) must agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of `pm_counters`.
    pub objects: u64,
    /// Numbers in `pm_counters.values`.
    pub scalars: u64,
    /// Rows of `pm_histograms`.
    pub lists: u64,
}

/// Gathers files into batches.
#[derive(Debug, Default)]
pub struct Batcher {
    counters: CounterRows,
    sets: SetRows,
    histograms: HistogramRows,
    written: Written,
}

impl Batcher {
    /// Adds a file and returns what it added.
    pub fn push(&mut self, file: &MeasFile, load: &Load) -> Written {
        let before = self.written;
        for block in &file.blocks {
            self.push_block(file, block, load);
        }
        Written {
            objects: self.written.objects - before.objects,
            scalars: self.written.scalars - before.scalars,
            lists: self.written.lists - before.lists,
        }
    }

    /// Numbers waiting, to decide when to [`Self::finish`].
    pub fn pending_values(&self) -> usize {
        self.counters.pending_values()
    }

    fn push_block(&mut self, file: &MeasFile, block: &Block, load: &Load) {
        let element = &file.elements[block.element];
        let columns = scalar_columns(block);
        let mut sets: BTreeMap<&str, String> = BTreeMap::new();
        for at in (0..block.objects.len()).filter(|_| !columns.is_empty()) {
            let place = Place::new(element, block, at);
            let set = sets.entry(place.class).or_insert_with(|| {
                let names = columns.iter().map(|column| block.counters[*column].as_str());
                self.sets.add(&file.vendor, place.class, names, load)
            });
            self.written.scalars += self.counters.add(&place, set, &columns, load);
            self.written.objects += 1;
        }
        for list in &block.lists {
            let place = Place::new(element, block, list.object);
            self.histograms.add(&place, list, load);
            self.written.lists += 1;
        }
    }

    /// The gathered rows; the batcher is empty afterwards.
    ///
    /// **Errors**: only when the catalogue and this module disagree about a column.
    pub fn finish(&mut self) -> Result<Batches, ArrowError> {
        let taken = std::mem::take(self);
        Ok(Batches {
            pm_counters: taken.counters.finish()?,
            counter_sets: taken.sets.finish()?,
            pm_histograms: taken.histograms.finish()?,
        })
    }
}

/// Columns that hold scalars. A counter whose every value here is a list belongs to
/// `pm_histograms` alone: a null in `values` would read as missing.
fn scalar_columns(block: &Block) -> Vec<usize> {
    let listed: HashSet<usize> = block.lists.iter().map(|list| list.counter).collect();
    let has_scalar =
        |column: usize| (0..block.objects.len()).any(|object| !block.row(object)[column].is_nan());
    (0..block.counters.len())
        .filter(|column| !listed.contains(column) || has_scalar(*column))
        .collect()
}

#[cfg(test)]
mod tests;
