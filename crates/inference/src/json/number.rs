//! Numbers of JSON as the nearest double, ties to even: to the bit what the standard library says.
//!
//! Requests are mostly numbers, and most numbers have up to 19 digits and a moderate exponent. Those
//! are read in one pass, eight digits at a time, and divided exactly by a power of ten; what is left
//! goes through the standard library.
//!
//! **Source**: Möller and Granlund 2011, Improved division by invariant integers (algorithm 4).

/// Significant digits that fit into 64 bits.
const DIGITS: usize = 19;

/// The number that `bytes` begin with, and its length; `None` for what is no number of JSON and for
/// what no finite double is near to.
pub(super) fn number(bytes: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let mut digits = 0;
    let mut at = run(bytes, sign, &mut digits);
    let whole = at - sign;
    let is_small = bytes.get(sign) == Some(&b'0');
    if whole == 0 || (is_small && whole > 1) {
        return None;
    }
    let (mut significant, mut exponent) = (whole, 0_i64);
    if bytes.get(at) == Some(&b'.') {
        let from = at + 1;
        at = run(bytes, from, &mut digits);
        if at == from {
            return None;
        }
        let zeros = bytes[from..at].iter().take_while(|byte| is_small && **byte == b'0').count();
        significant = usize::from(!is_small) * whole + (at - from - zeros);
        exponent = -i64::try_from(at - from).ok()?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let (written, end) = written_exponent(bytes, at + 1)?;
        (exponent, at) = (exponent.saturating_add(written), end);
    }
    let exact = if significant <= DIGITS { nearest(digits, exponent) } else { None };
    let value = match exact {
        Some(value) if sign == 1 => -value,
        Some(value) => value,
        None => std::str::from_utf8(&bytes[..at]).ok()?.parse().ok()?,
    };
    value.is_finite().then_some((value, at))
}

