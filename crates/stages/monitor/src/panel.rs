//! Hourly values of a few channels over reference and window, entity by entity.
//!
//! Memory: entities × hours × (channels of a pass × 4 + 16) bytes, whatever the table holds; of every
//! channel the judged hours stay.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, Float64Array, RecordBatch};
use foresite_features::network::Network;
use foresite_kpi::{Columns, HOUR, Micros};
use foresite_metrics::drift::profile::{Blocks, Cut, blocks};
use foresite_schema::bucket_of;
use foresite_schema::catalog::derived;
use foresite_stage::{Result, StageError};
use foresite_tables::Read;

use crate::config::{ChannelSet, Config};
use crate::source::{Source, unfit};
use crate::span::Spans;

const KEYS: [&str; 6] =
    ["entity_id", "period_start", "source", "tombstone", "known_at", "lineage_id"];
const WEEK_HOURS: usize = 168;

/// One entity in one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// What is left beside the hour of the week; `None` with too little of a reference.
    pub(crate) blocks: Option<Blocks>,
    /// Hours without a value in the reference.
    pub(crate) missing_before: f64,
    /// The same in the judged blocks.
    pub(crate) missing: Vec<f64>,
}

/// A channel of all entities of a set.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) name: String,
    /// In the order of [`Members::entities`].
    pub(crate) series: Vec<Series>,
}

/// Entities of a set, in order, and the groups that they are tested in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    pub(crate) entities: Vec<String>,
    /// Places by group; `*` has all.
    pub(crate) groups: BTreeMap<String, Vec<usize>>,
}

impl Members {
    /// The entities of a type: of each region a fixed choice of at most so many.
    pub(crate) fn choose(ids: impl IntoIterator<Item = String>, most: usize) -> Self {
        let mut regions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for id in ids {
            let region = id.split_once('/').map_or("*", |(region, _)| region).to_owned();
            regions.entry(region).or_default().push(id);
        }
        for ids in regions.values_mut() {
            ids.sort_by_cached_key(|id| (bucket_of(id, u32::MAX >> 1), id.clone()));
            ids.truncate(most);
        }
        let mut entities: Vec<String> = regions.into_values().flatten().collect();
        entities.sort_unstable();
        entities.dedup();
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, id) in entities.iter().enumerate() {
            groups.entry("*".into()).or_default().push(place);
            if let Some((region, _)) = id.split_once('/') {
                groups.entry(region.to_owned()).or_default().push(place);
            }
        }
        // A single region is the network.
        if groups.len() == 2 {
            groups.retain(|id, _| id == "*");
        }
        Self { entities, groups }
    }

    /// Whether the entity is among them; where nothing is known of any, all are.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.entities.is_empty() || self.place(id).is_some()
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.entities.binary_search_by(|have| have.as_str().cmp(id)).ok()
    }
}

/// The entities of a set: those of the inventory, or else those that have rows in the window.
pub(crate) fn members(
    source: &mut Source<'_>,
    config: &Config,
    (network, set): (&Network, &ChannelSet),
    (start, end): (Micros, Micros),
) -> Result<Members> {
    let mut ids: BTreeSet<String> =
        network.entities(&set.entity_type, end).map(str::to_owned).collect();
    if ids.is_empty() {
        let read = Read::all()
            .columns(["entity_id", "known_at", "lineage_id"])
            .text("entity_type", &set.entity_type)
            .period(start, end);
        source.scan(derived::kpis(), read, |batch| {
            let found = Columns(batch).text("entity_id").map_err(unfit)?;
            ids.extend(found.iter().flatten().map(str::to_owned));
            Ok(())
        })?;
    }
    Ok(Members::choose(ids, config.entities_per_group.get() as usize))
}

/// Hours of the week of every hour of the spans, by entity; entities of a zone share theirs.
pub(crate) struct Hours {
    zones: Vec<Vec<u8>>,
    of: Vec<usize>,
}

impl Hours {
    pub(crate) fn new(network: &Network, members: &Members, spans: &Spans) -> Self {
        let mut clocks = Vec::new();
        let mut zones = Vec::new();
        let mut of = Vec::with_capacity(members.entities.len());
        for id in &members.entities {
            let clock = network.clock(id);
            let known = clocks.iter().position(|have| clock.same_zone(have));
            of.push(known.unwrap_or_else(|| {
                let before = clock.hours_of_week(spans.reference.0, HOUR, spans.reference_hours());
                let judged = spans.hours() - spans.reference_hours();
                let after = clock.hours_of_week(spans.judged.0, HOUR, judged);
                zones.push([before, after].concat());
                clocks.push(clock);
                zones.len() - 1
            }));
        }
        Self { zones, of }
    }
}

