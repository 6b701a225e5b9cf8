//! A network with its whole story: layout, failures, sleeping cells, work. Nothing here is written
//! down yet; what an hour looks like is computed from it at any time.

use crate::calendar::{DAY, HOUR, Micros};
use crate::config::{Config, ConfigError};
use crate::faults::{Faults, Rates, draw_faults};
use crate::layout::Layout;
use crate::neighbours::{Neighbour, neighbours};
use crate::sleeping::{Sleeping, draw_sleeping};
use crate::work::{Work, draw_work};

/// A simulated network.
#[derive(Debug, Clone)]
pub struct Network {
    /// The configuration it was drawn from.
    pub config: Config,
    /// End of the story, exclusive.
    pub until: Micros,
    /// Entities.
    pub layout: Layout,
    /// Bordering cells of each cell.
    pub neighbours: Vec<Vec<Neighbour>>,
    /// Rates and laws of failures.
    pub rates: Rates,
    /// What breaks.
    pub faults: Faults,
    /// Indices into `faults.failures`, by site.
    pub failures_of: Vec<Vec<usize>>,
    /// Times asleep, by cell.
    pub sleeping: Vec<Vec<Sleeping>>,
    /// Planned work.
    pub work: Vec<Work>,
    /// Indices into `work`, by site.
    pub work_of: Vec<Vec<usize>>,
}

impl Network {
    /// Draws the network and its story to `truth_days` past the end of the history.
    ///
    /// # Errors
    /// A configuration that cannot be simulated.
    pub fn generate(config: &Config) -> Result<Self, ConfigError> {
        Self::generate_until(config, config.end.0)
    }

    /// The same for live hours up to `until`: the story so far stays as it is, more is added.
    ///
    /// # Errors
    /// A configuration that cannot be simulated.
    pub fn generate_until(config: &Config, until: Micros) -> Result<Self, ConfigError> {
        config.check()?;
        let past = i64::from(config.truth_days) * DAY + 45 * DAY;
        let until = until.max(config.end.0) + past - until.rem_euclid(HOUR);
        let mut layout = Layout::draw(config);
        let work = draw_work(config, &mut layout, until);
        let rates = Rates::new(config);
        let faults = draw_faults(&layout, &rates, [config.start.0, until]);
        let mut failures_of = vec![Vec::new(); layout.sites.len()];
        for (index, failure) in faults.failures.iter().enumerate() {
            failures_of[failure.site].push(index);
        }
        let mut work_of = vec![Vec::new(); layout.sites.len()];
        for (index, work) in work.iter().enumerate() {
            work_of[work.site].push(index);
        }
        Ok(Self {
            config: config.clone(),
            until,
            neighbours: neighbours(&layout),
            sleeping: draw_sleeping(config, &layout, until),
            layout,
            rates,
            faults,
            failures_of,
            work,
            work_of,
        })
    }

    /// The time asleep of a cell that covers `at`.
    pub fn asleep(&self, cell: usize, at: Micros) -> Option<&Sleeping> {
        let times = &self.sleeping[cell];
        let begun = times.partition_point(|time| time.start <= at);
        let last = begun.checked_sub(1).map(|index| &times[index])?;
        (at < last.end).then_some(last)
    }

    /// Whether a loss of service of the site lasts at `at`.
    pub fn is_out(&self, site: usize, at: Micros) -> bool {
        let failures = self.failures_of[site].iter().map(|&index| &self.faults.failures[index]);
        failures.take_while(|failure| failure.start <= at).any(|failure| at < failure.end)
    }

    /// Index of the site of a cell.
    pub fn site_of(&self, cell: usize) -> usize {
        self.layout.sectors[self.layout.cells[cell].sector].site
    }
}
