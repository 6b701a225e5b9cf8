//! The book-keeping of ingest: files, what was set aside, what is out of date.

use super::with_provenance;
use crate::catalog::{Layout as _, date, nullable, required, slot_columns, table};
use crate::{DataKind, Keep, TableDef, TableKind};
use DataKind::{Long, Text, Time};

/// `ingest_ledger`: every file and expected period with its state.
pub fn ingest_ledger() -> TableDef {
    let own = vec![
        required("path", Text, "", "path below the landing folder; empty for a missing period"),
        nullable("file_id", Text, "", "sha256 of the file"),
        nullable("size", Long, "B", "size of the file"),
        required("kind", Text, "", "pm, or the kind that the mapping names"),
        nullable("ne_dn", Text, "", "managed element"),
        required("period_start", Time, "", "first period of the file, or the expected period"),
        nullable("period_end", Time, "", "end of the last period"),
        required(
            "state",
            Text,
            "",
            "taken, duplicate (of a taken one), quarantined, waiting for the next plan, or missing",
        ),
        nullable("reason", Text, "", "why it is not `taken`"),
        required("rows_read", Long, "", "rows (PM: values) found in the file"),
        required("rows_written", Long, "", "rows written"),
        required("rows_quarantined", Long, "", "rows set aside"),
        required("landed_at", Time, "", "modification time of the file"),
        required("plan", Text, "", "plan that decided this"),
    ];
    let slot = [vec![date()], slot_columns()].concat();
    table(
        "ingest_ledger",
        "one file or expected period and its state",
        TableKind::Log,
        Keep::Days(395),
        "path file_id ne_dn period_start state",
        with_provenance([slot, own]),
    )
    .layout("period_start", "ne_dn period_start")
}

/// `quarantine`: what was set aside, and why.
pub fn quarantine() -> TableDef {
    let own = vec![
        required("path", Text, "", "path below the landing folder"),
        required("file_id", Text, "", "sha256 of the file"),
        required("at", Time, "", "when it was set aside"),
        nullable("place", Text, "", "line, element or column"),
        required("reason", Text, "", "what was wrong"),
        nullable("sample", Text, "", "up to 200 characters of the offending text"),
        required("rows", Long, "", "rows that this entry stands for"),
        required("plan", Text, "", "plan that decided this"),
    ];
    let slot = [vec![date()], slot_columns()].concat();
    table(
        "quarantine",
        "one rejected file or row",
        TableKind::Log,
        Keep::Days(395),
        "path file_id place",
        with_provenance([slot, own]),
    )
    .layout("at", "path")
}

/// `stale`: slots to recompute because late data touched them.
pub fn stale() -> TableDef {
    let own = vec![
        required("stale_table", Text, "", "table whose slot is out of date"),
        required("start_at", Time, "", "start of the slot"),
        required("end_at", Time, "", "end of the slot, exclusive"),
        required("cause", Text, "", "plan or event that touched it"),
        required("state", Text, "", "open or done"),
        required("at", Time, "", "when the state was reached"),
    ];
    let slot = [vec![date()], slot_columns()].concat();
    table(
        "stale",
        "one slot to recompute, or done",
        TableKind::Log,
        Keep::Days(395),
        "stale_table source bucket start_at end_at cause state",
        with_provenance([slot, own]),
    )
    .layout("at", "start_at")
}
