//! Alarms at a frozen threshold, point by point and event by event.

use std::ops::Range;

/// Runs of `true`, half-open, in order.
pub fn segments(flags: &[bool]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (index, &flag) in flags.iter().enumerate() {
        match (flag, start) {
            (true, None) => start = Some(index),
            (false, Some(begin)) => {
                runs.push(begin..index);
                start = None;
            }
            _ => {}
        }
    }
    runs.extend(start.map(|begin| begin..flags.len()));
    runs
}

/// Point counts of alarms against labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Positive and alarmed.
    pub hits: u64,
    /// Negative and alarmed.
    pub false_alarms: u64,
    /// Positive and quiet.
    pub misses: u64,
    /// Negative and quiet.
    pub quiet: u64,
}

impl Confusion {
    /// Share of alarms that are right; `None` without an alarm.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    /// Share of positives that are alarmed; `None` without a positive.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.hits, self.hits + self.misses)
    }

    /// Share of negatives that are alarmed; `None` without a negative.
    pub fn false_positive_rate(&self) -> Option<f64> {
        ratio(self.false_alarms, self.false_alarms + self.quiet)
    }

    /// Harmonic mean of precision and recall; `None` without a positive.
    pub fn f1(&self) -> Option<f64> {
        self.recall()?;
        ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts points.
///
/// # Panics
/// When the slices differ in length.
pub fn confusion(labels: &[bool], alarms: &[bool]) -> Confusion {
    assert_eq!(labels.len(), alarms.len(), "one alarm flag per label");
    let mut counts = Confusion::default();
    for (&label, &alarm) in labels.iter().zip(alarms) {
        let field = match (label, alarm) {
            (true, true) => &mut counts.hits,
            (false, true) => &mut counts.false_alarms,
            (true, false) => &mut counts.misses,
            (false, false) => &mut counts.quiet,
        };
        *field += 1;
    }
    counts
}

/// F1 of alarming always, at base rate `p`: the figure that any F1 must be read beside.
pub fn all_positive_f1(p: f64) -> f64 {
    2.0 * p / (1.0 + p)
}

/// Events found and alarm episodes that found something; no point is adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct EventScore {
    /// Labelled events.
    pub events: u64,
    /// Events with at least one alarm inside.
    pub found: u64,
    /// Runs of alarms, after joining across gaps.
    pub episodes: u64,
    /// Episodes with at least one alarm inside an event.
    pub useful: u64,
    /// Periods from an event's start to its first alarm, mean over found events.
    pub mean_delay: Option<f64>,
}

impl EventScore {
    /// Share of events found; `None` without events.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.found, self.events)
    }

    /// Share of episodes that touch an event; `None` without episodes.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.useful, self.episodes)
    }

    /// Adds another series' counts; delays are averaged by events found.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let delay = |score: &Self| score.mean_delay.map(|mean| (mean, score.found as f64));
        let delays: Vec<_> = [delay(self), delay(other)].into_iter().flatten().collect();
        let weight: f64 = delays.iter().map(|(_, found)| found).sum();
        let total: f64 = delays.iter().map(|(mean, found)| mean * found).sum();
        Self {
            events: self.events + other.events,
            found: self.found + other.found,
            episodes: self.episodes + other.episodes,
            useful: self.useful + other.useful,
            mean_delay: (weight > 0.0).then(|| total / weight),
        }
    }
}

/// Scores one series; alarms closer than `join_gap` quiet periods are one episode.
///
/// # Panics
/// When the slices differ in length.
pub fn event_score(labels: &[bool], alarms: &[bool], join_gap: usize) -> EventScore {
    assert_eq!(labels.len(), alarms.len(), "one alarm flag per label");
    let events = segments(labels);
    let episodes = join(segments(alarms), join_gap);
    let delays: Vec<usize> =
        events.iter().filter_map(|event| event.clone().position(|t| alarms[t])).collect();
    // An event that begins and ends in the gap between two joined alarms was not seen by them.
    let sees = |episode: &&Range<usize>| (**episode).clone().any(|t| alarms[t] && labels[t]);
    let useful = episodes.iter().filter(sees).count();
    EventScore {
        events: events.len() as u64,
        found: delays.len() as u64,
        episodes: episodes.len() as u64,
        useful: useful as u64,
        mean_delay: (!delays.is_empty())
            .then(|| delays.iter().sum::<usize>() as f64 / delays.len() as f64),
    }
}

fn join(runs: Vec<Range<usize>>, gap: usize) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if run.start - last.end < gap => last.end = run.end,
            _ => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<bool> {
        text.chars().map(|mark| mark == '1').collect()
    }

    #[test]
    fn segments_are_half_open() {
        assert_eq!(segments(&flags("0110111")), vec![1..3, 4..7]);
        assert!(segments(&flags("000")).is_empty());
    }

    #[test]
    fn points_are_counted_as_they_are() {
        let counts = confusion(&flags("0011110000"), &flags("0001000110"));
        assert_eq!((counts.hits, counts.false_alarms), (1, 2));
        assert_eq!((counts.misses, counts.quiet), (3, 4));
        // By hand: precision 1/3, recall 1/4, F1 = 2/7. Point adjustment would have said 8/10.
        assert!((counts.f1().unwrap() - 2.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn events_are_found_once_and_late_alarms_cost_delay() {
        let score = event_score(&flags("0011110000110"), &flags("0001000110000"), 1);
        assert_eq!((score.events, score.found), (2, 1));
        assert_eq!((score.episodes, score.useful), (2, 1));
        assert_eq!(score.mean_delay, Some(1.0));
        let joined = event_score(&flags("0011110000110"), &flags("0001000110000"), 4);
        assert_eq!((joined.episodes, joined.useful), (1, 1));
    }

    #[test]
    fn an_event_within_a_joined_gap_is_not_found() {
        let score = event_score(&flags("0001000"), &flags("0100010"), 6);
        assert_eq!((score.found, score.episodes, score.useful), (0, 1, 0));
    }

    #[test]
    fn all_positive_at_five_percent() {
        assert!((all_positive_f1(0.05) - 0.095_238_095_238_095_24).abs() < 1e-12);
    }
}
