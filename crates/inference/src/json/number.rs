//! Numbers of JSON as the nearest double, ties to even: to the bit what the standard library says.
//!
//! **Source**: Lemire 2021, Number Parsing at a Gigabyte per Second, as `fast-float2` has it; JSON's
//! own grammar (RFC 8259, section 6), which allows less, is checked here.

/// The number that `bytes` begin with, and its length; `None` for what is no number of JSON and for
/// what no finite double is near to.
pub(super) fn number(bytes: &[u8]) -> Option<(f64, usize)> {
    let (value, length) = fast_float2::parse_partial(bytes).ok()?;
    let is_strict = match bytes.strip_prefix(b"-").unwrap_or(bytes) {
        // Most of all numbers.
        [b'0'..=b'9', b'.', b'0'..=b'9', ..] => true,
        [b'0', b'0'..=b'9', ..] => false,
        [b'0'..=b'9', rest @ ..] => {
            let mut behind = rest.iter().skip_while(|byte| byte.is_ascii_digit());
            behind.next() != Some(&b'.') || behind.next().is_some_and(u8::is_ascii_digit)
        }
        _ => false,
    };
    // An exponent without digits is left standing.
    let is_all = !matches!(bytes.get(length), Some(b'e' | b'E'));
    (is_strict && is_all && f64::is_finite(value)).then_some((value, length))
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
