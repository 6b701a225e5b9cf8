//! Judging a package on a slice: metrics with intervals, baselines beside them, and a verdict of
//! three values.
//!
//! The verdict comes from the gate slice and from a paired comparison of losses, entity-week by
//! entity-week. PASS: better than every baseline beyond chance. FAIL: worse than one beyond chance.
//! INSUFFICIENT: the slice cannot tell, or holds too few events to try.

mod anomaly;
mod forecast;
mod losses;
mod tabular;

use std::fmt;

use foresite_metrics::{PairedTest, block_interval, paired_blocks};
use serde::{Deserialize, Serialize};

pub use anomaly::beside::{beside, clearly_worse};
pub use anomaly::{Episodes, anomaly};
pub use forecast::forecast;
pub use losses::losses;
pub use tabular::tabular;

/// The model that serves, as the baseline of another.
pub const CHAMPION: &str = "champion";
/// Blocks below which nothing is concluded.
const LEAST_BLOCKS: usize = 8;
/// Events below which nothing is concluded about a rare event.
const LEAST_EVENTS: usize = 10;

/// How to judge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Judging {
    /// Share of entities that people look at per cutoff.
    pub budget: f64,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for Judging {
    fn default() -> Self {
        Self { budget: 0.05, replicates: 500, seed: 1 }
    }
}

/// One number about a model on a slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name, with its horizon or level.
    pub name: String,
    /// The value; `None` where it is undefined.
    pub value: Option<f64>,
    /// 95 % block-bootstrap interval, where one was computed.
    pub interval: Option<(f64, f64)>,
    /// The baseline whose number this is; `None` for the model's own.
    pub baseline: Option<String>,
    /// Samples behind it.
    pub samples: usize,
}

/// The outcome of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Better than every baseline beyond chance.
    Pass,
    /// Worse than a baseline beyond chance.
    Fail,
    /// The slice cannot tell.
    Insufficient,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Insufficient => "INSUFFICIENT",
        })
    }
}

/// A model against one baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline.
    pub baseline: String,
    /// The paired test of mean losses; `None` where the slice has fewer than two blocks.
    pub test: Option<PairedTest>,
}

impl Comparison {
    /// Compares losses row by row; rows without both do not count.
    pub fn new(
        baseline: &str,
        (own, theirs): (&[f64], &[f64]),
        blocks: &[u64],
        judging: &Judging,
    ) -> Self {
        let rows: Vec<usize> =
            (0..own.len()).filter(|&row| own[row].is_finite() && theirs[row].is_finite()).collect();
        let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<f64>>();
        let blocks: Vec<u64> = rows.iter().map(|&row| blocks[row]).collect();
        let test =
            paired_blocks(&pick(own), &pick(theirs), &blocks, judging.replicates, judging.seed);
        Self { baseline: baseline.into(), test }
    }

    /// The test, where it stands on enough blocks to conclude anything.
    fn told(&self) -> Option<PairedTest> {
        self.test.filter(|test| test.blocks >= LEAST_BLOCKS)
    }
}

/// Everything that was found on one slice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The numbers, the model's own first.
    pub metrics: Vec<Metric>,
    /// The comparisons behind the verdict.
    pub comparisons: Vec<Comparison>,
    /// Rare events in the slice; `None` where the label is no event.
    pub events: Option<usize>,
}

impl Measured {
    pub(crate) fn add(&mut self, name: &str, value: Option<f64>, samples: usize) {
        self.metrics.push(Metric {
            name: name.into(),
            value,
            interval: None,
            baseline: None,
            samples,
        });
    }

    pub(crate) fn add_baseline(
        &mut self,
        name: &str,
        baseline: &str,
        value: Option<f64>,
        n: usize,
    ) {
        self.add(name, value, n);
        if let Some(metric) = self.metrics.last_mut() {
            metric.baseline = Some(baseline.into());
        }
    }

    pub(crate) fn add_with_interval(
        &mut self,
        name: &str,
        blocks: &[u64],
        judging: &Judging,
        statistic: impl Fn(&[usize]) -> Option<f64>,
    ) {
        let all: Vec<usize> = (0..blocks.len()).collect();
        self.add(name, statistic(&all), blocks.len());
        let interval = block_interval(blocks, judging.replicates, judging.seed, statistic);
        if let Some(metric) = self.metrics.last_mut() {
            metric.interval = interval.map(|interval| (interval.low, interval.high));
        }
    }

    pub(crate) fn compare(
        &mut self,
        baseline: &str,
        (own, theirs): (&[f64], &[f64]),
        blocks: &[u64],
        judging: &Judging,
    ) {
        self.comparisons.push(Comparison::new(baseline, (own, theirs), blocks, judging));
    }

