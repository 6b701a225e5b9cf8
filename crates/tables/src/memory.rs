//! Keeping freed memory in the process: buffers of a scan are as large as column chunks, and taking
//! each from the kernel anew costs more than decoding what goes into it.

use std::hint::black_box;
use std::sync::Once;

/// The largest block for which glibc raises its thresholds, less its own bookkeeping.
const LARGEST_THRESHOLD: usize = (32 << 20) - (64 << 10);

/// Makes glibc's allocator keep what is freed, up to about 64 MiB at the end of the heap.
///
/// Blocks above a threshold are mapped and unmapped one by one, and the end of the heap goes back to
/// the kernel above twice that. Both begin small and follow the largest mapped block that was ever
/// freed (mallopt(3), `M_MMAP_THRESHOLD`), so one that nobody touches sets them. A variable of the
/// environment that sets them holds; other allocators take it for a block like any other.
pub(crate) fn keep_freed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LARGEST_THRESHOLD))));
}
