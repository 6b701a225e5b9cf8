//! Step `profiles`: one set, as known at the end of the interval.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use foresite_features::cube::{Cube, Grid, Rows};
use foresite_features::network::Network;
use foresite_features::profile::{LOOK_BACK, build, rows};
use foresite_features::task::{BUILT_IN, HOUR, Micros, Scope, Task, Transform};
use foresite_schema::catalog::derived;
use foresite_stage::{Context, Inputs, Lineage, Report, Result};

use crate::Config;
use crate::inputs::{World, in_kpis, kpis, scan};
use crate::stamp::{SOURCE, batch, buckets, falses, replace, text, times};

/// Channels to profile, by the type of the entities that have them.
type Wanted = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn run(cx: &Context, config: &Config) -> Result<Report> {
    let mut inputs = Inputs::new();
    let tasks = tasks(cx, config, &mut inputs)?;
    let interval = cx.interval()?;
    let network = World::network(cx, &mut inputs)?;
    // The set may use what the cutoff at the end of the interval may: no more, however late the
    // run starts.
    let lateness = tasks.iter().map(|task| task.cutoffs.offset.micros()).min().unwrap_or(0);
    let cutoff = (interval.end + lateness).min(cx.as_of());
    let mut cubes = Vec::new();
    for (entity_type, channels) in wanted(config, &tasks) {
        let channels: Vec<String> = channels.into_iter().collect();
        let of = (entity_type.as_str(), channels);
        let cube = series(cx, &network, of, (interval.end, cutoff), &mut inputs)?;
        cubes.push((entity_type, cube));
    }
    let lineage = cx.lineage((interval.start, interval.end), &inputs)?;
    let mut report = cx.report();
    report.lineage_id = Some(lineage.id.clone());
    for (entity_type, cube) in &cubes {
        report.number(entity_type, cube.entities().len() as u64);
    }
    if cx.is_dry_run() {
        return Ok(report);
    }
    let parts: Vec<RecordBatch> = cubes
        .iter()
        .map(|(entity_type, cube)| {
            let values = rows(&build(cube, |id| network.clock(id), cutoff))?;
            stamped(cx, entity_type, &values, (interval.end, cutoff), &lineage)
        })
        .collect::<Result<_>>()?;
    let Some(first) = parts.first() else {
        tracing::warn!("no task compares channels with their profile: nothing to build");
        return Ok(report);
    };
    let table = cx.root().table(derived::profiles())?;
    let all = concat_batches(&first.schema(), &parts)?;
    replace(cx, &table, interval, &all, &lineage, &mut report)?;
    Ok(report)
}

/// The task that was named, or all built-in ones.
fn tasks(cx: &Context, config: &Config, inputs: &mut Inputs) -> Result<Vec<Task>> {
    let names: Vec<&str> = match cx.args().task.as_deref() {
        Some(name) => vec![name],
        None => BUILT_IN.iter().map(|(name, _)| *name).collect(),
    };
    names.into_iter().map(|name| crate::task::named(cx, config, name, inputs)).collect()
}

/// Channels that tasks compare with their profile.
fn wanted(config: &Config, tasks: &[Task]) -> Wanted {
    let mut wanted = Wanted::new();
    for task in tasks {
        let inputs = &task.inputs;
        let window = inputs.channels.iter().filter(|_| inputs.transform == Transform::Profile);
        let mut own: BTreeSet<String> = window.chain(&inputs.silence).cloned().collect();
        if inputs.neighbours {
            own.extend(inputs.channels.iter().cloned());
        }
        let mut note = |entity_type: &str, channels: BTreeSet<String>| {
            if !channels.is_empty() {
                wanted.entry(entity_type.to_owned()).or_default().extend(channels);
            }
        };
        if !own.is_empty() && !config.profile_channels.is_empty() {
            own = config.profile_channels.iter().cloned().collect();
        }
        note(&task.entity_type, own);
        for rolling in inputs.rolling.iter().filter(|r| r.transform == Transform::Profile) {
            let types: &[&str] = match rolling.of {
                Scope::Own => &[&task.entity_type],
                // Many sites measure their equipment as a whole.
                Scope::Units => &["unit", "link", &task.entity_type],
                Scope::Cells => &["cell"],
            };
            for entity_type in types {
                note(entity_type, rolling.channels.iter().cloned().collect());
            }
        }
    }
    wanted
}

/// Hours of the look-back of all entities of a type.
fn series(
    cx: &Context,
    network: &Network,
    (entity_type, channels): (&str, Vec<String>),
    (end, cutoff): (Micros, Micros),
    inputs: &mut Inputs,
) -> Result<Cube> {
    let period = (end - LOOK_BACK, end);
    let table = kpis(cx)?;
    let mut entities: Vec<String> = network.ever(entity_type).map(str::to_owned).collect();
    if entities.is_empty() {
        entities = in_kpis(cx, &table, entity_type, period)?;
    }
    let mut cube = Cube::new(Grid::covering(period.0, period.1, HOUR), entities, channels.clone());
    // A day says nothing about an hour of the week.
    let rows = Rows { known_until: Some(cutoff), longest: Some(HOUR), ..Rows::default() };
    let wanted = (&channels[..], Some(entity_type), period);
    scan(cx, &table, wanted, inputs, |batch| cube.add(batch, &rows).map(|_| ()))?;
    cube.finish();
    Ok(cube)
}

/// Rows with the columns that every row of the table has.
fn stamped(
    cx: &Context,
    entity_type: &str,
    values: &RecordBatch,
    (end, cutoff): (Micros, Micros),
    lineage: &Lineage,
) -> Result<RecordBatch> {
    let count = values.num_rows();
    let ids = values.column(0).as_string::<i32>();
    let mut columns = vec![
        ("entity_type".to_owned(), text(entity_type, count)),
        ("source".to_owned(), text(SOURCE, count)),
        ("bucket".to_owned(), buckets(ids.iter().flatten())),
        // The last hour of the interval, so that the row lies in the interval's slot.
        ("valid_from".to_owned(), times(vec![Some(end - HOUR); count])),
        ("tombstone".to_owned(), falses(count)),
        ("known_at".to_owned(), times(vec![Some(cutoff); count])),
        ("ingested_at".to_owned(), times(vec![Some(cx.now()); count])),
        ("lineage_id".to_owned(), text(&lineage.id, count)),
    ];
    for (field, column) in values.schema().fields().iter().zip(values.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    batch(columns)
}
