//! Evidence of a risk of failure: probability by horizon, telemetry, drivers.

use super::{Evidence, OF_SCORE, Sources, anomaly::unconfirmed, drivers, measure};
use crate::{
    candidates::{self, Candidate},
    clock::{self, Micros},
    inputs::Prediction,
    ranking::Item,
    wording,
};

pub(super) fn evidence(item: &Item, sources: Sources<'_>) -> Evidence {
    let Some(lead) = item.incident.lead() else {
        return unconfirmed(item, sources);
    };
    let unusual = unusual_readings(lead, sources);
    let mut sentences: Vec<String> = by_horizon(&lead.rows).into_iter().collect();
    sentences.extend(lead.cause().map(|(cause, p)| {
        format!("Likeliest cause if it fails: {cause} ({}).", wording::probability(p))
    }));
    sentences.extend(
        unusual.iter().take(TOLD_READINGS).filter_map(|reading| reading.sentence(lead, sources)),
    );
    sentences.extend(drivers(OF_SCORE, lead.drivers()));
    Evidence {
        title: title(lead, unusual.first(), sources),
        sentences,
        act_before: act_before(&lead.rows, sources),
        ..Evidence::default()
    }
}

/// `38 % risk of failure within 7 d: rectifier temperature above usual`.
fn title(lead: &Candidate, most: Option<&Reading>, sources: Sources<'_>) -> String {
    let risk = format!(
        "{} risk of failure within {}",
        wording::probability(lead.probability),
        clock::span(sources.list.act_within())
    );
    let Some(reading) = most else {
        return risk;
    };
    let side = if reading.deviation < 0.0 { "below" } else { "above" };
    format!("{risk}: {} {side} usual", reading.label(lead))
}

/// `Calibrated probability: 4 % within 1 d, 12 % within 7 d and 31 % within 30 d.`
fn by_horizon(rows: &[Prediction]) -> Option<String> {
    let parts: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let p = row.probability.filter(|p| p.is_finite())?;
            Some(format!("{} within {}", wording::probability(p), clock::span(row.horizon)))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("Calibrated probability: {}.", wording::list(&parts)))
}

/// The recent reading of a channel of the entity or of a part of it.
struct Reading {
    entity_id: String,
    channel: &'static str,
    deviation: f64,
}

impl Reading {
    /// `rectifier temperature`, or the plain channel for the entity itself.
    fn label(&self, lead: &Candidate) -> String {
        let (label, _) = wording::channel(self.channel);
        match self.entity_id.rsplit('/').next() {
            Some(part) if self.entity_id != lead.entity_id => format!("{part} {label}"),
            _ => label,
        }
    }

    fn sentence(&self, lead: &Candidate, sources: Sources<'_>) -> Option<String> {
        let place = (self.entity_id.as_str(), self.channel);
        measure::history(&self.label(lead), place, WINDOW, sources.data())
    }
}

/// Readings that stand outside their usual range, the most unusual first.
fn unusual_readings(lead: &Candidate, sources: Sources<'_>) -> Vec<Reading> {
    let mut readings = readings(lead, sources);
    readings.retain(|reading| reading.deviation.abs() >= UNUSUAL);
    readings
}

/// All equipment readings of the entity and its parts, the most unusual first.
fn readings(lead: &Candidate, sources: Sources<'_>) -> Vec<Reading> {
    let deviation =
        |id: &str, channel| measure::recent(id, channel, WINDOW, sources.data())?.deviation();
    let mut readings: Vec<Reading> = sources
        .signals
        .network
        .inside(&lead.entity_id)
        .into_iter()
        .flat_map(|id| EQUIPMENT_CHANNELS.map(|channel| (id.clone(), channel)))
        .filter_map(|(entity_id, channel)| {
            let deviation = deviation(&entity_id, channel)?;
            Some(Reading { entity_id, channel, deviation })
        })
        .collect();
    readings.sort_by(|a, b| b.deviation.abs().total_cmp(&a.deviation.abs()));
    readings
}

/// Equipment drifts over days: its readings are judged over one.
const WINDOW: Micros = 24 * clock::HOUR;

/// Spreads from which a reading is told.
const UNUSUAL: f64 = 2.0;

/// Readings that are told.
const TOLD_READINGS: usize = 3;

/// Readings that are plotted.
const PLOTTED_READINGS: usize = 2;

/// Channels of equipment.
pub(crate) const EQUIPMENT_CHANNELS: [&str; 5] =
    ["temperature_c", "voltage_v", "rx_power_dbm", "power_w", "energy_kwh"];

/// Latest moment to act: when the accumulated risk passes the risk that the list tolerates.
fn act_before(rows: &[Prediction], sources: Sources<'_>) -> Option<Micros> {
    let earliest = rows.iter().find_map(|row| row.event_low_at);
    let rows: Vec<&Prediction> = rows.iter().collect();
    let tolerated = sources.list.min_probability;
    earliest.or_else(|| {
        let within = candidates::time_to_probability(&rows, tolerated)?;
        Some(rows.first()?.cutoff + within)
    })
}

/// The entity and channels whose plots stand beside a risk, the most unusual first.
pub(crate) fn plotted_equipment(item: &Item, sources: Sources<'_>) -> Vec<(String, String)> {
    let Some(lead) = item.incident.lead() else {
        return Vec::new();
    };
    let mut readings = readings(lead, sources);
    // One reading within its usual range tells that much; a second one only takes room.
    let unusual = readings.iter().filter(|reading| reading.deviation.abs() >= UNUSUAL).count();
    readings.truncate(unusual.clamp(1, PLOTTED_READINGS));
    readings.into_iter().map(|reading| (reading.entity_id, reading.channel.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    #[test]
    fn every_horizon_is_told() {
        let row = |days: i64, probability: f64| Prediction {
            horizon: days * DAY,
            probability: Some(probability),
            ..Prediction::default()
        };
        let rows = [row(1, 0.05), row(3, 0.3), row(7, f64::NAN)];
        assert_eq!(
            by_horizon(&rows).map(|text| text.replace('\u{a0}', " ")).as_deref(),
            Some("Calibrated probability: 5 % within 1 d and 30 % within 3 d.")
        );
        assert_eq!(by_horizon(&[]), None);
    }
}
