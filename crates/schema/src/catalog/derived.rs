//! What validate, derive and featurize write.

use super::{
    Layout as _, date, derived_provenance, nullable, provenance, required, slot_columns, table,
};
use crate::{Column, DataKind, Keep, TableDef, TableKind};
use DataKind::{Double, Float, Int, Long, Text, Time};

/// All tables of this group that do not depend on a task.
pub fn all() -> Vec<TableDef> {
    vec![quality(), kpis(), kpi_groups(), profiles()]
}

fn derived(lead: Vec<Column>, own: Vec<Column>) -> Vec<Column> {
    let mut columns = lead;
    columns.extend(slot_columns());
    columns.extend(own);
    columns.extend(derived_provenance());
    columns
}

/// `quality`: the outcome of one rule on one element and slot.
pub fn quality() -> TableDef {
    let own = vec![
        required("rule", Text, "", "name of the rule"),
        required("scope", Text, "", "element, object or region that the rule judged"),
        required("period_start", Time, "", "start of the judged slot"),
        required("period_end", Time, "", "end of the judged slot"),
        nullable("checked", Long, "", "values or rows judged"),
        nullable("failed", Long, "", "values or rows that failed"),
        nullable("severity", Text, "", "info, warn, null_rows or halt"),
        nullable("verdict", Text, "", "pass or fail"),
        nullable("detail", Text, "", "what was seen and expected"),
    ];
    table(
        "quality",
        "one rule, element and slot",
        TableKind::Derived,
        Keep::Days(395),
        "rule scope period_start",
        derived(vec![date()], own),
    )
    .layout("period_start", "scope rule")
}

fn entity_period() -> Vec<Column> {
    vec![
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "identifier of the entity"),
        required("period_start", Time, "", "start of the period"),
        required("granularity_s", Int, "s", "length of the period"),
        nullable(
            "quality",
            Int,
            "",
            "bit 0: period missing; 1: suspect; 2: partly filled; 3: out of range; 4: nulled by validate; 5: imported",
        ),
    ]
}

/// `kpis`: an entity and period, one nullable column per channel (added by the catalogue).
pub fn kpis() -> TableDef {
    table(
        "kpis",
        "one entity and period, one nullable column per channel",
        TableKind::Derived,
        Keep::Days(913),
        "entity_type entity_id period_start granularity_s",
        derived(vec![date()], entity_period()),
    )
    .layout("period_start", "entity_id period_start")
}

/// `kpi_groups`: the same for site, sector and region.
pub fn kpi_groups() -> TableDef {
    let own = [entity_period(), vec![nullable("members", Int, "", "entities that were added up")]]
        .concat();
    table(
        "kpi_groups",
        "one sector, site or region and period",
        TableKind::Derived,
        Keep::Days(913),
        "entity_type entity_id period_start granularity_s",
        derived(vec![date()], own),
    )
    .layout("period_start", "entity_id period_start")
}

/// `profiles`: what an hour of the week usually looks like.
pub fn profiles() -> TableDef {
    let own = vec![
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "identifier of the entity"),
        required("channel", Text, "", "channel of `kpis`"),
        required("hour_of_week", Int, "h", "0-167 in the site's time zone, Monday 00:00 first"),
        required("valid_from", Time, "", "cutoff that the profile was built at"),
        nullable("median", Double, "as the channel", "median of the look-back"),
        nullable("spread", Double, "as the channel", "interquartile range / 1.349"),
        nullable("observations", Int, "", "values that entered"),
    ];
    table(
        "profiles",
        "one entity, channel and hour of the week",
        TableKind::Derived,
        Keep::Days(760),
        "entity_type entity_id channel hour_of_week valid_from",
        derived(vec![date()], own),
    )
    .layout("valid_from", "entity_id channel hour_of_week")
}

/// `features_<task>`: what the model sees beyond raw channels (columns added by the feature kernel).
pub fn features(task: &str) -> TableDef {
    let own = vec![
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "identifier of the entity"),
        required(
            "period_start",
            Time,
            "",
            "the period the features describe; the cutoff is its end",
        ),
    ];
    table(
        &format!("features_{task}"),
        "one entity and period",
        TableKind::Derived,
        Keep::Days(90),
        "entity_id period_start",
        derived(vec![date()], own),
    )
    .layout("period_start", "entity_id period_start")
}

/// `samples_<task>`: the labelled cutoffs of one immutable sample set.
pub fn samples(task: &str) -> TableDef {
    let own = vec![
        required("sample_set_id", Text, "", "the immutable set"),
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "identifier of the entity"),
        required("cutoff", Time, "", "features end here, labels begin here"),
        required("slice", Text, "", "fit, select, calibrate, gate or test"),
        nullable("label", Float, "as the task", "single label: class, value or 0/1"),
        nullable(
            "labels",
            DataKind::Doubles,
            "as the task",
            "one label per horizon or hazard bin; null = not observed",
        ),
        nullable("label_end", Time, "", "end of the period the label looked at"),
        nullable("label_known_at", Time, "", "when the label could be known"),
        nullable("mask_reason", Text, "", "why the sample does not count; null = it counts"),
        required("weight", Float, "", "sample weight"),
        nullable(
            "features",
            DataKind::Doubles,
            "",
            "feature row in the order of the set's document, where the set stores them",
        ),
    ];
    let columns = [vec![date()], slot_columns(), own, provenance()].concat();
    table(
        &format!("samples_{task}"),
        "one entity and cutoff of a sample set",
        TableKind::Raw,
        Keep::WithModels,
        "sample_set_id entity_id cutoff",
        columns,
    )
    .layout("cutoff", "entity_id cutoff")
}
