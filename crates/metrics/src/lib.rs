//! Statistics that judge detectors, probabilities, forecasts and dates, and tell drift from noise, on
//! plain slices.
//!
//! Every function takes what was observed and what was predicted, does no I/O and knows no table.
//! A statistic that is undefined on its input (no positives, an empty slice) is `None`, never 0 or
//! NaN: a gate must be able to tell "bad" from "not measurable". There is no point-adjusted score
//! anywhere, because random scores reach published results under it.

mod bootstrap;
mod detection;
pub mod drift;
mod forecast;
mod judged;
mod probability;
mod ranking;
mod survival;
mod volume;

pub use bootstrap::{Interval, PairedTest, block_interval, paired_blocks};
pub use detection::{Confusion, EventScore, all_positive_f1, confusion, event_score, segments};
pub use forecast::{
    coverage, fd001_score, mae, rmse, seasonal_scale, wape, weighted_quantile_loss,
};
pub use judged::{Share, drawn_share, right_share};
pub use probability::{
    brier, brier_skill, expected_calibration_error, log_loss, multiclass_log_loss,
};
pub use ranking::{auc_pr, auc_roc, base_rate};
pub use survival::{c_index, median_absolute_date_error};
pub use volume::vus_pr;
