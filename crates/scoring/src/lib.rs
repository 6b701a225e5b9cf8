//! What a fitted model says about entities, for the batch stage and for services alike.
//!
//! [`Scorer::read`] brings what a model needs to know at some cutoffs, [`Scorer::statements`] turns it
//! into [`Statement`]s. There is no other way to a prediction, so that a row of `predictions_<task>`
//! and the answer of a service cannot differ. What is done with them is left to the callers.

mod ahead;
mod by_row;
mod detect;
mod rows;
mod scorer;
pub mod statement;
mod trust;

pub use by_row::ByRow;
pub use detect::{Alert, alerts};
pub use rows::GivenRow;
pub use scorer::{Scorer, Sources, in_service};
pub use statement::Statement;
pub use trust::{aliases, trusted};
