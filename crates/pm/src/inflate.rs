//! Gzip, recognised by its magic and never by the file name.
//!
//! The usual file is one gzip member: libdeflate inflates it in one call, twice as fast as any
//! streaming inflater. Its `gzip_decompress` stops silently after the first member, so a file
//! whose trailer does not match the output, or that might hold a second member, goes through
//! flate2 member by member instead.

use std::borrow::Cow;
use std::io::{ErrorKind, Read as _};

use flate2::bufread::GzDecoder;
use libdeflater::{Crc, DecompressionError, Decompressor};

use crate::{Limits, ReadError, ReadErrorKind};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const MEMBER: [u8; 3] = [0x1f, 0x8b, 0x08];
const TRAILER: usize = 8;

/// The text of `bytes`: inflated when they are gzip, as they are otherwise.
pub(crate) fn inflate<'a>(
    inflater: &mut Decompressor,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Cow<'a, [u8]>, ReadError> {
    if bytes.len() > limits.max_bytes {
        return Err(too_large(limits.max_bytes));
    }
    if !bytes.starts_with(&MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let cap = limits.output_cap(bytes.len());
    let text = match inflate_whole(inflater, bytes, cap) {
        Some(text) if is_only_member(bytes, &text) => text,
        _ => inflate_members(bytes, cap)?,
    };
    Ok(Cow::Owned(text))
}

/// Inflates the first member in one call; `None` when libdeflate cannot, whatever the reason: the
/// streaming reader finds the same fault and describes it.
fn inflate_whole(inflater: &mut Decompressor, bytes: &[u8], cap: usize) -> Option<Vec<u8>> {
    // The trailer's size is a hint only: it is modulo 2^32 and speaks of the last member.
    let hint = trailer(bytes)?.1 as usize;
    let mut text = vec![0; hint.clamp(1, cap)];
    loop {
        match inflater.gzip_decompress(bytes, &mut text) {
            Ok(len) => {
                text.truncate(len);
                return Some(text);
            }
            Err(DecompressionError::InsufficientSpace) if text.len() < cap => {
                let larger = text.len().saturating_mul(2).min(cap);
                text.resize(larger, 0);
            }
            Err(_) => return None,
        }
    }
}

/// Checksum and size in the last eight bytes.
fn trailer(bytes: &[u8]) -> Option<(u32, u32)> {
    let (crc, size) = bytes.last_chunk::<TRAILER>()?.split_at(4);
    Some((u32::from_le_bytes(crc.try_into().ok()?), u32::from_le_bytes(size.try_into().ok()?)))
}

/// Whether `text` is all that `bytes` hold: the file's trailer is the member's own, and no other
/// member begins anywhere (a chance hit costs time, not correctness).
fn is_only_member(bytes: &[u8], text: &[u8]) -> bool {
    let mut crc = Crc::new();
    crc.update(text);
    trailer(bytes) == Some((crc.sum(), text.len() as u32))
        && memchr::memmem::find(&bytes[MEMBER.len()..], &MEMBER).is_none()
}

/// Inflates every member; zero bytes after the last one are block padding, which gzip ignores too.
fn inflate_members(bytes: &[u8], cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut text = Vec::new();
    let mut rest = bytes;
    while !rest.iter().all(|byte| *byte == 0) {
        let member_at = bytes.len() - rest.len();
        if !rest.starts_with(&MAGIC) {
            let message = "expected another gzip member, got other bytes";
            return Err(damaged(member_at, message));
        }
        let mut decoder = GzDecoder::new(rest);
        let room = (cap - text.len()) as u64 + 1;
        let outcome = (&mut decoder).take(room).read_to_end(&mut text);
        rest = decoder.into_inner();
        if text.len() > cap {
            return Err(too_large(cap));
        }
        outcome.map_err(|fault| {
            let what = match fault.kind() {
                ErrorKind::UnexpectedEof => "cut off".to_owned(),
                _ => format!("damaged ({fault})"),
            };
            let message = format!("gzip stream is {what} after {} bytes of text", text.len());
            damaged(bytes.len() - rest.len(), &message)
        })?;
    }
    Ok(text)
}

fn damaged(offset: usize, message: &str) -> ReadError {
    ReadError::new(ReadErrorKind::Compression, offset as u64, message)
}

fn too_large(cap: usize) -> ReadError {
    ReadError::new(
        ReadErrorKind::TooLarge,
        cap as u64,
        format!("expected at most {cap} bytes of text for a file of this size"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn run(bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
        inflate(&mut Decompressor::new(), bytes, &Limits::default()).map(Cow::into_owned)
    }

    #[test]
    fn plain_text_passes_through() {
        assert_eq!(run(b"<a/>").unwrap(), b"<a/>");
        assert_eq!(run(b"").unwrap(), b"");
    }

    #[test]
    fn one_member_two_members_and_padding() {
        let one = gzip(b"<a>1</a>");
        let two = [gzip(b"<a>"), gzip(b"</a>")].concat();
        let twins = [gzip(b"<a/>"), gzip(b"<a/>")].concat();
        let padded = [one.clone(), vec![0; 512]].concat();
        assert_eq!(run(&one).unwrap(), b"<a>1</a>");
        assert_eq!(run(&two).unwrap(), b"<a></a>");
        assert_eq!(run(&twins).unwrap(), b"<a/><a/>");
        assert_eq!(run(&padded).unwrap(), b"<a>1</a>");
    }

    #[test]
    fn damage_is_one_error() {
        let whole = gzip(&b"<measCollecFile/>".repeat(100));
        let cut = run(&whole[..whole.len() / 2]).unwrap_err();
        assert_eq!(cut.kind, ReadErrorKind::Compression);
        assert!(cut.message.starts_with("gzip stream is cut off"), "{cut}");

        let garbage = [whole.clone(), b"garbage after the end".to_vec()].concat();
        assert_eq!(run(&garbage).unwrap_err().kind, ReadErrorKind::Compression);

        let mut flipped = whole;
        let middle = flipped.len() - 6;
        flipped[middle] ^= 0xff;
        assert_eq!(run(&flipped).unwrap_err().kind, ReadErrorKind::Compression);
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_memory() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        let fault = run(&bomb).unwrap_err();
        assert_eq!(fault.kind, ReadErrorKind::TooLarge);
        assert!(fault.offset < 64 << 20, "{fault}");
    }
}
