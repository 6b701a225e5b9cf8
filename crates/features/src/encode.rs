//! From raw features to the numbers a network takes, with statistics fitted on the fit slice only.
//!
//! Times since an event are encoded piecewise linearly over quantile bins, "never" by a flag of its
//! own: this closes most of the gap between a plain network and boosted trees on event data. Counts
//! go through `ln(1 + x)`, real values are centred on their median and divided by their spread,
//! and what is missing becomes 0 beside a flag.
//!
//! **Source**: Gorishniy, Rubachev, Babenko 2022, On Embeddings for Numerical Features in Tabular
//! Deep Learning (piecewise linear encoding).

use serde::{Deserialize, Serialize};

use crate::profile::quantile;

/// Scaled values beyond this say nothing more and only upset a network.
const FARTHEST: f64 = 10.0;
/// Interquartile range of a normal distribution in standard deviations.
const IQR_OF_NORMAL: f64 = 1.349;

/// How a raw feature is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Already between −1 and 1.
    Plain,
    /// Real values: centred and scaled.
    Scaled,
    /// Counts and durations with a heavy tail: `ln(1 + x)`, then scaled.
    Count,
    /// Time since an event in this many quantile bins; NaN = never.
    Since(usize),
}

/// The fitted encoding of one raw feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Fitted {
    Plain {},
    Scaled { center: f64, scale: f64, logarithm: bool, flag_missing: bool },
    Since { edges: Vec<f64> },
}

/// The fitted encodings of a feature row; part of the model bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    names: Vec<String>,
    fitted: Vec<Fitted>,
}

impl Encoder {
    /// Fits the encodings of `features` (name and encoding) on `rows`, `[rows, features]`.
    pub fn fit(features: &[(String, Encoding)], rows: &[f64]) -> Self {
        let width = features.len().max(1);
        let fitted = features
            .iter()
            .enumerate()
            .map(|(index, (_, encoding))| {
                let column = rows.iter().skip(index).step_by(width).copied();
                Fitted::of(*encoding, column.collect())
            })
            .collect();
        Self { names: features.iter().map(|(name, _)| name.clone()).collect(), fitted }
    }

    /// Names of the raw features, in the order that [`Self::encode`] expects.
    pub fn raw_names(&self) -> &[String] {
        &self.names
    }

    /// Names of the encoded features.
    pub fn names(&self) -> Vec<String> {
        let pairs = self.names.iter().zip(&self.fitted);
        pairs.flat_map(|(name, fitted)| fitted.names(name)).collect()
    }

    /// For each encoded feature, the index of the raw feature it comes from.
    pub fn origins(&self) -> Vec<usize> {
        let widths = self.fitted.iter().map(Fitted::width).enumerate();
        widths.flat_map(|(index, width)| std::iter::repeat_n(index, width)).collect()
    }

    /// Appends the encoding of one raw row.
    pub fn encode(&self, raw: &[f64], into: &mut Vec<f32>) {
        for (value, fitted) in raw.iter().zip(&self.fitted) {
            fitted.encode(*value, into);
        }
    }
}

impl Fitted {
    fn of(encoding: Encoding, column: Vec<f64>) -> Self {
        let flag_missing = column.iter().any(|value| value.is_nan());
        let mut seen: Vec<f64> = column.into_iter().filter(|value| !value.is_nan()).collect();
        match encoding {
            Encoding::Plain => Self::Plain {},
            Encoding::Since(bins) => Self::Since { edges: quantile_edges(&mut seen, bins) },
            Encoding::Scaled | Encoding::Count => {
                let logarithm = encoding == Encoding::Count;
                if logarithm {
                    seen.iter_mut().for_each(|value| *value = value.max(0.0).ln_1p());
                }
                let (center, scale) = center_and_scale(&mut seen);
                Self::Scaled { center, scale, logarithm, flag_missing }
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Plain {} => 1,
            Self::Scaled { flag_missing, .. } => 1 + usize::from(*flag_missing),
            Self::Since { edges } => edges.len().saturating_sub(1) + 1,
        }
    }

    fn names(&self, name: &str) -> Vec<String> {
        match self {
            Self::Since { edges } => (1..edges.len())
                .map(|bin| format!("{name}_bin{bin}"))
                .chain([format!("{name}_never")])
                .collect(),
            _ => [name.to_owned(), format!("{name}_missing")][..self.width()].to_vec(),
        }
    }

    fn encode(&self, value: f64, into: &mut Vec<f32>) {
        match self {
            Self::Plain {} => into.push(if value.is_nan() { 0.0 } else { value as f32 }),
            Self::Scaled { center, scale, logarithm, flag_missing } => {
                let missing = value.is_nan();
                let value = if *logarithm { value.max(0.0).ln_1p() } else { value };
                let scaled = ((value - center) / scale).clamp(-FARTHEST, FARTHEST);
                into.push(if missing { 0.0 } else { scaled as f32 });
                if *flag_missing {
                    into.push(f32::from(u8::from(missing)));
                }
            }
            Self::Since { edges } => {
                into.extend(edges.windows(2).map(|bin| {
                    let share = (value - bin[0]) / (bin[1] - bin[0]);
                    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) as f32 }
                }));
                into.push(f32::from(u8::from(value.is_nan())));
            }
        }
    }
}

