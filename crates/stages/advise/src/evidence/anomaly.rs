//! Evidence of an anomaly: own history, neighbours, drivers, silence.

use super::{Evidence, OF_SCORE, Sources, drivers, is_silent, measure};
use crate::clock::Micros;
use crate::{candidates::Candidate, config::ListConfig, exposure, ranking::Item, wording};

/// Spreads from which a channel makes the title.
const TITLED: f64 = 2.0;

/// Loss of load that makes the title.
const LOST: f64 = 0.2;

/// Loss of load from which almost nothing is left.
const ASLEEP: f64 = 0.9;

/// Loss of load from which nothing is left: a few bytes of signalling remain on a dead cell.
const DEAD: f64 = 0.995;

/// Channels of own history that are told.
const TOLD_CHANNELS: usize = 2;

pub(super) fn evidence(item: &Item, sources: Sources<'_>) -> Evidence {
    let Some(lead) = item.incident.lead() else {
        return unconfirmed(item, sources);
    };
    let window = window_of(item, sources);
    let mut sentences: Vec<String> = told_channels(item, lead, sources.list)
        .iter()
        .filter_map(|channel| {
            let (label, _) = wording::channel(channel);
            measure::history(&label, (&lead.entity_id, channel), window, sources.data())
        })
        .take(TOLD_CHANNELS)
        .collect();
    sentences.extend(neighbours(lead, item, sources));
    sentences.extend(absorbing(item, sources));
    sentences.extend(drivers(OF_SCORE, lead.drivers()));
    Evidence { title: title(item, lead, sources), sentences, ..Evidence::default() }
}

fn window_of(item: &Item, sources: Sources<'_>) -> Micros {
    measure::window(item.incident.onset(), sources.signals.cutoff)
}

/// Text for an incident that no entity could confirm at this cutoff.
pub(super) fn unconfirmed(item: &Item, sources: Sources<'_>) -> Evidence {
    let label = sources.signals.network.label(&item.incident.entity_id);
    Evidence { title: format!("{label} could not be scored at this cutoff"), ..Evidence::default() }
}

/// The drivers, and the list's own channel: first where its loss makes the title, otherwise last
/// unless it drove the score itself.
fn told_channels(item: &Item, lead: &Candidate, list: &ListConfig) -> Vec<String> {
    let mut channels: Vec<String> =
        lead.drivers().iter().map(|driver| driver.name.clone()).collect();
    if lost(item) >= LOST {
        channels.retain(|name| *name != list.channel);
        channels.insert(0, list.channel.clone());
    } else if !channels.contains(&list.channel) {
        channels.push(list.channel.clone());
    }
    channels
}

/// Share of the load that is missing; 0 where nobody knows.
fn lost(item: &Item) -> f64 {
    item.exposure.lost_share.unwrap_or(0.0)
}

fn title(item: &Item, lead: &Candidate, sources: Sources<'_>) -> String {
    let several = item.incident.affected().count() > 1;
    let lost = lost(item);
    if lost >= LOST {
        let how = if is_silent(item, sources) { ", no alarm" } else { "" };
        return match lost {
            lost if lost >= DEAD => format!("No traffic{how}"),
            lost if lost >= ASLEEP => {
                format!("Almost no traffic: {} below usual{how}", wording::share(lost))
            }
            lost => format!("Traffic {} below usual{how}", wording::share(lost)),
        };
    }
    let driver = told_channels(item, lead, sources.list).into_iter().find_map(|channel| {
        let recent =
            measure::recent(&lead.entity_id, &channel, window_of(item, sources), sources.data())?;
        let deviation = recent.deviation().filter(|deviation| deviation.abs() >= TITLED)?;
        let (label, unit) = wording::channel(&channel);
        let side = if deviation < 0.0 { "below" } else { "above" };
        let observed = wording::quantity(recent.observed, unit);
        let usual = wording::quantity(recent.usual, unit);
        Some(format!("{} {side} usual: {observed} instead of {usual}", wording::sentence(&label)))
    });
    driver.unwrap_or_else(|| {
        if several {
            "Cells behave unlike themselves".to_owned()
        } else {
            "Behaves unlike itself and its neighbours".to_owned()
        }
    })
}

/// How the neighbours of the lead fare, those in the incident excepted.
fn neighbours(lead: &Candidate, item: &Item, sources: Sources<'_>) -> Option<String> {
    let network = &sources.signals.network;
    let outside = network
        .neighbours(&lead.entity_id)
        .filter(|id| !item.incident.affected().any(|member| member.entity_id == **id));
    let (ratio, n) = measure::load_ratio(outside, window_of(item, sources), sources.data())?;
    let who = wording::count(n, "neighbour carries", "neighbours carry");
    let verdict = if (0.9..=1.1).contains(&ratio) {
        "as usual: the cause lies here"
    } else if ratio > 1.1 {
        "more than usual: part of the load moved there"
    } else {
        "less than usual too: the cause may lie around it"
    };
    Some(format!("{who} {} of their usual traffic, {verdict}.", wording::share(ratio)))
}

fn absorbing(item: &Item, sources: Sources<'_>) -> Option<String> {
    let labels: Vec<String> =
        item.incident.absorbing.iter().map(|id| sources.signals.network.label(id)).collect();
    (!labels.is_empty())
        .then(|| format!("{} alerted only because of the load taken over.", wording::list(&labels)))
}

/// The channels whose plots stand beside an anomaly, at most two: traffic first.
pub(crate) fn plotted_channels(item: &Item, list: &ListConfig) -> Vec<String> {
    let mut channels = vec![list.channel.clone()];
    if let Some(lead) = item.incident.lead() {
        channels.extend(
            lead.drivers()
                .iter()
                .map(|driver| driver.name.clone())
                .filter(|name| *name != list.channel && name != exposure::USERS),
        );
    }
    channels.truncate(3);
    channels
}
