//! People's marks on predictions.
//!
//! A mark comes by two ways, a file that somebody drops and the console, and meets the same checks on
//! both: [`Statement::fault`] says why one cannot be true, against [`Predictions`] that were really
//! made here. What several marks say together is `foresite_schema::marks`.

mod predictions;
mod statement;

pub use predictions::{MarkedIds, Predicted, Predictions, Versions, reach};
pub use statement::{SKEW, Statement};
