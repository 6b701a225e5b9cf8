//! From times and values to places in a plot: scales, ticks, lines with gaps, bands.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::clock::{self, DAY, HOUR, Micros};
use crate::wording;

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Start of the period.
    pub at: Micros,
    /// The value; `None` is a gap, which is not zero.
    pub value: Option<f64>,
}

/// What is usual at one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandPoint {
    /// Start of the hour.
    pub at: Micros,
    /// Lower edge.
    pub low: f64,
    /// Usual median.
    pub median: f64,
    /// Upper edge.
    pub high: f64,
}

/// Room around the plotting area.
#[derive(Debug, Clone, Copy)]
pub struct Inset {
    /// Left of it.
    pub left: f64,
    /// Right of it.
    pub right: f64,
    /// Above it.
    pub top: f64,
    /// Below it, where the axis stands.
    pub bottom: f64,
}

/// A plotting area with its scales.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Width and height of the whole plot.
    pub size: (f64, f64),
    /// Room around the plotting area.
    pub inset: Inset,
    /// First and last moment.
    pub x: (Micros, Micros),
    /// Least and greatest value.
    pub y: (f64, f64),
}

impl Frame {
    /// The usual frame of a plot with axes.
    pub fn with_axes(x: (Micros, Micros), y: (f64, f64)) -> Self {
        Self {
            size: (520.0, 200.0),
            inset: Inset { left: 44.0, right: 12.0, top: 12.0, bottom: 24.0 },
            x,
            y,
        }
    }

    /// Horizontal place of a moment.
    pub fn x(&self, at: Micros) -> f64 {
        let part = (at - self.x.0) as f64 / (self.x.1 - self.x.0).max(1) as f64;
        self.inset.left + part * (self.size.0 - self.inset.left - self.inset.right)
    }

    /// Vertical place of a value.
    pub fn y(&self, value: f64) -> f64 {
        let height = (self.y.1 - self.y.0).max(f64::MIN_POSITIVE);
        let part = (value - self.y.0) / height;
        self.bottom() - part * (self.bottom() - self.inset.top)
    }

    /// Left edge of the plotting area.
    pub fn left(&self) -> f64 {
        self.inset.left
    }

    /// Right edge of the plotting area.
    pub fn right(&self) -> f64 {
        self.size.0 - self.inset.right
    }

    /// Bottom edge of the plotting area.
    pub fn bottom(&self) -> f64 {
        self.size.1 - self.inset.bottom
    }

    /// Top edge of the plotting area.
    pub fn top(&self) -> f64 {
        self.inset.top
    }

    /// A line through a series; a gap lifts the pen. A value between two gaps becomes a dot.
    pub fn line(&self, series: &[Sample]) -> String {
        let mut path = String::new();
        let mut is_down = false;
        for sample in series {
            let Some(value) = sample.value.filter(|value| value.is_finite()) else {
                is_down = false;
                continue;
            };
            let (x, y) = (px(self.x(sample.at)), px(self.y(value)));
            if is_down {
                path += &format!("L{x},{y}");
            } else {
                // The zero-length stroke shows a single value, because line caps are round.
                path += &format!("M{x},{y}h0");
            }
            is_down = true;
        }
        path
    }

    /// The area between the edges of a band, cut where hours are missing.
    pub fn band(&self, band: &[BandPoint], step: Micros) -> String {
        let mut path = String::new();
        for run in band.chunk_by(|a, b| b.at - a.at <= step) {
            for (at, point) in run.iter().enumerate() {
                let pen = if at == 0 { 'M' } else { 'L' };
                path += &format!("{pen}{},{}", px(self.x(point.at)), px(self.y(point.high)));
            }
            for point in run.iter().rev() {
                path += &format!("L{},{}", px(self.x(point.at)), px(self.y(point.low)));
            }
            path.push('Z');
        }
        path
    }

    /// The value axis: light lines with numbers.
    pub fn value_axis(&self) -> Markup {
        html! {
            g.axis aria-hidden="true" {
                @for tick in ticks(self.y) {
                    @let y = px(self.y(tick));
                    line x1=(px(self.left())) x2=(px(self.right())) y1=(y) y2=(y) {}
                    text x=(px(self.left() - 6.0)) y=(px(self.y(tick) + 4.0)) text-anchor="end" {
                        (wording::number(tick))
                    }
                }
            }
        }
    }