/// Takes digits from `at` on into a number that wraps; returns the place behind them.
fn run(bytes: &[u8], mut at: usize, digits: &mut u64) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let Some(value) = eight_digits(u64::from_le_bytes(*eight)) else { break };
        *digits = digits.wrapping_mul(100_000_000).wrapping_add(value);
        at += 8;
    }
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|d| *d < 10) {
        *digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Eight digits in the order of memory, where all of them are some.
fn eight_digits(word: u64) -> Option<u64> {
    let low = word.wrapping_sub(0x3030_3030_3030_3030);
    // A byte above '9' carries into its top bit, one below '0' borrows into it.
    if (low | word.wrapping_add(0x4646_4646_4646_4646)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = low.wrapping_mul(10).wrapping_add(low >> 8);
    let of_pairs = |at: u32| (pairs >> at) & 0xff;
    Some(of_pairs(0) * 1_000_000 + of_pairs(16) * 10_000 + of_pairs(32) * 100 + of_pairs(48))
}

/// What stands behind the `e`, and the place behind it.
fn written_exponent(bytes: &[u8], mut at: usize) -> Option<(i64, usize)> {
    let is_negative = bytes.get(at) == Some(&b'-');
    at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    let from = at;
    let mut exponent: i64 = 0;
    while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
        exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        at += 1;
    }
    (at > from).then_some((if is_negative { -exponent } else { exponent }, at))
}

/// `digits` · 10^`exponent`, rounded once, for the exponents that can be told so.
fn nearest(digits: u64, exponent: i64) -> Option<f64> {
    match exponent {
        0 => Some(digits as f64),
        _ if digits == 0 => Some(0.0),
        // Both factors are exact.
        1..=15 if digits < 1 << 53 => Some(digits as f64 * 10_u64.pow(exponent as u32) as f64),
        _ => {
            let fraction = usize::try_from(exponent.checked_neg()?).ok()?;
            FIFTHS.get(fraction).map(|fifth| fifth.of(digits, fraction))
        }
    }
}

/// A power of five to divide by.
#[derive(Clone, Copy)]
struct Fifth {
    /// The power, shifted until its top bit is set.
    divisor: u64,
    shift: u32,
    /// ⌊(2^128 - 1) / divisor⌋ - 2^64.
    reciprocal: u64,
}

/// The powers that fit into 64 bits, by their exponent.
const FIFTHS: [Fifth; 28] = {
    let mut fifths = [Fifth { divisor: 0, shift: 0, reciprocal: 0 }; 28];
    let (mut power, mut at) = (1_u64, 0);
    while at < 28 {
        let shift = power.leading_zeros();
        let divisor = power << shift;
        let reciprocal = (u128::MAX / divisor as u128 - (1 << 64)) as u64;
        fifths[at] = Fifth { divisor, shift, reciprocal };
        at += 1;
        power = power.wrapping_mul(5);
    }
    fifths
};

impl Fifth {
    /// `digits` / 10^`exponent`; `digits` is not 0, and this is the fifth of that exponent.
    fn of(self, digits: u64, exponent: usize) -> f64 {
        let up = digits.leading_zeros();
        let top = digits << up;
        // top · 2^63 / divisor has 63 or 64 bits, of which a double holds 53.
        let (quotient, rest) = self.divide(top >> 1, top << 63);
        let spare = 11 - quotient.leading_zeros();
        let (kept, cut) = (quotient >> spare, quotient & ((1 << spare) - 1));
        let half = 1 << (spare - 1);
        let is_above = cut > half || (cut == half && (rest != 0 || kept & 1 == 1));
        let power = 1023 + spare + self.shift - up - 63 - exponent as u32;
        // Never above 2^53, and a power of two is no rounding.
        (kept + u64::from(is_above)) as f64 * f64::from_bits(u64::from(power) << 52)
    }

    /// Quotient and rest of `high` · 2^64 + `low`; `high` is below the divisor.
    fn divide(self, high: u64, low: u64) -> (u64, u64) {
        let number = (u128::from(high) << 64) | u128::from(low);
        let guess = u128::from(self.reciprocal) * u128::from(high) + number;
        let mut quotient = ((guess >> 64) as u64).wrapping_add(1);
        let mut rest = low.wrapping_sub(quotient.wrapping_mul(self.divisor));
        if rest > guess as u64 {
            quotient = quotient.wrapping_sub(1);
            rest = rest.wrapping_add(self.divisor);
        }
        if rest >= self.divisor {
            quotient = quotient.wrapping_add(1);
            rest -= self.divisor;
        }
        (quotient, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the standard library reads it.
    #[track_caller]
    fn agrees(text: &str) {
        let expected: f64 = text.parse().unwrap();
        let read = number(text.as_bytes());
        let expected = expected.is_finite().then_some((expected.to_bits(), text.len()));
        assert_eq!(read.map(|(value, length)| (value.to_bits(), length)), expected, "{text}");
    }

    #[test]
    fn what_is_known_to_be_hard() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "0e5",
            "0.000",
            "1",
            "-1.5",
            "123456789012345678",
            "0.1",
            "0.3",
            "9007199254740993",
            "9007199254740992.5",
            "9007199254740993.0",
            "4503599627370496.5",
            "4503599627370497.5",
            "18446744073709551615",
            "18446744073709551616",
            "1e22",
            "1e23",
            "8.5e15",
            "5e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1e309",
            "0.000000000000000000000000001",
            "9999999999999999999e-27",
            "1.0000000000000002e-5",
            "7450580596923828125e-27",
            "3e-27",
            "1e-28",
            "12345678.12345678",
            "1E+2",
            "1e-2",
            "6.02214076e23",
            "0.12345678901234567890123456789",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "0.30000000000000004",
            "100000000.00000001",
        ] {
            agrees(text);
        }
    }

    #[test]
    fn what_is_no_number_of_json() {
        for text in
            ["", "-", "+1", ".5", "1.", "01", "-01", "00", "1e", "1e+", "1.e5", "NaN", "inf", "e5"]
        {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        // The end of a number is not the end of the bytes.
        for (bytes, length) in
            [("12,34", 2), ("1.25]", 4), ("7e2 ", 3), ("12345678/", 8), ("0:", 1)]
        {
            assert_eq!(number(bytes.as_bytes()).unwrap().1, length, "{bytes}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn doubles_come_back(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            agrees(&format!("{value:?}"));
            agrees(&format!("{value:e}"));
        }

        #[test]
        fn fractions_are_the_nearest(digits in any::<u64>(), point in 0_usize..32) {
            let text = format!("{digits:032}");
            let (whole, fraction) = text.split_at(32 - point);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let text = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
            agrees(&text);
            agrees(&format!("-{text}"));
        }

        /// Halfway between two doubles, and the numbers beside it.
        #[test]
        fn ties_go_to_even(odd in (1_u64 << 52)..(1 << 53), halvings in 1_u32..5) {
            let double = 2 * u128::from(odd) + 1;
            let scaled = double * 5_u128.pow(halvings);
            prop_assume!(scaled < 10_u128.pow(19));
            for numerator in [scaled - 1, scaled, scaled + 1] {
                agrees(&format!("{numerator}e-{halvings}"));
            }
        }
    }
}
