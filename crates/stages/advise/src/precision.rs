//! How right the lists were, by people's marks: for every list, and for what drove its items.

use std::collections::BTreeMap;

use foresite_metrics::{Share, drawn_share, right_share};
use foresite_schema::marks::Judgement;

use crate::clock::{DAY, Micros};
use crate::inputs::Said;

/// How far back marks are counted.
pub const MONTH: Micros = 28 * DAY;

/// The shorter of the two spans.
pub const WEEK: Micros = 7 * DAY;

/// Judged cases below which no share is said: an interval from 0 to 1 helps nobody.
pub const LEAST: usize = 5;

/// Cases of a span: an incident is one, however many of its predictions were marked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases that were called right.
    pub right: usize,
    /// Cases that were called wrong.
    pub wrong: usize,
    /// Cases about which people disagree: they count as neither.
    pub disputed: usize,
    /// Cases that were only dealt with.
    pub done: usize,
}

impl Counts {
    /// Cases that were judged.
    pub fn judged(self) -> usize {
        self.right + self.wrong
    }

    /// The share that was right, where enough was judged.
    pub fn share(self) -> Option<Share> {
        right_share(self.right, self.judged()).filter(|share| share.count >= LEAST)
    }

    fn add(&mut self, judgement: Option<Judgement>) {
        match judgement {
            Some(Judgement::Right) => self.right += 1,
            Some(Judgement::Wrong) => self.wrong += 1,
            Some(Judgement::Disputed) => self.disputed += 1,
            None => self.done += 1,
        }
    }
}

/// One line: the list itself, or one driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The driver; `None` for all items of the list.
    pub driver: Option<String>,
    /// The last week.
    pub week: Counts,
    /// The last four weeks.
    pub month: Counts,
}

/// What lists stated of items that people judged later, and what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Held {
    /// Judged items whose first list is known.
    pub items: usize,
    /// How many of them would be right, as their lists stated: the sum of the probabilities.
    pub stated: f64,
    /// How many were.
    pub right: usize,
}

/// What people's marks say about a task's list at the cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Precision {
    /// The list first, then drivers, the most judged ones first.
    pub lines: Vec<Line>,
    /// What was stated beforehand about the items judged in the last four weeks.
    pub held: Held,
    /// Checks of the last four weeks.
    pub checks: Counts,
    /// Of all that was scored, the share that was a real case, each check standing for as many
    /// entities as it was drawn from; only where there were enough checks.
    pub real: Option<Share>,
}

/// Counts the marked cases of a task.
pub fn of_task(said: &[Said], task: &str, cutoff: Micros) -> Precision {
    let of_task = || said.iter().filter(|said| said.task == task && cutoff - said.at <= MONTH);
    let listed = || of_task().filter(|said| said.inclusion.is_none());
    let mut by_driver: BTreeMap<Option<&str>, Line> = BTreeMap::new();
    for said in listed() {
        let driver = said.driver.as_deref();
        for key in std::iter::once(None).chain(driver.map(Some)) {
            let line = by_driver.entry(key).or_insert_with(|| Line {
                driver: key.map(str::to_owned),
                week: Counts::default(),
                month: Counts::default(),
            });
            line.month.add(said.judgement);
            if cutoff - said.at <= WEEK {
                line.week.add(said.judgement);
            }
        }
    }
    let mut lines: Vec<Line> = by_driver.into_values().collect();
    lines.sort_by_key(|line| (line.driver.is_some(), std::cmp::Reverse(line.month.judged())));
    let held = held(listed());
    let mut checks = Counts::default();
    of_task().filter(|said| said.inclusion.is_some()).for_each(|said| checks.add(said.judgement));
    let judged = of_task().filter_map(|said| {
        let is_right = match said.judgement? {
            Judgement::Right => true,
            Judgement::Wrong => false,
            Judgement::Disputed => return None,
        };
        Some((said.inclusion.unwrap_or(1.0), is_right))
    });
    let judged: Vec<(f64, bool)> = judged.collect();
    let real = drawn_share(&judged).filter(|_| checks.judged() >= LEAST);
    Precision { lines, held, checks, real }
}

