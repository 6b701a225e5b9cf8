//! 3GPP 32.435 and 28.532: `measInfo` blocks, positional (`r p="N"`) or as lists (`measResults`).
//!
//! Both roots share everything below `measData`, and 28.532 uses that one name for the header's,
//! the body's and the footer's element; walking the tree keeps the three apart. Elements are known
//! by local name: older files carry the same words under other namespaces.

use crate::ReadError;
use crate::block::{BlockBuilder, Period, RawValue};
use crate::fast::{Scanned, scan};
use crate::reader::{Draft, ValuePath};
use crate::time::{parse_duration_s, parse_stamp};
use crate::xml::{Cursor, Open};

/// Reads the children of the root into `draft`.
pub(crate) fn read(
    cursor: &mut Cursor<'_>,
    draft: &mut Draft,
    path: ValuePath,
) -> Result<(), ReadError> {
    while let Some(open) = cursor.child()? {
        match open.name() {
            "fileHeader" => header(cursor, &open, draft)?,
            "measData" => data(cursor, draft, path)?,
            "fileFooter" => footer(cursor, draft)?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// Vendor, prefix, sender and begin of the collection.
pub(crate) fn header(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    draft: &mut Draft,
) -> Result<(), ReadError> {
    draft.file.vendor = open.owned("vendorName")?.unwrap_or_default();
    draft.dn_prefix = open.owned("dnPrefix")?.unwrap_or_default();
    while let Some(open) = cursor.child()? {
        match open.name() {
            "fileSender" => {
                let sender = open.owned("localDn")?.or(open.owned("senderName")?);
                draft.file.sender = sender.unwrap_or_default();
            }
            "measCollec" | "measData" => {
                let begin = open.attr("beginTime")?.and_then(|text| parse_stamp(&text));
                draft.file.begin = begin.map(|stamp| stamp.at);
            }
            _ => {}
        }
        cursor.skip()?;
    }
    Ok(())
}

fn footer(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    while let Some(open) = cursor.child()? {
        if matches!(open.name(), "measCollec" | "measData") {
            let end = open.attr("endTime")?.and_then(|text| parse_stamp(&text));
            draft.file.end = end.map(|stamp| stamp.at);
        }
        cursor.skip()?;
    }
    Ok(())
}

/// One managed element and its blocks.
fn data(cursor: &mut Cursor<'_>, draft: &mut Draft, path: ValuePath) -> Result<(), ReadError> {
    let mut local_dn = None;
    let mut software = None;
    let mut element = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "managedElement" | "measEntity" => {
                local_dn = open.owned("localDn")?;
                software = open.owned("swVersion")?;
                element = None;
                cursor.skip()?;
            }
            "measInfo" => {
                let known =
                    element.or_else(|| draft.element(local_dn.as_deref(), software.as_deref()));
                element = known;
                info(cursor, &open, known, draft, path)?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// One block: period, counters, objects.
fn info(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    element: Option<usize>,
    draft: &mut Draft,
    path: ValuePath,
) -> Result<(), ReadError> {
    let begins_at = open.offset();
    let mut block = BlockBuilder::new(open.owned("measInfoId")?);
    while let Some(open) = cursor.child()? {
        match open.name() {
            "job" => {
                block.job_id = open.owned("jobId")?;
                cursor.skip()?;
            }
            "granPeriod" => {
                block.period = period(&open)?;
                cursor.skip()?;
            }
            "measType" => {
                let position = open.owned("p")?;
                block.columns.add(position.as_deref(), &cursor.text()?);
            }
            "measTypes" => {
                for name in cursor.text()?.split_whitespace() {
                    block.columns.add(None, name);
                }
            }
            "measValue" => {
                let ldn = draft.ldn(element, open.attr("measObjLdn")?.as_deref());
                draft.begin_object(&mut block, ldn, open.offset())?;
                values(cursor, &mut block, draft, path)?;
                block.end_object(cursor.offset(), &mut draft.rejects);
            }
            _ => cursor.skip()?,
        }
    }
    draft.close(block, element, begins_at);
    Ok(())
}

/// The granularity period, by its end and duration; never from header, footer or file name.
fn period(open: &Open<'_>) -> Result<Option<Period>, ReadError> {
    let end = open.attr("endTime")?.and_then(|text| parse_stamp(&text));
    let length = open.attr("duration")?.and_then(|text| parse_duration_s(&text));
    Ok(end.zip(length).map(|(end, length)| Period::ending(end, length)))
}

/// The values of one object, and whether they are suspect; in any order.
fn values(
    cursor: &mut Cursor<'_>,
    block: &mut BlockBuilder,
    draft: &mut Draft,
    path: ValuePath,
) -> Result<(), ReadError> {
    loop {
        if path == ValuePath::Fast && !cursor.is_at_empty_element() {
            plain_run(cursor, block, draft);
        }
        let Some(open) = cursor.child()? else {
            return Ok(());
        };
        match open.name() {
            "r" => positional(cursor, &open, block, draft)?,
            "measResults" => {
                let offset = cursor.offset();
                for token in cursor.text()?.split_whitespace() {
                    let position = block.next_ordinal();
                    let raw = RawValue { position, text: token, offset };
                    block.put_text(&raw, &mut draft.rejects);
                }
            }
            "suspect" => {
                if is_true(&cursor.text()?) {
                    block.mark_suspect();
                }
            }
            _ => cursor.skip()?,
        }
    }
}

/// One `r` as the XML reader sees it.
pub(crate) fn positional(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    block: &mut BlockBuilder,
    draft: &mut Draft,
) -> Result<(), ReadError> {
    let position = match open.attr("p")? {
        // An unreadable position is one that no counter has.
        Some(text) => text.trim().parse().unwrap_or(u32::MAX),
        None => block.next_ordinal(),
    };
    let text = &cursor.text()?;
    let offset = cursor.offset();
    let raw = RawValue { position, text, offset };
    block.put_text(&raw, &mut draft.rejects);
    Ok(())
}

/// As many `r` as stand in their plain form.
fn plain_run(cursor: &mut Cursor<'_>, block: &mut BlockBuilder, draft: &mut Draft) {
    let start = cursor.offset();
    let consumed = scan(cursor.rest(), |position, value, end| {
        let text = match value {
            Scanned::Number(number, _) if block.put_number(position, number) => return,
            Scanned::Number(_, text) | Scanned::Text(text) => text,
        };
        // The text was valid UTF-8 as a whole and is cut at ASCII characters.
        let text = std::str::from_utf8(text).unwrap_or_default();
        let offset = start + end as u64;
        let raw = RawValue { position, text, offset };
        block.put_text(&raw, &mut draft.rejects);
    });
    cursor.advance(consumed);
}

pub(crate) fn is_true(text: &str) -> bool {
    let text = text.trim();
    text.eq_ignore_ascii_case("true") || text == "1"
}
