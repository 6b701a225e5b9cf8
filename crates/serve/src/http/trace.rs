//! Trace context: a request carries the id of what it is a part of, or begins something of its own.
//!
//! **Source**: W3C Trace Context, level 1: `00-<trace id>-<parent id>-<flags>`.

use std::hash::{BuildHasher as _, RandomState};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use tracing::Span;

/// The header, of requests and of answers.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Places of the parts of the header.
const TRACE: std::ops::Range<usize> = 3..35;
const PARENT: std::ops::Range<usize> = 36..52;
const FLAGS: std::ops::Range<usize> = 53..55;

/// Where a request stands in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// 32 digits.
    id: String,
    /// The request itself, 16 digits.
    span: String,
    /// Who asked, 16 digits; empty where the trace begins here.
    parent: String,
    /// Two digits, handed on as they came.
    flags: String,
}

impl Trace {
    /// Goes on with the trace of a request. Without a header, or with one that is none, it begins one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let one = given.next().and_then(|value| value.to_str().ok());
        let span = format!("{:016x}", drawn());
        match one.filter(|text| given.next().is_none() && is_traceparent(text)) {
            Some(text) => Self {
                id: text[TRACE].to_owned(),
                span,
                parent: text[PARENT].to_owned(),
                flags: text[FLAGS].to_owned(),
            },
            None => Self {
                id: format!("{:016x}{:016x}", drawn(), drawn()),
                span,
                parent: String::new(),
                flags: "00".to_owned(),
            },
        }
    }

    /// What the lines of the log carry that speak of the request.
    pub(super) fn span(&self) -> Span {
        let (id, span) = (self.id.as_str(), self.span.as_str());
        let made = tracing::info_span!(
            "request",
            trace_id = id,
            span_id = span,
            parent_id = tracing::field::Empty
        );
        if !self.parent.is_empty() {
            made.record("parent_id", self.parent.as_str());
        }
        made
    }

    /// What the answer carries.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let Self { id, span, flags, .. } = self;
        let mut header = HeaderValue::try_from(format!("00-{id}-{span}-{flags}")).ok()?;
        // No two are alike: HTTP/2's table of headers would keep it and drop those that come again.
        header.set_sensitive(true);
        Some(header)
    }
}

/// A number of which no two are alike; every state of the standard library's hashes is drawn anew.
fn drawn() -> u64 {
    // Zero means "none".
    RandomState::new().hash_one(0).max(1)
}

/// Whether it is what the standard says; versions to come may append to it.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &str| is_hex(part) && part.bytes().any(|b| b != b'0');
    let bytes = text.as_bytes();
    if !text.is_ascii()
        || bytes.len() < FLAGS.end
        || [2, 35, 52].iter().any(|&at| bytes[at] != b'-')
    {
        return false;
    }
    let ends = match &text[..2] {
        "00" => bytes.len() == FLAGS.end,
        version => {
            is_hex(version) && version != "ff" && bytes.get(FLAGS.end).is_none_or(|b| *b == b'-')
        }
    };
    ends && is_id(&text[TRACE]) && is_id(&text[PARENT]) && is_hex(&text[FLAGS])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn trace(values: &[&str]) -> Trace {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, value.parse().unwrap());
        }
        Trace::of(&headers)
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let trace = trace(&[GIVEN]);
        assert_eq!(trace.id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((trace.parent.as_str(), trace.flags.as_str()), ("00f067aa0ba902b7", "01"));
        let header = trace.header().unwrap();
        assert!(is_traceparent(header.to_str().unwrap()), "{header:?}");
        assert_ne!(header, GIVEN);
        assert!(is_traceparent(&GIVEN.replacen("00", "07", 1)), "a version to come");
        assert!(is_traceparent(&format!("{}-more", GIVEN.replacen("00", "07", 1))));
    }

    #[test]
    fn what_is_no_trace_context_begins_a_trace() {
        let zero = |digits: &str| GIVEN.replace(digits, &"0".repeat(digits.len()));
        let wrong = [
            String::new(),
            "é".repeat(40),
            GIVEN.to_uppercase(),
            GIVEN.replacen("00", "ff", 1),
            format!("{GIVEN}-more"),
            GIVEN[..54].to_owned(),
            GIVEN.replace('-', "_"),
            GIVEN.replace("4bf9", "4bg9"),
            zero("4bf92f3577b34da6a3ce929d0e0e4736"),
            zero("00f067aa0ba902b7"),
        ];
        for text in &wrong {
            assert!(!is_traceparent(text), "{text}");
        }
        for values in [vec![], vec![wrong[2].as_str()], vec![GIVEN, GIVEN]] {
            let (one, other) = (trace(&values), trace(&values));
            assert!(is_traceparent(one.header().unwrap().to_str().unwrap()), "{one:?}");
            assert!(one.id != other.id && one.span != other.span && one.parent.is_empty());
        }
    }
}
