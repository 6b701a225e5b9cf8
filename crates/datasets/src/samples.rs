//! Sample sets: labelled cutoffs, slice by slice.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{Float32Type, Float64Type, TimestampMicrosecondType};
use foresite_features::task::{Micros, SliceName, Task, WEEK};
use foresite_schema::catalog::derived;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Read;

use crate::Reader;
use crate::reader::bad_data;

const COLUMNS: [&str; 11] = [
    "sample_set_id",
    "entity_id",
    "cutoff",
    "slice",
    "label",
    "labels",
    "mask_reason",
    "weight",
    "features",
    "known_at",
    "lineage_id",
];

/// One labelled cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Index into [`SampleSet::entities`].
    pub entity: usize,
    /// The cutoff.
    pub cutoff: Micros,
    /// Its slice.
    pub slice: SliceName,
    /// Single label.
    pub label: Option<f64>,
    /// Label per hazard bin or forecast step.
    pub labels: Vec<Option<f64>>,
    /// Why it does not count.
    pub mask: Option<String>,
    /// Weight.
    pub weight: f64,
    /// Raw feature row, NaN = missing; empty where the task stores none.
    pub features: Vec<f64>,
}

/// A whole sample set, ordered by entity and cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSet {
    /// Id of the set.
    pub id: String,
    /// Entity ids, sorted.
    pub entities: Vec<String>,
    /// The samples.
    pub samples: Vec<Sample>,
    /// Length of the blocks that the bootstrap draws whole: a week, or the horizon of a label where
    /// that is longer, because labels that overlap are one piece of evidence.
    block: Micros,
}

impl SampleSet {
    /// Reads a set: the one asked for, or the one that became known last.
    ///
    /// # Errors
    /// `Missing` where there is none; `BadData` for rows that cannot be read.
    pub fn read(reader: &mut Reader<'_>, task: &Task, asked: Option<&str>) -> Result<Self> {
        let none = |what: &str| {
            StageError::new(ErrorKind::Missing, format!("samples of task `{}`: {what}", task.task))
                .hint("run foresite-featurize with --step samples first")
        };
        let def = derived::samples(&task.task);
        let id = match asked {
            Some(id) => id.to_owned(),
            None => newest(reader, task)?.ok_or_else(|| none("no sample set is known"))?,
        };
        let read = Read::all().columns(COLUMNS).text("sample_set_id", &id);
        let batches = reader.rows(def, read, "lineage_id")?;
        let mut rows = Vec::new();
        for batch in &batches {
            read_batch(batch, &mut rows)?;
        }
        if rows.is_empty() {
            return Err(none(&format!("no rows of set {id}")));
        }
        Ok(Self::assemble(id, rows, WEEK.max(task.horizon().micros())))
    }

    fn assemble(id: String, mut rows: Vec<(String, Sample)>, block: Micros) -> Self {
        rows.sort_by(|a, b| (&a.0, a.1.cutoff).cmp(&(&b.0, b.1.cutoff)));
        let mut entities: Vec<String> = rows.iter().map(|(entity, _)| entity.clone()).collect();
        entities.dedup();
        let index: HashMap<&str, usize> =
            entities.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let samples = rows
            .into_iter()
            .map(|(entity, sample)| Sample { entity: index[entity.as_str()], ..sample })
            .collect();
        Self { id, entities, samples, block }
    }

    /// The block of a sample: its entity and stretch of time.
    pub fn block(&self, sample: &Sample) -> u64 {
        let stretch = u64::try_from(sample.cutoff.div_euclid(self.block)).unwrap_or(0);
        (sample.entity as u64) << 32 | stretch
    }

    /// Samples that count, of one slice.
    pub fn of(&self, slice: SliceName) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.slice == slice && sample.mask.is_none())
    }

    /// First and last cutoff of a slice, masked samples included.
    pub fn span(&self, slice: SliceName) -> Option<(Micros, Micros)> {
        let cutoffs = self.samples.iter().filter(|s| s.slice == slice).map(|s| s.cutoff);
        cutoffs.fold(None, |span, at| match span {
            None => Some((at, at)),
            Some((first, last)) => Some((first.min(at), last.max(at))),
        })
    }

    /// Samples per slice: those that count, and the reasons of the others.
    pub fn counts(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for sample in &self.samples {
            let reason = sample.mask.as_deref().unwrap_or("used").to_owned();
            let slice = counts.entry(sample.slice.word().to_owned()).or_default();
            *slice.entry(reason).or_default() += 1;
        }
        counts
    }
}

impl Sample {
    /// Labels as the models take them: NaN = not observed.
    pub fn targets(&self, outputs: usize) -> Vec<f64> {
        if self.labels.is_empty() {
            return vec![self.label.unwrap_or(f64::NAN)];
        }
        (0..outputs).map(|k| self.labels.get(k).copied().flatten().unwrap_or(f64::NAN)).collect()
    }
}

