//! Profiles to and from rows of the table `profiles`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema};
use arrow::error::ArrowError;

use super::{Profile, ProfileSet, Profiles};
use crate::batch::{BatchError, Texts, Times, column};
use crate::clock::HOURS_OF_WEEK;
use crate::task::Micros;

/// The rows of a set: entity_id, channel, hour_of_week, median, spread, observations. Hours of
/// which nothing is known are left out.
///
/// # Errors
/// Never, unless Arrow refuses columns of equal length.
pub fn rows(set: &ProfileSet) -> Result<RecordBatch, ArrowError> {
    let (mut ids, mut channels) = (Vec::new(), Vec::new());
    let (mut hours, mut counts) = (Vec::new(), Vec::new());
    let (mut medians, mut spreads) = (Vec::new(), Vec::new());
    for (id, profiles) in &set.entities {
        for (channel, profile) in set.channels.iter().zip(profiles) {
            for hour in (0..HOURS_OF_WEEK).filter(|hour| !profile.median[*hour].is_nan()) {
                ids.push(id.as_str());
                channels.push(channel.as_str());
                hours.push(i32::try_from(hour).unwrap_or(0));
                medians.push(f64::from(profile.median[hour]));
                spreads.push(f64::from(profile.spread[hour]));
                counts.push(i32::from(profile.observations[hour]));
            }
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("entity_id", Arc::new(StringArray::from(ids))),
        ("channel", Arc::new(StringArray::from(channels))),
        ("hour_of_week", Arc::new(Int32Array::from(hours))),
        ("median", Arc::new(Float64Array::from(medians))),
        ("spread", Arc::new(Float64Array::from(spreads))),
        ("observations", Arc::new(Int32Array::from(counts))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), false))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// The columns that [`first_needed`] looks at.
pub const SET_COLUMNS: [&str; 3] = ["valid_from", "known_at", "tombstone"];

/// The least `valid_from` of the sets that cutoffs from `from` on may see: the newest that is
/// usable by then, and all that become usable later. `None` where there is no set.
///
/// A set is a row per entity, channel and hour of the week: what no cutoff sees need not be read.
///
/// # Errors
/// Those of the batches, and `unfit` of a column that is missing or has another type.
pub fn first_needed<E, F: From<E>>(
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
    from: Micros,
    unfit: impl Fn(BatchError) -> F,
) -> Result<Option<Micros>, F> {
    let mut sets = BTreeSet::new();
    for batch in batches {
        note(&mut sets, &batch?).map_err(&unfit)?;
    }
    let newest = sets.iter().map(|(usable, _)| *usable).filter(|usable| *usable <= from).max();
    let needed = sets.iter().filter(|(usable, _)| newest.is_none_or(|newest| *usable >= newest));
    Ok(needed.map(|(_, valid_from)| *valid_from).min())
}

/// Notes of each set in some rows when it became usable, and its `valid_from`.
fn note(sets: &mut BTreeSet<(Micros, Micros)>, batch: &RecordBatch) -> Result<(), BatchError> {
    let [valid_from, known_at] = ["valid_from", "known_at"].map(|name| Times::of(batch, name));
    let (valid_from, known_at) = (valid_from?, known_at?);
    let gone = column(batch, "tombstone", &DataType::Boolean)?;
    let gone = gone.as_boolean();
    let mut last = None;
    // [`read`] passes over tombstones too: a set of nothing else is none.
    for row in (0..batch.num_rows()).filter(|row| !gone.value(*row)) {
        let set = valid_from.at(row).map(|from| (from.max(known_at.at(row).unwrap_or(from)), from));
        if set != last {
            sets.extend(set);
            last = set;
        }
    }
    Ok(())
}

/// Profiles from rows of the table. A set is usable from the moment it was known.
///
/// # Errors
/// When a column is missing or has another type.
pub fn read(batches: &[RecordBatch]) -> Result<Profiles, BatchError> {
    type Set = BTreeMap<String, BTreeMap<String, Profile>>;
    let mut sets: BTreeMap<Micros, Set> = BTreeMap::new();
    for batch in batches {
        let (ids, channels) = (Texts::of(batch, "entity_id")?, Texts::of(batch, "channel")?);
        let valid_from = Times::of(batch, "valid_from")?;
        let known_at = Times::of(batch, "known_at")?;
        let int = |name| column(batch, name, &DataType::Int32);
        let double = |name| column(batch, name, &DataType::Float64);
        let (hours, counts) = (int("hour_of_week")?, int("observations")?);
        let (medians, spreads) = (double("median")?, double("spread")?);
        for row in 0..batch.num_rows() {
            let usable = valid_from.at(row).max(known_at.at(row));
            let key = ids.at(row).zip(channels.at(row)).zip(usable);
            let hour = usize::try_from(hours.as_primitive::<Int32Type>().value(row));
            let (Some(((id, channel), from)), Ok(hour)) = (key, hour) else {
                continue;
            };
            if hour >= HOURS_OF_WEEK || medians.is_null(row) || spreads.is_null(row) {
                continue;
            }
            let set = sets.entry(from).or_default();
            let channels = set.entry(id.to_owned()).or_default();
            let profile = channels.entry(channel.to_owned()).or_insert_with(Profile::unknown);
            profile.median[hour] = medians.as_primitive::<Float64Type>().value(row) as f32;
            profile.spread[hour] = spreads.as_primitive::<Float64Type>().value(row) as f32;
            let count = counts.as_primitive::<Int32Type>().value(row);
            profile.observations[hour] = u16::try_from(count).unwrap_or(0);
        }
    }
    Ok(Profiles::new(sets.into_iter().map(|(at, set)| assemble(at, set)).collect()))
}

fn assemble(valid_from: Micros, set: BTreeMap<String, BTreeMap<String, Profile>>) -> ProfileSet {
    let channels: BTreeSet<String> =
        set.values().flat_map(|channels| channels.keys().cloned()).collect();
    let channels: Vec<String> = channels.into_iter().collect();
    let entities = set
        .into_iter()
        .map(|(id, mut have)| {
            let take = |channel| have.remove(channel).unwrap_or_else(Profile::unknown);
            (id, channels.iter().map(take).collect())
        })
        .collect();
    ProfileSet { valid_from, channels, entities }
}
