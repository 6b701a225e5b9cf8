//! Counters of the elements, as their files have them.

use super::with_provenance;
use crate::catalog::{Layout as _, date, nullable, required, slot_columns, table};
use crate::{Column, DataKind, Keep, TableDef, TableKind};
use DataKind::{Bool, Doubles, Int, Text, Texts, Time};

fn measured_object() -> Vec<Column> {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required("ne_dn", Text, "", "distinguished name of the managed element"),
        required(
            "ldn",
            Text,
            "",
            "measured object below the element; empty means the element itself",
        ),
        required("mo_class", Text, "", "class of the last component of `ldn`"),
        required("period_start", Time, "", "start of the granularity period"),
        required("granularity_s", Int, "s", "length of the granularity period"),
    ]);
    columns
}

/// `pm_counters`: one measured object and period.
pub fn pm_counters() -> TableDef {
    let own = vec![
        required(
            "counter_set",
            Text,
            "",
            "key of `counter_sets`: which counters `values` holds, in order",
        ),
        required(
            "values",
            Doubles,
            "as in the catalogue",
            "one value per counter of the set; null = missing in the file",
        ),
        required("suspect", Bool, "", "the element marked the values as suspect"),
        required(
            "flags",
            Int,
            "",
            "bit 0: times disagree with header or footer; 1: truncated period; 2: stamp without offset",
        ),
        nullable("sw_version", Text, "", "software of the element as written in the file"),
        nullable("meas_info_id", Text, "", "measInfoId of the block"),
        nullable("job_id", Text, "", "measurement job"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "pm_counters",
        "one measured object and period with the values of one counter set",
        TableKind::Raw,
        Keep::Days(90),
        "ne_dn ldn period_start granularity_s counter_set",
        with_provenance([measured_object(), own]),
    )
    .layout("period_start", "ldn period_start")
}

/// `counter_sets`: the ordered counter names behind `pm_counters.values`.
pub fn counter_sets() -> TableDef {
    let own = vec![
        required("counter_set", Text, "", "hash of vendor, class and ordered counter names"),
        required("vendor", Text, "", "vendorName of the file"),
        required("mo_class", Text, "", "class of the measured objects"),
        required("counters", Texts, "", "counter names in the order of `values`"),
    ];
    table(
        "counter_sets",
        "one ordered set of counter names",
        TableKind::Raw,
        Keep::Forever,
        "counter_set",
        with_provenance([own, vec![]]),
    )
}

/// `pm_histograms`: list-valued counters.
pub fn pm_histograms() -> TableDef {
    let own = vec![
        required("counter", Text, "", "counter name"),
        nullable("bins", Doubles, "count", "the list; null when every element was blank"),
        required("raw", Text, "", "the text as written"),
        required("suspect", Bool, "", "the element marked the values as suspect"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "pm_histograms",
        "one list-valued counter of an object and period",
        TableKind::Raw,
        Keep::Days(90),
        "ne_dn ldn counter period_start granularity_s",
        with_provenance([measured_object(), own]),
    )
    .layout("period_start", "ldn period_start")
}
