//! The one setting of libtorch that holds for the whole process.

use std::sync::Once;

static THREADS: Once = Once::new();

/// Keeps libtorch's kernels on the calling thread, once per process.
///
/// Our networks are small: a second OpenMP thread spins more than it computes, and sums that are
/// split over threads change their last bits with the number of cores.
pub(crate) fn use_one_thread() {
    THREADS.call_once(|| {
        tch::set_num_threads(1);
        // A second call is refused by libtorch once kernels have run; the first one is ours.
        tch::set_num_interop_threads(1);
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_setting_holds() {
        super::use_one_thread();
        super::use_one_thread();
        assert_eq!(tch::get_num_threads(), 1);
    }
}
