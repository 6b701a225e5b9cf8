//! How long the machine itself keeps a program waiting that never waits.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Shorter gaps are the loop's own.
const LEAST: Duration = Duration::from_micros(100);

/// Gaps in the time of a loop that does nothing but look at the clock.
#[derive(Debug, Serialize)]
pub(crate) struct Pauses {
    pauses_per_second: f64,
    /// Share of the time that they took.
    share: f64,
    longest_ms: f64,
    /// What one in a hundred requests would wait that came at any time and took none.
    p99_ms: f64,
}

/// Looks at the clock for so long.
pub(crate) fn seen(span: Duration) -> Pauses {
    let begin = Instant::now();
    let (mut last, mut gaps) = (begin, Vec::new());
    while last - begin < span {
        let now = Instant::now();
        if now - last >= LEAST {
            gaps.push((now - last).as_secs_f64());
        }
        last = now;
    }
    let whole = (last - begin).as_secs_f64();
    let ms = |seconds: f64| seconds * 1e3;
    Pauses {
        pauses_per_second: gaps.len() as f64 / whole,
        share: gaps.iter().sum::<f64>() / whole,
        longest_ms: ms(gaps.iter().copied().fold(0.0, f64::max)),
        p99_ms: ms(waited(&gaps, whole, 0.01)),
    }
}

/// The wait that this share of all instants exceeds, each of which waits for the end of its gap.
fn waited(gaps: &[f64], whole: f64, share: f64) -> f64 {
    let longer = |wait: f64| gaps.iter().map(|gap| (gap - wait).max(0.0)).sum::<f64>() / whole;
    if longer(0.0) <= share {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, gaps.iter().copied().fold(0.0, f64::max));
    // Sixty halvings leave nothing of any gap.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        *(if longer(middle) > share { &mut low } else { &mut high }) = middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::waited;

    #[test]
    fn a_share_of_all_instants_waits_longer() {
        let close = |have: f64, wanted: f64| (have - wanted).abs() < 1e-9;
        assert!(close(waited(&[0.1], 1.0, 0.01), 0.09));
        assert!(close(waited(&[0.03, 0.02], 1.0, 0.03), 0.01));
        assert!(close(waited(&[0.005], 1.0, 0.01), 0.0));
    }
}
