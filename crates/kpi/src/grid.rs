//! The regular grid: the periods of an hour, its gaps, and the hour itself.

use crate::accumulator::Accumulator;
use crate::bitemporal::distinct;
use crate::catalogue::{Aggregation, Catalogue, Kpi};
use crate::period::{Version, at};
use crate::{HOUR, Micros, quality};

/// One period of an entity.
#[derive(Debug, Clone)]
pub(crate) struct Period {
    pub(crate) start: Micros,
    pub(crate) granularity_s: i32,
    pub(crate) versions: Vec<Version>,
}

/// One hour of an entity: its periods on the grid and the hour's own versions.
#[derive(Debug, Clone)]
pub(crate) struct Hour {
    pub(crate) start: Micros,
    pub(crate) periods: Vec<Period>,
    pub(crate) versions: Vec<Version>,
}

impl Hour {
    /// Puts the periods that were measured on the grid and adds them up.
    pub(crate) fn new(catalogue: &Catalogue, start: Micros, periods: Vec<Period>) -> Self {
        let versions = add_up(catalogue, &periods);
        let mut hour = Self { start, periods, versions };
        hour.fill_gaps(catalogue);
        hour
    }

    /// An hour without any measurement, known to be a gap since `known_at`.
    pub(crate) fn gap(catalogue: &Catalogue, start: Micros, known_at: Micros) -> Self {
        Self { start, periods: Vec::new(), versions: vec![Version::gap(catalogue, known_at)] }
    }

    /// Says that the hour was known to be a gap before anything arrived.
    pub(crate) fn came_after(&mut self, catalogue: &Catalogue, known_at: Micros) {
        if self.versions.first().is_none_or(|first| first.known_at > known_at) {
            self.versions.insert(0, Version::gap(catalogue, known_at));
        }
    }

    /// Keeps the periods of the hour's grid and makes the ones that lack gaps. A period that came
    /// later than the first of its hour was a gap until then.
    fn fill_gaps(&mut self, catalogue: &Catalogue) {
        let Some(first) = self.versions.first().map(|version| version.known_at) else {
            return;
        };
        let Some(granularity_s) = self.grid_step() else {
            self.periods.clear();
            return;
        };
        let step = Micros::from(granularity_s) * 1_000_000;
        let measured = std::mem::take(&mut self.periods);
        let mut measured = measured.into_iter().peekable();
        for start in (self.start..self.start + HOUR).step_by(usize::try_from(step).unwrap_or(1)) {
            let mut versions = Vec::new();
            while let Some(period) = measured.next_if(|period| period.start <= start) {
                if (period.start, period.granularity_s) == (start, granularity_s) {
                    versions = period.versions;
                }
            }
            if versions.first().is_none_or(|version| version.known_at > first) {
                versions.insert(0, Version::gap(catalogue, first));
            }
            self.periods.push(Period { start, granularity_s, versions });
        }
    }

    /// The granularity of most periods, when it divides the hour into several and they lie on the
    /// grid.
    fn grid_step(&self) -> Option<i32> {
        let on_grid = |period: &&Period| {
            let step = Micros::from(period.granularity_s) * 1_000_000;
            step < HOUR && HOUR % step == 0 && (period.start - self.start) % step == 0
        };
        let steps = self.periods.iter().filter(on_grid);
        let steps: Vec<_> = steps.map(|period| period.granularity_s).collect();
        let count = |step: i32| steps.iter().filter(|other| **other == step).count();
        steps.iter().copied().max_by_key(|step| (count(*step), *step))
    }
}

/// The versions of an hour: one per moment at which one of its periods changed.
fn add_up(catalogue: &Catalogue, periods: &[Period]) -> Vec<Version> {
    let versions = periods.iter().flat_map(|period| &period.versions);
    let moments = distinct(versions.map(|version| version.known_at));
    let mut lengths: Vec<_> = periods.iter().map(|period| period.granularity_s).collect();
    lengths.sort_unstable();
    lengths.dedup();
    moments
        .into_iter()
        .map(|moment| {
            lengths
                .iter()
                .map(|length| {
                    let of_length = periods.iter().filter(|p| p.granularity_s == *length);
                    let known = of_length.filter_map(|period| at(&period.versions, moment));
                    sum_of(catalogue, known, moment)
                })
                .reduce(|mut best, other| {
                    prefer_longer(&mut best, &other);
                    best
                })
                .map_or_else(|| Version::gap(catalogue, moment), mark_partly)
        })
        .collect()
}

/// Adds the periods of one granularity.
fn sum_of<'v>(
    catalogue: &Catalogue,
    periods: impl Iterator<Item = &'v Version>,
    moment: Micros,
) -> Version {
    let mut sum = Version::gap(catalogue, moment);
    sum.bits = 0;
    for version in periods {
        sum.bits |= version.bits & !quality::MISSING;
        sum.seconds += version.seconds;
        sum.members = sum.members.max(version.members);
        add(&mut sum.sums, &version.sums, catalogue, |kpi| kpi.time);
    }
    sum
}

/// Adds numerators and denominators by the rule of each KPI.
pub(crate) fn add(
    sums: &mut [Accumulator],
    more: &[Accumulator],
    catalogue: &Catalogue,
    rule: impl Fn(&Kpi) -> Aggregation,
) {
    for ((sum, other), kpi) in sums.iter_mut().zip(more).zip(catalogue.kpis()) {
        sum.add(*other, rule(kpi));
    }
}

/// Where an element reports in two granularities, they cover the same time: each KPI takes the one
/// that covers more of it.
fn prefer_longer(best: &mut Version, other: &Version) {
    for (sum, candidate) in best.sums.iter_mut().zip(&other.sums) {
        if candidate.seconds() > sum.seconds() {
            *sum = *candidate;
        }
    }
    best.bits |= other.bits;
    best.seconds = best.seconds.max(other.seconds);
    best.members = best.members.max(other.members);
}

fn mark_partly(mut version: Version) -> Version {
    if version.seconds == 0.0 {
        // Nothing usable: a gap, unless validate took the values away.
        if version.bits & quality::NULLED == 0 {
            version.bits = quality::MISSING;
        }
    } else if version.seconds < 3600.0 {
        version.bits |= quality::PARTLY;
    }
    version
}
