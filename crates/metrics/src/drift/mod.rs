//! Whether a channel still looks as it did when a model learnt it, and whether the model still does
//! what it did.
//!
//! The chain for a channel and a group of entities: [`profile`] takes out the hour of the week and
//! means what is left over blocks of the window's length, entity by entity; [`group`] compares a
//! window's blocks with the reference's over all entities; [`null`] knows how far equal blocks of a
//! network without drift lie apart; [`discovery`] keeps the share of false findings among many
//! tests; [`decision`] asks for an effect that matters, in two windows in a row. [`defaults`] are the tests
//! that tools run when nobody asks, here to compare with.
//!
//! A value that is missing is NaN: absent is not zero, and half a slice of `Option`s is twice a
//! slice.

mod column;
pub mod decision;
pub mod defaults;
pub mod discovery;
pub mod distance;
pub mod estimate;
pub mod group;
pub mod null;
pub mod profile;
pub mod ratio;
mod student;
mod usual;
pub mod volume;

/// Median of the values that are no NaN; reorders them. `None` without any.
pub fn median(values: &mut Vec<f32>) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    quantile(values, 0.5)
}

/// Quantile of values without NaN by linear interpolation; reorders them.
pub(crate) fn quantile(values: &mut [f32], q: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let position = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let below = position.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let low = f64::from(*low);
    let part = position - below as f64;
    if part == 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().fold(f32::INFINITY, f32::min);
    Some(low + (f64::from(high) - low) * part)
}

/// Mean and sample standard deviation; `None` with fewer than two values.
pub(crate) fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (count - 1.0)).sqrt()))
}
