//! 3GPP 32.401 V5, the `mdc` files of old Ericsson nodes.
//!
//! `mfh` is the header, `md` one element, `mi` one block: `mts` is the END of the period, `gp` its
//! seconds, `mt` a counter, `mv` an object with `moid`, its values `r` in the order of the `mt`
//! elements, and `sf` for suspect.

use crate::ReadError;
use crate::block::{BlockBuilder, Period};
use crate::meas::{is_true, positional};
use crate::reader::Draft;
use crate::time::{Stamp, parse_duration_s, parse_stamp};
use crate::xml::{Cursor, Open};

/// Reads the children of the root into `draft`.
pub(crate) fn read(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    while let Some(open) = cursor.child()? {
        match open.name() {
            "mfh" => header(cursor, draft)?,
            "md" => data(cursor, draft)?,
            "mff" => footer(cursor, draft)?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn header(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    while let Some(open) = cursor.child()? {
        match open.name() {
            "sn" => draft.file.sender = owned_text(cursor)?,
            "vn" => draft.file.vendor = owned_text(cursor)?,
            "cbt" => draft.file.begin = parse_stamp(&cursor.text()?).map(|stamp| stamp.at),
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn footer(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    while let Some(open) = cursor.child()? {
        match open.name() {
            "ts" => draft.file.end = parse_stamp(&cursor.text()?).map(|stamp| stamp.at),
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn data(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    let mut element = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "neid" => element = identity(cursor, draft)?,
            "mi" => {
                let known = element.or_else(|| draft.element(None, None));
                element = known;
                info(cursor, &open, known, draft)?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// The element: `nedn` is its name, `neun` the one people use.
fn identity(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<Option<usize>, ReadError> {
    let (mut dn, mut user_name, mut software) = (None, None, None);
    while let Some(open) = cursor.child()? {
        let slot = match open.name() {
            "nedn" => &mut dn,
            "neun" => &mut user_name,
            "nesw" => &mut software,
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *slot = Some(owned_text(cursor)?).filter(|text| !text.is_empty());
    }
    Ok(draft.element(dn.or(user_name).as_deref(), software.as_deref()))
}

fn info(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    element: Option<usize>,
    draft: &mut Draft,
) -> Result<(), ReadError> {
    let begins_at = open.offset();
    let mut block = BlockBuilder::default();
    let mut end: Option<Stamp> = None;
    let mut length = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "mts" => end = parse_stamp(&cursor.text()?),
            "gp" => length = parse_duration_s(&cursor.text()?),
            "jobid" => block.job_id = Some(owned_text(cursor)?),
            "mt" => {
                let position = open.owned("p")?;
                block.columns.add(position.as_deref(), &cursor.text()?);
            }
            "mv" => object(cursor, &open, &mut block, (element, draft))?,
            _ => cursor.skip()?,
        }
    }
    block.period = end.zip(length).map(|(end, length)| Period::ending(end, length));
    draft.close(block, element, begins_at);
    Ok(())
}

/// One object.
fn object(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    block: &mut BlockBuilder,
    (element, draft): (Option<usize>, &mut Draft),
) -> Result<(), ReadError> {
    draft.begin_object(block, String::new(), open.offset())?;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "moid" => {
                let ldn = draft.ldn(element, Some(&cursor.text()?));
                block.name_object(ldn);
            }
            "r" => positional(cursor, &open, block, draft)?,
            "sf" => {
                if is_true(&cursor.text()?) {
                    block.mark_suspect();
                }
            }
            _ => cursor.skip()?,
        }
    }
    block.end_object(cursor.offset(), &mut draft.rejects);
    Ok(())
}

fn owned_text(cursor: &mut Cursor<'_>) -> Result<String, ReadError> {
    Ok(cursor.text()?.trim().to_owned())
}
