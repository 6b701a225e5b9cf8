//! What ingest writes: facts as they arrived, and the book-keeping beside them.

use super::{Layout as _, date, nullable, provenance, required, slot_columns, table};
use crate::{Column, DataKind, Keep, TableDef, TableKind};
use DataKind::{Bool, Double, Doubles, Int, Long, Text, Texts, Time};

/// Where a fact names the person behind it: table and column.
pub const PEOPLE: [(&str, &str); 2] = [("feedback", "person"), ("suppressions", "owner")];

/// All tables of this group.
pub fn all() -> Vec<TableDef> {
    vec![
        pm_counters(),
        counter_sets(),
        pm_histograms(),
        objects(),
        inventory(),
        topology_edges(),
        alarms(),
        tickets(),
        feedback(),
        suppressions(),
        local_events(),
        labels(),
        ingest_ledger(),
        quarantine(),
        stale(),
    ]
}

fn with_provenance(parts: [Vec<Column>; 2]) -> Vec<Column> {
    parts.into_iter().flatten().chain(provenance()).collect()
}

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

fn validity() -> Vec<Column> {
    vec![
        required("valid_from", Time, "", "start of validity"),
        nullable("valid_to", Time, "", "end of validity, exclusive; null = still valid"),
    ]
}

/// `objects`: which measured objects make which entity.
pub fn objects() -> TableDef {
    let own = vec![
        required("ne_dn", Text, "", "distinguished name of the managed element"),
        required("ldn", Text, "", "measured object; a trailing `*` matches any continuation"),
        required("mo_class", Text, "", "class of the object"),
        required("entity_type", Text, "", "site, sector, cell, unit or link"),
        required("entity_id", Text, "", "the entity that the object belongs to"),
    ];
    table(
        "objects",
        "one measured object and the entity it belongs to",
        TableKind::Raw,
        Keep::Forever,
        "ne_dn ldn mo_class valid_from",
        with_provenance([own, validity()]),
    )
}

/// `inventory`: the network's entities over time.
pub fn inventory() -> TableDef {
    let own = vec![
        required("entity_type", Text, "", "region, site, sector, cell, unit or link"),
        required("entity_id", Text, "", "identifier of the entity"),
        nullable(
            "parent_id",
            Text,
            "",
            "the entity above: cell → sector → site → region; unit, link → site",
        ),
        nullable("name", Text, "", "name for people"),
        nullable("latitude", Double, "°", "WGS 84"),
        nullable("longitude", Double, "°", "WGS 84"),
        nullable("azimuth", Double, "°", "direction of the sector"),
        nullable("technology", Text, "", "NR or LTE"),
        nullable("band", Text, "", "operating band"),
        nullable("bandwidth_mhz", Double, "MHz", "channel bandwidth"),
        nullable("prb_count", Int, "PRB", "downlink resource blocks"),
        nullable("vendor", Text, "", "manufacturer"),
        nullable("hardware", Text, "", "hardware model"),
        nullable("software", Text, "", "software release"),
        nullable("commissioned_at", Time, "", "start of service"),
        nullable("time_zone", Text, "", "IANA time zone of the site"),
        nullable("holiday_calendar", Text, "", "name of the holiday calendar"),
    ];
    table(
        "inventory",
        "one state of an entity",
        TableKind::Raw,
        Keep::Forever,
        "entity_type entity_id valid_from",
        with_provenance([own, validity()]),
    )
}

/// `topology_edges`: who depends on or borders whom.
pub fn topology_edges() -> TableDef {
    let own = vec![
        required("a_id", Text, "", "the depending entity, or the smaller id of two neighbours"),
        required("b_id", Text, "", "the entity depended on, or the neighbour"),
        required("kind", Text, "", "backhaul, power or neighbour"),
    ];
    table(
        "topology_edges",
        "one edge between two entities",
        TableKind::Raw,
        Keep::Forever,
        "a_id b_id kind valid_from",
        with_provenance([own, validity()]),
    )
}

fn fact(id: &str, meaning: &str, facts: &str) -> Vec<Column> {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required(id, Text, "", meaning),
        required("fact", Text, "", facts),
        required("at", Time, "", "when it happened"),
        nullable("entity_type", Text, "", "type of the entity, where known"),
        nullable("entity_id", Text, "", "the entity concerned"),
    ]);
    columns
}

