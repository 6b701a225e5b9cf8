//! The five ordered slices of a sample set.

use serde::{Deserialize, Serialize};

use super::{Span, TaskError, ensure};

/// A slice, in the order in which samples are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceName {
    /// Weights, scalers and encodings are fitted here and nowhere else.
    Fit,
    /// Stopping, regularisation and the base are chosen here.
    Select,
    /// Thresholds, isotonic maps and conformal quantiles come from here.
    Calibrate,
    /// Network against linear path, challenger against champion.
    Gate,
    /// Reported once per model; changes nothing.
    Test,
}

impl SliceName {
    /// All slices in order.
    pub const ALL: [Self; 5] = [Self::Fit, Self::Select, Self::Calibrate, Self::Gate, Self::Test];

    /// The word stored in `samples_<task>.slice`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Select => "select",
            Self::Calibrate => "calibrate",
            Self::Gate => "gate",
            Self::Test => "test",
        }
    }

    /// The slice of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slice| slice.word() == word)
    }
}

/// How samples are divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum SliceRule {
    /// Shares of the time between the first and the last cutoff, in slice order.
    Time {
        /// Five shares that sum to 1.
        fractions: [f64; 5],
    },
    /// First moments of select, calibrate, gate and test (RFC 3339); fit is what lies before.
    Dates {
        /// Four ascending moments.
        starts: [jiff::Timestamp; 4],
    },
    /// Shares of the entity groups; for units that do not share a clock.
    Entities {
        /// Five shares that sum to 1; the last is ignored where `test_prefix` is given.
        fractions: [f64; 5],
        /// Entities whose id starts with this are the test slice.
        #[serde(default)]
        test_prefix: Option<String>,
    },
}

/// What must stay together when entities are divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Every entity by itself.
    #[default]
    Entity,
    /// Entities of one site, and sites that share power or backhaul.
    Site,
}

/// The slice rule of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slices {
    /// How samples are divided.
    pub rule: SliceRule,
    /// What stays together when entities are divided.
    #[serde(default)]
    pub group: Group,
    /// Share of groups held out of fit and select, so that gate and test also show what
    /// happens on entities never seen; 0 = none.
    #[serde(default)]
    pub unseen: f64,
    /// Gap between slices; look-back plus horizon without it.
    #[serde(default)]
    pub purge: Option<Span>,
}

impl Slices {
    pub(super) fn check(&self) -> Result<(), TaskError> {
        ensure(
            (0.0..=0.5).contains(&self.unseen),
            "slices.unseen",
            "expected a share between 0 and 0.5",
        )?;
        match &self.rule {
            SliceRule::Time { fractions } | SliceRule::Entities { fractions, .. } => {
                let sum: f64 = fractions.iter().sum();
                let inside = fractions.iter().all(|share| (0.0..=1.0).contains(share));
                ensure(
                    inside && (sum - 1.0).abs() < 1e-6,
                    "slices.rule.fractions",
                    format!("expected five shares that sum to 1, got a sum of {sum}"),
                )
            }
            SliceRule::Dates { starts } => ensure(
                starts.windows(2).all(|pair| pair[0] < pair[1]),
                "slices.rule.starts",
                "expected four ascending moments",
            ),
        }
    }
}