fn held<'a>(listed: impl Iterator<Item = &'a Said>) -> Held {
    let mut held = Held::default();
    for said in listed {
        let is_right = match said.judgement {
            Some(Judgement::Right) => true,
            Some(Judgement::Wrong) => false,
            Some(Judgement::Disputed) | None => continue,
        };
        if let Some(stated) = said.stated {
            held.items += 1;
            held.stated += stated;
            held.right += usize::from(is_right);
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 100 * DAY;

    fn said(days_ago: i64, judgement: Option<Judgement>, driver: &str) -> Said {
        Said {
            task: "anomaly".into(),
            at: NOW - days_ago * DAY,
            judgement,
            driver: Some(driver.into()),
            inclusion: None,
            stated: None,
        }
    }

    #[test]
    fn what_was_stated_stands_beside_what_came_of_it() {
        let stated = |judgement, p| Said { stated: Some(p), ..said(1, judgement, "x") };
        let marks = [
            stated(Some(Judgement::Right), 0.9),
            stated(Some(Judgement::Wrong), 0.4),
            stated(Some(Judgement::Disputed), 0.9),
            stated(None, 0.9),
            said(1, Some(Judgement::Right), "x"),
            Said { inclusion: Some(0.01), ..stated(Some(Judgement::Right), 0.01) },
        ];
        let held = of_task(&marks, "anomaly", NOW).held;
        assert_eq!((held.items, held.right), (2, 1), "judged items of a known list, no check");
        assert!((held.stated - 1.3).abs() < 1e-12);
    }

    #[test]
    fn lists_and_drivers_are_counted_by_week_and_month() {
        let right = Some(Judgement::Right);
        let mut marks: Vec<Said> = (0..6).map(|day| said(day, right, "latency_dl")).collect();
        marks.push(said(3, Some(Judgement::Wrong), "users_mean"));
        marks.push(said(20, Some(Judgement::Wrong), "users_mean"));
        marks.push(said(2, Some(Judgement::Disputed), "users_mean"));
        marks.push(said(2, None, "users_mean"));
        marks.push(said(29, right, "users_mean"));
        marks.push(Said { task: "capacity".into(), ..said(1, right, "users_mean") });
        let precision = of_task(&marks, "anomaly", NOW);
        let names: Vec<_> = precision.lines.iter().map(|line| line.driver.as_deref()).collect();
        assert_eq!(names, [None, Some("latency_dl"), Some("users_mean")]);
        let [all, latency, users] = [0, 1, 2].map(|at| &precision.lines[at]);
        assert_eq!(all.month, Counts { right: 6, wrong: 2, disputed: 1, done: 1 });
        assert_eq!(all.week, Counts { right: 6, wrong: 1, disputed: 1, done: 1 });
        assert!((all.month.share().unwrap().value - 0.75).abs() < 1e-12);
        assert_eq!(latency.week.share().unwrap().value, 1.0);
        assert_eq!(users.month.share(), None, "two marks are not enough");
        assert_eq!(precision.real, None, "without checks nobody knows about the others");
    }

    #[test]
    fn checks_stand_for_the_many_that_no_list_names() {
        let listed = (0..8).map(|_| said(1, Some(Judgement::Right), "latency_dl"));
        let check = |judgement| Said { inclusion: Some(0.01), ..said(1, Some(judgement), "x") };
        let checks = (0..5).map(|_| check(Judgement::Wrong));
        let marks: Vec<Said> = listed.chain(checks).collect();
        let precision = of_task(&marks, "anomaly", NOW);
        assert_eq!(precision.lines[0].month.judged(), 8, "a check is no item of the list");
        assert_eq!(precision.checks.wrong, 5);
        // By hand: 8 / (8 + 5 · 100).
        assert!((precision.real.unwrap().value - 8.0 / 508.0).abs() < 1e-12);
    }
}
