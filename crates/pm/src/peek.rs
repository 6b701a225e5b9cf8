//! Who sent a file and when, without reading its values.

use crate::meas;
use crate::model::{Block, Format};
use crate::reader::{Draft, ValuePath, read_text, root};
use crate::time::parse_stamp;
use crate::xml::Cursor;
use crate::{Limits, Micros, ReadError};

/// Bytes at the end of the text in which the footer is looked for.
const FOOTER_WINDOW: usize = 4 << 10;

/// What a plan wants to know about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// The form it is written in.
    pub format: Format,
    /// The vendor as written; empty when the file does not say.
    pub vendor: String,
    /// The first managed element's full name; empty when the file does not say.
    pub ne_dn: String,
    /// Start of the collection, from the header.
    pub begin: Option<Micros>,
    /// End of the collection, from the footer, else of the first period.
    pub end: Option<Micros>,
}

/// Reads up to the first block, and the last few kilobytes.
pub(crate) fn peek(text: &str, limits: Limits) -> Result<Peek, ReadError> {
    let mut cursor = Cursor::new(text, limits);
    let found = match root(&mut cursor) {
        Ok(format @ (Format::MeasCollec | Format::MeasData)) => meas_head(&mut cursor, format),
        // Old forms keep names and times all over the file, and are small: read them whole.
        Ok(Format::Mdc | Format::Omes) => whole(text, limits),
        Err(error) => Err(error),
    };
    let peek = found.map_err(|error| cursor.locate(error))?;
    Ok(Peek { end: footer_end(text).or(peek.end), ..peek })
}

fn whole(text: &str, limits: Limits) -> Result<Peek, ReadError> {
    let file = read_text(&mut Cursor::new(text, limits), ValuePath::Fast)?;
    let element = file.elements.into_iter().next();
    let first_end = file.blocks.first().map(Block::period_end);
    Ok(Peek {
        format: file.format,
        vendor: file.vendor,
        ne_dn: element.map(|element| element.ne_dn).unwrap_or_default(),
        begin: file.begin,
        end: file.end.or(first_end),
    })
}

fn meas_head(cursor: &mut Cursor<'_>, format: Format) -> Result<Peek, ReadError> {
    let mut draft = Draft::new(format, cursor.limits());
    let mut end = None;
    let mut element = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "fileHeader" => meas::header(cursor, &open, &mut draft)?,
            "measData" => {
                (element, end) = first_block(cursor, &mut draft)?;
                break;
            }
            _ => cursor.skip()?,
        }
    }
    let element = element.or_else(|| draft.element(None, None));
    let ne_dn = element.map(|element| draft.file.elements[element].ne_dn.clone());
    Ok(Peek {
        format,
        vendor: draft.file.vendor,
        ne_dn: ne_dn.unwrap_or_default(),
        begin: draft.file.begin,
        end,
    })
}

/// The element of a `measData` and the end of its first period.
fn first_block(
    cursor: &mut Cursor<'_>,
    draft: &mut Draft,
) -> Result<(Option<usize>, Option<Micros>), ReadError> {
    let mut element = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "managedElement" | "measEntity" => {
                element = draft.element(open.owned("localDn")?.as_deref(), None);
                cursor.skip()?;
            }
            "measInfo" => {
                while let Some(open) = cursor.child()? {
                    if open.name() == "granPeriod" {
                        let end = open.attr("endTime")?.and_then(|text| parse_stamp(&text));
                        return Ok((element, end.map(|stamp| stamp.at)));
                    }
                    cursor.skip()?;
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok((element, None))
}

/// `endTime` of the footer, found from the end of the text.
fn footer_end(text: &str) -> Option<Micros> {
    let bytes = text.as_bytes();
    let window = &bytes[bytes.len().saturating_sub(FOOTER_WINDOW)..];
    let footer = &window[memchr::memmem::find(window, b"fileFooter>")?..];
    let value = &footer[memchr::memmem::find(footer, b"endTime=\"")? + b"endTime=\"".len()..];
    let quoted = &value[..memchr::memchr(b'"', value)?];
    parse_stamp(std::str::from_utf8(quoted).ok()?).map(|stamp| stamp.at)
}
