//! How the keys of a mapping fit together: what single keys cannot say about themselves.

use std::collections::BTreeSet;

use foresite_schema::{Column, DataKind, Nullability, TableDef, catalog};

use super::leaf::{TemplatePart, Value};
use super::needs::visit;
use super::spec::{Clock, Entity, Shape, Spec, StaticFrom, Target};
use super::{kpis, statics};

/// The table that the rows of a mapping go to, with the columns that it adds.
pub(super) fn target_table(spec: &Spec) -> TableDef {
    match spec.target {
        Target::Kpis => kpis::table(&spec.channels),
        Target::Inventory => statics::table(&spec.statics),
        other => {
            let found = catalog::find(other.table());
            // unwrap safety: a test looks every target up in the catalogue
            #[allow(clippy::expect_used, reason = "every target is a table of the catalogue")]
            found.expect("target is a table")
        }
    }
}

/// The first contradiction, with the key that it stands at.
pub(super) fn check(spec: &Spec) -> Result<(), String> {
    if spec.sources.is_empty() {
        return Err("`sources`: expected at least one source".into());
    }
    check_target(spec)?;
    check_entity(spec)?;
    check_channels(spec)?;
    check_fields(spec)?;
    check_captures(spec)?;
    check_clock("time.from", &spec.time.from)?;
    check_joins(spec)?;
    check_statics(spec)
}

fn check_target(spec: &Spec) -> Result<(), String> {
    let table = spec.target.table();
    let cadence = spec.time.cadence_seconds;
    if spec.target == Target::Kpis && cadence.is_none() {
        return Err("`time.cadence_seconds`: needed for `kpis`".into());
    }
    if cadence == Some(0) {
        return Err("`time.cadence_seconds`: expected more than 0".into());
    }
    if spec.target != Target::Kpis && (!spec.channels.is_empty() || spec.shape != Shape::Wide) {
        return Err(format!("`channels`, `shape`: only `kpis` has channels, not `{table}`"));
    }
    let is_log = spec.target.is_event_log();
    if !is_log && (!spec.facts.is_empty() || spec.repairs.is_some()) {
        return Err(format!("`facts`, `repairs`: only event logs have facts, not `{table}`"));
    }
    if is_log && spec.facts.is_empty() != spec.fields.contains_key("fact") {
        return Err("`facts`: expected either facts or the field `fact`".into());
    }
    if spec.target == Target::Labels && spec.labels.is_empty() && spec.segments.is_none() {
        return Err("`labels`: expected at least one label".into());
    }
    Ok(())
}

fn check_entity(spec: &Spec) -> Result<(), String> {
    let table = spec.target.table();
    let needs_entity =
        matches!(spec.target, Target::Kpis | Target::Inventory | Target::Objects | Target::Labels);
    if spec.entity.is_none() && (needs_entity || !spec.labels.is_empty() || spec.segments.is_some())
    {
        return Err(format!("`entity`: needed for `{table}`, labels and segments"));
    }
    let listed = spec.entity.as_ref().filter(|entity| !entity.also.is_empty());
    let is_placed = |entity: &Entity| {
        let start = entity.exposure.as_ref().map(|exposure| &exposure.start);
        matches!(start, Some(Clock::None { .. })) && matches!(entity.kind, Value::Constant(_))
    };
    if listed.is_some_and(|entity| !is_placed(entity)) {
        return Err("`entity.also`: needs a constant `type` and `exposure.start`".into());
    }
    if spec.entity.is_some() && spec.target == Target::TopologyEdges {
        return Err(
            "`entity`: `topology_edges` has none; name `a_id` and `b_id` in `fields`".into()
        );
    }
    Ok(())
}

fn check_channels(spec: &Spec) -> Result<(), String> {
    let taken: BTreeSet<String> =
        catalog::derived::kpis().columns.into_iter().map(|column| column.name).collect();
    let mut names = BTreeSet::new();
    for (index, channel) in spec.channels.iter().enumerate() {
        let name = channel.name.as_str();
        if taken.contains(name) || name.contains('-') {
            return Err(format!("`channels[{index}].name`: `{name}` cannot be a column of `kpis`"));
        }
        if !names.insert(name) {
            return Err(format!("`channels[{index}].name`: `{name}` stands twice"));
        }
        if !channel.scale.is_finite() || channel.scale == 0.0 || !channel.offset.is_finite() {
            return Err(format!("`channels[{index}].scale`: expected a number other than 0"));
        }
        if channel.over.is_some() && spec.shape != Shape::Wide {
            return Err(format!(
                "`channels[{index}].over`: only the wide shape has both parts in a row"
            ));
        }
    }
    match &spec.shape {
        Shape::EntityPerColumn { .. } if spec.channels.len() != 1 => {
            Err("`channels`: the shape `entity_per_column` holds exactly one channel".into())
        }
        Shape::Long { .. } if spec.channels.is_empty() => {
            Err("`channels`: the long shape needs the channels to take".into())
        }
        _ => Ok(()),
    }
}

