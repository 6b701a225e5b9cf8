//! Numbers as exports write them.

use arrow::array::{ArrayRef, AsArray as _, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::MappingError;

/// Words that mean "no value" in every export.
const MISSING: [&str; 17] = [
    "NULL", "null", "NIL", "nil", "NaN", "nan", "NA", "N/A", "n/a", "-", "--", "None", "#N/A",
    "#VALOR", "#VALOR!", "#VALUE!", "#DIV/0!",
];

/// Whether a word means "no value" in every export.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text)
}

/// How numbers of one channel or field are written.
pub(super) struct NumberRules<'a> {
    /// For messages.
    pub(super) name: &'a str,
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) sentinels: &'a [f64],
    pub(super) zero_allowed: bool,
    pub(super) decimal_comma: bool,
}

impl<'a> NumberRules<'a> {
    /// A number as it stands.
    pub(super) fn plain(name: &'a str) -> Self {
        let (scale, offset, sentinels) = (1.0, 0.0, [].as_slice());
        Self { name, scale, offset, sentinels, zero_allowed: true, decimal_comma: false }
    }

    pub(super) fn clean(&self, number: f64) -> Option<f64> {
        let is_value = number.is_finite()
            && !self.sentinels.contains(&number)
            && (self.zero_allowed || number != 0.0);
        is_value.then_some(number * self.scale + self.offset).filter(|scaled| scaled.is_finite())
    }

    fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.offset == 0.0 && self.sentinels.is_empty() && self.zero_allowed
    }
}

/// A column of numbers, cleaned, without looking at rows that need no cleaning.
pub(super) fn clean_column(
    column: &ArrayRef,
    rules: &NumberRules<'_>,
) -> Result<Float64Array, MappingError> {
    let numbers = cast(column, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    let is_clean = |number: &f64| number.is_finite();
    if rules.is_identity() && numbers.values().iter().all(is_clean) {
        return Ok(numbers.clone());
    }
    Ok(numbers.unary_opt(|number| rules.clean(number)))
}

/// A finite number; `1.234,5` with a decimal comma, a trailing `%` is let pass.
pub(super) fn parse_number(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim_end_matches('%').trim_end();
    let plain;
    let text = if decimal_comma {
        plain = text.replace(['.', ' ', '\u{a0}'], "").replace(',', ".");
        plain.as_str()
    } else {
        text
    };
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_exports_write_them() {
        assert_eq!(parse_number("12.5", false), Some(12.5));
        assert_eq!(parse_number("1.234,5", true), Some(1234.5));
        assert_eq!(parse_number("-0,5", true), Some(-0.5));
        assert_eq!(parse_number("1,234", false), None);
        assert_eq!(parse_number("97 %", false), Some(97.0));
        assert_eq!(parse_number("1e400", false), None);
        assert_eq!(parse_number("inf", false), None);
        assert_eq!(parse_number("", true), None);
    }

    #[test]
    fn a_scaled_number_is_finite_too() {
        let rules = NumberRules { scale: 1e300, ..NumberRules::plain("x") };
        assert_eq!((rules.clean(1e300), rules.clean(1e3)), (None, Some(1e303)));
    }

    proptest! {
        #[test]
        fn a_written_number_is_read_again(number in -1e12_f64..1e12) {
            prop_assert_eq!(parse_number(&number.to_string(), false), Some(number));
            let with_comma = number.to_string().replace('.', ",");
            prop_assert_eq!(parse_number(&with_comma, true), Some(number));
        }
    }
}