/// The set that became known last; of several made as of the same time, the one computed last.
fn newest(reader: &mut Reader<'_>, task: &Task) -> Result<Option<String>> {
    let columns = ["sample_set_id", "known_at", "ingested_at"];
    let read = Read::all().columns(columns).as_of(reader.as_of());
    let Some(table) = reader.root().find(derived::samples(&task.task))? else {
        return Ok(None);
    };
    let mut best: Option<(Micros, Micros, String)> = None;
    for batch in table.scan(&read)? {
        let batch = batch?;
        let ids = batch.column(0).as_string::<i32>();
        let times = [1, 2].map(|at| batch.column(at).as_primitive::<TimestampMicrosecondType>());
        for row in 0..batch.num_rows() {
            let (known, made, id) = (times[0].value(row), times[1].value(row), ids.value(row));
            if best.as_ref().is_none_or(|(k, m, have)| (known, made, id) > (*k, *m, have.as_str()))
            {
                best = Some((known, made, id.to_owned()));
            }
        }
    }
    Ok(best.map(|(.., id)| id))
}

fn read_batch(batch: &RecordBatch, rows: &mut Vec<(String, Sample)>) -> Result<()> {
    let column = |name: &str| {
        batch.column_by_name(name).ok_or_else(|| bad_data(format!("samples: no column `{name}`")))
    };
    let text = |name: &str| column(name).map(|array| array.as_string::<i32>());
    let (ids, slices, masks) = (text("entity_id")?, text("slice")?, text("mask_reason")?);
    let cutoffs = column("cutoff")?.as_primitive::<TimestampMicrosecondType>();
    let label = column("label")?.as_primitive::<Float32Type>();
    let weight = column("weight")?.as_primitive::<Float32Type>();
    let (labels, features) = (column("labels")?, column("features")?);
    for row in 0..batch.num_rows() {
        let word = slices.value(row);
        let slice = SliceName::from_word(word)
            .ok_or_else(|| bad_data(format!("samples: unknown slice `{word}`")))?;
        let features = list(features, row).into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        let sample = Sample {
            entity: 0,
            cutoff: cutoffs.value(row),
            slice,
            label: label.is_valid(row).then(|| f64::from(label.value(row))),
            labels: list(labels, row),
            mask: masks.is_valid(row).then(|| masks.value(row).to_owned()),
            weight: f64::from(weight.value(row)),
            features,
        };
        rows.push((ids.value(row).to_owned(), sample));
    }
    Ok(())
}

fn list(array: &arrow::array::ArrayRef, row: usize) -> Vec<Option<f64>> {
    let lists = array.as_list::<i32>();
    if lists.is_null(row) {
        return Vec::new();
    }
    lists.value(row).as_primitive::<Float64Type>().iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cutoff: Micros, slice: SliceName, mask: Option<&str>) -> Sample {
        Sample {
            entity: 0,
            cutoff,
            slice,
            label: Some(1.0),
            labels: vec![],
            mask: mask.map(str::to_owned),
            weight: 1.0,
            features: vec![],
        }
    }

    #[test]
    fn sets_are_ordered_and_counted() {
        let rows = vec![
            ("b".to_owned(), sample(2, SliceName::Test, None)),
            ("a".to_owned(), sample(5, SliceName::Fit, None)),
            ("a".to_owned(), sample(1, SliceName::Fit, Some("settling"))),
        ];
        let set = SampleSet::assemble("s".into(), rows, WEEK);
        assert_eq!(set.entities, ["a", "b"]);
        assert_eq!(set.samples.iter().map(|s| s.entity).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(set.of(SliceName::Fit).count(), 1);
        assert_eq!(set.span(SliceName::Fit), Some((1, 5)));
        assert_eq!(set.counts()["fit"]["settling"], 1);
    }

    #[test]
    fn blocks_are_stretches_of_an_entity() {
        let at = |cutoff| ("a".to_owned(), sample(cutoff, SliceName::Fit, None));
        let set = SampleSet::assemble("s".into(), vec![at(0), at(WEEK - 1), at(WEEK)], WEEK);
        let blocks: Vec<u64> = set.samples.iter().map(|sample| set.block(sample)).collect();
        assert!(blocks[0] == blocks[1] && blocks[1] != blocks[2]);
    }

    #[test]
    fn unobserved_labels_are_not_a_number() {
        let mut hazards = sample(0, SliceName::Fit, None);
        hazards.labels = vec![Some(0.0), None];
        let targets = hazards.targets(3);
        assert!(targets[0] == 0.0 && targets[1].is_nan() && targets[2].is_nan());
    }
}
