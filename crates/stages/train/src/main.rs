//! `foresite-train`: fits a model of a task on a sample set.

fn main() -> ! {
    foresite_training::leave(foresite_stage::live::<foresite_train::Train>())
}
