//! Statistics over the last `k` steps, for every step of a series, missing values left out.
//!
//! Running sums drift and cancel on counters near 1e9; summing every window anew costs `k` per
//! step. Here the series is cut into blocks of `k` steps on the absolute grid, each block is
//! scanned from both ends, and a window is the end of one block merged with the start of the next
//! (the van Herk scheme, known from running minima). Moments are merged by Chan's formula, so
//! nothing is ever subtracted from a running total, the cost per step does not depend on `k`, and a
//! value does not depend on where the caller's series began: an hourly run and a wide one agree
//! to the bit.
//!
//! **Source**: van Herk 1992, Pattern Recognition Letters 13(7); Chan, Golub, LeVeque 1983, The
//! American Statistician 37(3).

use crate::task::Statistic;

/// Moments of the observed values of a stretch of steps, mergeable with the stretch after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    time_mean: f64,
    time_squares: f64,
    cross: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Moments {
    /// Nothing observed.
    pub const EMPTY: Self = Self {
        count: 0.0,
        mean: 0.0,
        squares: 0.0,
        time_mean: 0.0,
        time_squares: 0.0,
        cross: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        last: f64::NAN,
    };

    /// One step: empty where the value is missing.
    pub fn of(time: f64, value: f64) -> Self {
        if value.is_nan() {
            return Self::EMPTY;
        }
        Self {
            count: 1.0,
            mean: value,
            time_mean: time,
            min: value,
            max: value,
            last: value,
            ..Self::EMPTY
        }
    }

    /// This stretch followed by `later`.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        if later.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            return later;
        }
        let count = self.count + later.count;
        let share = later.count / count;
        let weight = self.count * share;
        let (rise, run) = (later.mean - self.mean, later.time_mean - self.time_mean);
        Self {
            count,
            mean: self.mean + rise * share,
            squares: self.squares + later.squares + rise * rise * weight,
            time_mean: self.time_mean + run * share,
            time_squares: self.time_squares + later.time_squares + run * run * weight,
            cross: self.cross + later.cross + rise * run * weight,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            last: later.last,
        }
    }

    /// Number of observed values.
    pub fn observed(&self) -> f64 {
        self.count
    }

    /// The statistic; NaN where too few values define it.
    pub fn statistic(&self, statistic: Statistic) -> f64 {
        if self.count == 0.0 {
            return f64::NAN;
        }
        match statistic {
            Statistic::Mean => self.mean,
            Statistic::Std if self.count > 1.0 => (self.squares / (self.count - 1.0)).sqrt(),
            Statistic::Slope if self.time_squares > 0.0 => self.cross / self.time_squares,
            Statistic::Std | Statistic::Slope => f64::NAN,
            Statistic::Min => self.min,
            Statistic::Max => self.max,
            Statistic::Last => self.last,
        }
    }
}

/// Moments of the windows of `k` steps that end with each step of `values`.
///
/// `origin` is the absolute grid number of the first value; it aligns the blocks. The first `k - 1`
/// windows are shorter than `k`.
pub fn rolling(values: &[f64], origin: i64, k: usize) -> Vec<Moments> {
    let k = k.max(1);
    let block = i64::try_from(k).unwrap_or(i64::MAX);
    let at = |index: usize| origin + i64::try_from(index).unwrap_or(0);
    let step = |index: usize| Moments::of(at(index) as f64, values[index]);

    // Scan from each block's start forwards: `head[i]` covers block start ..= i.
    let mut windows: Vec<Moments> = Vec::with_capacity(values.len());
    for index in 0..values.len() {
        let starts_block = index == 0 || at(index).rem_euclid(block) == 0;
        let before = if starts_block { Moments::EMPTY } else { windows[index - 1] };
        windows.push(before.then(step(index)));
    }
    // Then backwards: `tail` covers i ..= block end and completes the window that ends k - 1 later.
    let mut tail = Moments::EMPTY;
    for index in (0..values.len()).rev() {
        if (at(index) + 1).rem_euclid(block) == 0 {
            tail = Moments::EMPTY;
        }
        tail = step(index).then(tail);
        let end = index + k - 1;
        if end < values.len() && at(index).rem_euclid(block) != 0 {
            windows[end] = tail.then(windows[end]);
        }
    }
    complete_short_windows(values, origin, k, &mut windows);
    windows
}

/// The windows that reach before the series, recomputed as if steps before it were missing.
fn complete_short_windows(values: &[f64], origin: i64, k: usize, windows: &mut [Moments]) {
    let mut from_start = Moments::EMPTY;
    for (index, window) in windows.iter_mut().enumerate().take(k - 1) {
        let time = origin + i64::try_from(index).unwrap_or(0);
        from_start = from_start.then(Moments::of(time as f64, values[index]));
        *window = from_start;
    }
}

/// Moments of one window; equals, to the bit, the window of [`rolling`] with the same steps.
///
/// `origin` is the absolute grid number of the first value.
pub fn over(window: &[f64], origin: i64) -> Moments {
    let block = i64::try_from(window.len()).unwrap_or(1).max(1);
    let to_boundary = (-origin).rem_euclid(block);
    let split = usize::try_from(to_boundary).unwrap_or(0);
    let step = |index: usize| {
        let time = origin + i64::try_from(index).unwrap_or(0);
        Moments::of(time as f64, window[index])
    };
    let tail = (0..split).rev().fold(Moments::EMPTY, |tail, index| step(index).then(tail));
    let head = (split..window.len()).fold(Moments::EMPTY, |head, index| head.then(step(index)));
    tail.then(head)
}

/// The statistic, or NaN where less than `min_observed` of `k` steps is observed.
pub fn observed(moments: &Moments, statistic: Statistic, k: usize, min_observed: f64) -> f64 {
    if moments.observed() < min_observed * k as f64 {
        return f64::NAN;
    }
    moments.statistic(statistic)
}

#[cfg(test)]
mod tests;
