//! One cell during one granularity period: from offered traffic to counters.
//!
//! The counters are those of TS 28.552 in the units of the specification, rounded as they are
//! written into files; everything else (the tabular history, the tests) starts from them.

use crate::capacity::{served, utilisation};
use crate::layout::Cell;
use crate::random::Stream;

/// Length of a granularity period in seconds.
pub const PERIOD_S: f64 = 900.0;

/// What acts on a cell during one period.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// Traffic wanted, after sleep and neighbours, Mbit/s over the available time.
    pub offered_mbps: f64,
    /// Share of traffic lost in sleep; access attempts follow it.
    pub asleep: f64,
    /// Seconds unavailable by fault and by people.
    pub unavailable_s: [f64; 2],
    /// Severity of the radio's deterioration.
    pub radio: f64,
    /// Severity of the link's deterioration.
    pub backhaul: f64,
    /// Severity of the baseband's deterioration.
    pub baseband: f64,
}

/// Successes and attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Attempts.
    pub attempts: f64,
    /// Successes among them.
    pub successes: f64,
}

impl Tally {
    fn draw(draw: &mut Stream, attempts: f64, failure: f64) -> Self {
        let failures = draw.binomial(attempts, failure.clamp(0.0, 0.95));
        Self { attempts, successes: attempts - failures }
    }
}

/// The counters of one cell and period.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CellCounters {
    /// RRU.PrbUsedDl, PrbAvailDl, MaxPrbUsedDl.
    pub prb_dl: [f64; 3],
    /// RRU.PrbUsedUl, PrbAvailUl.
    pub prb_ul: [f64; 2],
    /// DRB.UEThpDl, UEThpUl in kbit/s; none without active users.
    pub throughput_kbps: Option<[f64; 2]>,
    /// DRB.MeanActiveUeDl, MeanActiveUeUl.
    pub active_users: [f64; 2],
    /// DRB.AirIfDelayDl, RlcSduDelayDl in 0.1 ms; none without traffic.
    pub delay: Option<[f64; 2]>,
    /// TB.TotNbrDl, TB.ErrTotalNbrDl.
    pub blocks: [f64; 2],
    /// RACH.PreambleACell (contention), PreambleDedCell (handover).
    pub preambles: [f64; 2],
    /// Seconds unavailable by fault and by people.
    pub unavailable_s: [f64; 2],
    /// Mean channel quality, for the histogram.
    pub mean_cqi: f64,
    /// RRC.ConnEstab: mo-Data, mt-Access, mo-Signalling.
    pub rrc: [Tally; 3],
    /// UECNTX.ConnEstab: mo-Data, mt-Access.
    pub context: [Tally; 2],
    /// DRB.Estab.
    pub bearer: Tally,
    /// Releases: DRB.RelActNbr (abnormal), normal ones.
    pub releases: [f64; 2],
    /// DRB.SessionTime in s.
    pub session_s: f64,
    /// RRC.ConnMean, ConnMax.
    pub users: [f64; 2],
    /// DRB.PdcpSduVolumeDL, UL in Mbit.
    pub volume_mbit: [f64; 2],
    /// MM.HoPrepInter, HoExeInter, HoExeIntra.
    pub handover: [Tally; 3],
}

/// Simulates one cell and period.
pub fn simulate_cell(cell: &Cell, conditions: &Conditions, mut draw: Stream) -> CellCounters {
    let up = 1.0 - (conditions.unavailable_s[0] + conditions.unavailable_s[1]) / PERIOD_S;
    let mut counters =
        CellCounters { unavailable_s: conditions.unavailable_s, ..CellCounters::default() };
    if up <= 0.001 {
        return counters;
    }
    let load = conditions.offered_mbps / cell.capacity_mbps;
    let served = served(load);
    resources(&mut counters, cell, served, up, &mut draw);
    quality(&mut counters, cell, conditions, served, &mut draw);
    sessions(&mut counters, cell, conditions, up, &mut draw);
    mobility(&mut counters, conditions, served, &mut draw);
    counters
}

