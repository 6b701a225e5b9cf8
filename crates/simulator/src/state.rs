//! What is out of order at a moment: the plan's events cut down to one quarter of an hour.

use crate::calendar::{HOUR, Micros, SECOND};
use crate::faults::{Cause, Unit};
use crate::network::Network;

/// Length of a granularity period.
pub const QUARTER: Micros = HOUR / 4;

/// The condition of a site during one granularity period.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SiteState {
    /// Seconds without power or baseband: nothing is measured.
    pub dark_s: f64,
    /// Seconds without transport: the cells are off the air, the element still counts.
    pub isolated_s: f64,
    /// Seconds of planned work on the whole site.
    pub manual_s: f64,
    /// The same per sector: seconds of radio failure and of planned work.
    pub sectors: [[f64; 2]; 3],
    /// Share of the battery used up; none while the supply holds.
    pub battery_spent: Option<f64>,
    /// Severity of the deterioration of each unit, in the order of [`Unit::ALL`].
    pub severity: [f64; 8],
}

impl SiteState {
    /// The state of a site in the period that begins at `at`.
    pub fn new(network: &Network, site: usize, at: Micros) -> Self {
        let mut state = Self::default();
        state.add_failures(network, site, at);
        state.add_work(network, site, at);
        let middle = at + QUARTER / 2;
        for episode in &network.faults.episodes[site] {
            if episode.start > middle {
                break;
            }
            let severity = &mut state.severity[episode.unit.index()];
            *severity = severity.max(episode.severity(middle));
        }
        let spells = &network.faults.spells[site];
        let active = spells.iter().find(|spell| spell.start <= middle && middle < spell.end);
        state.battery_spent = active.map(|spell| {
            let whole = (spell.empty_at - spell.start).max(SECOND) as f64;
            ((middle - spell.start) as f64 / whole).min(1.0)
        });
        state
    }

    fn add_failures(&mut self, network: &Network, site: usize, at: Micros) {
        for &index in &network.failures_of[site] {
            let failure = &network.faults.failures[index];
            let seconds = overlap(failure.start, failure.end, at);
            if failure.start >= at + QUARTER {
                break;
            }
            match (failure.cause, failure.unit) {
                (Cause::Radio, Unit::Radio(number)) => {
                    let radio = &mut self.sectors[number - 1][0];
                    *radio = radio.max(seconds);
                }
                (Cause::Transport | Cause::Upstream, _) => {
                    self.isolated_s = self.isolated_s.max(seconds);
                }
                _ => self.dark_s = self.dark_s.max(seconds),
            }
        }
    }

    fn add_work(&mut self, network: &Network, site: usize, at: Micros) {
        for &index in &network.work_of[site] {
            let work = &network.work[index];
            let seconds = overlap(work.start, work.end, at);
            if seconds <= 0.0 {
                continue;
            }
            let first = network.layout.sites[site].sectors.start;
            match work.sector {
                Some(sector) => {
                    let manual = &mut self.sectors[sector - first][1];
                    *manual = manual.max(seconds);
                }
                None => self.manual_s = self.manual_s.max(seconds),
            }
        }
    }

    /// Whether the element writes this period into its file.
    pub fn is_measured(&self) -> bool {
        self.dark_s < 850.0
    }

    /// Seconds that the cells of sector 1, 2 or 3 are unavailable: by fault, by people.
    pub fn unavailable_s(&self, sector_number: usize) -> [f64; 2] {
        let [radio, manual] = self.sectors[sector_number - 1];
        let fault = self.dark_s.max(self.isolated_s).max(radio).round();
        [fault, self.manual_s.max(manual).round().min(900.0 - fault)]
    }

    /// Severity of one unit.
    pub fn severity_of(&self, unit: Unit) -> f64 {
        self.severity[unit.index()].min(1.4)
    }
}

/// Seconds of `[start, end)` within the period that begins at `at`.
fn overlap(start: Micros, end: Micros, at: Micros) -> f64 {
    ((end.min(at + QUARTER) - start.max(at)).max(0)) as f64 / SECOND as f64
}
