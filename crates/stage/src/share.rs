//! A number from 0 to 1, checked where it stands in a configuration.

use serde::{Deserialize, Serialize};

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// A default that stands in the code.
    ///
    /// # Panics
    /// Outside 0 to 1; at compile time in a constant.
    pub const fn new(value: f64) -> Self {
        assert!(0.0 <= value && value <= 1.0, "a share lies from 0 to 1");
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(format!("expected a share from 0 to 1, got {value}"))
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}
