//! The data behind an item's plots; drawing them is the report's work.

pub use foresite_report::frame::BandPoint;
use jiff::tz::TimeZone;

use crate::{
    candidates::Candidate,
    clock::{DAY, HOUR, Micros},
    config::Head,
    evidence::{self, Sources},
    exposure::TRAFFIC,
    inputs::{Prediction, Sample, Series, SeriesKey},
    ranking::Item,
    wording,
};

/// Days of busy hours before the cutoff in a capacity plot.
const BUSY_DAYS: Micros = 182;

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Recent hours of a channel with the expected band.
    Hours(HoursPanel),
    /// Daily busy hours with the forecast and the limit.
    BusyHours(BusyHoursPanel),
    /// Probability by horizon.
    Risk(RiskPanel),
}

/// Recent hours of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct HoursPanel {
    /// Name of the channel.
    pub channel: String,
    /// Its unit.
    pub unit: &'static str,
    /// Entity for people.
    pub entity: String,
    /// The site's time zone.
    pub zone: TimeZone,
    /// Start and end of the time axis.
    pub range: (Micros, Micros),
    /// Observed values, gaps kept.
    pub observed: Series,
    /// Expected band.
    pub band: Vec<BandPoint>,
    /// What the entity would show if it fared like its neighbours.
    pub neighbours: Series,
    /// When the alert opened.
    pub alert_from: Option<Micros>,
}

/// Daily busy hours and what is ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct BusyHoursPanel {
    /// Name of the channel.
    pub channel: String,
    /// Its unit.
    pub unit: &'static str,
    /// Entity for people.
    pub entity: String,
    /// The site's time zone.
    pub zone: TimeZone,
    /// Start and end of the time axis.
    pub range: (Micros, Micros),
    /// Where the past ends.
    pub cutoff: Micros,
    /// Daily busy hours.
    pub daily: Series,
    /// Forecast with its 80 % interval.
    pub fan: Vec<BandPoint>,
    /// Limit.
    pub limit: Option<f64>,
    /// Earliest, median and latest date of passing the limit.
    pub event: [Option<Micros>; 3],
}

/// Probability by horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskPanel {
    /// Entity for people.
    pub entity: String,
    /// Horizon and probability of the event within it, shortest first.
    pub steps: Vec<(Micros, f64)>,
    /// The horizon that the list ranks by.
    pub act_within: Micros,
}

/// The plots of an item.
pub fn of(item: &Item, evidence: &evidence::Evidence, sources: Sources<'_>) -> Vec<Panel> {
    let Some(lead) = item.incident.lead() else {
        return Vec::new();
    };
    match item.head {
        Head::Anomaly => evidence::plotted_channels(item, sources.list)
            .iter()
            .filter_map(|channel| hours(&lead.entity_id, channel, item, sources))
            .take(2)
            .map(Panel::Hours)
            .collect(),
        Head::TimeToEvent => risk(item, sources)
            .map(Panel::Risk)
            .into_iter()
            .chain(
                evidence::plotted_equipment(item, sources)
                    .iter()
                    .filter_map(|(id, channel)| hours(id, channel, item, sources))
                    .map(Panel::Hours),
            )
            .collect(),
        Head::Forecast => {
            busy_hours(item, evidence, sources).map(Panel::BusyHours).into_iter().collect()
        }
    }
}

fn hours(entity_id: &str, channel: &str, item: &Item, sources: Sources<'_>) -> Option<HoursPanel> {
    let signals = sources.signals;
    let range = (signals.cutoff - sources.config.plot(), signals.cutoff);
    let series = sources.context.series(entity_id, channel)?;
    let observed: Series = series
        .iter()
        .filter(|sample| sample.at >= range.0 && sample.at < range.1)
        .copied()
        .collect();
    if observed.iter().all(|sample| sample.value.is_none()) {
        return None;
    }
    let (label, unit) = wording::channel(channel);
    let is_anomaly = item.head == Head::Anomaly;
    Some(HoursPanel {
        channel: label,
        unit,
        entity: signals.network.label(entity_id),
        zone: signals.network.time_zone(entity_id),
        range,
        band: band(entity_id, channel, range, sources),
        neighbours: if channel == TRAFFIC {
            like_neighbours(entity_id, range, sources)
        } else {
            Series::new()
        },
        observed,
        alert_from: (is_anomaly && !item.incident.is_check()).then(|| item.incident.onset()),
    })
}

