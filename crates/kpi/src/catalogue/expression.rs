//! Linear expressions over named values: `DRB.RelActNbr + DRB.RelNormNbr`, `0.01 * RRU.PrbTotDl`.
//!
//! Terms are separated by blanks around `+` and `-`, because counter names hold `-` and `.`.

use crate::error::{KpiError, Result};

/// A sum of `factor · name`; a plain number has no name.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms(pub Vec<(f64, Option<String>)>);

impl Terms {
    /// Parses `text`, which belongs to catalogue entry `entry`.
    pub fn parse(entry: &str, text: &str) -> Result<Self> {
        let broken = || KpiError::entry(entry, format!("cannot read the expression `{text}`"));
        let mut terms = Vec::new();
        let mut words = text.split_whitespace();
        let mut sign = 1.0;
        loop {
            let first = words.next().ok_or_else(broken)?;
            let mut next = words.next();
            let term = match (first.parse::<f64>(), next) {
                (Ok(factor), Some("*")) => {
                    let name = words.next().ok_or_else(broken)?;
                    next = words.next();
                    (sign * factor, Some(name.to_owned()))
                }
                (Ok(number), _) => (sign * number, None),
                (Err(_), _) => (sign, Some(first.to_owned())),
            };
            terms.push(term);
            sign = match next {
                None => return Ok(Self(terms)),
                Some("+") => 1.0,
                Some("-") => -1.0,
                Some(_) => return Err(broken()),
            };
        }
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(_, name)| name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Terms> {
        Terms::parse("entry", text)
    }

    #[test]
    fn sums_factors_and_numbers_are_read() {
        let terms = parse("2 * A.mo-Signalling - B.C + 1").unwrap();
        assert_eq!(
            terms.0,
            [
                (2.0, Some("A.mo-Signalling".to_owned())),
                (-1.0, Some("B.C".to_owned())),
                (1.0, None)
            ]
        );
    }

    #[test]
    fn half_an_expression_is_refused() {
        for text in ["", "A +", "A B", "3 *", "* A"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
