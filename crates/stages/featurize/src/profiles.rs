//! Step `profiles`: one set, as known at the end of the interval.

use foresite_features::cube::{Cube, Grid, Rows};
use foresite_features::profile::{LOOK_BACK, build, rows};
use foresite_features::task::{HOUR, Inputs as TaskInputs, Micros, Task, Transform};
use foresite_schema::catalog::derived;
use foresite_stage::{Context, Inputs, Report, Result};

use crate::Config;
use crate::inputs::{World, kpis, scan};
use crate::stamp::{SOURCE, batch, buckets, falses, replace, text, times};

/// The task whose channels are profiled when none is named.
const DEFAULT_TASK: &str = "anomaly";

pub(crate) fn run(cx: &Context, config: &Config) -> Result<Report> {
    let mut inputs = Inputs::new();
    let name = cx.args().task.as_deref().unwrap_or(DEFAULT_TASK);
    let task = crate::task::named(cx, config, name, &mut inputs)?;
    let interval = cx.interval()?;
    let network = World::network(cx, &mut inputs)?;
    // The set may use what the cutoff at the end of the interval may: no more, however late the
    // run starts.
    let cutoff = (interval.end + task.cutoffs.offset.micros()).min(cx.as_of());
    let cube = series(cx, config, &task, (&network, interval.end, cutoff), &mut inputs)?;

    let mut report = cx.report();
    let lineage = cx.lineage((interval.start, interval.end), &inputs)?;
    report.lineage_id = Some(lineage.id.clone());
    report.number("entities", cube.entities().len() as u64);
    report.number("channels", cube.channels().len() as u64);
    if cx.is_dry_run() {
        return Ok(report);
    }
    let set = build(&cube, |id| network.clock(id), cutoff);
    let values = rows(&set)?;
    let count = values.num_rows();
    let ids = values.column_by_name("entity_id").cloned();
    let mut columns = vec![
        ("entity_type".to_owned(), text(&task.entity_type, count)),
        ("source".to_owned(), text(SOURCE, count)),
        ("valid_from".to_owned(), times(vec![Some(interval.end - HOUR); count])),
        ("tombstone".to_owned(), falses(count)),
        ("known_at".to_owned(), times(vec![Some(cutoff); count])),
        ("ingested_at".to_owned(), times(vec![Some(cx.now()); count])),
        ("lineage_id".to_owned(), text(&lineage.id, count)),
    ];
    if let Some(ids) = ids {
        let ids = arrow::array::AsArray::as_string::<i32>(&ids).clone();
        columns.push(("bucket".to_owned(), buckets(ids.iter().flatten())));
    }
    for (field, column) in values.schema().fields().iter().zip(values.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    let table = cx.root().table(derived::profiles())?;
    replace(cx, &table, interval, &batch(columns)?, &lineage, &mut report)?;
    Ok(report)
}

/// Channels that are compared with their profile.
fn channels(config: &Config, inputs: &TaskInputs) -> Vec<String> {
    if !config.profile_channels.is_empty() {
        return config.profile_channels.clone();
    }
    let own = inputs.channels.iter().filter(|_| inputs.transform == Transform::Profile);
    let rolling = inputs.rolling.iter().filter(|r| r.transform == Transform::Profile);
    let all = own.chain(&inputs.silence).chain(rolling.flat_map(|rolling| &rolling.channels));
    let unique: std::collections::BTreeSet<String> = all.cloned().collect();
    unique.into_iter().collect()
}

/// Hours of the look-back, all entities of the task.
fn series(
    cx: &Context,
    config: &Config,
    task: &Task,
    (network, end, cutoff): (&foresite_features::network::Network, Micros, Micros),
    inputs: &mut Inputs,
) -> Result<Cube> {
    let channels = channels(config, &task.inputs);
    let period = (end - LOOK_BACK, end);
    let table = kpis(cx)?;
    let mut entities: Vec<String> = network.ever(&task.entity_type).map(str::to_owned).collect();
    if entities.is_empty() {
        entities = crate::inputs::in_kpis(cx, &table, &task.entity_type, period)?;
    }
    let step = task.inputs.granularity.micros().min(HOUR);
    let mut cube = Cube::new(Grid::covering(period.0, period.1, step), entities, channels.clone());
    // A day says nothing about an hour of the week.
    let rows = Rows { known_until: Some(cutoff), longest: Some(HOUR), ..Rows::default() };
    let wanted = (&channels[..], Some(task.entity_type.as_str()), period);
    scan(cx, &table, wanted, inputs, |batch| cube.add(batch, &rows).map(|_| ()))?;
    cube.finish();
    Ok(cube)
}
