//! What is at risk: the traffic and users that usually flow, and how much of them is gone.

use std::collections::BTreeSet;

use crate::{
    clock::{HOUR, Micros},
    config::{Config, Head},
    evidence,
    incidents::Incident,
    inputs::{Context, Signals},
    network::Network,
};

/// Channel of the traffic at risk.
pub const TRAFFIC: &str = "traffic_dl_gb";
/// Channel of the users at risk.
pub const USERS: &str = "users_mean";

/// What is at risk with an incident.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Exposure {
    /// Cells that fall with it.
    pub cells: usize,
    /// Downlink traffic that usually flows in the hours ahead, GB/h.
    pub traffic_gb: Option<f64>,
    /// Users that are usually connected in the hours ahead.
    pub users: Option<f64>,
    /// Share of the usual traffic that was missing since the onset, 0 to 1.
    pub lost_share: Option<f64>,
}

/// Measures what an incident puts at risk.
///
/// A prediction about the future takes down what hangs on the entity; an anomaly only concerns the
/// cells that show it.
pub fn of(
    incident: &Incident,
    head: Head,
    signals: &Signals,
    context: &Context,
    config: &Config,
) -> Exposure {
    let cells = cells(incident, head, &signals.network);
    let ahead = signals.cutoff + Micros::from(config.exposure_hours) * HOUR;
    let usual = |channel| sum_usual(&cells, channel, (signals.cutoff, ahead), signals, context);
    Exposure {
        cells: cells.len(),
        traffic_gb: usual(TRAFFIC),
        users: usual(USERS),
        lost_share: lost_share(&cells, incident.onset(), (signals, context)),
    }
}

/// The cells that an incident concerns.
pub fn cells(incident: &Incident, head: Head, network: &Network) -> BTreeSet<String> {
    let of_member = |id: &str| match head {
        Head::TimeToEvent => network.cells_behind(id),
        Head::Anomaly | Head::Forecast => network.cells_inside(id),
    };
    incident.affected().flat_map(|member| of_member(&member.entity_id)).collect()
}

/// The load of an average cell among the incidents, against which loads are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AverageCell {
    traffic_gb: f64,
    users: f64,
}

impl AverageCell {
    /// The average over all exposures of a run.
    pub fn of<'a>(exposures: impl Iterator<Item = &'a Exposure> + Clone) -> Self {
        let mean = |value: fn(&Exposure) -> Option<f64>| {
            let known =
                exposures.clone().filter_map(|exposure| Some((value(exposure)?, exposure.cells)));
            let (sum, cells) =
                known.fold((0.0, 0), |(sum, cells), (value, of)| (sum + value, cells + of));
            if cells > 0 { sum / cells as f64 } else { 0.0 }
        };
        Self {
            traffic_gb: mean(|exposure| exposure.traffic_gb),
            users: mean(|exposure| exposure.users),
        }
    }

    /// How many average cells an exposure weighs: the mean of its traffic and its users in cells,
    /// of what is known; the plain number of cells where neither is.
    pub fn weigh(&self, exposure: &Exposure) -> f64 {
        let in_cells =
            |value: Option<f64>, cell: f64| value.filter(|_| cell > 0.0).map(|v| v / cell);
        let known: Vec<f64> =
            [in_cells(exposure.traffic_gb, self.traffic_gb), in_cells(exposure.users, self.users)]
                .into_iter()
                .flatten()
                .collect();
        if known.is_empty() {
            exposure.cells as f64
        } else {
            known.iter().sum::<f64>() / known.len() as f64
        }
    }
}

fn sum_usual(
    cells: &BTreeSet<String>,
    channel: &str,
    (start, end): (Micros, Micros),
    signals: &Signals,
    context: &Context,
) -> Option<f64> {
    let known: Vec<f64> = cells
        .iter()
        .filter_map(|cell| {
            let zone = signals.network.time_zone(cell);
            context.profile(cell, channel)?.mean(start, end, &zone)
        })
        .collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

fn lost_share(cells: &BTreeSet<String>, onset: Micros, data: (&Signals, &Context)) -> Option<f64> {
    let window = evidence::window(onset, data.0.cutoff);
    let (ratio, _) = evidence::load_ratio(cells.iter().map(String::as_str), window, data)?;
    Some((1.0 - ratio).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_weighed_in_average_cells() {
        let exposure = |cells, traffic: f64, users: f64| Exposure {
            cells,
            traffic_gb: Some(traffic),
            users: Some(users),
            lost_share: None,
        };
        let all = [exposure(1, 1.0, 30.0), exposure(3, 7.0, 10.0)];
        let average = AverageCell::of(all.iter());
        // By hand: an average cell carries 8/4 = 2 GB/h and 40/4 = 10 users.
        assert!((average.weigh(&all[0]) - (0.5 + 3.0) / 2.0).abs() < 1e-12);
        assert!((average.weigh(&all[1]) - (3.5 + 1.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn without_profiles_cells_are_counted() {
        let bare = Exposure { cells: 3, ..Exposure::default() };
        let average = AverageCell::of([bare].iter());
        assert!((average.weigh(&bare) - 3.0).abs() < 1e-12);
    }
}
