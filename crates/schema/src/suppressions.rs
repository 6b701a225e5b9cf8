//! The words of `suppressions.fact`, and how long a suppression may last.

/// A suppression is made, or made anew under the same id.
pub const SET: &str = "set";

/// It ends before its time.
pub const LIFTED: &str = "lifted";

/// Days after the decision by which a suppression must end: who still needs it then decides again.
pub const LONGEST_DAYS: i64 = 92;