/// Distinct quantiles of the values, at most `bins + 1`.
fn quantile_edges(values: &mut [f64], bins: usize) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut edges: Vec<f64> =
        (0..=bins).map(|edge| quantile(values, edge as f64 / bins as f64)).collect();
    edges.dedup();
    edges
}

/// Median and robust spread; the standard deviation where most values are equal, 1 where all are.
fn center_and_scale(values: &mut [f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let center = quantile(values, 0.5);
    let spread = (quantile(values, 0.75) - quantile(values, 0.25)) / IQR_OF_NORMAL;
    let moments = crate::windows::over(values, 0);
    let deviation = moments.statistic(crate::task::Statistic::Std);
    let usable = |scale: &f64| scale.is_finite() && *scale > f64::EPSILON * center.abs();
    let scale = [spread, deviation].into_iter().find(usable);
    (center, scale.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(encoding: Encoding, column: &[f64]) -> Encoder {
        Encoder::fit(&[("x".to_owned(), encoding)], column)
    }

    fn encode(encoder: &Encoder, value: f64) -> Vec<f32> {
        let mut row = Vec::new();
        encoder.encode(&[value], &mut row);
        row
    }

    #[test]
    fn times_since_fill_their_bins_one_after_the_other() {
        let hours: Vec<f64> = (0..=100).map(f64::from).chain([f64::NAN]).collect();
        let encoder = fit(Encoding::Since(4), &hours);
        assert_eq!(encoder.names(), ["x_bin1", "x_bin2", "x_bin3", "x_bin4", "x_never"]);
        assert_eq!(encode(&encoder, 0.0), [0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(encode(&encoder, 60.0), [1.0, 1.0, 0.4, 0.0, 0.0]);
        assert_eq!(encode(&encoder, 1e6), [1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(encode(&encoder, f64::NAN), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_never_seen_event_keeps_its_flag() {
        let encoder = fit(Encoding::Since(16), &[f64::NAN, f64::NAN]);
        assert_eq!(encode(&encoder, f64::NAN), [1.0]);
        assert_eq!(encode(&encoder, 5.0), [0.0]);
    }

    #[test]
    fn missing_values_become_zero_beside_a_flag() {
        let encoder = fit(Encoding::Scaled, &[1.0, 2.0, 3.0, f64::NAN]);
        assert_eq!(encoder.names(), ["x", "x_missing"]);
        assert_eq!(encode(&encoder, f64::NAN), [0.0, 1.0]);
        assert_eq!(encode(&encoder, 2.0), [0.0, 0.0]);
        assert_eq!(encoder.origins(), [0, 0]);
    }

    #[test]
    fn mostly_zero_counts_keep_a_scale() {
        let mut counts = vec![0.0; 99];
        counts.push(7.0);
        let encoder = fit(Encoding::Count, &counts);
        assert_eq!(encode(&encoder, 0.0), [0.0]);
        assert!((encode(&encoder, 7.0)[0] - 10.0).abs() < 0.2);
        assert_eq!(encode(&fit(Encoding::Scaled, &[4.0, 4.0]), 5.0), [1.0]);
    }

    #[test]
    fn the_state_survives_json() {
        let features = [("a".to_owned(), Encoding::Count), ("b".to_owned(), Encoding::Since(3))];
        let encoder = Encoder::fit(&features, &[1.0, 2.0, 0.1, 0.3, f64::NAN, 9.0]);
        let text = serde_json::to_string(&encoder).unwrap();
        assert_eq!(serde_json::from_str::<Encoder>(&text).unwrap(), encoder);
    }
}
