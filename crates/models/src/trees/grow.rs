//! One tree, grown level by level from histograms of slopes.

use serde::{Deserialize, Serialize};

use super::{BoostOptions, bins::Bins};
use crate::linear::Matrix;

const LEAF: u32 = u32::MAX;

/// A binary tree in arrays; node 0 is the root, children stand side by side.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tree {
    /// Feature that a node splits on; `u32::MAX` in a leaf.
    feature: Vec<u32>,
    /// Values up to this go left.
    edge: Vec<f64>,
    /// 1 where missing values go left.
    missing_left: Vec<u8>,
    /// Left child; the right one follows it.
    left: Vec<u32>,
    /// Value of a node, as if it were a leaf.
    value: Vec<f64>,
}

impl Tree {
    fn push(&mut self, value: f64) -> usize {
        self.feature.push(LEAF);
        self.edge.push(0.0);
        self.missing_left.push(0);
        self.left.push(0);
        self.value.push(value);
        self.value.len() - 1
    }

    /// The child that a row goes to; `None` from a leaf.
    fn next(&self, node: usize, row: &[f64]) -> Option<(usize, usize)> {
        let feature = self.feature[node];
        if feature == LEAF {
            return None;
        }
        let value = row[feature as usize];
        let goes_left =
            if value.is_finite() { value <= self.edge[node] } else { self.missing_left[node] == 1 };
        let child = self.left[node] as usize + usize::from(!goes_left);
        Some((feature as usize, child))
    }

    /// Value of the leaf that a row falls into.
    pub fn value(&self, row: &[f64]) -> f64 {
        let mut node = 0;
        while let Some((_, child)) = self.next(node, row) {
            node = child;
        }
        self.value[node]
    }

    /// Adds what every step of the row's path changed to the feature it asked; the root's own
    /// value is spread over the features asked.
    pub fn add_shares(&self, row: &[f64], shares: &mut [f64]) {
        let mut node = 0;
        let mut path = Vec::new();
        while let Some((feature, child)) = self.next(node, row) {
            shares[feature] += self.value[child] - self.value[node];
            path.push(feature);
            node = child;
        }
        if path.is_empty() {
            // A stump of one leaf asks nothing; its value belongs to no feature in particular.
            shares[0] += self.value[0];
        }
        for feature in &path {
            shares[*feature] += self.value[0] / path.len() as f64;
        }
    }
}

/// Sums of first and second derivatives.
#[derive(Debug, Clone, Copy, Default)]
struct Slopes {
    first: f64,
    second: f64,
}

impl Slopes {
    fn add(&mut self, (first, second): (f64, f64)) {
        self.first += first;
        self.second += second;
    }

    fn plus(self, other: Self) -> Self {
        Self { first: self.first + other.first, second: self.second + other.second }
    }

    fn minus(self, other: Self) -> Self {
        Self { first: self.first - other.first, second: self.second - other.second }
    }

    fn gain(self, ridge: f64) -> f64 {
        self.first * self.first / (self.second + ridge)
    }
}

struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
    missing_left: bool,
}

/// Grows trees over one set of rows.
pub(super) struct Grower<'a> {
    bins: &'a Bins,
    /// Bin of every row and feature, row after row.
    codes: Vec<u8>,
    /// Where the histogram of a feature begins.
    offsets: Vec<usize>,
    options: BoostOptions,
}

impl<'a> Grower<'a> {
    pub(super) fn new(bins: &'a Bins, x: &Matrix, options: BoostOptions) -> Self {
        let mut codes = Vec::with_capacity(x.values().len());
        for row in x.iter() {
            codes.extend(row.iter().enumerate().map(|(feature, &v)| bins.of(feature, v)));
        }
        let mut offsets = vec![0];
        for feature in 0..bins.features() {
            offsets.push(offsets[feature] + bins.count(feature));
        }
        Self { bins, codes, offsets, options }
    }

    /// Grows one tree on the rows drawn; values carry the learning rate.
    pub(super) fn grow(&self, drawn: Vec<usize>, slopes: &[(f64, f64)]) -> Tree {
        let mut tree = Tree::default();
        let root = tree.push(self.leaf_value(total(&drawn, slopes)));
        let mut level = vec![(root, drawn)];
        for _ in 0..self.options.depth {
            let mut next = Vec::new();
            for (node, rows) in level {
                let Some(split) = self.best_split(&rows, slopes) else {
                    continue;
                };
                let (left, right) = self.divide(&rows, &split);
                let first = tree.push(self.leaf_value(total(&left, slopes)));
                let second = tree.push(self.leaf_value(total(&right, slopes)));
                tree.feature[node] = u32::try_from(split.feature).unwrap_or(LEAF);
                tree.edge[node] = self.bins.edge(split.feature, split.bin);
                tree.missing_left[node] = u8::from(split.missing_left);
                tree.left[node] = u32::try_from(first).unwrap_or(0);
                next.push((first, left));
                next.push((second, right));
            }
            level = next;
        }
        tree
    }

    fn leaf_value(&self, sum: Slopes) -> f64 {
        -self.options.rate * sum.first / (sum.second + self.options.ridge)
    }

    fn histogram(&self, rows: &[usize], slopes: &[(f64, f64)]) -> Vec<Slopes> {
        let features = self.bins.features();
        let mut sums = vec![Slopes::default(); self.offsets[features]];
        for &row in rows {
            let codes = &self.codes[row * features..(row + 1) * features];
            for (&offset, &code) in self.offsets.iter().zip(codes) {
                sums[offset + usize::from(code)].add(slopes[row]);
            }
        }
        sums
    }

    fn best_split(&self, rows: &[usize], slopes: &[(f64, f64)]) -> Option<Split> {
        let histogram = self.histogram(rows, slopes);
        let all = total(rows, slopes);
        let mut best: Option<Split> = None;
        for feature in 0..self.bins.features() {
            let sums = &histogram[self.offsets[feature]..self.offsets[feature + 1]];
            let missing = sums[0];
            let mut below = Slopes::default();
            for (bin, &here) in sums.iter().enumerate().take(sums.len() - 1).skip(1) {
                below = below.plus(here);
                for missing_left in [false, true] {
                    let left = if missing_left { below.plus(missing) } else { below };
                    let gain = self.gain(left, all);
                    if gain > best.as_ref().map_or(1e-6, |split| split.gain) {
                        best = Some(Split { gain, feature, bin, missing_left });
                    }
                }
            }
        }
        best
    }

    /// What a split gains; nothing where a side would stand on too little.
    fn gain(&self, left: Slopes, all: Slopes) -> f64 {
        let right = all.minus(left);
        if left.second < 1.0 || right.second < 1.0 {
            return 0.0;
        }
        let ridge = self.options.ridge;
        left.gain(ridge) + right.gain(ridge) - all.gain(ridge)
    }

    fn divide(&self, rows: &[usize], split: &Split) -> (Vec<usize>, Vec<usize>) {
        let features = self.bins.features();
        rows.iter().partition(|&&row| {
            match usize::from(self.codes[row * features + split.feature]) {
                0 => split.missing_left,
                bin => bin <= split.bin,
            }
        })
    }
}

fn total(rows: &[usize], slopes: &[(f64, f64)]) -> Slopes {
    let mut sum = Slopes::default();
    rows.iter().for_each(|&row| sum.add(slopes[row]));
    sum
}
