//! Planned work on the panel of a detector: what was announced is no news, and what was done without
//! a word is nothing to learn from.
//!
//! Work counts by the step that it touched, not by the cutoff: half an hour of lateness after a short
//! night's work, its cutoff lies behind it and its step shows all of it.

use foresite_features::events::{Event, EventLog};
use foresite_features::task::{Micros, Task};
use foresite_models::anomaly::Panel;

use crate::CutoffGrid;

/// Steps touched by work: announced where the step's own cutoff knew of it, otherwise kept out of
/// what is learned if it is known at `as_of`.
pub fn mark_work(
    panel: &mut Panel,
    (task, grid): (&Task, &CutoffGrid),
    planned: &EventLog,
    as_of: Micros,
) {
    for entity in 0..panel.entities.len() {
        let id = panel.entities[entity].clone();
        for event in planned.of(&id) {
            for step in reach(event, task, grid) {
                let observed = observed(task, grid.cutoffs[step]);
                if touches(event, observed, grid.cutoffs[step]) {
                    panel.announce(entity, step);
                } else if touches(event, observed, as_of) {
                    panel.set_aside(entity, step);
                }
            }
        }
    }
}

/// What a cutoff describes: from here to here.
fn observed(task: &Task, cutoff: Micros) -> (Micros, Micros) {
    let end = task.cutoffs.period_end(cutoff);
    (end - task.inputs.granularity.micros(), end)
}

fn touches(event: &Event, (start, end): (Micros, Micros), known: Micros) -> bool {
    let until = event.end(known).unwrap_or(Micros::MAX);
    event.start(known).is_some_and(|from| from < end && start < until)
}

/// Steps that any version of the event could touch.
fn reach(event: &Event, task: &Task, grid: &CutoffGrid) -> std::ops::Range<usize> {
    let from = event.starts.iter().map(|fact| fact.value).min().unwrap_or(Micros::MAX);
    let until = event.ends.iter().map(|fact| fact.value).max().unwrap_or(Micros::MAX);
    let first = grid.cutoffs.partition_point(|&cutoff| observed(task, cutoff).1 <= from);
    let end = grid.cutoffs.partition_point(|&cutoff| observed(task, cutoff).0 < until);
    first..end.max(first)
}

#[cfg(test)]
mod tests {
    use foresite_features::events::Fact;
    use foresite_features::task::{HOUR, MINUTE, built_in};

    use super::*;

    /// Work from 02:10 to 03:20, written down at `known_at`.
    fn work(known_at: Micros) -> EventLog {
        let fact = |value| vec![Fact { known_at, value }];
        EventLog::new([Event {
            id: "P1".into(),
            entity_id: "north/N001".into(),
            starts: fact(2 * HOUR + 10 * MINUTE),
            ends: fact(3 * HOUR + 20 * MINUTE),
            ..Event::default()
        }])
    }

    /// Cells of the site and of another one over the cutoffs 00:30 to 07:30.
    fn marked(planned: &EventLog, as_of: Micros) -> Panel {
        let task: Task = serde_json::from_str(built_in("anomaly").unwrap()).unwrap();
        let grid = CutoffGrid::new(&task, HOUR / 2, 7 * HOUR + HOUR / 2);
        let cells = ["north/N001/1/n78", "north/N002/1/n78"].map(str::to_owned).to_vec();
        let mut panel = Panel::new(cells, vec!["x".into()], grid.cutoffs.len());
        for at in 0..2 * grid.cutoffs.len() {
            panel.row_mut(at / grid.cutoffs.len(), at % grid.cutoffs.len())[0] = 1.0;
        }
        mark_work(&mut panel, (&task, &grid), planned, as_of);
        panel
    }

    fn steps(
        panel: &Panel,
        entity: usize,
        of: impl Fn(&Panel, usize, usize) -> bool,
    ) -> Vec<usize> {
        (0..panel.steps()).filter(|&step| of(panel, entity, step)).collect()
    }

    #[test]
    fn announced_work_hides_the_hours_that_it_touches() {
        let panel = marked(&work(HOUR), 9 * HOUR);
        // The cutoffs 03:30 and 04:30 describe the hours from 02:00 and from 03:00.
        assert_eq!(steps(&panel, 0, Panel::is_announced), [3, 4]);
        assert!(panel.row(0, 3)[0].is_nan() && panel.row(0, 5)[0] == 1.0);
        assert!(steps(&panel, 1, Panel::is_announced).is_empty(), "work on another site");
    }

    #[test]
    fn work_that_became_known_later_is_seen_but_not_learned_from() {
        let panel = marked(&work(8 * HOUR), 9 * HOUR);
        assert!(steps(&panel, 0, Panel::is_announced).is_empty());
        assert_eq!(steps(&panel, 0, |panel, e, step| !panel.counts(e, step)), [3, 4]);
        assert_eq!(steps(&panel, 0, Panel::is_judged).len(), panel.steps());
        let before = marked(&work(8 * HOUR), 7 * HOUR);
        assert!(steps(&before, 0, |panel, e, step| !panel.counts(e, step)).is_empty());
    }
}