    /// A number of the model's own.
    pub fn value(&self, name: &str) -> Option<f64> {
        let own = self.metrics.iter().find(|m| m.name == name && m.baseline.is_none())?;
        own.value
    }

    /// The verdict that the comparisons allow, the one with the champion among them. Events that are
    /// too few say nothing; neither does a comparison of too few blocks, which can only stand in the
    /// way of a PASS.
    pub fn verdict(&self, champion: Option<&Comparison>) -> Verdict {
        if self.events.is_some_and(|events| events < LEAST_EVENTS) {
            return Verdict::Insufficient;
        }
        let won = |comparison: &Comparison| comparison.told().map(|test| test.interval.high < 0.0);
        let lost =
            |comparison: &Comparison| comparison.told().is_some_and(|test| test.interval.low > 0.0);
        if self.comparisons.iter().chain(champion).any(lost) {
            return Verdict::Fail;
        }
        if !self.comparisons.is_empty() && self.comparisons.iter().all(|c| won(c) == Some(true)) {
            return Verdict::Pass;
        }
        Verdict::Insufficient
    }

    /// One line per number: `name value [low, high] n` and the baselines' beside.
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        let mut text = String::new();
        for metric in &self.metrics {
            let name = match &metric.baseline {
                Some(baseline) => format!("{} ({baseline})", metric.name),
                None => metric.name.clone(),
            };
            let value = metric.value.map_or("undefined".into(), |value| format!("{value:.6}"));
            let interval = metric
                .interval
                .map_or(String::new(), |(low, high)| format!(" [{low:.6}, {high:.6}]"));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {value}{interval} n={}", metric.samples);
        }
        for comparison in &self.comparisons {
            let found = comparison.test.map_or("undefined".into(), |test| {
                format!(
                    "{:.6} [{:.6}, {:.6}] p={:.4} blocks={}",
                    test.difference,
                    test.interval.low,
                    test.interval.high,
                    test.p_value,
                    test.blocks
                )
            });
            let _ = writeln!(text, "loss_against {} {found}", comparison.baseline);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use foresite_metrics::Interval;

    use super::*;

    fn compared((low, high): (f64, f64), blocks: usize) -> Comparison {
        let interval = Interval { low, high };
        let difference = f64::midpoint(low, high);
        let test = PairedTest { difference, interval, p_value: 0.01, blocks };
        Comparison { baseline: "naive".into(), test: Some(test) }
    }

    fn measured(differences: &[(f64, f64)], blocks: usize, events: Option<usize>) -> Measured {
        let comparisons = differences.iter().map(|&range| compared(range, blocks)).collect();
        Measured { metrics: vec![], comparisons, events }
    }

    fn verdict(differences: &[(f64, f64)], blocks: usize, events: Option<usize>) -> Verdict {
        measured(differences, blocks, events).verdict(None)
    }

    #[test]
    fn three_verdicts() {
        assert_eq!(verdict(&[(-2.0, -1.0), (-3.0, -0.1)], 20, None), Verdict::Pass);
        assert_eq!(verdict(&[(-2.0, -1.0), (0.1, 0.4)], 20, None), Verdict::Fail);
        assert_eq!(verdict(&[(-2.0, 1.0)], 20, None), Verdict::Insufficient);
    }

    #[test]
    fn little_to_judge_by_is_insufficient() {
        assert_eq!(verdict(&[(-2.0, -1.0)], 3, None), Verdict::Insufficient);
        assert_eq!(verdict(&[(-2.0, -1.0)], 20, Some(4)), Verdict::Insufficient);
        assert_eq!(verdict(&[(1.0, 2.0)], 20, Some(4)), Verdict::Insufficient);
        assert_eq!(Measured::default().verdict(None), Verdict::Insufficient);
    }

    #[test]
    fn an_undefined_comparison_hides_no_defeat_and_allows_no_pass() {
        let undefined = Comparison { baseline: "rule".into(), test: None };
        let with = |range| {
            let mut measured = measured(&[range], 20, None);
            measured.comparisons.push(undefined.clone());
            measured.verdict(None)
        };
        assert_eq!(with((0.1, 0.4)), Verdict::Fail);
        assert_eq!(with((-2.0, -1.0)), Verdict::Insufficient);
    }

    #[test]
    fn a_champion_fails_a_model_on_enough_blocks_only() {
        let good = measured(&[(-2.0, -1.0)], 20, None);
        assert_eq!(good.verdict(Some(&compared((0.1, 0.4), 20))), Verdict::Fail);
        assert_eq!(good.verdict(Some(&compared((0.1, 0.4), 2))), Verdict::Pass);
        assert_eq!(good.verdict(Some(&compared((-0.1, 0.4), 20))), Verdict::Pass);
    }
}
