//! Rows of comma-separated text.

use crate::calendar::{Micros, timestamp};

/// A CSV text that grows row by row.
#[derive(Debug)]
pub(super) struct Csv(String);

impl Csv {
    /// Begins with a header.
    pub(super) fn new(header: &str) -> Self {
        Self(format!("{header}\n"))
    }

    /// Adds a row; fields with a comma, quote or line break are quoted.
    pub(super) fn row(&mut self, fields: &[&str]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            if field.contains([',', '"', '\n']) {
                self.0.push('"');
                self.0.push_str(&field.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(field);
            }
        }
        self.0.push('\n');
    }

    /// The text.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// RFC 3339, UTC.
pub(super) fn stamp(at: Micros) -> String {
    timestamp(at).to_string()
}

/// RFC 3339 or nothing.
pub(super) fn optional_stamp(at: Option<Micros>) -> String {
    at.map(stamp).unwrap_or_default()
}

/// `%Y%m`, `%Y%m%d` … of a time in UTC.
pub(super) fn day_name(at: Micros, format: &str) -> String {
    timestamp(at).strftime(format).to_string()
}
