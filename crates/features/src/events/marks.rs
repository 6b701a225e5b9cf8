//! People's marks on predictions, from rows of `feedback`.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_schema::marks::Mark;
use foresite_schema::{concerns, site_of};

use crate::batch::{BatchError, Texts, Times};
use crate::task::Micros;

/// One mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The entity that it is about.
    pub entity_id: String,
    /// What was said.
    pub mark: Mark,
    /// When it was done, seen or judged.
    pub at: Micros,
    /// When it could be known first.
    pub known_at: Micros,
    /// Task of the prediction, or the one that missed the event.
    pub task: Option<String>,
    /// Cutoff of the prediction.
    pub cutoff: Option<Micros>,
    /// The incident that it was marked as a part of.
    pub incident_id: Option<String>,
    /// Who said so.
    pub person: Option<String>,
}

impl Marked {
    /// Whether it counts for the task: what names a task is about that one alone.
    pub fn is_about(&self, task: &str) -> bool {
        self.task.as_deref().is_none_or(|own| own == task)
    }

    /// Whether another version of the mark says the same: what may differ are the words, and when
    /// it came.
    fn says_what(&self, other: &Self) -> bool {
        let about = |marked: &Self| (marked.mark, marked.at, marked.cutoff);
        about(self) == about(other)
            && (&self.entity_id, &self.task, &self.person)
                == (&other.entity_id, &other.task, &other.person)
    }
}

/// The version of a mark that counts: the newest one, known since it was first said. A mark that is
/// sent once more was known all the time.
fn counting(versions: &[Marked]) -> Option<Marked> {
    let newest = versions.iter().max_by_key(|version| version.known_at)?;
    let same = versions.iter().filter(|version| version.says_what(newest));
    let known_at = same.map(|version| version.known_at).min()?;
    Some(Marked { known_at, ..newest.clone() })
}

/// Marks by site.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    by_site: BTreeMap<String, Vec<Marked>>,
}

impl Marks {
    /// Adds marks.
    pub fn new(marks: impl IntoIterator<Item = Marked>) -> Self {
        let mut by_site: BTreeMap<String, Vec<Marked>> = BTreeMap::new();
        for marked in marks {
            by_site.entry(site_of(&marked.entity_id).to_owned()).or_default().push(marked);
        }
        Self { by_site }
    }

    /// Rows of `feedback`; every version that the table holds may be given, the newest counts,
    /// known since the first one that says the same.
    ///
    /// # Errors
    /// When a column is missing or has another type. An older table has no `task`, `cutoff`.
    pub fn read(batches: &[RecordBatch]) -> Result<Self, BatchError> {
        let mut versions: BTreeMap<(String, Mark), Vec<Marked>> = BTreeMap::new();
        for batch in batches {
            let text = |name| Texts::of(batch, name);
            let (ids, words, entities) = (text("feedback_id")?, text("fact")?, text("entity_id")?);
            let (at, known) = (Times::of(batch, "at")?, Times::of(batch, "known_at")?);
            let optional = |name| batch.column_by_name(name).map(|_| Texts::of(batch, name));
            let (tasks, persons) = (optional("task").transpose()?, optional("person").transpose()?);
            let cutoffs = batch.column_by_name("cutoff").map(|_| Times::of(batch, "cutoff"));
            let cutoffs = cutoffs.transpose()?;
            let incidents = optional("incident_id").transpose()?;
            for row in 0..batch.num_rows() {
                let key = ids.owned(row).zip(words.at(row).and_then(Mark::from_word));
                let moments = at.at(row).zip(known.at(row));
                // A mark without an entity belongs to nobody.
                let (Some(key), Some((at, known_at)), Some(entity_id)) =
                    (key, moments, entities.owned(row))
                else {
                    continue;
                };
                let marked = Marked {
                    entity_id,
                    mark: key.1,
                    at,
                    known_at,
                    task: tasks.as_ref().and_then(|tasks| tasks.owned(row)),
                    cutoff: cutoffs.as_ref().and_then(|cutoffs| cutoffs.at(row)),
                    incident_id: incidents.as_ref().and_then(|incidents| incidents.owned(row)),
                    person: persons.as_ref().and_then(|persons| persons.owned(row)),
                };
                versions.entry(key).or_default().push(marked);
            }
        }
        Ok(Self::new(versions.values().filter_map(|versions| counting(versions))))
    }

