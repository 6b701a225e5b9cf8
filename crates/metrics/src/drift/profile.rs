//! What is left of a series when the hour of the week is taken out, as means over blocks.
//!
//! Quantities that are never negative are taken as logarithms of their share of the entity's level:
//! noise of traffic grows with traffic, and a busy week for everybody would else look as if the cells
//! had begun to differ.
//!
//! The reference is judged by the same measure as the window: residuals of a week come from the
//! profile of the *other* weeks. Residuals against a profile that has seen them are too small, and
//! every later window would look as if it had drifted.

use super::{median, quantile};

const HOURS_OF_WEEK: usize = 168;

/// How a series is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Steps of the series that belong to the reference; the rest are windows.
    pub reference_steps: usize,
    /// Steps of a block: a window, and what it is compared with.
    pub block_steps: usize,
    /// Steps from the start of a block to that of the next: less than a block, and they overlap.
    pub stride_steps: usize,
    /// Steps of a week.
    pub week_steps: usize,
}

/// One entity's blocks. Standardised: in units of the spread of its residuals.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// Means over the blocks of the reference; NaN where less than half was observed.
    pub reference: Vec<f32>,
    /// The same of the windows.
    pub windows: Vec<f32>,
    /// Means over a block of the reference and the next one together.
    pub reference_pairs: Vec<f32>,
    /// The same of the windows.
    pub window_pairs: Vec<f32>,
    /// The same of the strides that windows are made of: the days of windows that move on by a day.
    pub strides: Vec<f32>,
    /// Residuals of the single steps behind the reference, which the windows are means of.
    pub steps: Vec<f32>,
    /// Spread of the residuals: of logarithms where [`Blocks::is_relative`], else in the unit of the
    /// series.
    pub spread: f64,
    /// Median of the reference, in the unit of the series.
    pub level: f64,
    /// Whether residuals are logarithms of shares of the level.
    pub is_relative: bool,
}

impl Blocks {
    /// What a block's mean says about the series, in its unit: how far it lies from the usual.
    pub fn moved(&self, mean: f32) -> f64 {
        let moved = f64::from(mean) * self.spread;
        if self.is_relative { self.level * (moved.exp() - 1.0) } else { moved }
    }
}

/// Share of the level that is added before the logarithm: a silent hour is far, not infinitely far.
const SILENCE: f64 = 0.05;

/// Blocks of one series; `hours[i]` is the hour of the week (0 to 167, local) of step *i*.
///
/// `None` where the reference holds fewer than three weeks with values, or none at all.
///
/// **Shapes** `values` and `hours` `[steps]`. **Nulls** NaN.
///
/// # Panics
/// When the slices differ in length.
pub fn blocks(values: &[f32], hours: &[u8], cut: Cut) -> Option<Blocks> {
    assert_eq!(values.len(), hours.len(), "one hour of the week per value");
    let reference = cut.reference_steps.min(values.len());
    let level = median(&mut values[..reference].to_vec())?;
    let is_relative = level > 0.0 && values.iter().all(|value| value.is_nan() || *value >= 0.0);
    let mut residuals: Vec<f32> = values.to_vec();
    if is_relative {
        for value in &mut residuals {
            *value = (f64::from(*value) / level + SILENCE).ln() as f32;
        }
    }
    let weekly = by_hour(&residuals[..reference], hours, cut.week_steps);
    let usual = usual_values(&weekly);
    for (step, residual) in residuals.iter_mut().enumerate() {
        let hour = usize::from(hours[step]) % HOURS_OF_WEEK;
        let expected = if step < reference {
            let week = step / cut.week_steps;
            weekly[hour].iter().find(|seen| seen.week == week).map(|seen| seen.of_others)
        } else {
            usual[hour]
        };
        *residual -= expected.unwrap_or(f32::NAN);
    }
    let spread = spread(&residuals[..reference], if is_relative { 1.0 } else { level })?;
    let means = |part: &[f32], steps: usize| -> Vec<f32> {
        let blocks = part.windows(steps).step_by(cut.stride_steps);
        blocks.map(|block| mean(block, spread)).collect()
    };
    let (before, after) = residuals.split_at(reference);
    let pair_steps = cut.block_steps + cut.stride_steps;
    Some(Blocks {
        reference: means(before, cut.block_steps),
        windows: means(after, cut.block_steps),
        reference_pairs: means(before, pair_steps),
        window_pairs: means(after, pair_steps),
        strides: means(after, cut.stride_steps),
        steps: after.iter().map(|moved| (f64::from(*moved) / spread) as f32).collect(),
        spread,
        level,
        is_relative,
    })
}

/// A value of an hour of the week, with what the other weeks say about that hour.
#[derive(Debug, Clone, Copy)]
struct Seen {
    week: usize,
    value: f32,
    of_others: f32,
}

