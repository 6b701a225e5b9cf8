//! What every target table needs of a row: which entity, when, and since when it can be known.

use std::collections::HashMap;

use arrow::array::BooleanArray;

use super::frame::Frame;
use super::leaf::Value;
use super::moment::{MomentScope, Moments};
use super::pattern::Captures;
use super::spec::{Clock, Marks, Shape, Source, Spec};
use super::value::{Rejects, Scope, Texts};
use super::{MappingError, Provenance};
use crate::Micros;

/// The rows of a file, read as far as all targets share it.
pub(super) struct Rows<'a> {
    pub(super) spec: &'a Spec,
    pub(super) source: &'a Source,
    pub(super) frame: &'a Frame,
    pub(super) captures: &'a Captures,
    pub(super) provenance: &'a Provenance,
    pub(super) entities: Option<Entities>,
    /// Start of the period, or the moment.
    pub(super) times: Moments,
    /// When the row could be known.
    pub(super) known: Vec<Micros>,
}

/// The entity of each row.
pub(super) struct Entities {
    pub(super) kinds: Texts,
    pub(super) ids: Texts,
    /// A number per distinct entity, and which one each row has.
    pub(super) codes: Vec<u32>,
}

impl Entities {
    pub(super) fn kind(&self, row: usize) -> &str {
        self.kinds.get(row).unwrap_or_default()
    }

    pub(super) fn id(&self, row: usize) -> &str {
        self.ids.get(row).unwrap_or_default()
    }
}

impl<'a> Rows<'a> {
    pub(super) fn resolve(
        (spec, source): (&'a Spec, &'a Source),
        (frame, captures): (&'a Frame, &'a Captures),
        provenance: &'a Provenance,
        rejects: &mut Rejects,
    ) -> Result<Self, MappingError> {
        let mut rows = Self {
            spec,
            source,
            frame,
            captures,
            provenance,
            entities: None,
            times: Vec::new(),
            known: Vec::new(),
        };
        rows.entities = rows.resolve_entities(rejects)?;
        rows.times = rows.resolve_times(rejects)?;
        rows.known = rows.resolve_known(rejects)?;
        Ok(rows)
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { frame: self.frame, captures: self.captures, missing: &self.spec.missing }
    }

    pub(super) fn len(&self) -> usize {
        self.frame.rows()
    }

    /// The length of a period in microseconds; 0 without a cadence.
    pub(super) fn cadence(&self) -> Micros {
        self.spec.time.cadence_seconds.map_or(0, |seconds| i64::from(seconds) * 1_000_000)
    }

    /// `value` as text, or null everywhere without one.
    pub(super) fn texts(
        &self,
        value: Option<&Value>,
        rejects: &mut Rejects,
    ) -> Result<Texts, MappingError> {
        value.map_or(Ok(Texts::Same(None)), |value| self.scope().texts(value, rejects))
    }

    /// Moments by another clock than that of the rows.
    pub(super) fn moments(
        &self,
        clock: &Clock,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        let scope = self.scope();
        MomentScope { scope: &scope, origin: None, series: None }.moments(clock, rejects)
    }

    /// The rows that stay; `None` when all do.
    pub(super) fn keep(&self, rejects: &Rejects) -> Option<BooleanArray> {
        (rejects.len() > 0).then(|| (0..self.len()).map(|row| Some(!rejects.has(row))).collect())
    }

    /// When a fact of `row` that happened or ended at `at` could be known: as declared by the
    /// history, otherwise when the file was taken.
    pub(super) fn known_after(&self, row: usize, at: Micros) -> Micros {
        match &self.spec.history {
            Some(history) if !self.source.live => match history.released {
                Some(_) => self.known.get(row).copied().unwrap_or(at),
                None => at + i64::from(history.delay_seconds) * 1_000_000,
            },
            _ => self.provenance.known_at,
        }
    }

    fn resolve_entities(&self, rejects: &mut Rejects) -> Result<Option<Entities>, MappingError> {
        let Some(entity) = &self.spec.entity else { return Ok(None) };
        let kinds = self.texts(Some(&entity.kind), rejects)?;
        let ids = self.texts(Some(&entity.id), rejects)?;
        let mut found: HashMap<(&str, &str), u32> = HashMap::new();
        let mut codes = Vec::with_capacity(self.len());
        let mut last: Option<((&str, &str), u32)> = None;
        for row in 0..self.len() {
            let key = (kinds.get(row).unwrap_or_default(), ids.get(row).unwrap_or_default());
            // An alarm of something unknown is still an alarm.
            let may_lack = self.spec.target.is_event_log();
            if !may_lack && (key.0.is_empty() || key.1.is_empty()) {
                rejects.add(row, || "the entity's type or id is empty".into());
            }
            let code = match last {
                Some((known, code)) if known == key => code,
                _ => {
                    let next = found.len() as u32;
                    *found.entry(key).or_insert(next)
                }
            };
            last = Some((key, code));
            codes.push(code);
        }
        Ok(Some(Entities { kinds, ids, codes }))
    }

    fn resolve_times(&self, rejects: &mut Rejects) -> Result<Moments, MappingError> {
        let series = self.series(rejects)?;
        let scope = self.scope();
        let origin = self.source.origin.as_ref().map(super::leaf::Instant::micros);
        let clock = MomentScope { scope: &scope, origin, series: series.as_deref() };
        let mut times = clock.moments(&self.spec.time.from, rejects)?;
        let shift = match self.spec.time.marks {
            Marks::Start => 0,
            Marks::End => self.cadence(),
        };
        for (row, time) in times.iter_mut().enumerate() {
            match time {
                Some(at) => *at -= shift,
                None => rejects.add(row, || "the time is empty".into()),
            }
        }
        Ok(times)
    }

    /// Which rows share a clock: those of an entity; in the long shape, of an entity and channel.
    fn series(&self, rejects: &mut Rejects) -> Result<Option<Vec<u32>>, MappingError> {
        let Some(entities) = &self.entities else { return Ok(None) };
        if self.spec.target.is_event_log() {
            return Ok(None);
        }
        let Shape::Long { channel, .. } = &self.spec.shape else {
            return Ok(Some(entities.codes.clone()));
        };
        let channels = self.scope().texts(channel, rejects)?;
        let mut found: HashMap<(u32, &str), u32> = HashMap::new();
        let codes = entities.codes.iter().enumerate().map(|(row, code)| {
            let next = found.len() as u32;
            *found.entry((*code, channels.get(row).unwrap_or_default())).or_insert(next)
        });
        Ok(Some(codes.collect()))
    }

    fn resolve_known(&self, rejects: &mut Rejects) -> Result<Vec<Micros>, MappingError> {
        let history = self.spec.history.as_ref().filter(|_| !self.source.live);
        let Some(history) = history else {
            return Ok(vec![self.provenance.known_at; self.len()]);
        };
        let delay = i64::from(history.delay_seconds) * 1_000_000;
        let released = match &history.released {
            Some(clock) => self.moments(clock, rejects)?,
            None => self.times.iter().map(|at| at.map(|at| at + self.cadence())).collect(),
        };
        let known = released.into_iter().enumerate().map(|(row, released)| match released {
            Some(released) => released + delay,
            None => {
                rejects.add(row, || "the release time is empty".into());
                0
            }
        });
        Ok(known.collect())
    }
}