    /// Marks on the entity, on what stands below it and on what it stands on.
    pub fn of<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = &'a Marked> {
        let marks = self.by_site.get(site_of(entity));
        marks.into_iter().flatten().filter(move |marked| concerns(&marked.entity_id, entity))
    }

    /// Events that the task missed: reported for it, or for this very entity without a word about
    /// whose they were.
    pub fn missed<'a>(
        &'a self,
        entity: &'a str,
        task: &'a str,
    ) -> impl Iterator<Item = &'a Marked> {
        self.of(entity).filter(move |marked| {
            let is_own = match marked.task.as_deref() {
                Some(own) => own == task,
                None => marked.entity_id == entity,
            };
            marked.mark == Mark::Missed && is_own
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn batch(columns: &[&str]) -> RecordBatch {
        let text =
            |values: [&'static str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let time = |values: [i64; 3]| {
            let values = TimestampMicrosecondArray::from(values.to_vec());
            Arc::new(values.with_timezone("UTC")) as ArrayRef
        };
        let all = [
            ("feedback_id", text(["f1", "f1", "f2"])),
            ("fact", text(["wrong", "wrong", "maybe"])),
            ("at", time([5, 6, 5])),
            ("entity_id", text(["r/A/1", "r/A/1", "r/A/1"])),
            ("known_at", time([9, 20, 9])),
            ("task", text(["anomaly", "anomaly", "anomaly"])),
            ("cutoff", time([4, 4, 4])),
            ("person", text(["Kim", "Kim", "Kim"])),
        ];
        let wanted = all.into_iter().filter(|(name, _)| columns.contains(name));
        RecordBatch::try_from_iter(wanted).unwrap()
    }

    const OLD: [&str; 5] = ["feedback_id", "fact", "at", "entity_id", "known_at"];

    #[test]
    fn the_newest_version_of_a_mark_counts_and_other_words_are_none() {
        let all = [&OLD[..], &["task", "cutoff", "person"]].concat();
        let marks = Marks::read(&[batch(&all)]).unwrap();
        let found: Vec<&Marked> = marks.of("r/A/1").collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].at, found[0].cutoff), (6, Some(4)));
        assert_eq!(found[0].person.as_deref(), Some("Kim"));
        assert_eq!(marks.of("r/A/2").count(), 0);
        assert_eq!(marks.of("r/A").count(), 1, "a site sees the marks on its cells");
    }

    #[test]
    fn a_mark_that_is_sent_again_was_known_since_the_first_time() {
        let versions = |at: [i64; 3], known_at: [i64; 3]| {
            let marked = |(at, known_at)| Marked {
                entity_id: "r/A/1".into(),
                mark: Mark::Wrong,
                at,
                known_at,
                task: Some("anomaly".into()),
                cutoff: Some(4),
                incident_id: None,
                person: Some("Kim".into()),
            };
            let versions: Vec<Marked> = at.into_iter().zip(known_at).map(marked).collect();
            counting(&versions).map(|marked| (marked.at, marked.known_at))
        };
        assert_eq!(versions([5, 5, 5], [9, 7, 20]), Some((5, 7)));
        assert_eq!(versions([5, 5, 6], [9, 7, 20]), Some((6, 20)), "corrected, not repeated");
        assert_eq!(versions([5, 6, 6], [9, 20, 30]), Some((6, 20)));
        assert_eq!(counting(&[]), None);
    }

    #[test]
    fn a_table_of_an_older_release_is_read() {
        let marks = Marks::read(&[batch(&OLD)]).unwrap();
        assert_eq!(marks.of("r/A/1").next().unwrap().task, None);
        assert!(Marks::read(&[batch(&OLD[1..])]).is_err());
    }
}
