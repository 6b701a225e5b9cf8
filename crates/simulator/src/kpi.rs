//! KPIs of a cell or site over several granularity periods, as an operator's reporting system
//! exports them.
//!
//! Ratios are sums over sums, throughput is weighted by active users, delay by volume; what has a
//! zero denominator is null. Written here once more on purpose: the pipeline derives the same
//! figures from the same counters with code of its own, and the two must agree.

use crate::equipment::SiteCounters;
use crate::radio::{CellCounters, PERIOD_S};

/// Names of the channels, in the order of [`CellSums::kpis`] followed by [`SiteSums::kpis`].
pub const CHANNELS: [&str; 25] = [
    "rrc_setup_sr",
    "ng_sig_sr",
    "drb_setup_sr",
    "accessibility",
    "drb_retainability",
    "drop_rate",
    "ue_thp_dl",
    "ue_thp_ul",
    "latency_dl",
    "prb_util_dl",
    "prb_util_ul",
    "peak_prb_util_dl",
    "traffic_dl_gb",
    "traffic_ul_gb",
    "users_mean",
    "users_max",
    "ho_success_inter",
    "availability",
    "bler_dl",
    "rach_att",
    "power_w",
    "energy_kwh",
    "temperature_c",
    "voltage_v",
    "rx_power_dbm",
];
/// Channels of cells; the others are those of sites.
pub const CELL_CHANNELS: usize = 20;

/// Numerator and denominator.
#[derive(Debug, Clone, Copy, Default)]
struct Ratio(f64, f64);

impl Ratio {
    fn add(&mut self, numerator: f64, denominator: f64) {
        self.0 += numerator;
        self.1 += denominator;
    }

    fn value(self, scale: f64) -> Option<f64> {
        (self.1 > 0.0).then(|| scale * self.0 / self.1)
    }
}

/// Sums of a cell over periods.
#[derive(Debug, Clone, Copy, Default)]
pub struct CellSums {
    periods: f64,
    rrc: Ratio,
    context: Ratio,
    bearer: Ratio,
    per_session: Ratio,
    drops: Ratio,
    throughput: [Ratio; 2],
    delay: Ratio,
    prb: [Ratio; 2],
    peak: Option<f64>,
    megabits: [f64; 2],
    users: Ratio,
    users_max: f64,
    handover: [Ratio; 2],
    available: Ratio,
    blocks: Ratio,
    preambles: f64,
}

impl CellSums {
    /// Adds one period.
    pub fn add(&mut self, counters: &CellCounters) {
        self.periods += 1.0;
        for tally in &counters.rrc {
            self.rrc.add(tally.successes, tally.attempts);
        }
        for tally in &counters.context {
            self.context.add(tally.successes, tally.attempts);
        }
        self.bearer.add(counters.bearer.successes, counters.bearer.attempts);
        let [abnormal, normal] = counters.releases;
        self.per_session.add(abnormal, counters.session_s);
        self.drops.add(abnormal, abnormal + normal);
        for (sum, tally) in self.handover.iter_mut().zip(&counters.handover) {
            sum.add(tally.successes, tally.attempts);
        }
        let down = counters.unavailable_s[0] + counters.unavailable_s[1];
        self.available.add(PERIOD_S - down, PERIOD_S);
        self.preambles += counters.preambles[0] + counters.preambles[1];
        self.add_load(counters);
    }

    fn add_load(&mut self, counters: &CellCounters) {
        if let Some(rates) = counters.throughput_kbps {
            for (direction, rate) in rates.into_iter().enumerate() {
                let users = counters.active_users[direction];
                self.throughput[direction].add(rate * users, users);
            }
        }
        if let Some([air, queue]) = counters.delay {
            let megabits = counters.volume_mbit[0];
            self.delay.add((air + queue) * megabits, megabits);
        }
        let [used, available, highest] = counters.prb_dl;
        self.prb[0].add(used, available);
        self.prb[1].add(counters.prb_ul[0], counters.prb_ul[1]);
        if available > 0.0 {
            let peak = 100.0 * highest / available;
            self.peak = Some(self.peak.map_or(peak, |before| before.max(peak)));
        }
        self.megabits[0] += counters.volume_mbit[0];
        self.megabits[1] += counters.volume_mbit[1];
        self.users.add(counters.users[0], 1.0);
        self.users_max = self.users_max.max(counters.users[1]);
        self.blocks.add(counters.blocks[1], counters.blocks[0]);
    }

    /// The channels of a cell; none when nothing was measured.
    pub fn kpis(&self) -> Option<[Option<f64>; CELL_CHANNELS]> {
        if self.periods == 0.0 {
            return None;
        }
        let [rrc, context, bearer] = [self.rrc, self.context, self.bearer].map(|r| r.value(100.0));
        let [prepared, executed] = self.handover.map(|ratio| ratio.value(100.0));
        let product = |a: Option<f64>, b: Option<f64>| Some(a? * b? / 100.0);
        Some([
            rrc,
            context,
            bearer,
            product(product(rrc, context), bearer),
            self.per_session.value(1.0),
            self.drops.value(100.0),
            self.throughput[0].value(1e-3),
            self.throughput[1].value(1e-3),
            self.delay.value(0.1),
            self.prb[0].value(100.0),
            self.prb[1].value(100.0),
            self.peak,
            Some(self.megabits[0] / 8000.0),
            Some(self.megabits[1] / 8000.0),
            self.users.value(1.0),
            Some(self.users_max),
            product(prepared, executed),
            self.available.value(100.0),
            self.blocks.value(100.0),
            Some(self.preambles),
        ])
    }

    /// Downlink utilisation in per cent.
    pub fn utilisation(&self) -> Option<f64> {
        self.prb[0].value(100.0)
    }
}

/// Sums of a site over periods.
#[derive(Debug, Clone, Copy, Default)]
pub struct SiteSums {
    power: Ratio,
    energy_kwh: f64,
    temperature: Ratio,
    voltage: Ratio,
    light: Ratio,
}

impl SiteSums {
    /// Adds one period.
    pub fn add(&mut self, counters: &SiteCounters) {
        self.power.add(counters.power_w[0], 1.0);
        self.energy_kwh += counters.energy_kwh;
        self.temperature.add(counters.temperature_c, 1.0);
        self.voltage.add(counters.voltage_v, 1.0);
        self.light.add(counters.rx_power_dbm, 1.0);
    }

    /// The channels of a site; none when nothing was measured.
    pub fn kpis(&self) -> Option<[Option<f64>; CHANNELS.len() - CELL_CHANNELS]> {
        let power = self.power.value(1.0)?;
        Some([
            Some(power),
            Some(self.energy_kwh),
            self.temperature.value(1.0),
            self.voltage.value(1.0),
            self.light.value(1.0),
        ])
    }
}
