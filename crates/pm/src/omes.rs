//! Nokia OMeS: `PMSetup` is one period, `PMMOResult` one object with one or more `PMTarget`s, whose
//! child elements ARE the counters (`<M55110C00001>12</M55110C00001>`).
//!
//! `startTime` is the START of the period and `interval` its minutes. Every target lists its own
//! counters, so objects are gathered into blocks by measurement type and list of counters.

use std::collections::HashMap;

use crate::ReadError;
use crate::block::{BlockBuilder, Period, RawValue};
use crate::reader::Draft;
use crate::time::parse_stamp;
use crate::xml::{Cursor, Open};

/// Files do not name their vendor; no one else writes this form.
const VENDOR: &str = "Nokia";

/// Reads the children of the root into `draft`.
pub(crate) fn read(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    VENDOR.clone_into(&mut draft.file.vendor);
    while let Some(open) = cursor.child()? {
        match open.name() {
            "PMSetup" => setup(cursor, &open, draft)?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// One target: its counters with their texts, not yet in a block.
struct Target {
    key: BlockKey,
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct BlockKey {
    element: Option<usize>,
    measurement_type: String,
    counters: Vec<String>,
}

/// Blocks of one setup in the order in which they began.
#[derive(Default)]
struct Gathered {
    index: HashMap<BlockKey, usize>,
    blocks: Vec<(Option<usize>, BlockBuilder)>,
}

fn setup(cursor: &mut Cursor<'_>, open: &Open<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    let begins_at = open.offset();
    let period = period(open)?;
    if let Some(period) = period {
        let end = period.start + i64::from(period.granularity_s) * 1_000_000;
        draft.file.begin =
            Some(draft.file.begin.map_or(period.start, |begin| begin.min(period.start)));
        draft.file.end = Some(draft.file.end.map_or(end, |have| have.max(end)));
    }
    let mut gathered = Gathered::default();
    while let Some(open) = cursor.child()? {
        match open.name() {
            "PMMOResult" => result(cursor, &mut gathered, period, draft)?,
            _ => cursor.skip()?,
        }
    }
    for (element, block) in gathered.blocks {
        draft.close(block, element, begins_at);
    }
    Ok(())
}

fn period(open: &Open<'_>) -> Result<Option<Period>, ReadError> {
    let start = open.attr("startTime")?.and_then(|text| parse_stamp(&text));
    let minutes = open.attr("interval")?.and_then(|text| text.trim().parse::<i32>().ok());
    let length = minutes.and_then(|minutes| minutes.checked_mul(60)).filter(|length| *length > 0);
    Ok(start.zip(length).map(|(start, granularity_s)| Period {
        start: start.at,
        granularity_s,
        offset_s: start.offset_s,
    }))
}

/// One object. Where several `MO` stand in it, the last names the measured object.
fn result(
    cursor: &mut Cursor<'_>,
    gathered: &mut Gathered,
    period: Option<Period>,
    draft: &mut Draft,
) -> Result<(), ReadError> {
    let mut dn = String::new();
    while let Some(open) = cursor.child()? {
        match open.name() {
            "MO" => dn = object_name(cursor)?.unwrap_or(dn),
            "PMTarget" => {
                let (element_dn, ldn) = split_element(&dn);
                let element = draft.element(Some(element_dn), None);
                let target = target(cursor, &open, element)?;
                add(target, ldn, (gathered, period), cursor.offset(), draft)?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn object_name(cursor: &mut Cursor<'_>) -> Result<Option<String>, ReadError> {
    let mut name = None;
    while let Some(open) = cursor.child()? {
        match open.name() {
            "DN" => name = Some(cursor.text()?.trim().to_owned()),
            _ => cursor.skip()?,
        }
    }
    Ok(name)
}

/// The element is the network and the node in it: `PLMN-PLMN/MRBTS-7`; the object is the rest.
fn split_element(dn: &str) -> (&str, &str) {
    match dn.match_indices('/').nth(1) {
        Some((at, _)) => (&dn[..at], &dn[at + 1..]),
        None => (dn, ""),
    }
}

fn target(
    cursor: &mut Cursor<'_>,
    open: &Open<'_>,
    element: Option<usize>,
) -> Result<Target, ReadError> {
    let mut key = BlockKey {
        element,
        measurement_type: open.owned("measurementType")?.unwrap_or_default(),
        counters: Vec::new(),
    };
    let mut values = Vec::new();
    while let Some(open) = cursor.child()? {
        key.counters.push(open.name().to_owned());
        values.push(cursor.text()?.into_owned());
    }
    Ok(Target { key, values })
}

fn add(
    target: Target,
    ldn: &str,
    (gathered, period): (&mut Gathered, Option<Period>),
    offset: u64,
    draft: &mut Draft,
) -> Result<(), ReadError> {
    let Gathered { index, blocks } = gathered;
    let at = *index.entry(target.key).or_insert_with_key(|key| {
        let mut block = BlockBuilder::new(Some(key.measurement_type.clone()));
        block.period = period;
        for counter in &key.counters {
            block.columns.add(None, counter);
        }
        blocks.push((key.element, block));
        blocks.len() - 1
    });
    let block = &mut blocks[at].1;
    draft.begin_object(block, ldn.to_owned(), offset)?;
    for text in &target.values {
        let position = block.next_ordinal();
        let raw = RawValue { position, text, offset };
        block.put_text(&raw, &mut draft.rejects);
    }
    block.end_object(offset, &mut draft.rejects);
    Ok(())
}
