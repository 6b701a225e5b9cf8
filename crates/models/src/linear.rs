//! Closed-form and Newton-type fits on dense `f64` matrices: the linear path of every model.
//!
//! Sums run in a fixed order, so the same rows give the same bits.

mod gram;
mod logistic;
mod matrix;
mod principal;
mod product;
mod softmax;

pub use gram::{Gram, Ridge};
pub use logistic::{Logistic, LogisticOptions};
pub(crate) use logistic::{logit, sigmoid, softplus};
pub use matrix::{Cholesky, Matrix};
pub use principal::Principal;
pub(crate) use product::add_scaled;
pub use product::dot;
pub use softmax::Softmax;
pub(crate) use softmax::softmax;
