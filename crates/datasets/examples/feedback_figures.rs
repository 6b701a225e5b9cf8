//! What acting on predictions does to the next model: `feedback_figures [RUNS] [SEED]`.
//!
//! A made-up network of 1,000 sites and weeks. A site fails in a week with a probability that follows
//! from its slow wear and from a precursor that few sites show at a time. Every week the model in use
//! names the 5 % of the sites that it fears most; people visit half of them, and what is visited does not
//! fail. Which half: *any*, drawn by lot, or *shown*, those first whose precursor shows, because it tells
//! a crew what to repair. Every four weeks a new model learns from the last half year, six times. Three
//! loops differ in their labels alone: *naive* ones take what did not fail for healthy, *ours* are made
//! by the labeller of the shipped task with people's marks, an *oracle* knows what would have failed. At
//! the end each model is asked for its 5 % of sites that nobody visits any more.

#![allow(clippy::print_stdout, clippy::expect_used)] // a command-line tool

use std::collections::BTreeMap;

use foresite_features::clock::LocalClock;
use foresite_features::cube::{Cube, Grid};
use foresite_features::events::{Event, EventLog, Fact, Marked, Marks, Tickets};
use foresite_features::labels::{Asked, Labeller, Truth};
use foresite_features::task::{DAY, HOUR, Micros, Task, built_in};
use foresite_models::linear::{Logistic, LogisticOptions, Matrix};
use foresite_schema::marks::Mark;

const SITES: usize = 1_000;
const WEEK: Micros = 7 * DAY;
/// Weeks from which a model learns.
const MEMORY: usize = 26;
const CYCLES: usize = 6;
const CYCLE_WEEKS: usize = 4;
/// Sites on a list.
const BUDGET: usize = SITES / 20;
/// Bins of the task up to a week.
const WEEK_BINS: usize = 4;
const FEATURES: usize = 6;
/// Column of the precursor, and the share of sites that show it in a week.
const PRECURSOR: usize = 1;
const SHOWS: f64 = 0.02;
/// Standard deviation of what is spread evenly over 1.
const UNIFORM_SPREAD: f64 = 0.289;

/// Labels that a loop learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labels {
    Naive,
    Ours,
    Oracle,
}

/// The half of a list that people visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Any,
    Shown,
}

/// What lies between 0 and 1 for a place in a run.
struct Draw(u64);