fn band(
    entity_id: &str,
    channel: &str,
    (start, end): (Micros, Micros),
    sources: Sources<'_>,
) -> Vec<BandPoint> {
    let Some(profile) = sources.context.profile(entity_id, channel) else {
        return Vec::new();
    };
    let zone = sources.signals.network.time_zone(entity_id);
    let floor = if wording::is_never_negative(channel) { 0.0 } else { f64::NEG_INFINITY };
    hours_of(start, end)
        .filter_map(|at| {
            let usual = profile.at(at, &zone)?;
            let reach = sources.config.band_spreads * usual.spread;
            Some(BandPoint {
                at,
                low: (usual.median - reach).max(floor),
                median: usual.median,
                high: usual.median + reach,
            })
        })
        .collect()
}

/// The entity's usual load times the neighbours' observed ÷ usual, hour by hour.
fn like_neighbours(
    entity_id: &str,
    (start, end): (Micros, Micros),
    sources: Sources<'_>,
) -> Series {
    let (network, context) = (&sources.signals.network, sources.context);
    let zone = network.time_zone(entity_id);
    let Some(own) = context.profile(entity_id, TRAFFIC) else {
        return Series::new();
    };
    let neighbours: Vec<_> = network
        .neighbours(entity_id)
        .filter_map(|id| Some((context.series(id, TRAFFIC)?, context.profile(id, TRAFFIC)?)))
        .collect();
    if neighbours.is_empty() {
        return Series::new();
    }
    hours_of(start, end)
        .map(|at| {
            let (mut observed, mut usual) = (0.0, 0.0);
            for (series, profile) in &neighbours {
                if let (Some(value), Some(hour)) = (value_at(series, at), profile.at(at, &zone)) {
                    observed += value;
                    usual += hour.median;
                }
            }
            let value = own
                .at(at, &zone)
                .filter(|_| usual > 0.0)
                .map(|hour| hour.median * observed / usual);
            Sample { at, value }
        })
        .collect()
}

fn value_at(series: &Series, at: Micros) -> Option<f64> {
    let place = series.binary_search_by_key(&at, |sample| sample.at).ok()?;
    series.get(place)?.value
}

fn hours_of(start: Micros, end: Micros) -> impl Iterator<Item = Micros> {
    let first = start.div_euclid(HOUR) * HOUR;
    (0..)
        .map(move |hour| first + hour * HOUR)
        .skip_while(move |at| *at < start)
        .take_while(move |at| *at < end)
}

fn risk(item: &Item, sources: Sources<'_>) -> Option<RiskPanel> {
    let lead = item.incident.lead()?;
    let steps: Vec<(Micros, f64)> = lead
        .rows
        .iter()
        .filter_map(|row| Some((row.horizon, row.probability.filter(|p| p.is_finite())?)))
        .collect();
    (!steps.is_empty()).then(|| RiskPanel {
        entity: sources.signals.network.label(&lead.entity_id),
        steps,
        act_within: sources.list.act_within(),
    })
}

fn busy_hours(
    item: &Item,
    evidence: &evidence::Evidence,
    sources: Sources<'_>,
) -> Option<BusyHoursPanel> {
    let lead = item.incident.lead()?;
    let cutoff = sources.signals.cutoff;
    let start = cutoff - BUSY_DAYS * DAY;
    let key = SeriesKey::new(&lead.entity_id, &sources.list.channel);
    let daily: Series = sources
        .context
        .busy_hours
        .get(&key)?
        .iter()
        .filter(|sample| sample.at >= start && sample.at < cutoff)
        .copied()
        .collect();
    let ahead = lead.rows.iter().map(|row| row.horizon).max().unwrap_or(0);
    let (label, unit) = wording::channel(&sources.list.channel);
    Some(BusyHoursPanel {
        channel: label,
        unit,
        entity: sources.signals.network.label(&lead.entity_id),
        zone: sources.signals.network.time_zone(&lead.entity_id),
        range: (start, cutoff + ahead.max(90 * DAY)),
        cutoff,
        daily,
        fan: fan(lead),
        limit: sources.list.limit,
        event: evidence.event,
    })
}

/// The forecast at each horizon that has an interval.
fn fan(lead: &Candidate) -> Vec<BandPoint> {
    let point = |row: &Prediction| {
        Some(BandPoint {
            at: row.cutoff + row.horizon,
            low: row.low?,
            median: row.median?,
            high: row.high?,
        })
    };
    lead.rows.iter().filter(|row| row.horizon > 0).filter_map(point).collect()
}
