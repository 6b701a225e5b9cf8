//! Tabular mappings: any CSV or Parquet export as rows of our tables, described by a JSON file.
//!
//! A [`Mapping`] is parsed and checked once. [`Mapping::matches`] says whether a file belongs to
//! it; [`Mapping::read`] turns the bytes into record batches. No I/O happens here: whoever calls
//! brings the bytes, those of joined files included.
//!
//! Every row is accounted for: `rows_read` is always `rows_written` plus the rejected rows. What
//! is a row follows the shape: a line of the file, or, where columns are entities, a line and
//! column. The memory needed is a small multiple of the unpacked file, which [`Limits`] bounds.
//!
//! `docs/bring_your_own_data.md` explains how to write a mapping.

mod assemble;
mod check;
mod civil;
mod csv_file;
mod error;
mod facts;
mod fields;
mod frame;
mod join;
mod kpis;
mod labels;
mod leaf;
mod long;
mod model;
mod moment;
mod needs;
mod number;
mod parquet_file;
mod pattern;
mod rows;
pub mod spec;
mod states;
mod statics;
mod value;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use foresite_schema::TableDef;
use libdeflater::Decompressor;
use serde::{Deserialize, Serialize};

use frame::{Asked, Frame, unpivot};
use long::LongColumns;
use needs::Needs;
use rows::{Entities, Rows};
use value::Rejects;

pub use error::MappingError;
pub use leaf::{Instant, Name, Value, Zone};
pub use model::{Input, Mapped, Match, Provenance, Rejected, TableBatch};
pub use pattern::{Captures, Pattern};
pub use spec::{Channel, ChannelKind, Role, Shape, Spec, Target};

use crate::Limits;

/// A checked mapping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Spec", into = "Spec")]
pub struct Mapping(Spec);

impl TryFrom<Spec> for Mapping {
    type Error = String;

    fn try_from(spec: Spec) -> Result<Self, String> {
        check::check(&spec)?;
        Ok(Self(spec))
    }
}

impl From<Mapping> for Spec {
    fn from(mapping: Mapping) -> Self {
        mapping.0
    }
}

impl Mapping {
    /// Name of the mapping; the `source` of its rows.
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The table that the rows go to, with the columns that the mapping adds.
    pub fn table(&self) -> TableDef {
        check::target_table(&self.0)
    }

    /// The channels that the mapping declares.
    pub fn channels(&self) -> &[Channel] {
        &self.0.channels
    }

    /// Length of a period, where rows are periods.
    pub fn cadence_seconds(&self) -> Option<u32> {
        self.0.time.cadence_seconds
    }

    /// Whether hours and weekdays of its times mean anything.
    pub fn has_wall_clock(&self) -> bool {
        self.0.time.wall_clock
    }

    /// The source that takes the file at `path`, below the landing folder. What archives of other
    /// systems leave behind (`__MACOSX`, `._*`) is nobody's.
    pub fn matches(&self, path: &str) -> Option<Match> {
        let is_junk = |segment: &str| segment == "__MACOSX" || segment.starts_with("._");
        if path.split('/').any(is_junk) {
            return None;
        }
        let sources = self.0.sources.iter().enumerate();
        let mut matching =
            sources.filter_map(|(index, source)| Some((index, source, source.path.matches(path)?)));
        let (source, found, mut captures) = matching.next()?;
        if let Some(role) = found.role {
            captures.entry("role".into()).or_insert_with(|| role.word().into());
        }
        let joined = found.joins.iter().filter_map(|join| join.path.fill(&captures)).collect();
        Some(Match { source, captures, role: found.role, joined })
    }

