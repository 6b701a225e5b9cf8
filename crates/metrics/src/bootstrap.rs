//! Intervals and paired tests that respect dependence: whole blocks (an entity's week) are drawn,
//! never single rows.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// 2.5 % quantile of the replicates.
    pub low: f64,
    /// 97.5 % quantile of the replicates.
    pub high: f64,
}

/// The outcome of a paired comparison.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PairedTest {
    /// Mean loss of the candidate minus mean loss of the reference: negative is better.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// One-sided p-value of "the candidate is not better".
    pub p_value: f64,
    /// Blocks behind it.
    pub blocks: usize,
}

/// Row numbers per block, blocks in the order of their first row.
fn rows_by_block(blocks: &[u64]) -> Vec<Vec<usize>> {
    let mut place = std::collections::HashMap::new();
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for (row, block) in blocks.iter().enumerate() {
        let at = *place.entry(*block).or_insert_with(|| {
            rows.push(Vec::new());
            rows.len() - 1
        });
        rows[at].push(row);
    }
    rows
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (position - position.floor())
}

fn interval(mut replicates: Vec<f64>) -> Option<Interval> {
    replicates.sort_by(f64::total_cmp);
    (!replicates.is_empty())
        .then(|| Interval { low: quantile(&replicates, 0.025), high: quantile(&replicates, 0.975) })
}

/// Percentile interval of `statistic`, which gets the row numbers of each replicate.
///
/// `blocks[i]` names the block of row *i*. Replicates on which the statistic is undefined are left
/// out; `None` with fewer than two blocks or when more than half of them are.
pub fn block_interval(
    blocks: &[u64],
    replicates: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    let by_block = rows_by_block(blocks);
    if by_block.len() < 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = Vec::with_capacity(blocks.len());
    let values: Vec<f64> = (0..replicates)
        .filter_map(|_| {
            rows.clear();
            for _ in 0..by_block.len() {
                rows.extend_from_slice(&by_block[rng.random_range(0..by_block.len())]);
            }
            statistic(&rows)
        })
        .collect();
    (values.len() * 2 > replicates).then(|| interval(values)).flatten()
}

/// Paired block bootstrap of the difference of mean losses; `None` with fewer than two blocks, or
/// where a loss is not finite: a draw that is no number must not count as a gain.
///
/// # Panics
/// When the slices differ in length.
pub fn paired_blocks(
    candidate: &[f64],
    reference: &[f64],
    blocks: &[u64],
    replicates: usize,
    seed: u64,
) -> Option<PairedTest> {
    assert!(
        candidate.len() == reference.len() && candidate.len() == blocks.len(),
        "one pair of losses per block entry"
    );
    let sums: Vec<(f64, f64)> = rows_by_block(blocks)
        .into_iter()
        .map(|rows| {
            let sum = rows.iter().map(|&row| candidate[row] - reference[row]).sum();
            (sum, rows.len() as f64)
        })
        .collect();
    if sums.len() < 2 || replicates == 0 || sums.iter().any(|(sum, _)| !sum.is_finite()) {
        return None;
    }
    let mean = |drawn: &mut dyn Iterator<Item = (f64, f64)>| {
        let (sum, count) = drawn.fold((0.0, 0.0), |acc, one| (acc.0 + one.0, acc.1 + one.1));
        sum / count
    };
    let difference = mean(&mut sums.iter().copied());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..replicates)
        .map(|_| mean(&mut (0..sums.len()).map(|_| sums[rng.random_range(0..sums.len())])))
        .collect();
    // One is added on both sides, so that a finite number of draws never says "impossible".
    let not_better = values.iter().filter(|&&value| value >= 0.0).count();
    Some(PairedTest {
        difference,
        p_value: (not_better + 1) as f64 / (replicates + 1) as f64,
        interval: interval(values)?,
        blocks: sums.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(count: u32) -> (Vec<f64>, Vec<f64>, Vec<u64>) {
        let noise = |i: u32| f64::from((i * 7919) % 1009) / 1009.0;
        let reference: Vec<f64> = (0..count).map(noise).collect();
        let better = reference.iter().map(|loss| loss - 0.05).collect();
        (better, reference, (0..u64::from(count)).map(|i| i / 10).collect())
    }

    #[test]
    fn a_steady_gain_is_seen_and_a_coin_is_not() {
        let (better, reference, blocks) = losses(400);
        let test = paired_blocks(&better, &reference, &blocks, 999, 1).unwrap();
        assert!((test.difference + 0.05).abs() < 1e-9 && test.p_value < 0.005);
        let mut shuffled = reference.clone();
        shuffled.rotate_left(137);
        let coin = paired_blocks(&shuffled, &reference, &blocks, 999, 1).unwrap();
        assert!(coin.p_value > 0.05 && coin.interval.low < 0.0 && coin.interval.high > 0.0);
    }

    #[test]
    fn blocks_widen_the_interval() {
        // Every block repeats one value: ten rows are worth one.
        let values: Vec<f64> = (0..400).map(|i| f64::from((i / 10) % 7)).collect();
        let mean = |rows: &[usize]| {
            Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
        };
        let by_row: Vec<u64> = (0..400).collect();
        let by_block: Vec<u64> = (0..400).map(|i| i / 10).collect();
        let narrow = block_interval(&by_row, 500, 3, mean).unwrap();
        let wide = block_interval(&by_block, 500, 3, mean).unwrap();
        assert!(wide.high - wide.low > 2.0 * (narrow.high - narrow.low));
        assert_eq!(block_interval(&[1, 1, 1], 100, 3, |_| Some(1.0)), None);
    }

    #[test]
    fn a_loss_that_is_no_number_decides_nothing() {
        let (mut better, reference, blocks) = losses(100);
        better[17] = f64::NAN;
        assert_eq!(paired_blocks(&better, &reference, &blocks, 200, 1), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let (better, reference, blocks) = losses(100);
        let once = paired_blocks(&better, &reference, &blocks, 200, 9);
        assert_eq!(once, paired_blocks(&better, &reference, &blocks, 200, 9));
    }
}
