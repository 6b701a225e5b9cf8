//! All entities of a group in one block: where they are, and how far they spread about it, beside
//! other blocks of its kind.

use std::collections::{BTreeMap, BTreeSet};

use super::group::LEAST_ENTITIES;
use super::median;

/// All entities in one block.
pub(super) struct Column {
    /// Their values, those without one left out.
    pub(super) all: Vec<f32>,
    /// Median of them.
    pub(super) level: f64,
}

impl Column {
    /// `None` where too few have a value.
    pub(super) fn of(values: impl Iterator<Item = f32>) -> Option<Self> {
        let all: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        if all.len() < LEAST_ENTITIES {
            return None;
        }
        let level = median(&mut all.clone())?;
        Some(Self { all, level })
    }

    /// What each entity did beside what all did.
    pub(super) fn own(&self) -> impl Iterator<Item = f32> {
        self.all.iter().map(|value| value - self.level as f32)
    }

    /// Logarithm of the variance about the median, far ones held in.
    pub(super) fn spread(&self, far: f64) -> f64 {
        let squares = self.own().map(|own| f64::from(own).clamp(-far, far).powi(2));
        (squares.sum::<f64>() / self.all.len() as f64).max(1e-12).ln()
    }
}

/// Mean spread of the blocks of each kind.
pub(super) fn by_kind(spreads: &[(u8, f64)]) -> BTreeMap<u8, f64> {
    let kinds: BTreeSet<u8> = spreads.iter().map(|(kind, _)| *kind).collect();
    let mean = |kind: u8| {
        let of = || spreads.iter().filter(move |(other, _)| *other == kind).map(|(_, v)| *v);
        of().sum::<f64>() / of().count() as f64
    };
    kinds.into_iter().map(|kind| (kind, mean(kind))).collect()
}

/// A block's spread beside the mean of the *other* blocks of its kind, as a window's is taken.
pub(super) fn beside_its_kind(spreads: &[(u8, f64)], at: usize) -> Option<f64> {
    let (kind, own) = *spreads.get(at)?;
    let of_kind = spreads.iter().enumerate().filter(|(other, (k, _))| *k == kind && *other != at);
    let (sum, count) = of_kind.fold((0.0, 0_usize), |(sum, n), (_, (_, v))| (sum + v, n + 1));
    (count > 0).then(|| own - sum / count as f64)
}
