//! Path and column patterns with captures: `*`, `?`, `**`, `{name}` and `{name:8}`.
//!
//! A capture never crosses a `/`; with a width it takes exactly that many digits, so that
//! `alarms_{month:6}.csv` does not also match `alarms_20260101.1300.csv`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the captures of a pattern held.
pub type Captures = BTreeMap<String, String>;

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    One,
    WithinSegment,
    AcrossSegments,
    Capture { name: String, digits: Option<usize> },
}

impl Pattern {
    /// The captures when `text` matches as a whole.
    pub fn matches(&self, text: &str) -> Option<Captures> {
        let mut found = Vec::new();
        match_parts(&self.parts, text, &mut found).then(|| {
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            found.into_iter().map(owned).collect()
        })
    }

    /// Names of the captures, in order.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Capture { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether something but captures may vary.
    pub(super) fn has_wildcard(&self) -> bool {
        let is_wild =
            |part: &Part| matches!(part, Part::One | Part::WithinSegment | Part::AcrossSegments);
        self.parts.iter().any(is_wild)
    }

    /// The path with captures put in; `None` when a capture is unknown or a wildcard remains.
    pub(super) fn fill(&self, captures: &Captures) -> Option<String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => path.push_str(text),
                Part::Capture { name, .. } => path.push_str(captures.get(name)?),
                _ => return None,
            }
        }
        Some(path)
    }
}

/// The first way of matching, the shortest run first; captures are left in `found`.
fn match_parts<'a>(parts: &'a [Part], text: &'a str, found: &mut Vec<(&'a str, &'a str)>) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    match first {
        Part::Literal(literal) => {
            text.strip_prefix(literal.as_str()).is_some_and(|left| match_parts(rest, left, found))
        }
        Part::One => {
            let mut letters = text.chars();
            letters.next().is_some_and(|letter| letter != '/')
                && match_parts(rest, letters.as_str(), found)
        }
        Part::WithinSegment => {
            ends(segment(text), 0).any(|end| match_parts(rest, &text[end..], found))
        }
        Part::AcrossSegments => ends(text, 0).any(|end| match_parts(rest, &text[end..], found)),
        Part::Capture { name, digits } => ends(segment(text), 1).any(|end| {
            let run = &text[..end];
            if !digits.is_none_or(|width| is_number(run, width)) {
                return false;
            }
            let mark = found.len();
            found.push((name, run));
            let matched = match_parts(rest, &text[end..], found);
            if !matched {
                found.truncate(mark);
            }
            matched
        }),
    }
}

fn segment(text: &str) -> &str {
    text.split('/').next().unwrap_or_default()
}

/// The char boundaries of `text` from `least` bytes on, its end included.
fn ends(text: &str, least: usize) -> impl Iterator<Item = usize> + '_ {
    (least..=text.len()).filter(|end| text.is_char_boundary(*end))
}

fn is_number(text: &str, width: usize) -> bool {
    text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (part, left) = next_part(rest)?;
            parts.push(part);
            rest = left;
        }
        if parts.is_empty() {
            return Err("expected a pattern, got an empty text".into());
        }
        Ok(Self { text, parts })
    }
}

fn next_part(text: &str) -> Result<(Part, &str), String> {
    if let Some(left) = text.strip_prefix("**") {
        return Ok((Part::AcrossSegments, left));
    }
    if let Some(left) = text.strip_prefix('*') {
        return Ok((Part::WithinSegment, left));
    }
    if let Some(left) = text.strip_prefix('?') {
        return Ok((Part::One, left));
    }
    if let Some(inside) = text.strip_prefix('{') {
        let (body, left) =
            inside.split_once('}').ok_or_else(|| format!("pattern `{text}`: `{{` without `}}`"))?;
        return Ok((capture(body)?, left));
    }
    let end = text.find(['*', '?', '{']).unwrap_or(text.len());
    Ok((Part::Literal(text[..end].to_owned()), &text[end..]))
}

fn capture(body: &str) -> Result<Part, String> {
    let (name, width) = match body.split_once(':') {
        Some((name, width)) => (name, Some(width)),
        None => (body, None),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("capture `{{{body}}}`: expected a name of letters, digits and `_`"));
    }
    let digits = width
        .map(|width| width.parse::<usize>())
        .transpose()
        .map_err(|_| format!("capture `{{{body}}}`: expected a number of digits after `:`"))?;
    Ok(Part::Capture { name: name.to_owned(), digits })
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text.to_owned()).unwrap()
    }

    fn captured(text: &str, path: &str) -> Option<Vec<(String, String)>> {
        pattern(text).matches(path).map(|found| found.into_iter().collect())
    }

    #[test]
    fn captures_stay_inside_a_segment() {
        let found = captured("pm/{region}/kpis_{day:8}.csv", "pm/north/kpis_20260101.csv");
        let pairs = [("day", "20260101"), ("region", "north")];
        assert_eq!(found, Some(pairs.map(|(a, b)| (a.into(), b.into())).to_vec()));
        assert_eq!(captured("pm/{region}/x", "pm/a/b/x"), None);
        assert_eq!(captured("a_{month:6}.csv", "a_20260101.1300.csv"), None);
    }

    #[test]
    fn wildcards() {
        assert!(captured("**.csv", "a/b/c.csv").is_some());
        assert!(captured("*.csv", "a/b.csv").is_none());
        assert!(captured("m??", "m07").is_some());
        assert!(captured("m??", "m7").is_none());
        assert!(captured("s{n}", "s").is_none());
    }

    #[test]
    fn wrong_patterns_are_named() {
        for (text, words) in
            [("", "empty"), ("a{b", "without"), ("{}", "name"), ("{a:x}", "digits")]
        {
            let fault = Pattern::try_from(text.to_owned()).unwrap_err();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn a_filled_pattern_matches_itself(region in "[a-zé]{1,8}", day in "[0-9]{8}") {
            let pattern = pattern("x/{region}/k_{day:8}.csv");
            let captures: Captures = [("region".into(), region), ("day".into(), day)].into();
            let path = pattern.fill(&captures).unwrap();
            prop_assert_eq!(pattern.matches(&path), Some(captures));
        }

        #[test]
        fn any_text_is_safe(pattern in "[a*?{}:0-9/]{0,12}", path in "[aé0-9/]{0,12}") {
            if let Ok(pattern) = Pattern::try_from(pattern) {
                let _ = pattern.matches(&path);
            }
        }
    }
}
