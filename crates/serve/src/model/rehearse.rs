//! A model speaks once before anybody asks it: one that fails at its own usual row is refused, and
//! the one before it goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use foresite_datasets::{Fitted, Package};
use foresite_scoring::{GivenRow, Scorer};
use foresite_stage::{ErrorKind, Result, StageError};

/// Scores what is at hand: the usual row, or a plain series. Detectors need a panel and are not
/// rehearsed.
///
/// # Errors
/// `BadData` where the model fails, or would bring down who asks it.
pub(super) fn rehearse(id: &str, package: &Package) -> Result<()> {
    let scorer = Scorer { package, drivers: 1 };
    let said = catch_unwind(AssertUnwindSafe(|| match &package.fitted {
        Fitted::Tabular { usual, .. } => {
            let row = GivenRow { entity: "", cutoff: 0, values: usual };
            scorer.of_features(&[row]).map(drop)
        }
        Fitted::Forecast { model, .. } => {
            let history: Vec<f64> = (0..model.look_back).map(|step| step as f64).collect();
            scorer.of_series("", 0, &history).map(drop)
        }
        Fitted::Anomaly { .. } => Ok(()),
    }));
    let wrong = |what: &str| {
        let text = format!("model {id}: {what}; its parts do not fit together");
        StageError::new(ErrorKind::BadData, text).hint("train the model anew with this release")
    };
    match said {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(wrong("it fails at its own usual row").because(error)),
        // The panic hook has said where.
        Err(_) => Err(wrong("it breaks at its own usual row")),
    }
}