/// Resource blocks and volume.
fn resources(counters: &mut CellCounters, cell: &Cell, served: f64, up: f64, draw: &mut Stream) {
    let prb = cell.band.prb;
    let jitter = (0.008 * draw.normal()).exp();
    let used = (prb * utilisation(served) * jitter).min(prb);
    let burst = 0.06 + served.sqrt() * draw.between(0.15, 0.45);
    let uplink = served * draw.log_normal(0.16, 0.12);
    let used_ul = (prb * (0.04 + 2.6 * uplink)).min(prb);
    // Sampled while the cell is on the air, so an outage of minutes does not look like low load.
    counters.prb_dl = [used, prb, (used + prb * burst).min(prb).floor()].map(hundredths);
    counters.prb_ul = [used_ul, prb].map(hundredths);
    let megabits = served * cell.capacity_mbps * PERIOD_S * up;
    let uplink_megabits = uplink * cell.capacity_mbps * PERIOD_S * up;
    counters.volume_mbit = [megabits.round(), uplink_megabits.round()];
}

/// What users feel: throughput, delay, block errors.
fn quality(
    counters: &mut CellCounters,
    cell: &Cell,
    conditions: &Conditions,
    served: f64,
    draw: &mut Stream,
) {
    let room = (1.0 - served).max(0.0);
    let radio = 1.0 - 0.35 * conditions.radio.min(1.0);
    let noise = draw.log_normal(1.0, 0.07);
    let downlink = cell.capacity_mbps * (0.015 + 0.83 * room.powf(1.15)) * radio * noise;
    let uplink =
        0.18 * cell.capacity_mbps * (0.05 + 0.8 * room) * radio * draw.log_normal(1.0, 0.08);
    let carried = counters.volume_mbit.map(|megabits| megabits / PERIOD_S);
    if counters.volume_mbit[0] > 0.0 {
        counters.throughput_kbps = Some([downlink, uplink].map(|mbps| (1000.0 * mbps).round()));
        counters.active_users = [carried[0] / downlink, carried[1] / uplink].map(hundredths);
        let air = 52.0 + 25.0 * served + 40.0 * conditions.radio + 1.5 * draw.normal();
        let queue = 22.0 + 75.0 * served / (room + 0.04) + 30.0 * conditions.backhaul;
        counters.delay = Some([air.round(), (queue * draw.log_normal(1.0, 0.05)).round()]);
    }
    // One transport block a slot and layer; a slot carries one when there is traffic.
    let slots = PERIOD_S * 1000.0 * cell.band.spacing_khz / 15.0 * cell.band.downlink_share;
    let blocks = (slots * (1.6 * served).min(1.0)).round();
    let errors = 0.082 + 0.02 * draw.normal() * 0.4 + 0.11 * conditions.radio;
    counters.blocks = [blocks, (blocks * errors.clamp(0.02, 0.5)).round()];
    counters.mean_cqi = 10.3 - 2.8 * conditions.radio + 0.25 * draw.normal();
}

/// Connections: random access, RRC, context, bearers.
fn sessions(
    counters: &mut CellCounters,
    cell: &Cell,
    conditions: &Conditions,
    up: f64,
    draw: &mut Stream,
) {
    // A wider carrier serves users that want more.
    let per_user = 0.085 * (cell.capacity_mbps / 10.0).sqrt();
    let users = conditions.offered_mbps / per_user * up * draw.log_normal(1.0, 0.03);
    let peak = users + 1.2 * users.sqrt() + draw.exponential(0.04) * users;
    counters.users = [hundredths(users), peak.ceil()];
    let served = served(conditions.offered_mbps / cell.capacity_mbps);
    let crowded = ((served - 0.85) / 0.15).max(0.0).powi(2);
    let wear = conditions.radio.powi(2) * 0.012 + conditions.baseband.powi(2) * 0.015;
    let attempts = draw.poisson(users * PERIOD_S / 80.0);
    let called = draw.binomial(attempts, 0.23);
    let signalling = draw.binomial(attempts - called, 0.19);
    let failure = 0.0022 + 0.04 * crowded + wear;
    counters.rrc = [attempts - called - signalling, called, signalling]
        .map(|attempts| Tally::draw(draw, attempts, failure));
    // A cell asleep still hears preambles that lead nowhere.
    let tries = attempts * (1.18 + 0.9 * conditions.asleep) + 2.0 * wear * attempts;
    counters.preambles[0] = draw.poisson(tries);
    let context = 0.0011 + 0.02 * conditions.backhaul.powi(2);
    counters.context =
        [0, 1].map(|cause| Tally::draw(draw, counters.rrc[cause].successes, context));
    let contexts = counters.context[0].successes + counters.context[1].successes;
    let bearers = contexts + draw.poisson(0.12 * contexts);
    counters.bearer = Tally::draw(draw, bearers, 0.0016 + 0.025 * crowded + wear);
    let dropped = 0.0034 + 0.008 * crowded + 0.022 * conditions.radio.powi(2) + 0.5 * wear;
    let abnormal = draw.binomial(counters.bearer.successes, dropped);
    counters.releases = [abnormal, counters.bearer.successes - abnormal];
    counters.session_s = (users * PERIOD_S * 0.92).round();
}

