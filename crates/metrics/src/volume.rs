//! VUS-PR: area under the precision-recall curve with soft label borders, averaged over border
//! widths.
//!
//! Source: Paparrizos et al., "Volume Under the Surface", VLDB 2022, in the form that the TSB-AD
//! benchmark computes: widths 0, 1 … `window`, 250 thresholds, the existence factor on recall.
//! Written from the definition: with scores sorted once, every sum is a running sum.

use std::ops::RangeInclusive;

use crate::detection::segments;
use crate::ranking::by_descending_score;

const THRESHOLDS: usize = 250;

/// VUS-PR of `scores` against `labels`; `None` without a positive, with fewer than two points, or
/// where a score is no number.
///
/// `window` is the greatest border width, in periods: the dominant period, at most 100.
///
/// # Panics
/// When the slices differ in length.
pub fn vus_pr(labels: &[bool], scores: &[f64], window: usize) -> Option<f64> {
    assert_eq!(labels.len(), scores.len(), "one score per label");
    let events = inclusive(&segments(labels));
    if events.is_empty() || scores.len() < 2 || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let order = by_descending_score(scores);
    let cuts = cuts(scores, &order);
    let sum: f64 = (0..=window)
        .map(|width| average_precision(labels, scores, &events, width, &order, &cuts))
        .sum();
    Some(sum / (window + 1) as f64)
}

fn inclusive(events: &[std::ops::Range<usize>]) -> Vec<RangeInclusive<usize>> {
    events.iter().map(|event| event.start..=event.end - 1).collect()
}

/// One operating point: everything that scores at least `score` is predicted, `predicted` points.
struct Cut {
    score: f64,
    predicted: usize,
}

fn cuts(scores: &[f64], order: &[usize]) -> Vec<Cut> {
    let last = (scores.len() - 1) as f64;
    (0..THRESHOLDS)
        .map(|step| {
            // As numpy's linspace(0, n - 1, 250) truncated to integers.
            let rank = (step as f64 * (last / (THRESHOLDS - 1) as f64)) as usize;
            let rank = if step == THRESHOLDS - 1 { scores.len() - 1 } else { rank };
            let score = scores[order[rank]];
            let predicted = order.partition_point(|&index| scores[index] >= score);
            Cut { score, predicted }
        })
        .collect()
}

fn average_precision(
    labels: &[bool],
    scores: &[f64],
    events: &[RangeInclusive<usize>],
    width: usize,
    order: &[usize],
    cuts: &[Cut],
) -> f64 {
    let soft = soften(labels, events, width);
    let peaks: Vec<f64> = merged(events, width, labels.len())
        .into_iter()
        .map(|range| scores[range].iter().copied().fold(f64::NEG_INFINITY, f64::max))
        .collect();
    let positives = labels.iter().filter(|&&label| label).count() as f64;
    let (mut all, mut inside, mut taken) = (0.0, 0.0, 0);
    let (mut area, mut recall_before) = (0.0, 0.0);
    for cut in cuts {
        for &index in &order[taken..cut.predicted.max(taken)] {
            all += soft[index];
            inside += f64::from(u8::from(labels[index]));
        }
        taken = taken.max(cut.predicted);
        // Half-way between the hard positives and what the soft borders let count.
        let expected = (positives + positives + all - inside) / 2.0;
        let existence =
            peaks.iter().filter(|&&peak| peak >= cut.score).count() as f64 / peaks.len() as f64;
        let recall = (all / expected).min(1.0) * existence;
        area += (recall - recall_before) * (all / cut.predicted as f64);
        recall_before = recall;
    }
    area
}

/// Labels with borders that fall off as √(1 - distance / width) over half the width.
fn soften(labels: &[bool], events: &[RangeInclusive<usize>], width: usize) -> Vec<f64> {
    let mut soft: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
    let weight = |distance: usize| (1.0 - distance as f64 / width as f64).sqrt();
    for event in events {
        let (start, end) = (*event.start(), *event.end());
        let before = &mut soft[start.saturating_sub(width / 2)..start];
        for (gap, value) in before.iter_mut().rev().enumerate() {
            *value += weight(gap + 1);
        }
        let last = (end + width / 2 + 1).min(labels.len());
        for (gap, value) in soft[end + 1..last.max(end + 1)].iter_mut().enumerate() {
            *value += weight(gap + 1);
        }
    }
    for value in &mut soft {
        *value = value.min(1.0);
    }
    soft
}

/// Events with half a width on both sides, joined where they touch.
fn merged(
    events: &[RangeInclusive<usize>],
    width: usize,
    length: usize,
) -> Vec<RangeInclusive<usize>> {
    let half = width / 2;
    let mut joined: Vec<RangeInclusive<usize>> = Vec::new();
    for event in events {
        let start = event.start().saturating_sub(half);
        let end = (event.end() + half).min(length - 1);
        match joined.last_mut() {
            Some(last) if *last.end() >= start => *last = *last.start()..=end,
            _ => joined.push(start..=end),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reproducible series without a generator: label bursts and a score that half follows them.
    fn series(length: usize) -> (Vec<bool>, Vec<f64>) {
        let labels: Vec<bool> = (0..length)
            .map(|t| (120..140).contains(&t) || (300..303).contains(&t) || (310..360).contains(&t))
            .collect();
        let scores = (0..length)
            .map(|t| {
                let noise = f64::from(u32::try_from((t * 7919) % 1009).unwrap()) / 1009.0;
                noise + 0.4 * f64::from(u8::from(labels[t]))
            })
            .collect();
        (labels, scores)
    }

    #[test]
    fn matches_the_benchmark_implementation() {
        // RangeAUC_volume_opt of TSB_AD/evaluation/basic_metrics.py (TheDatumOrg/TSB-AD) on
        // lab = 20, 3 and 50 ones at 120, 300 and 310; score = (7919 t mod 1009) / 1009 + .4 lab.
        let (labels, scores) = series(500);
        let expected = [(10, 0.589_808_364_589_626_2), (100, 0.734_226_532_526_461_6)];
        for (window, value) in expected {
            let got = vus_pr(&labels, &scores, window).unwrap();
            assert!((got - value).abs() < 1e-9, "window {window}: {got}");
        }
    }

    #[test]
    fn a_perfect_score_beats_a_constant_one() {
        let (labels, _) = series(500);
        let perfect: Vec<f64> = labels.iter().map(|&l| f64::from(u8::from(l))).collect();
        let best = vus_pr(&labels, &perfect, 20).unwrap();
        let flat = vus_pr(&labels, &[0.5; 500], 20).unwrap();
        assert!(best > 0.9 && flat < 0.35, "{best} {flat}");
        assert_eq!(vus_pr(&[false; 10], &[0.0; 10], 5), None);
        assert_eq!(vus_pr(&labels, &[f64::NAN; 500], 20), None);
    }
}
