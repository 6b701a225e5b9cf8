//! The value of one counter, as text.

/// What the text of one value means.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Blank, `NULL`, `NIL` or `NaN`: missing, never zero.
    Null,
    /// A finite number.
    Number(f64),
    /// Comma-separated bins of a histogram, with `None` for blank bins; `List(None)` when every
    /// bin is blank.
    List(Option<Vec<Option<f64>>>),
    /// Neither of these.
    Invalid,
}

/// Reads the text of one value.
pub fn parse_value(text: &str) -> Value {
    let text = text.trim();
    if let Some((number, len)) = leading_decimal(text.as_bytes())
        && len == text.len()
    {
        return Value::Number(number);
    }
    if is_null(text) {
        return Value::Null;
    }
    if text.contains(',') {
        return list(text);
    }
    number(text).map_or(Value::Invalid, Value::Number)
}

fn is_null(text: &str) -> bool {
    text.is_empty() || ["NULL", "NIL", "NaN"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A finite number; `inf` and `1e400` are none.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn list(text: &str) -> Value {
    let mut bins = Vec::new();
    for bin in text.split(',').map(str::trim) {
        match number(bin) {
            Some(number) => bins.push(Some(number)),
            None if is_null(bin) => bins.push(None),
            None => return Value::Invalid,
        }
    }
    let any = bins.iter().any(Option::is_some);
    Value::List(any.then_some(bins))
}

/// Powers of ten that an `f64` holds exactly and that the digits accepted below can need.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number at the beginning of `text` and the bytes it takes: `123` or `123.45` of at most 15
/// digits, which is nearly every value; `None` for anything else.
///
/// With so few digits both the digits and the power of ten are exact in an `f64`, so one division
/// rounds once and the result equals that of the general parser bit for bit.
#[inline]
pub(crate) fn leading_decimal(text: &[u8]) -> Option<(f64, usize)> {
    const MAX_LEN: usize = 16;
    let mut digits = 0_u64;
    let mut point = None;
    let mut len = 0;
    for byte in text.iter().take(MAX_LEN) {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(len),
            _ => break,
        }
        len += 1;
    }
    match point {
        None if len > 0 && len < MAX_LEN => Some((digits as f64, len)),
        Some(point) if len > 1 => Some((digits as f64 / POWERS[len - point - 1], len)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn missing_is_not_zero() {
        for text in ["", " ", "\n\t", "NULL", "null", "NIL", "NaN", "nan"] {
            assert_eq!(parse_value(text), Value::Null, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_finite() {
        for (text, number) in [
            ("0", 0.0),
            (" 12 ", 12.0),
            ("0.000000", 0.0),
            ("-73.5", -73.5),
            ("+4", 4.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ] {
            assert_eq!(parse_value(text), Value::Number(number), "{text:?}");
        }
        for text in ["inf", "-Infinity", "1e400", "-", "12 34", "0x10", "=1+1", "1.2.3", "."] {
            assert_eq!(parse_value(text), Value::Invalid, "{text:?}");
        }
    }

    #[test]
    fn lists_keep_their_blanks() {
        assert_eq!(parse_value("1,,3"), Value::List(Some(vec![Some(1.0), None, Some(3.0)])));
        assert_eq!(parse_value(" , , "), Value::List(None));
        assert_eq!(parse_value("1,x"), Value::Invalid);
    }

    proptest! {
        #[test]
        fn the_short_way_equals_the_general_parser(text in "[0-9]{0,17}(\\.[0-9]{0,17})?") {
            if let Some((number, len)) = leading_decimal(text.as_bytes()) {
                prop_assert_eq!(number.to_bits(), text[..len].parse::<f64>().unwrap().to_bits());
            }
        }
    }
}