/// Handovers.
fn mobility(counters: &mut CellCounters, conditions: &Conditions, served: f64, draw: &mut Stream) {
    let users = counters.users[0];
    let crowded = ((served - 0.85) / 0.15).max(0.0).powi(2);
    let requests = draw.poisson(users * PERIOD_S / 260.0);
    let prepared = Tally::draw(draw, requests, 0.006 + 0.03 * crowded + 0.03 * conditions.backhaul);
    let executed = Tally::draw(draw, prepared.successes, 0.012 + 0.03 * conditions.radio);
    let inside = draw.poisson(users * PERIOD_S / 420.0);
    let intra = Tally::draw(draw, inside, 0.006 + 0.02 * conditions.radio);
    // About as many users arrive as leave.
    counters.preambles[1] = draw.poisson(requests + inside);
    counters.handover = [prepared, executed, intra];
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{N1, N78};
    use crate::random::Key;

    fn cell(band: &'static crate::layout::Band, capacity_mbps: f64) -> Cell {
        Cell {
            id: "r/s/1/c".into(),
            sector: 0,
            number: 11,
            band,
            commissioned_at: 0,
            capacity_mbps,
            preference: 1.0,
            key: Key::root(1),
        }
    }

    fn at_load(cell: &Cell, load: f64) -> CellCounters {
        let conditions = Conditions {
            offered_mbps: load * cell.capacity_mbps,
            asleep: 0.0,
            unavailable_s: [0.0; 2],
            radio: 0.0,
            backhaul: 0.0,
            baseband: 0.0,
        };
        simulate_cell(cell, &conditions, Key::root(2).stream())
    }

    #[test]
    fn magnitudes_are_those_of_the_field() {
        let narrow = at_load(&cell(&N1, 45.8), 0.5);
        let [used, available, _] = narrow.prb_dl;
        assert_eq!(available, 106.0);
        assert!((0.45..0.58).contains(&(used / available)));
        let throughput = narrow.throughput_kbps.unwrap()[0] / 1000.0;
        assert!((10.0..30.0).contains(&throughput), "{throughput} Mbit/s");
        assert!((60.0..300.0).contains(&narrow.users[0]), "{} users", narrow.users[0]);
        let drops = narrow.releases[0] / (narrow.releases[0] + narrow.releases[1]);
        assert!((0.0005..0.01).contains(&drops), "drop rate {drops}");
        let wide = at_load(&cell(&N78, 262.0), 0.2);
        let throughput = wide.throughput_kbps.unwrap()[0] / 1000.0;
        assert!((120.0..260.0).contains(&throughput), "{throughput} Mbit/s");
    }

    #[test]
    fn congestion_fills_the_carrier_and_slows_the_user() {
        let cell = cell(&N1, 45.8);
        let [quiet, busy, flooded] = [0.3, 0.8, 1.6].map(|load| at_load(&cell, load));
        let use_of = |counters: &CellCounters| counters.prb_dl[0] / counters.prb_dl[1];
        assert!(use_of(&flooded) > 0.95 && use_of(&flooded) <= 1.0);
        let speed = |counters: &CellCounters| counters.throughput_kbps.unwrap()[0];
        assert!(speed(&quiet) > 2.0 * speed(&busy) && speed(&busy) > 4.0 * speed(&flooded));
        assert!(flooded.volume_mbit[0] <= cell.capacity_mbps * PERIOD_S);
    }

    #[test]
    fn a_dead_cell_counts_nothing() {
        let conditions = Conditions {
            offered_mbps: 20.0,
            asleep: 0.0,
            unavailable_s: [900.0, 0.0],
            radio: 0.0,
            backhaul: 0.0,
            baseband: 0.0,
        };
        let counters = simulate_cell(&cell(&N1, 45.8), &conditions, Key::root(2).stream());
        assert_eq!(counters.volume_mbit, [0.0; 2]);
        assert_eq!(counters.prb_dl, [0.0; 3]);
        assert!(counters.throughput_kbps.is_none());
    }
}