fn check_fields(spec: &Spec) -> Result<(), String> {
    let table = target_table(spec);
    let own: Vec<&Column> = table.columns.iter().filter(|column| is_free(spec, column)).collect();
    for name in spec.fields.keys() {
        let Some(column) = own.iter().find(|column| &column.name == name) else {
            let names: Vec<_> = own.iter().map(|column| column.name.as_str()).collect();
            return Err(format!("`fields.{name}`: expected one of {}", names.join(", ")));
        };
        if matches!(column.kind, DataKind::Doubles | DataKind::Texts | DataKind::Date) {
            return Err(format!("`fields.{name}`: a mapping cannot write this column"));
        }
    }
    let is_missing = |column: &&&Column| {
        let is_made =
            spec.target.is_event_log() && (column.name == "fact" || column.name.ends_with("_id"));
        column.nullability == Nullability::Required
            && !is_made
            && !spec.fields.contains_key(&column.name)
    };
    match own.iter().find(is_missing) {
        Some(column) => Err(format!("`fields.{}`: needed for `{}`", column.name, table.name)),
        None => Ok(()),
    }
}

/// Whether a mapping may fill the column by `fields`.
fn is_free(spec: &Spec, column: &Column) -> bool {
    let by_engine = [
        "date",
        "source",
        "bucket",
        "known_at",
        "ingested_at",
        "lineage_id",
        "plan",
        "file_id",
        "tombstone",
        "quality",
        "entity_type",
        "entity_id",
        "valid_from",
        "at",
        "period_start",
        "granularity_s",
    ];
    let by_labels = spec.target == Target::Labels;
    let is_channel = spec.channels.iter().any(|channel| channel.name.as_str() == column.name);
    let is_static = spec.statics.iter().any(|one| one.name.as_str() == column.name);
    !by_engine.contains(&column.name.as_str()) && !by_labels && !is_channel && !is_static
}

/// Captures must be in the path of every source, or in the pattern of the shape's columns.
fn check_captures(spec: &Spec) -> Result<(), String> {
    let mut named = BTreeSet::new();
    visit(spec, &mut |value| captures_of(value, &mut named));
    let by_shape: Vec<&str> = match &spec.shape {
        Shape::EntityPerColumn { columns } => columns.captures().collect(),
        _ => Vec::new(),
    };
    for (index, source) in spec.sources.iter().enumerate() {
        let has = |name: &str| {
            by_shape.contains(&name)
                || source.path.captures().any(|capture| capture == name)
                || (name == "role" && source.role.is_some())
        };
        if let Some(name) = named.iter().find(|name| !has(name)) {
            return Err(format!("`sources[{index}].path`: expected a capture `{{{name}}}`"));
        }
    }
    Ok(())
}

fn captures_of(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Capture(name) => {
            found.insert(name.clone());
        }
        Value::Map(words) => captures_of(&words.of, found),
        Value::FirstOf(values) => values.iter().for_each(|value| captures_of(value, found)),
        // `{role}` can only be the capture; other places may be columns.
        Value::Template(template) => {
            let is_role = |part: &TemplatePart| *part == TemplatePart::Place("role".into());
            if template.parts.iter().any(is_role) {
                found.insert("role".into());
            }
        }
        Value::Column(_) | Value::Optional(_) | Value::Position(_) | Value::Constant(_) => {}
    }
}

fn check_clock(key: &str, clock: &Clock) -> Result<(), String> {
    match clock {
        Clock::Step { seconds: 0, .. } | Clock::RowOrder { seconds: 0, .. } => {
            Err(format!("`{key}`: expected a step of more than 0 seconds"))
        }
        _ => Ok(()),
    }
}

fn check_joins(spec: &Spec) -> Result<(), String> {
    for (index, source) in spec.sources.iter().enumerate() {
        for (position, join) in source.joins.iter().enumerate() {
            let key = format!("`sources[{index}].joins[{position}]`");
            if join.on.is_empty() || join.take.is_empty() {
                return Err(format!("{key}: expected at least one key and one column to take"));
            }
            let known: Vec<&str> = source.path.captures().collect();
            if join.path.captures().any(|capture| !known.contains(&capture))
                || join.path.has_wildcard()
            {
                return Err(format!(
                    "{key}.path: expected one file, named by captures of the source"
                ));
            }
        }
    }
    Ok(())
}

/// A static that counts an age needs a time column.
fn check_statics(spec: &Spec) -> Result<(), String> {
    let is_age = |from: &StaticFrom| matches!(from, StaticFrom::Age { .. } | StaticFrom::Since(_));
    let has_text_type = |name: &str| {
        let inventory = catalog::raw::inventory();
        inventory.column(name).is_some_and(|column| column.kind != DataKind::Time)
    };
    let wrong =
        spec.statics.iter().find(|one| is_age(&one.from) && has_text_type(one.name.as_str()));
    match wrong {
        Some(one) => {
            Err(format!("`statics`: `{}` is no time column of `inventory`", one.name.as_str()))
        }
        None => Ok(()),
    }
}
