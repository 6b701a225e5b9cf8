//! The configuration of monitor.

use std::num::NonZeroU32;

use foresite_metrics::drift::decision::Rule;
use foresite_stage::Share;
use serde::{Deserialize, Serialize};

/// What monitor can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Days of a window; a new one ends every day, so that a window of two days shares one with the
    /// window before.
    pub window_days: NonZeroU32,
    /// Weeks of the reference: the last ones that the serving model learnt from or, without a model,
    /// the ones before the window.
    pub reference_weeks: NonZeroU32,
    /// When a test is a finding.
    pub drift: Rule,
    /// What is watched for whom.
    pub sets: Vec<ChannelSet>,
    /// Channel that says whether demand moved, for the ratio test of an upgrade.
    pub traffic_channel: String,
    /// Entities of a group that are tested; of more, a fixed choice by hash.
    pub entities_per_group: NonZeroU32,
    /// Channels that are held in memory at a time.
    pub channels_per_pass: NonZeroU32,
    /// How models and data are judged.
    pub judging: Judging,
    /// When a task is trained again (step `retrain`).
    pub retraining: Retraining,
}

/// The channels of a task's model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSet {
    /// Task whose serving model sets the reference.
    pub task: String,
    /// Type of the entities in `kpis`.
    pub entity_type: String,
    /// Channels of `kpis`.
    pub channels: Vec<String>,
}

/// How models and data are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Judging {
    /// Days that realised and estimated metrics look back.
    pub days: NonZeroU32,
    /// Share of expected files below which data are warned about.
    pub complete_warn_below: Share,
    /// Share of expected files below which data are broken.
    pub complete_broken_below: Share,
    /// 95 of 100 files come within so many minutes of the end of their period.
    pub late_minutes: NonZeroU32,
    /// Null values beyond the reference's share from which on a channel is warned about.
    pub null_rate_rise: Share,
    /// Coverage of 80 % intervals below which they are broken: values leave them twice as often as
    /// they should.
    pub coverage_broken_below: Share,
    /// Coverage of 80 % intervals below which they are warned about.
    pub coverage_low: Share,
    /// Coverage of 80 % intervals above which they are warned about.
    pub coverage_high: Share,
    /// Hours around an alert within which a ticket or a mark makes it a hit.
    pub hit_within_hours: NonZeroU32,
    /// Share of the marked alerts that people call right below which a model is warned about.
    pub precision_low: Share,
    /// Chance with which a usual day leaves the control band of the counts of alerts and of marks.
    pub volume_alpha: Share,
}

/// When a task is trained again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retraining {
    /// Days after which a model is old.
    pub schedule_days: NonZeroU32,
    /// Days without another training after one; doubled for each since which the model serves on.
    pub cool_down_days: NonZeroU32,
    /// Most trainings that the pipeline decides for.
    pub quota: Quota,
    /// Share of a task's tested channels that must have moved.
    pub drift_channels_share: Share,
    /// Share of the tested entities that must have moved for a channel to count as moved.
    pub drift_entities_share: Share,
    /// Days for which a challenger may speak in the shadow before another candidate is made.
    pub shadow_days: NonZeroU32,
    /// New days with labels without which there is nothing to learn.
    pub least_days: NonZeroU32,
    /// New events to be foretold without which there is nothing to learn.
    pub least_events: NonZeroU32,
    /// Days of values without which there is no first model.
    pub first_days: NonZeroU32,
    /// Whether a model that learnt from marks of an erased epoch is trained again. Names are no
    /// features: it does not know a person.
    pub retrain_on_erasure: bool,
}

/// At most so many trainings in so many days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Trainings of a task.
    pub trainings: NonZeroU32,
    /// Days that are looked back.
    pub days: NonZeroU32,
}

impl Default for Retraining {
    fn default() -> Self {
        let days = |count: u32| NonZeroU32::MIN.saturating_add(count - 1);
        Self {
            schedule_days: days(28),
            cool_down_days: days(7),
            quota: Quota { trainings: days(4), days: days(90) },
            drift_channels_share: Share::new(0.2),
            drift_entities_share: Share::new(0.2),
            shadow_days: days(60),
            least_days: days(7),
            least_events: days(5),
            first_days: days(28),
            retrain_on_erasure: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let set = |task: &str, entity_type: &str, channels: &[&str]| ChannelSet {
            task: task.into(),
            entity_type: entity_type.into(),
            channels: channels.iter().map(|&name| name.into()).collect(),
        };
        let cell = [
            "accessibility",
            "drb_retainability",
            "ue_thp_dl",
            "latency_dl",
            "prb_util_dl",
            "traffic_dl_gb",
            "users_mean",
            "ho_success_inter",
            "availability",
            "rach_att",
        ];
        let site = ["voltage_v", "rx_power_dbm", "temperature_c", "power_w"];
        Self {
            window_days: NonZeroU32::MIN.saturating_add(1),
            reference_weeks: NonZeroU32::MIN.saturating_add(7),
            drift: Rule::default(),
            sets: vec![
                set("anomaly", "cell", &cell),
                set("maintenance", "site", &site),
                set("capacity", "cell", &["prb_util_dl"]),
            ],
            traffic_channel: "traffic_dl_gb".into(),
            entities_per_group: NonZeroU32::MIN.saturating_add(1999),
            channels_per_pass: NonZeroU32::MIN.saturating_add(3),
            judging: Judging::default(),
            retraining: Retraining::default(),
        }
    }
}

impl Default for Judging {
    fn default() -> Self {
        Self {
            days: NonZeroU32::MIN.saturating_add(27),
            complete_warn_below: Share::new(0.98),
            complete_broken_below: Share::new(0.8),
            late_minutes: NonZeroU32::MIN.saturating_add(29),
            null_rate_rise: Share::new(0.05),
            coverage_broken_below: Share::new(0.6),
            coverage_low: Share::new(0.75),
            coverage_high: Share::new(0.85),
            hit_within_hours: NonZeroU32::MIN.saturating_add(71),
            precision_low: Share::new(0.1),
            volume_alpha: Share::new(0.001),
        }
    }
}
