//! Reading tables of which none has to be there: a data root without tickets, models or any run yet
//! has a summary too.

use arrow::array::RecordBatch;
use foresite_schema::TableDef;
use foresite_tables::{Micros, Read, Result, Root, Table};

use crate::clock::DAY;
use crate::rows::Rows;

/// How far back something new is looked for first: a long table is read as far as it must be.
const LOOKS_BACK: [Option<Micros>; 3] = [Some(2 * DAY), Some(60 * DAY), None];

/// The newest version of the rows; none where there is no such table.
pub(crate) fn resolved(root: &Root, def: TableDef, read: &Read) -> Result<Option<RecordBatch>> {
    root.find(def)?.map(|table| table.read(read)).transpose()
}

/// All versions of the rows, batch by batch, so that memory stays bounded by what `take` keeps.
pub(crate) fn scanned(
    root: &Root,
    def: TableDef,
    read: &Read,
    mut take: impl FnMut(Rows<'_>),
) -> Result<()> {
    if let Some(table) = root.find(def)? {
        for batch in table.scan(read)? {
            take(Rows::of(&batch?));
        }
    }
    Ok(())
}

/// The greatest moment that `of` finds in the rows whose `column` is young; `columns` are read.
pub(crate) fn newest(
    table: &Table,
    (column, columns): (&str, &[&str]),
    now: Micros,
    of: impl Fn(Rows<'_>) -> Option<Micros>,
) -> Result<Option<Micros>> {
    for back in LOOKS_BACK {
        let read = Read::all().columns(columns);
        let read = match back {
            Some(back) => read.since(column, now - back),
            None => read,
        };
        let mut newest = None;
        for batch in table.scan(&read)? {
            newest = newest.max(of(Rows::of(&batch?)));
        }
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}
