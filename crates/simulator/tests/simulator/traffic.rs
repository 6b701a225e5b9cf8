//! Traffic: sleeping cells, their neighbours, saturation, growth.

use foresite_simulator::calendar::{DAY, HOUR, Micros};
use foresite_simulator::hour::simulate_period;
use foresite_simulator::kpi::CellSums;
use foresite_simulator::radio::CellCounters;
use foresite_simulator::sleeping::Level;
use foresite_simulator::{Config, Network, simulate_hour};

use crate::small;

/// Nothing breaks and there is room everywhere: what a cell loses is what its neighbours see.
fn calm(load: f64) -> Config {
    let mut config = small();
    config.faults.scale = 0.0;
    config.work.per_site_year = 0.0;
    config.work.upgrade_days_before_end = 0;
    config.work.rehomed = 0.0;
    config.demand.busy_hour_load = load;
    config.sleeping.per_cell_year = 0.0;
    config
}

/// The same network with one cell asleep from `start` on.
fn with_sleeper(network: &Network, cell: usize, level: Level, start: Micros) -> Network {
    let mut other = network.clone();
    other.sleeping[cell] = vec![foresite_simulator::sleeping::Sleeping {
        cell,
        level,
        start,
        end: start + DAY,
        complaint_at: None,
    }];
    other
}

fn megabits(cells: &[Option<CellCounters>]) -> Vec<f64> {
    cells.iter().map(|cell| cell.map_or(0.0, |cell| cell.volume_mbit[0])).collect()
}

#[test]
fn levels_hold_and_neighbours_take_their_share() {
    let network = Network::generate(&calm(0.12)).unwrap();
    let at = network.config.end.0 - DAY + 17 * HOUR;
    let before = megabits(&simulate_period(&network, at).cells);
    for (level, loss) in [(Level::Degraded, 0.25), (Level::Crippled, 0.60), (Level::Catatonic, 1.0)]
    {
        for cell in 0..before.len() {
            let asleep = with_sleeper(&network, cell, level, at - HOUR);
            let after = megabits(&simulate_period(&asleep, at).cells);
            let lost = before[cell] - after[cell];
            assert!((lost / before[cell] - loss).abs() < 0.002, "{level:?}");
            let gained: f64 = (0..before.len())
                .filter(|&other| other != cell)
                .map(|other| after[other] - before[other])
                .sum();
            let share = gained / lost;
            let absorbed = network.config.sleeping.absorbed;
            assert!((share - absorbed).abs() < 0.02, "{level:?}: neighbours took {share:.3}");
        }
    }
}

#[test]
fn only_neighbours_of_a_sleeper_change() {
    let network = Network::generate(&calm(0.12)).unwrap();
    let at = network.config.end.0 - DAY + 17 * HOUR;
    let asleep = with_sleeper(&network, 3, Level::Crippled, at - HOUR);
    let [before, after] = [&network, &asleep].map(|network| simulate_period(network, at).cells);
    for cell in (0..before.len()).filter(|cell| *cell != 3) {
        let borders = network.neighbours[3].iter().any(|neighbour| neighbour.cell == cell);
        assert_eq!(borders, before[cell] != after[cell], "cell {cell}");
    }
    let sleeper = after[3].unwrap();
    assert_eq!(sleeper.unavailable_s, [0.0; 2], "a sleeping cell calls itself available");
}

#[test]
fn a_flooded_network_fills_its_carriers_and_slows_its_users() {
    let busy = |load: f64| {
        let network = Network::generate(&calm(load)).unwrap();
        let at = network.config.end.0 - 2 * DAY + 16 * HOUR;
        let mut sums = CellSums::default();
        for period in simulate_hour(&network, at) {
            period.cells.iter().flatten().for_each(|cell| sums.add(cell));
        }
        let kpis = sums.kpis().unwrap();
        [kpis[9].unwrap(), kpis[6].unwrap()]
    };
    let [[quiet, fast], [full, slow]] = [busy(0.2), busy(2.5)];
    assert!((10.0..40.0).contains(&quiet), "{quiet:.1} % of the resource blocks at low load");
    assert!(full > 96.0 && full <= 100.0, "{full:.1} % of the resource blocks when flooded");
    assert!(slow < 0.1 * fast, "{slow:.1} against {fast:.1} Mbit/s");
}

#[test]
fn traffic_grows_and_has_its_week() {
    let mut config = calm(0.2);
    config.start = crate::at("2024-01-08T00:00:00Z");
    config.demand.growth_per_year = 0.5;
    config.demand.growth_spread = 0.0;
    let network = Network::generate(&config).unwrap();
    let week = |from: Micros| {
        let periods = (0..7 * 24).map(|hour| simulate_period(&network, from + hour * HOUR));
        periods.map(|period| megabits(&period.cells).iter().sum::<f64>()).collect::<Vec<_>>()
    };
    let first = week(config.start.0);
    let second = week(config.start.0 + 364 * DAY);
    let ratio = second.iter().sum::<f64>() / first.iter().sum::<f64>();
    assert!((1.2..1.9).contains(&ratio), "a year later: {ratio:.2}");
    let night: f64 = (0..7).map(|day| first[day * 24 + 3]).sum();
    let evening: f64 = (0..7).map(|day| first[day * 24 + 18]).sum();
    assert!(evening > 4.0 * night, "evening {evening:.0}, night {night:.0}");
}

#[test]
fn sectors_of_a_region_share_their_noise() {
    let mut config = calm(0.3);
    config.regions = Config::default().regions;
    config.regions.iter_mut().for_each(|region| region.sites = 8);
    let [noisy, quiet] = [1.0, 0.0].map(|noise| {
        let mut config = config.clone();
        config.demand.noise = noise;
        config.demand.events_per_year = 0.0;
        Network::generate(&config).unwrap()
    });
    // Logarithm of what noise does to a region's traffic, every seven hours.
    let mut series = [Vec::new(), Vec::new()];
    for step in 0..130 {
        let at = noisy.config.start.0 + step * 7 * HOUR;
        let [with, without] =
            [&noisy, &quiet].map(|network| megabits(&simulate_period(network, at).cells));
        for (region, series) in series.iter_mut().enumerate() {
            let of_region = |cells: &[f64]| -> f64 {
                let own = |cell: &usize| noisy.layout.sites[noisy.site_of(*cell)].region == region;
                (0..cells.len()).filter(own).map(|cell| cells[cell]).sum()
            };
            series.push((of_region(&with) / of_region(&without)).ln());
        }
    }
    let deviation = |series: &[f64]| {
        let mean = series.iter().sum::<f64>() / series.len() as f64;
        (series.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / series.len() as f64).sqrt()
    };
    // Independent sectors would average out: 0.11 / √24 = 0.022. The shared part, 0.048, stays.
    for series in &series {
        let spread = deviation(series);
        assert!((0.03..0.09).contains(&spread), "spread of a region's noise: {spread:.3}");
    }
    let difference: Vec<f64> = series[0].iter().zip(&series[1]).map(|(a, b)| a - b).collect();
    assert!(deviation(&difference) > deviation(&series[0]), "regions have noise of their own");
}