fn by_hour(values: &[f32], hours: &[u8], week_steps: usize) -> Vec<Vec<Seen>> {
    let mut found: Vec<Vec<Seen>> = vec![Vec::new(); HOURS_OF_WEEK];
    for (step, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let seen = Seen { week: step / week_steps, value: *value, of_others: f32::NAN };
        found[usize::from(hours[step]) % HOURS_OF_WEEK].push(seen);
    }
    let mut others = Vec::new();
    for hour in &mut found {
        for at in 0..hour.len() {
            let week = hour[at].week;
            if at > 0 && hour[at - 1].week == week {
                hour[at].of_others = hour[at - 1].of_others;
                continue;
            }
            others.clear();
            others.extend(hour.iter().filter(|seen| seen.week != week).map(|seen| seen.value));
            // A profile of one week says nothing about what is usual.
            if others.len() >= 2 {
                hour[at].of_others = median(&mut others).map_or(f32::NAN, |value| value as f32);
            }
        }
    }
    found
}

fn usual_values(weekly: &[Vec<Seen>]) -> Vec<Option<f32>> {
    let usual = |hour: &Vec<Seen>| {
        let mut values: Vec<f32> = hour.iter().map(|seen| seen.value).collect();
        if values.len() < 3 { None } else { median(&mut values).map(|value| value as f32) }
    };
    weekly.iter().map(usual).collect()
}

/// Interquartile range / 1.349; a channel that hardly ever moves keeps a share of its level, so that
/// a last digit is no event.
fn spread(residuals: &[f32], level: f64) -> Option<f64> {
    let mut known: Vec<f32> = residuals.iter().copied().filter(|value| !value.is_nan()).collect();
    let low = quantile(&mut known, 0.25)?;
    let high = quantile(&mut known, 0.75)?;
    Some(((high - low) / 1.349).max(level.abs() * 1e-3).max(1e-9))
}

fn mean(block: &[f32], spread: f64) -> f32 {
    let known = block.iter().filter(|value| !value.is_nan());
    let (sum, count) =
        known.fold((0.0, 0_usize), |(sum, count), value| (sum + f64::from(*value), count + 1));
    if 2 * count < block.len() { f32::NAN } else { (sum / count as f64 / spread) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut =
        Cut { reference_steps: 4 * 168, block_steps: 24, stride_steps: 24, week_steps: 168 };

    fn series(days: usize, of: impl Fn(usize) -> f32) -> (Vec<f32>, Vec<u8>) {
        let hours = (0..days * 24).map(|step| u8::try_from(step % 168).unwrap()).collect();
        ((0..days * 24).map(of).collect(), hours)
    }

    /// A daily course below zero, as decibels are, with a wobble that differs from week to week.
    fn course(step: usize) -> f32 {
        (step % 24) as f32 - 100.0 + [0.0, 1.0, -1.0, 0.5, -0.5][step / 168 % 5]
    }

    #[test]
    fn a_shift_shows_in_units_of_the_spread() {
        let (values, hours) =
            series(30, |step| course(step) + if step < 29 * 24 { 0.0 } else { 3.0 });
        let blocks = blocks(&values, &hours, CUT).unwrap();
        assert_eq!((blocks.reference.len(), blocks.windows.len()), (28, 2));
        assert_eq!((blocks.reference_pairs.len(), blocks.window_pairs.len()), (27, 1));
        for (pairs, single) in
            [(&blocks.reference_pairs, &blocks.reference), (&blocks.window_pairs, &blocks.windows)]
        {
            let halves = single.windows(2).map(|two| (two[0] + two[1]) / 2.0);
            assert!(pairs.iter().zip(halves).all(|(pair, mean)| (pair - mean).abs() < 1e-4));
        }
        let moved = f64::from(blocks.windows[1] - blocks.windows[0]) * blocks.spread;
        assert!((moved - 3.0).abs() < 1e-5, "{moved}");
        let last = &blocks.steps[24..];
        let mean = last.iter().sum::<f32>() / last.len() as f32;
        assert!(last.len() == 24 && (mean - blocks.windows[1]).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn traffic_moves_by_a_factor() {
        let (values, hours) = series(30, |step| {
            let factor = if step < 29 * 24 { 1.0 } else { 1.2 };
            factor * (10.0 + course(step) + 100.0)
        });
        let blocks = blocks(&values, &hours, CUT).unwrap();
        assert!(blocks.is_relative);
        let [before, after] = [0, 1].map(|at| blocks.moved(blocks.windows[at]) / blocks.level);
        assert!((after - before - 0.2).abs() < 0.02, "{before} {after}");
    }

    #[test]
    fn a_week_is_judged_by_the_others() {
        // The other weeks lie at 1, -1 and .5, the median of all four would be .75.
        let (values, hours) = series(28, |step| course(step) + if step < 168 { 10.0 } else { 0.0 });
        let blocks = blocks(&values, &hours, CUT).unwrap();
        let first = f64::from(blocks.reference[0]) * blocks.spread;
        assert!((first - 9.5).abs() < 1e-5, "{first}");
    }

    #[test]
    fn a_hole_is_no_zero() {
        let (mut values, hours) = series(29, course);
        values[..30].fill(f32::NAN);
        values[28 * 24..28 * 24 + 13].fill(f32::NAN);
        let blocks = blocks(&values, &hours, CUT).unwrap();
        assert!(blocks.reference[0].is_nan() && !blocks.reference[1].is_nan());
        assert!(blocks.windows[0].is_nan());
        assert_eq!(super::blocks(&[f32::NAN; 700], &[0; 700], CUT), None);
    }
}