/// Reads the channels of a set that the table has, a few at a time.
pub(crate) fn channels(
    source: &mut Source<'_>,
    config: &Config,
    (set, members): (&ChannelSet, &Members),
    (spans, hours): (&Spans, &Hours),
) -> Result<Vec<Channel>> {
    let table = source.cx.root().existing(derived::kpis());
    let table = table.map_err(|error| StageError::from(error).hint("run derive first"))?;
    let has = |name: &&String| table.def().column(name).is_some();
    let wanted: Vec<String> = set.channels.iter().filter(has).cloned().collect();
    let mut found = Vec::new();
    for pass in wanted.chunks(config.channels_per_pass.get() as usize) {
        let mut values = Values::new(members, spans, pass);
        for (start, end) in [spans.reference, spans.judged] {
            let read = Read::all()
                .columns(KEYS.into_iter().map(str::to_owned).chain(pass.iter().cloned()))
                .text("entity_type", &set.entity_type)
                .number("granularity_s", 3600)
                .period(start, end);
            source.scan(derived::kpis(), read, |batch| values.take(batch))?;
        }
        let window_days = config.window_days.get() as usize;
        let of = |at: usize| (0..members.entities.len()).map(move |entity| (at, entity));
        found.extend(pass.iter().enumerate().map(|(at, name)| Channel {
            name: name.clone(),
            series: of(at).map(|(at, e)| values.series(at, e, hours, window_days)).collect(),
        }));
    }
    Ok(found)
}

/// `[entities, hours]` of every channel, the version that counts.
struct Values<'a> {
    members: &'a Members,
    spans: &'a Spans,
    channels: &'a [String],
    /// By channel.
    values: Vec<Vec<f32>>,
    /// A derived row wins over an imported one, then what was known last.
    version: Vec<(bool, Micros)>,
}

impl<'a> Values<'a> {
    fn new(members: &'a Members, spans: &'a Spans, channels: &'a [String]) -> Self {
        let cells = members.entities.len() * spans.hours();
        Self {
            members,
            spans,
            channels,
            values: vec![vec![f32::NAN; cells]; channels.len()],
            version: vec![(false, Micros::MIN); cells],
        }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = Columns(batch);
        let (ids, sources) = (columns.text("entity_id"), columns.text("source"));
        let (ids, sources) = (ids.map_err(unfit)?, sources.map_err(unfit)?);
        let (at, known) = (columns.times("period_start"), columns.times("known_at"));
        let (at, known) = (at.map_err(unfit)?, known.map_err(unfit)?);
        let gone = columns.bools("tombstone").map_err(unfit)?;
        let channels: Vec<Float64Array> = self
            .channels
            .iter()
            .map(|name| columns.doubles(name).map_err(unfit))
            .collect::<Result<_>>()?;
        let mut last: Option<(&str, Option<usize>)> = None;
        for row in 0..batch.num_rows() {
            let id = ids.value(row);
            let entity = match last {
                Some((same, place)) if same == id => place,
                _ => self.members.place(id),
            };
            last = Some((id, entity));
            let (Some(entity), Some(hour)) = (entity, self.spans.place(at.value(row))) else {
                continue;
            };
            let cell = entity * self.spans.hours() + hour;
            let version = (sources.value(row) == "derived", known.value(row));
            if version < self.version[cell] {
                continue;
            }
            self.version[cell] = version;
            for (values, channel) in self.values.iter_mut().zip(&channels) {
                let known = channel.is_valid(row) && !gone.value(row);
                values[cell] = if known { channel.value(row) as f32 } else { f32::NAN };
            }
        }
        Ok(())
    }

    fn series(&self, channel: usize, entity: usize, hours: &Hours, window_days: usize) -> Series {
        let length = self.spans.hours();
        let values = &self.values[channel][entity * length..(entity + 1) * length];
        let cut = Cut {
            reference_steps: self.spans.reference_hours(),
            block_steps: window_days * 24,
            stride_steps: 24,
            week_steps: WEEK_HOURS,
        };
        let (before, judged) = values.split_at(cut.reference_steps);
        let judged = judged.windows(cut.block_steps).step_by(cut.stride_steps);
        Series {
            blocks: blocks(values, &hours.zones[hours.of[entity]], cut),
            missing_before: missing(before),
            missing: judged.map(missing).collect(),
        }
    }
}

fn missing(values: &[f32]) -> f64 {
    values.iter().filter(|value| value.is_nan()).count() as f64 / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_fixed_and_every_region_is_in_it() {
        let ids: Vec<String> = (0..100)
            .map(|n| format!("{}/S{n}/1", if n % 2 == 0 { "north" } else { "south" }))
            .collect();
        let chosen = Members::choose(ids.clone(), 10);
        assert_eq!(chosen.entities.len(), 20);
        assert_eq!(chosen.entities, Members::choose(ids.into_iter().rev(), 10).entities);
        let sizes: Vec<_> = chosen.groups.iter().map(|(id, of)| (id.as_str(), of.len())).collect();
        assert_eq!(sizes, [("*", 20), ("north", 10), ("south", 10)]);
    }

    #[test]
    fn a_single_region_is_tested_once() {
        let members = Members::choose(["north/a".to_owned(), "north/b".to_owned()], 10);
        assert_eq!(members.groups.len(), 1);
        assert!(members.groups.contains_key("*"));
    }
}
