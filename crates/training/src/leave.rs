//! The end of a program that has opened libtorch.

use std::io::{self, Write as _};

/// Ends the process with an exit code, without the destructors of libtorch: they take each of its few
/// thousand operators out of a registry, one by one, for longer than the library took to open (`make
/// bench-images`). What is open the kernel closes; everything that shall last must be written before.
pub fn leave(code: u8) -> ! {
    // Nobody may listen any more, and there is nobody to tell.
    drop(io::stdout().flush());
    signal_hook::low_level::exit(i32::from(code))
}
