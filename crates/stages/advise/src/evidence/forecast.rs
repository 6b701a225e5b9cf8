//! Evidence of a forecast that passes its limit: level, growth, resource, dates.

use jiff::tz::TimeZone;

use super::{Evidence, Sources, anomaly::unconfirmed, drivers, growth};
use crate::{
    candidates::Candidate,
    clock::{self, DAY, Micros},
    inputs::{Prediction, Sample, SeriesKey},
    ranking::Item,
    wording,
};

/// Days over which the present busy-hour level is taken.
const LEVEL_DAYS: Micros = 28;

pub(super) fn evidence(item: &Item, sources: Sources<'_>) -> Evidence {
    let Some(lead) = item.incident.lead() else {
        return unconfirmed(item, sources);
    };
    let zone = sources.signals.network.time_zone(&lead.entity_id);
    let event = dates(&lead.rows);
    let cutoff = sources.signals.cutoff;
    let is_passed = event[1].is_some_and(|median| median <= cutoff);
    let act_before = if is_passed {
        Some(cutoff)
    } else {
        event[0].map(|earliest| earliest - sources.list.act_within())
    };
    let mut sentences: Vec<String> =
        [level(lead, sources), growth_sentence(lead, sources)].into_iter().flatten().collect();
    if is_passed {
        let lead_time = clock::span(sources.list.act_within());
        sentences.push(format!(
            "The limit is passed already; it takes {lead_time} from order to service."
        ));
    } else {
        sentences.extend(interval(&event, &zone));
        sentences.extend(by_horizon(&lead.rows));
        sentences.extend(order(act_before, sources, &zone));
    }
    sentences.extend(drivers("Parts of the forecast", lead.drivers()));
    Evidence {
        title: title(lead, &event, sources, &zone),
        sentences,
        act_before,
        limiting_resource: Some(resource(lead, sources)),
        event,
    }
}

fn dates(rows: &[Prediction]) -> [Option<Micros>; 3] {
    let first = |of: fn(&Prediction) -> Option<Micros>| rows.iter().find_map(of);
    [first(|row| row.event_low_at), first(|row| row.event_at), first(|row| row.event_high_at)]
}

fn title(
    lead: &Candidate,
    event: &[Option<Micros>; 3],
    sources: Sources<'_>,
    zone: &TimeZone,
) -> String {
    let (_, unit) = wording::channel(&sources.list.channel);
    let limit = sources
        .list
        .limit
        .map_or_else(|| "its limit".to_owned(), |limit| wording::quantity(limit, unit));
    match event[1] {
        Some(at) if at <= sources.signals.cutoff => format!("Busy hour is above {limit} already"),
        Some(at) => format!("Busy hour passes {limit} around {}", clock::day(at, zone)),
        None => format!(
            "{} chance that the busy hour passes {limit} within {}",
            wording::probability(lead.probability),
            clock::span(sources.list.act_within())
        ),
    }
}

fn level(lead: &Candidate, sources: Sources<'_>) -> Option<String> {
    let cutoff = sources.signals.cutoff;
    let series = busy_hours(&lead.entity_id, &sources.list.channel, sources)?;
    let most = greatest(series, cutoff - LEVEL_DAYS * DAY, cutoff)?;
    let (label, unit) = wording::channel(&sources.list.channel);
    let limit = sources.list.limit.map_or_else(String::new, |limit| {
        format!("; the limit is {}", wording::quantity(limit, unit))
    });
    Some(format!(
        "Greatest busy hour of the last {LEVEL_DAYS} days: {} {label}{limit}.",
        wording::quantity(most, unit)
    ))
}

fn growth_sentence(lead: &Candidate, sources: Sources<'_>) -> Option<String> {
    let series = busy_hours(&lead.entity_id, &sources.list.channel, sources)?;
    let growth = growth::weekly_growth(series, sources.signals.cutoff)?;
    let (_, unit) = wording::channel(&sources.list.channel);
    let unit = if unit == "%" { "points" } else { unit };
    let sign = if growth.per_month < 0.0 { "−" } else { "+" };
    Some(format!(
        "Growth: {sign}{} a month over {} weeks (median slope of the weekly maxima).",
        wording::quantity(growth.per_month.abs(), unit),
        growth.weeks
    ))
}

fn interval(event: &[Option<Micros>; 3], zone: &TimeZone) -> Option<String> {
    let earliest = clock::day(event[0]?, zone);
    let latest = event[2].map_or_else(
        || "beyond the forecast's horizon".to_owned(),
        |latest| clock::day(latest, zone),
    );
    Some(format!("Earliest plausible date (p10) {earliest}, latest (p90) {latest}."))
}

fn by_horizon(rows: &[Prediction]) -> Option<String> {
    let parts: Vec<String> = rows
        .iter()
        .filter(|row| row.horizon > 0)
        .filter_map(|row| {
            let p = row.probability.filter(|p| p.is_finite())?;
            let within = clock::span(row.horizon);
            Some(format!("{} within {within}", wording::probability(p)))
        })
        .collect();
    (!parts.is_empty())
        .then(|| format!("Probability of passing the limit: {}.", wording::list(&parts)))
}

fn order(act_before: Option<Micros>, sources: Sources<'_>, zone: &TimeZone) -> Option<String> {
    let at = act_before?;
    let lead_time = clock::span(sources.list.act_within());
    Some(if at <= sources.signals.cutoff {
        format!(
            "Latest order date: now – {lead_time} from order to service end after the earliest date."
        )
    } else {
        format!(
            "Latest order date: {}, {lead_time} before the earliest date.",
            clock::day(at, zone)
        )
    })
}

/// What runs out: the channel, and the carrier that is busiest.
fn resource(lead: &Candidate, sources: Sources<'_>) -> String {
    let cutoff = sources.signals.cutoff;
    let channel = &sources.list.channel;
    let (label, unit) = wording::channel(channel);
    let busiest = sources
        .signals
        .network
        .cells_inside(&lead.entity_id)
        .into_iter()
        .filter(|cell| *cell != lead.entity_id)
        .filter_map(|cell| {
            let series = busy_hours(&cell, channel, sources)?;
            Some((greatest(series, cutoff - LEVEL_DAYS * DAY, cutoff)?, cell))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    match busiest {
        Some((value, cell)) => {
            let carrier = cell.rsplit('/').next().unwrap_or(&cell).to_owned();
            format!("{label}; busiest carrier {carrier} at {}", wording::quantity(value, unit))
        }
        None => label,
    }
}

fn busy_hours<'a>(entity_id: &str, channel: &str, sources: Sources<'a>) -> Option<&'a Vec<Sample>> {
    sources.context.busy_hours.get(&SeriesKey::new(entity_id, channel))
}

fn greatest(series: &[Sample], start: Micros, end: Micros) -> Option<f64> {
    series
        .iter()
        .filter(|sample| sample.at >= start && sample.at < end)
        .filter_map(|sample| sample.value)
        .filter(|value| value.is_finite())
        .reduce(f64::max)
}
