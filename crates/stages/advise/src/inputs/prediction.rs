//! Rows of `predictions_<task>` and `alert_state`.

use std::fmt;

use crate::clock::Micros;

/// What kind of model made a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Role {
    /// Passed its gate and was promoted.
    Champion,
    /// Runs beside the champion; never on the worklist.
    Challenger,
    /// Promoted without enough evidence, because there was nothing better.
    #[default]
    Provisional,
}

impl Role {
    /// The role that `predictions_<task>.role` names; an unknown word counts as provisional,
    /// because that claims least.
    pub fn from_word(word: &str) -> Self {
        match word {
            "champion" => Self::Champion,
            "challenger" => Self::Challenger,
            _ => Self::Provisional,
        }
    }

    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
            Self::Provisional => "provisional",
        }
    }
}

/// One driver of a prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Driver {
    /// Channel or feature.
    pub name: String,
    /// Share of the score, 0 to 1; negative where it speaks against.
    pub share: f64,
    /// Observed value.
    pub observed: Option<f64>,
    /// Expected value.
    pub expected: Option<f64>,
}

impl Driver {
    /// Reads `name=share (observed, expected)`; the part in parentheses may be absent.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('=')?;
        let (share, pair) = match rest.split_once('(') {
            Some((share, pair)) => (share, pair.trim_end().strip_suffix(')')?),
            None => (rest, ""),
        };
        let share: f64 = share.trim().parse().ok()?;
        let mut numbers = pair.split(',').map(|part| part.trim().parse::<f64>().ok());
        let finite = |number: Option<f64>| number.filter(|value| value.is_finite());
        share.is_finite().then(|| Self {
            name: name.trim().to_owned(),
            share,
            observed: numbers.next().and_then(finite),
            expected: numbers.next().and_then(finite),
        })
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:.3}", self.name, self.share)?;
        match (self.observed, self.expected) {
            (Some(observed), Some(expected)) => write!(f, " ({observed}, {expected})"),
            _ => Ok(()),
        }
    }
}

/// What a model said about an entity at a cutoff, for one horizon.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// Task.
    pub task: String,
    /// Identifier of the prediction.
    pub prediction_id: String,
    /// Type of the entity.
    pub entity_type: String,
    /// The entity.
    pub entity_id: String,
    /// Nothing after this time was used.
    pub cutoff: Micros,
    /// Horizon; 0 for a statement about the cutoff itself.
    pub horizon: Micros,
    /// The model.
    pub model_id: String,
    /// Its role.
    pub role: Role,
    /// Anomaly score or predicted value.
    pub score: Option<f64>,
    /// Conformal p-value.
    pub p_value: Option<f64>,
    /// Calibrated probability of the event within the horizon.
    pub probability: Option<f64>,
    /// Lower end of the 80 % interval.
    pub low: Option<f64>,
    /// Central forecast.
    pub median: Option<f64>,
    /// Upper end of the 80 % interval.
    pub high: Option<f64>,
    /// Earliest plausible date of the event.
    pub event_low_at: Option<Micros>,
    /// Median date.
    pub event_at: Option<Micros>,
    /// Latest plausible date; `None` is beyond the horizon.
    pub event_high_at: Option<Micros>,
    /// Drivers, greatest first.
    pub drivers: Vec<Driver>,
    /// Why there is no score.
    pub not_scored: Option<String>,
    /// Lineage of the row.
    pub lineage_id: String,
}

/// Alert state of an entity after a cutoff.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertState {
    /// Task.
    pub task: String,
    /// The entity.
    pub entity_id: String,
    /// Whether an alert is open.
    pub is_open: bool,
    /// Cutoff that opened it.
    pub opened_at: Option<Micros>,
    /// Smallest p-value since it opened; `None` where that was not kept.
    pub strongest: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_read_back_what_they_write() {
        let driver = Driver {
            name: "traffic_dl_gb".into(),
            share: 0.45,
            observed: Some(0.3),
            expected: Some(2.4),
        };
        assert_eq!(Driver::parse(&driver.to_string()), Some(driver));
    }

    #[test]
    fn a_driver_without_values_or_with_noise_is_handled() {
        let bare = Driver::parse("age_days=0.2").unwrap();
        assert_eq!((bare.observed, bare.expected), (None, None));
        let half = Driver::parse("x=0.2 (NaN, 3)").unwrap();
        assert_eq!((half.observed, half.expected), (None, Some(3.0)));
        assert_eq!(Driver::parse("no share"), None);
        assert_eq!(Driver::parse("x=NaN"), None);
        assert_eq!(Driver::parse("x=0.1 (1, 2"), None);
    }

    #[test]
    fn an_unknown_role_claims_least() {
        assert_eq!(Role::from_word("shadow"), Role::Provisional);
        assert_eq!(Role::from_word(Role::Champion.word()), Role::Champion);
    }
}