/// `alarms`: raise and clear are separate facts.
pub fn alarms() -> TableDef {
    let own = vec![
        nullable("alarm_type", Text, "", "X.733 event type"),
        nullable("probable_cause", Text, "", "X.733 probable cause"),
        required("specific_problem", Text, "", "the vendor's alarm name"),
        nullable("severity", Text, "", "CRITICAL, MAJOR, MINOR, WARNING or INDETERMINATE"),
        nullable("text", Text, "", "additional text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "alarms",
        "one fact about an alarm",
        TableKind::Raw,
        Keep::Days(760),
        "alarm_id fact",
        with_provenance([fact("alarm_id", "identifier of the alarm", "raised or cleared"), own]),
    )
    .layout("at", "entity_id at")
}

/// `tickets`: opened, cause, closed, planned work announced.
pub fn tickets() -> TableDef {
    let own = vec![
        nullable("start_at", Time, "", "start of the outage or of the planned work"),
        nullable("end_at", Time, "", "end of the outage or of the planned work"),
        nullable("cause", Text, "", "cause as coded by the people who closed it"),
        nullable("text", Text, "", "free text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "tickets",
        "one fact about a trouble ticket or planned work",
        TableKind::Raw,
        Keep::Days(760),
        "ticket_id fact",
        with_provenance([
            fact("ticket_id", "identifier of the ticket", "opened, cause, closed or planned"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}

/// `feedback`: people's marks on predictions.
pub fn feedback() -> TableDef {
    let own = vec![
        nullable("prediction_id", Text, "", "prediction that was marked; null for a missed event"),
        nullable("task", Text, "", "task of the prediction, or the one that missed the event"),
        nullable("cutoff", Time, "", "cutoff of the prediction that was marked"),
        nullable(
            "incident_id",
            Text,
            "",
            "incident as whose part the prediction was marked: one case, however many they are",
        ),
        nullable("person", Text, "", "who marked it, or a pseudonym: `p:<epoch>:…`"),
        nullable("text", Text, "", "free text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "feedback",
        "one mark by a person",
        TableKind::Raw,
        Keep::Days(760),
        "feedback_id fact",
        with_provenance([
            fact("feedback_id", "identifier of the mark", "confirmed, wrong, done or missed"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}

/// `suppressions`: what a list shall leave out for a while, by whom and why.
pub fn suppressions() -> TableDef {
    let own = vec![
        nullable("task", Text, "", "task whose list is meant; null = every list"),
        nullable(
            "driver",
            Text,
            "",
            "only what this feature drives most; null = whatever drives it",
        ),
        nullable("owner", Text, "", "who answers for it, or a pseudonym: `p:<epoch>:…`"),
        nullable("reason", Text, "", "why"),
        nullable("start_at", Time, "", "from when on it holds; null = from `at` on"),
        nullable("end_at", Time, "", "when it ends by itself"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "suppressions",
        "one fact about a suppression",
        TableKind::Raw,
        Keep::Days(760),
        "suppression_id fact",
        with_provenance([
            fact("suppression_id", "identifier of the suppression", "set or lifted"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}

/// `local_events`: concerts, matches, fairs and the like, for which people come to a place.
pub fn local_events() -> TableDef {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required("event_id", Text, "", "identifier of the event"),
        required("fact", Text, "", "planned or cancelled"),
        required("at", Time, "", "when the event begins"),
        nullable("end_at", Time, "", "when it ends"),
        nullable("name", Text, "", "name for people"),
        nullable(
            "entities",
            Text,
            "",
            "cells, sites or regions where it takes place, separated by `;`",
        ),
        nullable("latitude", Double, "°", "WGS 84, of the middle"),
        nullable("longitude", Double, "°", "WGS 84, of the middle"),
        nullable("radius_km", Double, "km", "entities so near to the middle are concerned"),
        nullable("expected_effect", Text, "", "what is expected, for people"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ]);
    table(
        "local_events",
        "one version of a local event",
        TableKind::Raw,
        Keep::Days(760),
        "event_id",
        with_provenance([columns, vec![]]),
    )
    .layout("at", "event_id at")
}

/// `labels`: what a data set says about itself: marked points and intervals, ends of runs, classes.
pub fn labels() -> TableDef {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "the entity concerned"),
        required(
            "label",
            Text,
            "",
            "name of the label; `segment` marks a stretch of rows: value 1 = ends in the event, 0 = censored, null = neither",
        ),
        required("at", Time, "", "the moment, or the start of the interval"),
        nullable(
            "end_at",
            Time,
            "",
            "end of the interval, exclusive; null = a moment",
        ),
        nullable("value", Double, "as the label", "number of the label"),
        nullable("class", Text, "", "class of the label, where it is a word"),
        nullable(
            "role",
            Text,
            "",
            "part that the set's authors gave the file: train or test",
        ),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ]);
    table(
        "labels",
        "one label of an entity: a moment or an interval",
        TableKind::Raw,
        Keep::Forever,
        "entity_type entity_id label at",
        with_provenance([columns, vec![]]),
    )
    .layout("at", "entity_id at")
}

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
