//! The smallest parts of a mapping: names, zones, moments and references to values.
//!
//! Each is checked while the JSON is read, so that the error carries the path of the key.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Micros;

/// An identifier: lower-case letters, digits, `_` and `-`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        };
        let lower_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if lower_first && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(format!("name `{text}`: expected lower-case letters, digits, `_` and `-`"))
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    pub(super) fn rules(&self) -> &TimeZone {
        &self.rules
    }

    pub(super) fn is_utc(&self) -> bool {
        self.rules == TimeZone::UTC
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == "UTC" {
            return Ok(Self::default());
        }
        let rules = TimeZone::get(&name).map_err(|_| {
            format!("expected an IANA time zone such as `Europe/Rome`, got `{name}`")
        })?;
        Ok(Self { name, rules })
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

/// A moment written as RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instant {
    text: String,
    micros: Micros,
}

impl Instant {
    /// Microseconds since the epoch, UTC.
    pub fn micros(&self) -> Micros {
        self.micros
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self { text: "1970-01-01T00:00:00Z".into(), micros: 0 }
    }
}

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let stamp: jiff::Timestamp = text.parse().map_err(|_| {
            format!("expected a moment such as `2020-01-01T00:00:00Z`, got `{text}`")
        })?;
        let micros = stamp.as_microsecond();
        Ok(Self { text, micros })
    }
}

impl From<Instant> for String {
    fn from(instant: Instant) -> Self {
        instant.text
    }
}

/// Where a value comes from. A bare text is the name of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum Value {
    /// A column by name.
    Column(String),
    /// A column that may be absent; it is null then.
    Optional(String),
    /// A column by position, 0 first.
    Position(usize),
    /// A capture of the path; `role` is always there where the source has one.
    Capture(String),
    /// The same for every row.
    Constant(String),
    /// Text with `{column}` and `{capture}` in it; a composite key.
    Template(Template),
    /// Another value, translated word by word.
    Map(Translation),
    /// The first of these that is not empty.
    FirstOf(Vec<Value>),
}

/// Words and what they become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// The value to translate.
    pub of: Box<Value>,
    /// From the file's word to ours.
    pub to: BTreeMap<String, String>,
    /// For any other word; without it such a row is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Column(name) => serializer.serialize_str(name),
            other => Self::serialize(other, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrObject)
    }
}

struct NameOrObject;

impl<'de> Visitor<'de> for NameOrObject {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a column name, or one of {\"optional\"}, {\"position\"}, {\"capture\"}, {\"constant\"}, {\"template\"}, {\"map\"}, {\"first_of\"}",
        )
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Column(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Text with named places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    pub(super) parts: Vec<TemplatePart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplatePart {
    Literal(String),
    Place(String),
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, left) = after
                .split_once('}')
                .ok_or_else(|| format!("template `{text}`: `{{` without `}}`"))?;
            if !before.is_empty() {
                parts.push(TemplatePart::Literal(before.to_owned()));
            }
            parts.push(TemplatePart::Place(name.to_owned()));
            rest = left;
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::Literal(rest.to_owned()));
        }
        if parts.is_empty() {
            return Err("expected a template, got an empty text".into());
        }
        Ok(Self { text, parts })
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}
