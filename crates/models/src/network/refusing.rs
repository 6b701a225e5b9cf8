//! What stands in for a trainer where a test has no network among its candidates.

use super::{Layer, Lesson, Trainer};
use crate::ModelError;

/// Trains nothing.
#[derive(Debug)]
pub(crate) struct Refusing;

impl Trainer for Refusing {
    fn train(&self, lesson: &Lesson<'_>) -> Result<Vec<Layer>, ModelError> {
        Err(ModelError::Torch(format!("nothing trains `{}` here", lesson.recipe.name)))
    }
}
