//! From bytes to the text that the XML reader sees.

use crate::{ReadError, ReadErrorKind};

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// The text of `bytes` without a byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, ReadError> {
    if is_utf16(bytes) {
        return Err(ReadError::new(ReadErrorKind::Encoding, 0, "expected UTF-8, got UTF-16"));
    }
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|fault| {
        let at = fault.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        ReadError::new(
            ReadErrorKind::Encoding,
            at as u64,
            format!("expected UTF-8, got byte 0x{byte:02x}"),
        )
    })
}

/// A UTF-16 byte order mark, or the zero byte beside the first `<`.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_is_text() {
        assert_eq!(decode(b"\xef\xbb\xbf<a/>").unwrap(), "<a/>");
        assert_eq!(decode("<a>é</a>".as_bytes()).unwrap(), "<a>é</a>");
        let latin1 = decode(b"<a>\xe9</a>").unwrap_err();
        assert_eq!(latin1.to_string(), "encoding: expected UTF-8, got byte 0xe9 at byte 3");
        for wide in [&b"\xff\xfe<\0"[..], b"\xfe\xff\0<", b"<\0a\0", b"\0<\0a"] {
            assert_eq!(decode(wide).unwrap_err().kind, ReadErrorKind::Encoding);
        }
    }
}