impl Draw {
    /// A number that depends on nothing but run and place.
    fn at(&self, place: [usize; 3]) -> f64 {
        let mixed = place.iter().fold(self.0, |seed, part| {
            let mut z = seed.wrapping_add(*part as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One loop.
struct World {
    draw: Draw,
    half: Half,
    labels: Labels,
    task: Task,
    /// Week and site of failures that happened, and of those that a visit prevented.
    failed: Vec<(usize, usize)>,
    prevented: Vec<(usize, usize)>,
    visited: Vec<(usize, usize)>,
}

impl World {
    fn new(seed: u64, half: Half, labels: Labels) -> Self {
        let mut task: Task = serde_json::from_str(built_in("maintenance").expect("it is built in"))
            .expect("the shipped task is valid");
        if labels != Labels::Ours {
            // As if nobody had said that he was there.
            task.masks.acted = serde_json::from_str("\"0h\"").expect("a span");
        }
        let (failed, prevented, visited) = (Vec::new(), Vec::new(), Vec::new());
        Self { draw: Draw(seed), half, labels, task, failed, prevented, visited }
    }

    /// Wear, a precursor in one site of fifty, and four features that say nothing.
    fn features(&self, week: usize, site: usize) -> [f64; FEATURES] {
        let wear = self.draw.at([1, site, 0]) + 0.3 * self.draw.at([2, site, week]);
        let precursor = f64::from(u8::from(self.draw.at([3, site, week]) < SHOWS));
        let noise = |which| self.draw.at([which, site, week]) - 0.5;
        [wear - 0.65, precursor, noise(4), noise(5), noise(6), noise(7)]
    }

    /// What models see: features in units of their spread, as the shipped ones encode them.
    fn encoded(&self, week: usize, site: usize) -> [f64; FEATURES] {
        let [wear, precursor, noise @ ..] = self.features(week, site);
        let [a, b, c, d] = noise.map(|value| value / UNIFORM_SPREAD);
        let shown = SHOWS * (1.0 - SHOWS);
        [wear / UNIFORM_SPREAD, (precursor - SHOWS) / shown.sqrt(), a, b, c, d]
    }

    /// Whether a site would fail in the week, if nobody came.
    fn would_fail(&self, week: usize, site: usize) -> bool {
        let [wear, precursor, ..] = self.features(week, site);
        let log_odds = -5.0 + 3.0 * wear + 4.5 * precursor;
        self.draw.at([8, site, week]) < 1.0 / (1.0 + (-log_odds).exp())
    }

    /// The sites that a model fears most.
    fn list(&self, model: &Logistic, week: usize) -> Vec<usize> {
        let mut scored: Vec<(f64, usize)> =
            (0..SITES).map(|site| (model.score(&self.encoded(week, site)), site)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.into_iter().take(BUDGET).map(|(_, site)| site).collect()
    }

    /// The sites of a list that people visit.
    fn visits(&self, mut listed: Vec<usize>, week: usize) -> Vec<usize> {
        let lot = |site: usize| self.draw.at([9, site, week]);
        match self.half {
            Half::Any => listed.retain(|site| lot(*site) < 0.5),
            Half::Shown => {
                let shows = |site: usize| self.features(week, site)[PRECURSOR];
                listed.sort_by(|a, b| {
                    shows(*b).total_cmp(&shows(*a)).then(lot(*a).total_cmp(&lot(*b)))
                });
                listed.truncate(BUDGET / 2);
            }
        }
        listed
    }

    /// Lives through a week; without a model nobody is sent anywhere.
    fn live(&mut self, week: usize, model: Option<&Logistic>) {
        let listed = model.map(|model| self.list(model, week)).unwrap_or_default();
        let visits = self.visits(listed, week);
        for site in 0..SITES {
            let is_visited = visits.contains(&site);
            if self.would_fail(week, site) {
                let log = if is_visited { &mut self.prevented } else { &mut self.failed };
                log.push((week, site));
            }
        }
        self.visited.extend(visits.into_iter().map(|site| (week, site)));
    }

    /// A model of the weeks before `now`.
    fn learn(&self, now: usize) -> Logistic {
        let mut failures = self.failed.clone();
        if self.labels == Labels::Oracle {
            failures.extend_from_slice(&self.prevented);
        }
        let outages = failures.into_iter().map(|(week, site)| outage(week, site));
        let tickets = Tickets { outages: EventLog::new(outages), planned: EventLog::default() };
        let marks = Marks::new(self.visited.iter().map(|(week, site)| visit(*week, *site)));
        let (none, series) = (EventLog::default(), nothing_measured());
        let as_of = now as Micros * WEEK;
        let truth = Truth {
            tickets: &tickets,
            alarms: &none,
            labels: &none,
            marks: &marks,
            series: &series,
            as_of,
        };
        let labeller = Labeller::new(&self.task, truth, BTreeMap::new());
        let (mut rows, mut labels) = (Matrix::with_columns(FEATURES), Vec::new());
        for week in now.saturating_sub(MEMORY)..now {
            for site in 0..SITES {
                let id = site_id(site);
                let asked = Asked { entity: &id, cutoff: week as Micros * WEEK, until: as_of };
                let label = labeller.label(asked, &LocalClock::default());
                if let Some(fails) = within_a_week(&label.values).filter(|_| label.mask.is_none()) {
                    rows.push(&self.encoded(week, site));
                    labels.push(fails);
                }
            }
        }
        let weights = vec![1.0; labels.len()];
        Logistic::fit(&rows, &labels, &weights, LogisticOptions::default())
            .expect("half a year of a thousand sites can be learnt from")
    }

    /// Share of the failures that the model's lists name, in half a year in which nobody goes.
    fn recall(&self, model: &Logistic, from: usize) -> f64 {
        let (mut failures, mut named) = (0_usize, 0_usize);
        for week in from..from + MEMORY {
            let list = self.list(model, week);
            let failing: Vec<usize> =
                (0..SITES).filter(|site| self.would_fail(week, *site)).collect();
            failures += failing.len();
            named += failing.iter().filter(|site| list.contains(site)).count();
        }
        named as f64 / failures as f64
    }
}

fn site_id(site: usize) -> String {
    format!("n/S{site:04}")
}

/// A failure in the middle of a week, mended after six hours.
fn outage(week: usize, site: usize) -> Event {
    let start = week as Micros * WEEK + WEEK / 2;
    let known = |value| Fact { known_at: start + HOUR, value };
    Event {
        id: format!("{week}-{site}"),
        entity_id: site_id(site),
        starts: vec![known(start)],
        ends: vec![Fact { known_at: start + 6 * HOUR, value: start + 6 * HOUR }],
        causes: vec![Fact { known_at: start + HOUR, value: "power".into() }],
        ..Event::default()
    }
}

/// A visit on the day of the list.
fn visit(week: usize, site: usize) -> Marked {
    let at = week as Micros * WEEK + 4 * HOUR;
    Marked {
        entity_id: site_id(site),
        mark: Mark::Done,
        at,
        known_at: at,
        task: Some("maintenance".into()),
        cutoff: Some(week as Micros * WEEK),
        incident_id: None,
        person: Some("crew".into()),
    }
}

fn nothing_measured() -> Cube {
    let mut cube = Cube::new(Grid::covering(0, HOUR, HOUR), Vec::new(), vec!["none".to_owned()]);
    cube.finish();
    cube
}

/// Whether the site failed within a week; nothing where that was not observed.
fn within_a_week(bins: &[Option<f64>]) -> Option<f64> {
    let week = &bins[..WEEK_BINS];
    if week.contains(&Some(1.0)) {
        return Some(1.0);
    }
    week.iter().all(|bin| *bin == Some(0.0)).then_some(0.0)
}

/// Recall after all cycles.
fn lived(seed: u64, half: Half, labels: Labels) -> f64 {
    let mut world = World::new(seed, half, labels);
    (0..MEMORY).for_each(|week| world.live(week, None));
    let mut now = MEMORY;
    for _ in 0..CYCLES {
        let model = world.learn(now);
        (now..now + CYCLE_WEEKS).for_each(|week| world.live(week, Some(&model)));
        now += CYCLE_WEEKS;
    }
    let model = world.learn(now);
    world.recall(&model, now)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (runs, seed) = (arguments.next().unwrap_or(10_u64), arguments.next().unwrap_or(1_u64));
    for (half_name, half) in [("any", Half::Any), ("shown", Half::Shown)] {
        for (name, labels) in
            [("naive", Labels::Naive), ("ours", Labels::Ours), ("oracle", Labels::Oracle)]
        {
            let recalls: Vec<f64> =
                (0..runs).map(|run| lived(seed * 1_000 + run, half, labels)).collect();
            let mean = recalls.iter().sum::<f64>() / runs as f64;
            let least = recalls.iter().copied().fold(f64::INFINITY, f64::min);
            println!("{half_name} {name}: recall {mean:.4}, least {least:.4} of {runs} runs");
        }
    }
}
