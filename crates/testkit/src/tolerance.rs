//! Comparison of floats with a stated tolerance.

/// Asserts that two values differ by at most `tolerance`, relative to the larger one when it
/// exceeds 1; two NaN are equal.
///
/// # Panics
/// When they differ by more.
#[track_caller]
pub fn assert_close(actual: f64, expected: f64, tolerance: f64) {
    if actual.is_nan() && expected.is_nan() {
        return;
    }
    let scale = actual.abs().max(expected.abs()).max(1.0);
    assert!(
        (actual - expected).abs() <= tolerance * scale,
        "expected {expected} within {tolerance}, got {actual}"
    );
}
