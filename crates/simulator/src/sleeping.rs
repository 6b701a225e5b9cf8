//! Sleeping cells: they lose traffic at a fixed level and raise no alarm.

use crate::calendar::{self, DAY, HOUR, Micros};
use crate::config::Config;
use crate::layout::Layout;
use crate::random::Stream;

/// How much traffic a sleeping cell loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A quarter.
    Degraded,
    /// Three fifths.
    Crippled,
    /// All.
    Catatonic,
}

impl Level {
    /// Share of the traffic lost.
    pub fn loss(self) -> f64 {
        match self {
            Self::Degraded => 0.25,
            Self::Crippled => 0.60,
            Self::Catatonic => 1.0,
        }
    }

    /// Word in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Crippled => "crippled",
            Self::Catatonic => "catatonic",
        }
    }
}

/// One time asleep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sleeping {
    /// Index of the cell.
    pub cell: usize,
    /// Loss.
    pub level: Level,
    /// Beginning, on a quarter of an hour.
    pub start: Micros,
    /// Restart of the cell, exclusive.
    pub end: Micros,
    /// When a customer's complaint led to a ticket, if one did.
    pub complaint_at: Option<Micros>,
}

const QUARTER: Micros = HOUR / 4;

/// Draws the sleeping times of all cells, for each cell by start.
pub fn draw_sleeping(config: &Config, layout: &Layout, end: Micros) -> Vec<Vec<Sleeping>> {
    let rate = config.sleeping.per_cell_year / (365.25 * 24.0);
    let draw_cell = |cell: usize| {
        let mut draw = layout.cells[cell].key.named("sleeping").stream();
        let mut times = Vec::new();
        let mut at = layout.cells[cell].commissioned_at.max(config.start.0);
        if rate <= 0.0 {
            return times;
        }
        loop {
            at += calendar::hours(draw.exponential(1.0 / rate));
            if at >= end {
                break;
            }
            let time = draw_one(config, cell, at, &mut draw);
            at = time.end + DAY;
            times.push(time);
        }
        times
    };
    (0..layout.cells.len()).map(draw_cell).collect()
}

fn draw_one(config: &Config, cell: usize, at: Micros, draw: &mut Stream) -> Sleeping {
    let place = draw.uniform();
    let level = match config.sleeping.degraded {
        degraded if place < degraded => Level::Degraded,
        degraded if place < degraded + config.sleeping.crippled => Level::Crippled,
        _ => Level::Catatonic,
    };
    let hours = draw.log_normal(30.0, 0.9).clamp(4.0, 240.0);
    let start = at - at.rem_euclid(QUARTER);
    let quarters = (hours * 4.0).round() as i64;
    let delay = calendar::hours(draw.between(0.3, 1.0) * hours);
    let complains = draw.chance(0.25 + 0.4 * level.loss());
    Sleeping {
        cell,
        level,
        start,
        end: start + quarters * QUARTER,
        complaint_at: (complains && hours > 12.0).then_some(start + delay),
    }
}
