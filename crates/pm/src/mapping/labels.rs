//! The table `labels`: what a data set says about itself, and which stretches of rows it has.

use std::collections::HashMap;

use foresite_schema::catalog::raw;

use super::assemble::Assembly;
use super::leaf::Name;
use super::number::NumberRules;
use super::rows::{Entities, Rows};
use super::spec::{Clock, LabelFrom, Role, SegmentEnd, SegmentRole};
use super::value::{Rejects, Texts};
use super::{MappingError, TableBatch};
use crate::Micros;

/// The label of the stretches of rows themselves.
const SEGMENT: &str = "segment";

/// One row of `labels`.
struct Mark {
    /// Row of the file that names the entity.
    row: usize,
    name: String,
    at: Micros,
    end_at: Option<Micros>,
    value: Option<f64>,
    class: Option<String>,
}

/// The labels of the mapping and the segments of the file; `None` when it has neither.
pub(super) fn labels(
    rows: &Rows<'_>,
    entities: &Entities,
    rejects: &mut Rejects,
) -> Result<Option<TableBatch>, MappingError> {
    let mut marks = Vec::new();
    let is_due = |role: Option<Role>| role.is_none() || role == rows.source.role;
    for label in rows.spec.labels.iter().filter(|label| is_due(label.role)) {
        let reader = Reader { rows, entities, name: &label.name };
        marks.extend(reader.read(&label.from, rejects)?);
    }
    if rows.spec.segments.is_some() || rows.source.role.is_some() {
        marks.extend(segments(rows, entities, rejects)?);
    }
    let is_named = |row: usize| !entities.kind(row).is_empty() && !entities.id(row).is_empty();
    marks.retain(|mark| !rejects.has(mark.row) && is_named(mark.row));
    if marks.is_empty() {
        return Ok(None);
    }
    Ok(Some(table(rows, entities, &marks)?))
}

fn table(rows: &Rows<'_>, entities: &Entities, marks: &[Mark]) -> Result<TableBatch, MappingError> {
    let mut out = Assembly::new(raw::labels(), marks.len());
    out.set_texts("entity_type", marks.iter().map(|mark| entities.kinds.get(mark.row)));
    out.set_texts("entity_id", marks.iter().map(|mark| entities.ids.get(mark.row)));
    out.set_texts("label", marks.iter().map(|mark| Some(mark.name.as_str())));
    out.set_times("at", marks.iter().map(|mark| Some(mark.at)));
    out.set_times("end_at", marks.iter().map(|mark| mark.end_at));
    let values: arrow::array::Float64Array = marks.iter().map(|mark| mark.value).collect();
    out.set("value", std::sync::Arc::new(values));
    out.set_texts("class", marks.iter().map(|mark| mark.class.as_deref()));
    out.set_texts("role", marks.iter().map(|_| rows.source.role.map(Role::word)));
    let known =
        marks.iter().map(|mark| Some(rows.known_after(mark.row, mark.end_at.unwrap_or(mark.at))));
    out.set_times("known_at", known);
    out.finish(rows.spec.name.as_str(), rows.provenance, None)
}

/// Reads one label of the mapping.
struct Reader<'a> {
    rows: &'a Rows<'a>,
    entities: &'a Entities,
    name: &'a Name,
}