    /// The time axis in days of the site, for a week or so.
    pub fn day_axis(&self, zone: &TimeZone) -> Markup {
        self.time_axis(&midnights(self.x, zone), zone, "%a %-d")
    }

    /// The time axis in months of the site.
    pub fn month_axis(&self, zone: &TimeZone) -> Markup {
        let firsts: Vec<Micros> = midnights(self.x, zone)
            .into_iter()
            .filter(|at| clock::local(*at, zone).day() == 1)
            .collect();
        self.time_axis(&firsts, zone, "%b")
    }

    fn time_axis(&self, ticks: &[Micros], zone: &TimeZone, format: &str) -> Markup {
        let baseline = px(self.bottom());
        html! {
            g.axis.time aria-hidden="true" {
                line.base x1=(px(self.left())) x2=(px(self.right())) y1=(baseline) y2=(baseline) {}
                @for tick in ticks {
                    @let x = px(self.x(*tick));
                    line x1=(x) x2=(x) y1=(baseline) y2=(px(self.bottom() + 4.0)) {}
                    @if self.x(*tick) < self.right() - 14.0 {
                        text x=(px(self.x(*tick) + 3.0)) y=(px(self.bottom() + 16.0)) {
                            (clock::local(*tick, zone).strftime(format).to_string())
                        }
                    }
                }
            }
        }
    }
}

/// A place with one decimal, the resolution of a screen.
pub fn px(place: f64) -> String {
    let text = format!("{place:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Least and greatest of the finite values, apart from each other; `None` without values.
pub fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.filter(|value| value.is_finite()).fold(
        None,
        |bounds: Option<(f64, f64)>, value| {
            let (low, high) = bounds.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        },
    )?;
    let room = (high - low).max(high.abs() * 1e-3).max(1e-9);
    Some(if high - low < room { (low - room / 2.0, high + room / 2.0) } else { (low, high) })
}

/// Three to six round numbers inside the bounds.
pub fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|at| at as f64 * step).collect()
}

/// Local midnights in a range; a day may have 23 or 25 hours.
fn midnights((start, end): (Micros, Micros), zone: &TimeZone) -> Vec<Micros> {
    let mut found = Vec::new();
    let mut at = start.div_euclid(HOUR) * HOUR;
    while at < end && found.len() < 1000 {
        let is_midnight = clock::local(at, zone).hour() == 0;
        if at >= start && is_midnight {
            found.push(at);
            at += DAY - 2 * HOUR;
        }
        at += HOUR;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            size: (100.0, 50.0),
            inset: Inset { left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 },
            x: (0, 10),
            y: (0.0, 5.0),
        }
    }

    fn sample(at: Micros, value: Option<f64>) -> Sample {
        Sample { at, value }
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        let series = [
            sample(0, Some(0.0)),
            sample(1, Some(1.0)),
            sample(2, None),
            sample(3, Some(5.0)),
            sample(4, Some(f64::NAN)),
        ];
        assert_eq!(frame().line(&series), "M0,50h0L10,40M30,0h0");
    }

    #[test]
    fn a_band_is_cut_where_hours_are_missing() {
        let point = |at| BandPoint { at, low: 1.0, median: 2.0, high: 3.0 };
        let path = frame().band(&[point(0), point(1), point(5)], 1);
        assert_eq!(path.matches('Z').count(), 2);
        assert!(path.starts_with("M0,20L10,20L10,40L0,40Z"), "{path}");
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 70.0)), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(ticks((-1.0, 1.0)), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert!(ticks((1.0, 1.0)).is_empty());
    }

    #[test]
    fn equal_values_still_have_bounds() {
        let (low, high) = bounds([99.9; 5].into_iter()).unwrap();
        assert!(low < 99.9 && high > 99.9);
        assert_eq!(bounds([f64::NAN].into_iter()), None);
    }

    #[test]
    fn days_begin_at_the_sites_own_midnight() {
        let zone = clock::zone(Some("Europe/Berlin"));
        // 28 to 31 March 2026 UTC; the night to 29 March has a change of the clock.
        let start = 1_774_656_000_000_000;
        let found = midnights((start, start + 3 * DAY), &zone);
        let hours: Vec<i64> = found.iter().map(|at| (at - start) / HOUR).collect();
        assert_eq!(hours, [23, 46, 70]);
    }
}
