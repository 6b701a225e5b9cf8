//! The sensors of a site during one granularity period: power, temperature, voltage, light.

use crate::calendar::{HOUR, LocalTime, Micros};
use crate::faults::Unit;
use crate::layout::Site;
use crate::noise::{Scale, smooth};
use crate::random::Stream;
use crate::state::SiteState;

/// The counters of a site's element.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SiteCounters {
    /// PEE.AvgPower, MinPower, MaxPower in W.
    pub power_w: [f64; 3],
    /// PEE.Energy in kWh.
    pub energy_kwh: f64,
    /// Cabinet temperature in °C.
    pub temperature_c: f64,
    /// Supply voltage, positive, in V.
    pub voltage_v: f64,
    /// Received optical power in dBm.
    pub rx_power_dbm: f64,
    /// Errored frames on the backhaul.
    pub frame_errors: f64,
}

/// Weather around the cabinet: days and weeks warmer or colder than the season.
const WEATHER: &[Scale] = &[Scale { hours: 5.0, sigma: 0.6 }, Scale { hours: 60.0, sigma: 1.8 }];
/// Nominal float voltage of a −48 V supply.
const FLOAT_V: f64 = 53.8;
/// What an optical receiver reports without light.
const NO_LIGHT_DBM: f64 = -40.0;

/// Simulates the sensors of a site; `load` is the mean utilisation of its cells, 0 to 1.
pub fn simulate_site(
    site: &Site,
    state: &SiteState,
    load: f64,
    local: LocalTime,
    at: Micros,
    mut draw: Stream,
) -> SiteCounters {
    let temperature = temperature(site, state, load, local, at) + 0.25 * draw.normal();
    let carriers = site.sectors.len() as f64;
    let cooling = 60.0 + 9.0 * (temperature - 24.0).max(0.0);
    let alive = 1.0 - state.dark_s / 900.0;
    let power = (210.0 + carriers * (130.0 + 260.0 * load) + cooling) * alive;
    let power = (power * (1.0 + 0.01 * draw.normal())).max(0.0);
    let spread = draw.between(0.04, 0.12);
    let average = tenths(power);
    SiteCounters {
        power_w: [average, tenths(power * (1.0 - spread)), tenths(power * (1.0 + spread))],
        energy_kwh: (average * 0.25).round() / 1000.0,
        temperature_c: tenths(temperature),
        voltage_v: (voltage(site, state, &mut draw) * 100.0).round() / 100.0,
        rx_power_dbm: tenths(light(site, state, &mut draw)),
        frame_errors: frame_errors(state, &mut draw),
    }
}

fn temperature(site: &Site, state: &SiteState, load: f64, local: LocalTime, at: Micros) -> f64 {
    let turn = std::f64::consts::TAU;
    let year = 6.5 * (turn * (local.year_phase - 0.55)).cos();
    let day = 3.0 * (turn * (local.hour - 15.5) / 24.0).cos();
    let hours = at as f64 / HOUR as f64;
    let weather = smooth(site.key.named("weather"), WEATHER, hours);
    let fan = state.severity_of(Unit::Fan);
    // A cabinet without cooling: hardly warmer at first, then fast.
    let heat = 19.0 * fan.powf(1.5);
    25.0 + year + day + weather + 6.0 * load + heat
}

fn voltage(site: &Site, state: &SiteState, draw: &mut Stream) -> f64 {
    let own = 0.4 * (site.key.named("voltage").uniform() - 0.5);
    let battery = state.severity_of(Unit::Battery);
    let rectifier = state.severity_of(Unit::Rectifier);
    let supplied = FLOAT_V + own - 0.7 * battery - 1.6 * rectifier;
    let ripple = 0.05 + 0.25 * rectifier;
    let level = match state.battery_spent {
        Some(spent) => 51.3 - 1.2 * battery - 7.5 * spent.powf(1.4),
        None => supplied,
    };
    level + ripple * draw.normal()
}

fn light(site: &Site, state: &SiteState, draw: &mut Stream) -> f64 {
    if state.isolated_s > 450.0 {
        return NO_LIGHT_DBM;
    }
    site.rx_power_dbm - 8.5 * state.severity_of(Unit::Backhaul) + 0.15 * draw.normal()
}

fn frame_errors(state: &SiteState, draw: &mut Stream) -> f64 {
    let severity = state.severity_of(Unit::Backhaul);
    draw.poisson(0.3 + 40.0 * severity.powi(3))
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