impl Reader<'_> {
    fn read(&self, from: &LabelFrom, rejects: &mut Rejects) -> Result<Vec<Mark>, MappingError> {
        match from {
            LabelFrom::Points(value) => {
                let values = self.numbers(value, rejects)?;
                Ok(self.points(&values, rejects))
            }
            LabelFrom::Interval { start, end, value } => {
                let values =
                    value.as_ref().map(|value| self.numbers(value, rejects)).transpose()?;
                self.intervals(start, end, values.as_deref(), rejects)
            }
            LabelFrom::LastRow(value) => {
                let values = self.numbers(value, rejects)?;
                let ordered = self.ordered(rejects);
                let is_last = |index: &usize| {
                    let next = ordered.get(index + 1);
                    next.is_none_or(|next| self.code(*next) != self.code(ordered[*index]))
                };
                let last = (0..ordered.len()).filter(is_last).map(|index| ordered[index]);
                Ok(last.filter_map(|row| self.point(row, values[row]?)).collect())
            }
            LabelFrom::EachRow(value) => {
                let values = self.numbers(value, rejects)?;
                let rows = (0..self.rows.len()).filter(|row| !rejects.has(*row));
                Ok(rows.filter_map(|row| self.point(row, values[row]?)).collect())
            }
            LabelFrom::Class(value) => {
                let classes = self.rows.texts(Some(value), rejects)?;
                Ok((0..self.rows.len()).filter_map(|row| self.class(row, &classes)).collect())
            }
        }
    }

    fn numbers(
        &self,
        value: &super::leaf::Value,
        rejects: &mut Rejects,
    ) -> Result<Vec<Option<f64>>, MappingError> {
        let rules = NumberRules::plain(self.name.as_str());
        Ok(self.rows.scope().numbers(value, &rules, rejects)?.iter().collect())
    }

    fn code(&self, row: usize) -> u32 {
        self.entities.codes[row]
    }

    /// The usable rows, by entity and time.
    fn ordered(&self, rejects: &Rejects) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.rows.len()).filter(|row| !rejects.has(*row)).collect();
        rows.sort_by_key(|row| (self.code(*row), self.rows.times[*row]));
        rows
    }

    fn point(&self, row: usize, value: f64) -> Option<Mark> {
        let (name, at) = (self.name.as_str().to_owned(), self.rows.times[row]?);
        Some(Mark { row, name, at, end_at: None, value: Some(value), class: None })
    }

    fn class(&self, row: usize, classes: &Texts) -> Option<Mark> {
        let class = classes.get(row)?.to_owned();
        Some(Mark { class: Some(class), value: None, ..self.point(row, 0.0)? })
    }

    /// Marked rows that follow each other become one interval.
    fn points(&self, values: &[Option<f64>], rejects: &Rejects) -> Vec<Mark> {
        let cadence = self.rows.cadence();
        let mut marks: Vec<Mark> = Vec::new();
        for row in self.ordered(rejects) {
            let (Some(at), Some(value)) = (self.rows.times[row], values[row]) else { continue };
            if value == 0.0 {
                continue;
            }
            let end_at = (cadence > 0).then_some(at + cadence);
            let follows = |mark: &&mut Mark| {
                self.code(mark.row) == self.code(row)
                    && mark.end_at == Some(at)
                    && mark.value == Some(value)
            };
            match marks.last_mut().filter(follows) {
                Some(mark) => mark.end_at = end_at,
                None => {
                    let name = self.name.as_str().to_owned();
                    marks.push(Mark { row, name, at, end_at, value: Some(value), class: None });
                }
            }
        }
        marks
    }

    fn intervals(
        &self,
        start: &Clock,
        end: &Clock,
        values: Option<&[Option<f64>]>,
        rejects: &mut Rejects,
    ) -> Result<Vec<Mark>, MappingError> {
        let starts = self.rows.moments(start, rejects)?;
        let ends = self.rows.moments(end, rejects)?;
        let mut marks = Vec::new();
        for row in 0..self.rows.len() {
            let (Some(at), Some(end_at)) = (starts[row], ends[row]) else {
                rejects
                    .add(row, || format!("label `{}`: start or end is empty", self.name.as_str()));
                continue;
            };
            if end_at < at {
                rejects
                    .add(row, || format!("label `{}` ends before it starts", self.name.as_str()));
                continue;
            }
            let value = values.map_or(Some(1.0), |values| values[row]);
            let name = self.name.as_str().to_owned();
            marks.push(Mark { row, name, at, end_at: Some(end_at), value, class: None });
        }
        Ok(marks)
    }
}

/// A mark per stretch of rows of an entity: from its first to behind its last row.
fn segments(
    rows: &Rows<'_>,
    entities: &Entities,
    rejects: &mut Rejects,
) -> Result<Vec<Mark>, MappingError> {
    let declared = rows.spec.segments.as_ref();
    let by = declared.and_then(|segments| segments.by.as_ref());
    let by = rows.texts(by, rejects)?;
    let cadence = rows.cadence();
    let mut order: Vec<(u32, &str)> = Vec::new();
    let mut found: HashMap<(u32, &str), (usize, Micros, Micros)> = HashMap::new();
    for row in (0..rows.len()).filter(|row| !rejects.has(*row)) {
        let Some(at) = rows.times[row] else { continue };
        let key = (entities.codes[row], by.get(row).unwrap_or_default());
        let (_, start, end) = found.entry(key).or_insert_with(|| {
            order.push(key);
            (row, at, at + cadence)
        });
        *start = (*start).min(at);
        *end = (*end).max(at + cadence);
    }
    let value = match end_of(rows) {
        Some(SegmentEnd::Event) => Some(1.0),
        Some(SegmentEnd::Censored) => Some(0.0),
        None => None,
    };
    let is_continuous = declared.is_some_and(|segments| segments.continuous);
    let class = if is_continuous { "continuous" } else { "separate" };
    let marks = order.iter().filter_map(|key| {
        let (row, at, end_at) = *found.get(key)?;
        let (name, class) = (SEGMENT.to_owned(), Some(class.to_owned()));
        Some(Mark { row, name, at, end_at: Some(end_at), value, class })
    });
    Ok(marks.collect())
}

fn end_of(rows: &Rows<'_>) -> Option<SegmentEnd> {
    let ends = &rows.spec.segments.as_ref()?.end;
    let role = rows.source.role.map(|role| match role {
        Role::Train => SegmentRole::Train,
        Role::Test => SegmentRole::Test,
    });
    role.and_then(|role| ends.get(&role)).or_else(|| ends.get(&SegmentRole::All)).copied()
}
