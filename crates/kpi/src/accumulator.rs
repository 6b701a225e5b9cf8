//! Numerator and denominator of a KPI while periods and members are added up.

use crate::catalogue::{Aggregation, Catalogue, Kpi};

/// Formulas of different rank met: only values, weighted by time, are in the sums.
const MIXED: u8 = u8::MAX;

/// What is known of one KPI: sums, and the seconds that they cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Accumulator {
    num: f64,
    den: f64,
    seconds: f64,
    formula: u8,
}

impl Accumulator {
    /// Nothing measured.
    pub(crate) const EMPTY: Self = Self { num: 0.0, den: 0.0, seconds: 0.0, formula: 0 };

    /// One period of `seconds`, computed by formula number `formula`.
    pub(crate) fn new(num: f64, den: f64, seconds: f64, formula: usize) -> Self {
        Self { num, den, seconds, formula: u8::try_from(formula).unwrap_or(MIXED) }
    }

    /// The seconds it covers; 0 when nothing was measured.
    pub(crate) fn seconds(self) -> f64 {
        self.seconds
    }

    /// Adds another period or member.
    pub(crate) fn add(&mut self, other: Self, rule: Aggregation) {
        if other.seconds == 0.0 {
            return;
        }
        if self.seconds == 0.0 {
            *self = other;
            return;
        }
        match rule {
            Aggregation::Max => self.num = self.num.max(other.num),
            Aggregation::Sum => self.num += other.num,
            Aggregation::Ratio | Aggregation::Mean => {
                let mut other = other;
                if self.formula != other.formula {
                    *self = self.by_time();
                    other = other.by_time();
                    self.formula = MIXED;
                }
                self.num += other.num;
                self.den += other.den;
            }
        }
        self.seconds += other.seconds;
    }

    /// The same value with the seconds as its weight: what remains comparable when two formulas
    /// (PRBs of one vendor, percentages of another) meet in one sum.
    fn by_time(self) -> Self {
        if self.formula == MIXED || self.den == 0.0 {
            return self;
        }
        Self { num: self.num / self.den * self.seconds, den: self.seconds, ..self }
    }

    /// What an entity brings into a group: a mean over time that members add up becomes its value.
    pub(crate) fn as_member(self, kpi: &Kpi) -> Self {
        if (kpi.time, kpi.members) != (Aggregation::Mean, Aggregation::Sum) {
            return self;
        }
        if self.den == 0.0 {
            return Self::EMPTY;
        }
        Self { num: self.num / self.den, den: 1.0, ..self }
    }

    fn value(self, rule: Aggregation) -> Option<f64> {
        if self.seconds == 0.0 {
            return None;
        }
        match rule {
            Aggregation::Max | Aggregation::Sum => Some(self.num),
            Aggregation::Ratio | Aggregation::Mean => {
                (self.den != 0.0).then(|| self.num / self.den)
            }
        }
    }
}

/// The value of KPI number `index`; `of_group` says that members were added up.
///
/// **Nulls**: nothing measured, or a zero denominator.
pub(crate) fn value(
    catalogue: &Catalogue,
    sums: &[Accumulator],
    index: usize,
    of_group: bool,
) -> Option<f64> {
    let kpi = catalogue.kpis().get(index)?;
    let value = if kpi.product.is_empty() {
        let rule = if of_group { kpi.members } else { kpi.time };
        sums.get(index)?.value(rule)?
    } else {
        kpi.product
            .iter()
            .map(|factor| value(catalogue, sums, *factor, of_group))
            .product::<Option<f64>>()?
    };
    Some(value * kpi.scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_pool_numerators_and_denominators() {
        let mut sum = Accumulator::new(1.0, 2.0, 900.0, 0);
        sum.add(Accumulator::new(98.0, 98.0, 900.0, 0), Aggregation::Ratio);
        // 99 of 100, whereas the mean of the two ratios would be 75 %.
        assert_eq!(sum.value(Aggregation::Ratio), Some(0.99));
        assert_eq!(sum.seconds(), 1800.0);
    }

    #[test]
    fn formulas_of_different_weight_meet_by_time() {
        let mut sum = Accumulator::new(100.0, 200.0, 900.0, 0);
        sum.add(Accumulator::new(0.9, 1.0, 900.0, 1), Aggregation::Ratio);
        assert_eq!(sum.value(Aggregation::Ratio), Some(0.7));
        sum.add(Accumulator::new(0.7, 1.0, 1800.0, 1), Aggregation::Ratio);
        assert_eq!(sum.value(Aggregation::Ratio), Some(0.7));
    }

    #[test]
    fn a_zero_denominator_is_null_and_weighs_nothing() {
        let mut sum = Accumulator::new(0.0, 0.0, 900.0, 0);
        assert_eq!(sum.value(Aggregation::Ratio), None);
        sum.add(Accumulator::new(1.0, 2.0, 900.0, 0), Aggregation::Ratio);
        assert_eq!(sum.value(Aggregation::Ratio), Some(0.5));
    }
}
