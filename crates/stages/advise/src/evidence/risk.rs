//! Evidence of a risk of failure: probability by horizon, telemetry, drivers.

use super::{Evidence, Sources, anomaly::unconfirmed, drivers, measure};
use crate::{
    candidates::Candidate, clock, clock::Micros, inputs::Prediction,
    ranking::Item, wording,
};

pub(super) fn evidence(item: &Item, sources: Sources<'_>) -> Evidence {
    let Some(lead) = item.incident.lead() else {
        return unconfirmed(item, sources);
    };
    let within = clock::span(sources.list.act_within());
    let mut sentences: Vec<String> = by_horizon(&lead.rows).into_iter().collect();
    sentences.extend(telemetry(lead, sources));
    sentences.extend(drivers(lead.drivers()));
    Evidence {
        title: format!(
            "{} risk of a service-affecting failure within {within}",
            wording::probability(lead.probability)
        ),
        sentences,
        act_before: window_start(&lead.rows, sources.signals.cutoff),
        ..Evidence::default()
    }
}

/// `Probability: 4 % within 1 d, 12 % within 7 d and 31 % within 30 d.`
fn by_horizon(rows: &[Prediction]) -> Option<String> {
    let parts: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let p = row.probability.filter(|p| p.is_finite())?;
            Some(format!(
                "{} within {}",
                wording::probability(p),
                clock::span(row.horizon)
            ))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("Calibrated probability: {}.", wording::list(&parts)))
}

/// Equipment readings that stand outside their usual range: of the entity and of its site's parts.
fn telemetry(lead: &Candidate, sources: Sources<'_>) -> Vec<String> {
    let network = &sources.signals.network;
    let equipment = network.inside(&lead.entity_id);
    let unusual = |id: &String, channel: &str| {
        measure::recent(id, channel, sources.signals, sources.context)
            .and_then(|recent| recent.deviation())
            .is_some_and(|deviation| deviation.abs() >= 2.0)
    };
    equipment
        .iter()
        .flat_map(|id| EQUIPMENT_CHANNELS.iter().map(move |channel| (id, *channel)))
        .filter(|(id, channel)| unusual(id, channel))
        .filter_map(|(id, channel)| {
            let text = measure::history(id, channel, sources.signals, sources.context)?;
            if *id == lead.entity_id {
                return Some(text);
            }
            Some(format!("{} – {text}", network.label(id)))
        })
        .take(3)
        .collect()
}

/// Channels of equipment, the most telling first.
pub(crate) const EQUIPMENT_CHANNELS: [&str; 5] = [
    "temperature_c",
    "voltage_v",
    "rx_power_dbm",
    "power_w",
    "energy_kwh",
];

/// Start of the horizon bin that the failure most likely falls into.
fn window_start(rows: &[Prediction], cutoff: Micros) -> Option<Micros> {
    if let Some(at) = rows.iter().find_map(|row| row.event_low_at) {
        return Some(at);
    }
    let mut before = (0, 0.0);
    let mut best: Option<(f64, Micros)> = None;
    for row in rows {
        let p = row.probability.filter(|p| p.is_finite())?;
        let gain = p - before.1;
        if best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, before.0));
        }
        before = (row.horizon, p);
    }
    best.map(|(_, start)| cutoff + start)
}

/// The entity and channels whose plots stand beside a risk, the most unusual first.
pub(crate) fn plotted_equipment(item: &Item, sources: Sources<'_>) -> Vec<(String, String)> {
    let Some(lead) = item.incident.lead() else {
        return Vec::new();
    };
    let mut scored: Vec<(f64, String, String)> = sources
        .signals
        .network
        .inside(&lead.entity_id)
        .into_iter()
        .flat_map(|id| {
            EQUIPMENT_CHANNELS
                .iter()
                .chain([&sources.list.channel.as_str()])
                .map(move |channel| (id.clone(), (*channel).to_owned()))
                .collect::<Vec<_>>()
        })
        .filter_map(|(id, channel)| {
            let recent = measure::recent(&id, &channel, sources.signals, sources.context)?;
            Some((recent.deviation().map_or(0.0, f64::abs), id, channel))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (&a.1, &a.2).cmp(&(&b.1, &b.2))));
    scored.dedup_by(|a, b| (&a.1, &a.2) == (&b.1, &b.2));
    scored
        .into_iter()
        .take(2)
        .map(|(_, id, channel)| (id, channel))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    #[test]
    fn the_window_starts_where_the_greatest_bin_starts() {
        let row = |days: i64, probability: f64| Prediction {
            horizon: days * DAY,
            probability: Some(probability),
            ..Prediction::default()
        };
        let rows = [row(1, 0.05), row(3, 0.3), row(7, 0.4)];
        assert_eq!(window_start(&rows, 10 * DAY), Some(11 * DAY));
        assert_eq!(window_start(&[], 0), None);
        assert_eq!(
            by_horizon(&rows).map(|text| text.replace('\u{a0}', " ")).as_deref(),
            Some("Calibrated probability: 5 % within 1 d, 30 % within 3 d and 40 % within 7 d.")
        );
    }
}