    /// Maps a file that [`matches`](Self::matches) accepted.
    ///
    /// # Errors
    ///
    /// When the file as a whole cannot be read: damaged, without a column that the mapping names,
    /// larger than the limits. Single rows never fail the file; they are in [`Mapped::rejected`].
    pub fn read(
        &self,
        matched: &Match,
        input: &Input<'_>,
        provenance: &Provenance,
    ) -> Result<Mapped, MappingError> {
        let source = self.0.sources.get(matched.source).ok_or(MappingError::Foreign)?;
        if input.joined.len() != source.joins.len() {
            return Err(MappingError::Foreign);
        }
        let needs = Needs::of(&self.0, source);
        let (mut frame, unread) = self.frame(&needs, input)?;
        let mut rejects = Rejects::default();
        if let Shape::EntityPerColumn { columns } = &self.0.shape {
            frame = unpivot(&frame, columns, |position, name| needs.names(position, name))?;
        }
        for (join, bytes) in source.joins.iter().zip(input.joined) {
            let path = join.path.fill(&matched.captures).unwrap_or_default();
            let columns: Vec<&str> =
                join.on.values().chain(join.take.values()).map(String::as_str).collect();
            let asked = Asked { required: &columns, wanted: Some(&columns) };
            let other = self.read_frame(&path, bytes, &input.limits, asked)?.0;
            frame = join::join(frame, &other, join, &mut rejects)?;
        }
        let given = (&frame, &matched.captures);
        let rows = Rows::resolve((&self.0, source), given, provenance, &mut rejects)?;
        let (batches, skipped) = self.batches(&rows, &mut rejects)?;
        Ok(Mapped::account(&frame, batches, skipped, (&rejects, unread)))
    }

    /// The batches of all tables. Labels and statics may reject rows that the target has taken
    /// already: then it is built again without them.
    fn batches(
        &self,
        rows: &Rows<'_>,
        rejects: &mut Rejects,
    ) -> Result<(Vec<TableBatch>, u64), MappingError> {
        loop {
            let (target, skipped) = self.target(rows, rejects)?;
            let seen = rejects.len();
            let mut batches: Vec<TableBatch> = target.into_iter().collect();
            if let Some(entities) = &rows.entities {
                if self.0.target != Target::Inventory {
                    batches.extend(statics::inventory(rows, entities, rejects)?);
                }
                batches.extend(labels::labels(rows, entities, rejects)?);
            }
            if rejects.len() == seen {
                return Ok((batches, skipped));
            }
        }
    }

    fn target(
        &self,
        rows: &Rows<'_>,
        rejects: &mut Rejects,
    ) -> Result<(Option<TableBatch>, u64), MappingError> {
        let table = self.table();
        let batch = match (self.0.target, &rows.entities) {
            (Target::Kpis, Some(entities)) => return self.kpis(rows, entities, rejects),
            (Target::Kpis | Target::Labels, _) => return Ok((None, 0)),
            (target, _) if target.is_event_log() => facts::facts(rows, table, rejects)?,
            _ => states::states(rows, table, rejects)?,
        };
        Ok((Some(batch), 0))
    }

    fn kpis(
        &self,
        rows: &Rows<'_>,
        entities: &Entities,
        rejects: &mut Rejects,
    ) -> Result<(Option<TableBatch>, u64), MappingError> {
        let Shape::Long { channel, value, others } = &self.0.shape else {
            return Ok((Some(kpis::wide(rows, entities, rejects)?), 0));
        };
        let columns = LongColumns { channel, value, others: *others };
        let (batch, skipped) = long::pivot(rows, entities, &columns, rejects)?;
        Ok((Some(batch), skipped))
    }

    fn frame(
        &self,
        needs: &Needs,
        input: &Input<'_>,
    ) -> Result<(Frame, Vec<Rejected>), MappingError> {
        let header: Vec<&str> = needs.required.iter().map(String::as_str).collect();
        let wanted = needs.wanted();
        let asked = Asked { required: &header, wanted: wanted.as_deref() };
        self.read_frame(input.path, &input.bytes, &input.limits, asked)
    }

    /// A file as columns, and the lines of it that are no rows.
    fn read_frame(
        &self,
        path: &str,
        bytes: &Bytes,
        limits: &Limits,
        asked: Asked<'_>,
    ) -> Result<(Frame, Vec<Rejected>), MappingError> {
        if path.ends_with(".parquet") || bytes.starts_with(b"PAR1") {
            return Ok((parquet_file::read(bytes.clone(), asked, limits)?, Vec::new()));
        }
        let text = crate::inflate::inflate(&mut Decompressor::new(), bytes, limits)?;
        let file = csv_file::read(&text, &self.0.csv, asked)?;
        Ok((file.frame, file.rejected))
    }
}
