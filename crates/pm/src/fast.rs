//! The short way through runs of `<r p="N">V</r>`, which are nine tenths of a file.
//!
//! The scanner knows exactly one shape: blanks, `<r p="`, digits, `">`, text without `&`, `</r>`.
//! Before anything else (an entity, a comment, CDATA, a prefix, another attribute, a single quote)
//! it stops, and the XML reader goes on from there. So it may be slow on odd files but never
//! different; `tests/files/paths.rs` compares both ways on generated files.

use crate::value::leading_decimal;

const OPEN: &[u8] = b"<r p=\"";
const CLOSE: &[u8] = b"</r>";

/// Longer texts are left to the XML reader and its limits.
const MAX_TEXT: usize = 64 << 10;

/// Text of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scanned<'a> {
    /// A plain decimal and its text.
    Number(f64, &'a [u8]),
    /// Anything else.
    Text(&'a [u8]),
}

/// Hands each value at the beginning of `rest` to `put`, as position, value and offset of its end,
/// and returns how many bytes they take.
#[inline]
pub(crate) fn scan<'a>(rest: &'a [u8], mut put: impl FnMut(u32, Scanned<'a>, usize)) -> usize {
    let mut done = 0;
    while let Some((position, value, end)) = one(rest, done) {
        put(position, value, end);
        done = end;
    }
    done
}

/// The value that begins at `at` behind blanks, and where it ends.
#[inline]
fn one(rest: &[u8], at: usize) -> Option<(u32, Scanned<'_>, usize)> {
    let mut at = at;
    while matches!(rest.get(at)?, b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    let tail = rest.get(at..)?.strip_prefix(OPEN)?;
    let (position, digits) = position(tail)?;
    let text = tail.get(digits..)?.strip_prefix(b"\">")?;
    let (value, len) = value(text)?;
    text.get(len..)?.strip_prefix(CLOSE)?;
    let end = at + OPEN.len() + digits + 2 + len + CLOSE.len();
    Some((position, value, end))
}

#[inline]
fn position(tail: &[u8]) -> Option<(u32, usize)> {
    const MAX_DIGITS: usize = 6;
    let mut number = 0;
    let mut digits = 0;
    while let byte @ b'0'..=b'9' = tail.get(digits)? {
        if digits == MAX_DIGITS {
            return None;
        }
        number = number * 10 + u32::from(byte - b'0');
        digits += 1;
    }
    (digits > 0).then_some((number, digits))
}

#[inline]
fn value(text: &[u8]) -> Option<(Scanned<'_>, usize)> {
    if let Some((number, len)) = leading_decimal(text)
        && text.get(len) == Some(&b'<')
    {
        return Some((Scanned::Number(number, &text[..len]), len));
    }
    let len = memchr::memchr2(b'<', b'&', &text[..text.len().min(MAX_TEXT)])?;
    (text[len] == b'<').then_some((Scanned::Text(&text[..len]), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Vec<(u32, String)>, &str) {
        let mut seen = Vec::new();
        let done = scan(text.as_bytes(), |position, value, _| {
            let (Scanned::Number(_, text) | Scanned::Text(text)) = value;
            seen.push((position, String::from_utf8_lossy(text).into_owned()));
        });
        (seen, &text[done..])
    }

    #[test]
    fn plain_runs_are_consumed() {
        let (seen, rest) =
            run("\n  <r p=\"1\">5</r>\r\n\t<r p=\"12\"> </r><r p=\"3\">1,2</r>\n</measValue>");
        assert_eq!(seen, [(1, "5".into()), (12, " ".into()), (3, "1,2".into())]);
        assert_eq!(rest, "\n</measValue>");
    }

    #[test]
    fn every_surprise_is_left_to_the_xml_reader() {
        for odd in [
            "<r p='1'>5</r>",
            "<r  p=\"1\">5</r>",
            "<r p=\"1\" >5</r>",
            "<r p=\"1\">&lt;</r>",
            "<r/>",
            "<r p=\"1\"><!-- -->5</r>",
            "<r p=\"1\"><![CDATA[5]]></r>",
            "<x:r p=\"1\">5</x:r>",
            "<r p=\"1\">5</r >",
            "<r p=\"1234567\">5</r>",
            "<r p=\"\">5</r>",
            "<r p=\"1\">5",
            "<r p=\"1",
            "<!-- --><r p=\"1\">5</r>",
            "x<r p=\"1\">5</r>",
            "",
            "<r p=\"1\">12345",
            "<r p=\"99999999999999\">",
        ] {
            let text = format!("<r p=\"1\">7</r>{odd}");
            let (seen, rest) = run(&text);
            assert_eq!((seen.len(), rest), (1, odd));
        }
    }
}
