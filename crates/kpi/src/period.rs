//! One entity and period: from the observations of its objects to numerators and denominators.

use crate::accumulator::Accumulator;
use crate::bitemporal::distinct;
use crate::catalogue::{Aggregation, Catalogue, Combine, Counter, Formula, Kpi, Level, Operand};
use crate::observations::{Observation, Values};
use crate::{Known, Micros, quality};

/// What was known of an entity (or group) and period since `known_at`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) known_at: Micros,
    pub(crate) sums: Box<[Accumulator]>,
    pub(crate) bits: i32,
    /// Seconds of the period that were measured.
    pub(crate) seconds: f64,
    /// Entities with values in it.
    pub(crate) members: i32,
}

impl Version {
    /// A gap.
    pub(crate) fn gap(catalogue: &Catalogue, known_at: Micros) -> Self {
        Self {
            known_at,
            sums: vec![Accumulator::EMPTY; catalogue.kpis().len()].into(),
            bits: quality::MISSING,
            seconds: 0.0,
            members: 0,
        }
    }
}

/// The newest version that was known at `moment`; `versions` ascend in `known_at`.
pub(crate) fn at(versions: &[Version], moment: Micros) -> Option<&Version> {
    let after = versions.partition_point(|version| version.known_at <= moment);
    versions.get(after.checked_sub(1)?)
}

/// Computes periods; holds the scratch space for the values of one.
pub(crate) struct PeriodKernel<'a> {
    catalogue: &'a Catalogue,
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Of the object that is being read.
    value: f64,
    /// The objects before it, combined.
    others: f64,
    /// Objects so far; 0 = nothing yet.
    objects: u32,
    depth: u32,
    object: u32,
    row_known_at: Micros,
}

const NOTHING: Slot =
    Slot { value: f64::NAN, others: f64::NAN, objects: 0, depth: 0, object: 0, row_known_at: 0 };

impl Slot {
    /// All objects combined. A null of one of them makes a sum null.
    fn total(&self, counter: &Counter) -> f64 {
        match counter.across() {
            _ if self.objects < 2 => self.value,
            Combine::Max => self.others.max(self.value),
            _ => self.others + self.value,
        }
    }
}

impl<'a> PeriodKernel<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, slots: vec![NOTHING; catalogue.counters().len()] }
    }

    /// All versions of one entity and period, from its observations in the order of
    /// [`crate::observations::Observations::take`].
    pub(crate) fn versions(
        &mut self,
        rows: &[Observation],
        values: &Values,
        level: Level,
    ) -> Vec<Version> {
        let first = rows.iter().map(|row| row.known.from).min();
        let edges = rows.iter().flat_map(|row| {
            let nulled = row.nulled.iter().filter_map(|known| known.and(row.known));
            nulled.chain([row.known]).flat_map(Known::edges)
        });
        let moments = distinct(edges.filter(|edge| Some(*edge) >= first));
        moments.into_iter().map(|moment| self.version(rows, values, level, moment)).collect()
    }

    fn version(
        &mut self,
        rows: &[Observation],
        values: &Values,
        level: Level,
        moment: Micros,
    ) -> Version {
        self.slots.fill(NOTHING);
        let mut bits = 0;
        let (mut seen, mut used) = (false, false);
        for row in rows.iter().filter(|row| row.known.contains(moment)) {
            seen = true;
            if row.nulled.iter().any(|known| known.contains(moment)) {
                bits |= quality::NULLED;
                continue;
            }
            used = true;
            bits |= row.bits;
            for (slot, value) in values.of(row) {
                self.take(usize::from(*slot), *value, row);
            }
        }
        let seconds = rows.first().map_or(0.0, |row| f64::from(row.granularity_s));
        let mut version = Version::gap(self.catalogue, moment);
        if seen {
            version.bits = bits;
        }
        if used {
            version.seconds = seconds;
            version.members = 1;
            self.combine_objects();
            for (sum, kpi) in version.sums.iter_mut().zip(self.catalogue.kpis()) {
                if kpi.level == level {
                    *sum = self.measure(kpi, seconds);
                }
            }
        }
        version
    }

    /// Combines one value into its slot. Rows of one object come newest first; parents come before
    /// their children, which then do not count.
    fn take(&mut self, index: usize, value: f64, row: &Observation) {
        let (Some(slot), Some(counter)) =
            (self.slots.get_mut(index), self.catalogue.counters().get(index))
        else {
            return;
        };
        if slot.objects > 0 && slot.object == row.object {
            // The same counter under another job, or an older version. A blank beside a value of
            // the same age is no contradiction.
            if slot.value.is_nan() && slot.row_known_at == row.row_known_at {
                slot.value = value;
            }
        } else if slot.objects == 0 || slot.depth == row.depth {
            *slot = Slot {
                value,
                others: slot.total(counter),
                objects: slot.objects + 1,
                depth: row.depth,
                object: row.object,
                row_known_at: row.row_known_at,
            };
        }
    }

    /// Leaves the combined value of its objects in every slot.
    fn combine_objects(&mut self) {
        for (slot, counter) in self.slots.iter_mut().zip(self.catalogue.counters()) {
            slot.value = slot.total(counter);
            if slot.objects > 1 && counter.across() == Combine::Mean {
                slot.value /= f64::from(slot.objects);
            }
        }
    }

    fn measure(&self, kpi: &Kpi, seconds: f64) -> Accumulator {
        kpi.formulas
            .iter()
            .enumerate()
            .find_map(|(rank, formula)| self.apply(kpi, formula, seconds, rank))
            .unwrap_or(Accumulator::EMPTY)
    }

    /// One formula, `None` when an input is null.
    fn apply(
        &self,
        kpi: &Kpi,
        formula: &Formula,
        seconds: f64,
        rank: usize,
    ) -> Option<Accumulator> {
        let num = self.sum(&formula.num, seconds)?;
        let side = |sum: &Option<Vec<_>>| match sum {
            Some(sum) => self.sum(sum, seconds).map(Some),
            None => Some(None),
        };
        let (den, weight) = (side(&formula.den)?, side(&formula.weight)?);
        if kpi.time == Aggregation::Ratio {
            return Some(Accumulator::new(num, den?, seconds, rank));
        }
        let value = match den {
            Some(0.0) => return Some(Accumulator::EMPTY),
            Some(den) => num / den,
            None => num,
        };
        Some(match weight {
            Some(weight) => Accumulator::new(value * weight, weight, seconds, rank),
            None => Accumulator::new(value, 1.0, seconds, rank),
        })
    }

    fn sum(&self, terms: &[(f64, Operand)], seconds: f64) -> Option<f64> {
        let mut sum = 0.0;
        for (factor, operand) in terms {
            sum += factor
                * match operand {
                    Operand::Counter(slot) => self.slots.get(*slot)?.value,
                    Operand::Period => seconds,
                    Operand::One => 1.0,
                };
        }
        (!sum.is_nan()).then_some(sum)
    }
}
