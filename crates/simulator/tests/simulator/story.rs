//! The proportions of what happens, and that more story does not change the story so far.

use std::sync::LazyLock;

use foresite_simulator::alarms::{Alarm, draw_alarms};
use foresite_simulator::calendar::{DAY, HOUR};
use foresite_simulator::faults::{Cause, Outcome, Unit};
use foresite_simulator::tickets::draw_tickets;
use foresite_simulator::{Config, Network};

use crate::{at, small};

static MEDIUM: LazyLock<Network> = LazyLock::new(|| {
    let mut config = Config {
        seed: 5,
        start: at("2024-01-01T00:00:00Z"),
        end: at("2026-01-01T00:00:00Z"),
        ..Config::default()
    };
    for region in &mut config.regions {
        region.sites = 60;
    }
    Network::generate(&config).unwrap()
});

/// Share of the items that satisfy a condition.
fn share<T>(items: impl Iterator<Item = T>, condition: impl Fn(&T) -> bool) -> f64 {
    let (mut hits, mut all) = (0.0, 0.0);
    for item in items {
        all += 1.0;
        hits += f64::from(u8::from(condition(&item)));
    }
    hits / all
}

#[test]
fn failures_have_the_proportions_of_the_configuration() {
    let network = &*MEDIUM;
    let failures = &network.faults.failures;
    let years = (network.until - network.config.start.0) as f64 / (365.25 * DAY as f64);
    let per_site_year = |cause: Cause| {
        let count = failures.iter().filter(|failure| failure.cause == cause).count();
        count as f64 / years / network.layout.sites.len() as f64
    };
    // Three radios: 0.06 sudden and 0.16 · 72 % deteriorations each, old and weak sites more.
    for (cause, low, high) in [
        (Cause::Radio, 0.35, 0.75),
        (Cause::Transport, 0.2, 0.5),
        (Cause::Baseband, 0.15, 0.4),
        (Cause::Cooling, 0.1, 0.35),
        (Cause::Power, 0.2, 1.0),
        (Cause::Rectifier, 0.03, 0.25),
        (Cause::Upstream, 0.4, 2.0),
    ] {
        let rate = per_site_year(cause);
        assert!((low..high).contains(&rate), "{cause:?}: {rate:.3} per site and year");
    }
    let announced = share(failures.iter().filter(|f| f.cause == Cause::Radio), |failure| {
        failure.precursor.is_some()
    });
    assert!((0.5..0.8).contains(&announced), "radio failures with a precursor: {announced:.2}");
}

#[test]
fn some_deteriorations_heal() {
    let network = &*MEDIUM;
    let episodes = network.faults.episodes.iter().flatten();
    let healed = share(episodes.filter(|episode| episode.unit != Unit::Battery), |episode| {
        episode.outcome == Outcome::Healed
    });
    assert!((0.15..0.4).contains(&healed), "healed: {healed:.2}");
}

#[test]
fn followers_fail_with_their_hub() {
    let network = &*MEDIUM;
    let followers: Vec<_> =
        network.faults.failures.iter().filter(|failure| failure.root.is_some()).collect();
    assert!(!followers.is_empty());
    for follower in followers {
        let (hub, start) = follower.root.unwrap();
        assert_eq!(network.layout.sites[follower.site].hub(start), Some(hub));
        let roots = network.failures_of[hub].iter().map(|&f| &network.faults.failures[f]);
        assert!(roots.filter(|root| root.start == start).any(|root| root.end == follower.end));
    }
}

#[test]
fn a_site_goes_dark_only_when_its_battery_is_empty() {
    let network = &*MEDIUM;
    let blackouts = network.faults.failures.iter().filter(|failure| failure.cause == Cause::Power);
    for blackout in blackouts {
        let spells = &network.faults.spells[blackout.site];
        assert!(spells.iter().any(|spell| spell.empty_at == blackout.start));
    }
    let survived =
        share(network.faults.spells.iter().flatten(), |spell| spell.end <= spell.empty_at);
    assert!(survived > 0.7, "spells that the battery carried: {survived:.2}");
}

#[test]
fn sleeping_cells_raise_no_alarm() {
    let network = &*MEDIUM;
    let mut awake = network.clone();
    awake.sleeping.iter_mut().for_each(Vec::clear);
    assert!(network.sleeping.iter().map(Vec::len).sum::<usize>() > 50);
    assert_eq!(draw_alarms(network), draw_alarms(&awake));
}

#[test]
fn a_lost_site_brings_a_storm_of_alarms_from_around() {
    let network = &*MEDIUM;
    let alarms = draw_alarms(network);
    let lost = network.faults.failures.iter().filter(|failure| failure.cause == Cause::Transport);
    let mut storms = 0;
    for failure in lost {
        let first = alarms.partition_point(|alarm| alarm.raised_at < failure.start);
        let within = |alarm: &&Alarm| alarm.raised_at < failure.start + HOUR / 4;
        let burst: Vec<_> = alarms[first..].iter().take_while(within).collect();
        let site = &network.layout.sites[failure.site].id;
        let elsewhere = burst.iter().filter(|alarm| !alarm.entity_id.starts_with(site.as_str()));
        assert!(elsewhere.count() >= 3, "{site} at {}", failure.start);
        storms += usize::from(burst.len() > 20);
    }
    assert!(storms > 10, "storms of more than twenty alarms: {storms}");
}

#[test]
fn a_cut_off_site_tells_its_alarms_afterwards() {
    let network = &*MEDIUM;
    let late = draw_alarms(network)
        .into_iter()
        .filter(|alarm| alarm.logged_at[0] - alarm.raised_at > HOUR)
        .count();
    assert!(late > 20, "alarms logged late: {late}");
}

#[test]
fn tickets_are_missing_late_and_miscoded_as_configured() {
    let network = &*MEDIUM;
    let facts = draw_tickets(network);
    let own: Vec<_> = network.faults.failures.iter().filter(|f| f.root.is_none()).collect();
    let causes: Vec<_> = facts.iter().filter(|fact| fact.fact == "cause").collect();
    let about = |failure: &&foresite_simulator::faults::Failure| {
        let site = &network.layout.sites[failure.site].id;
        let unit = format!("{site}/{}", failure.unit.name());
        causes
            .iter()
            .find(|fact| fact.entity_id == unit && fact.span[0] == Some(failure.start))
            .copied()
    };
    let missing = share(own.iter(), |failure| about(failure).is_none());
    assert!((missing - 0.08).abs() < 0.03, "missing: {missing:.3}");
    let told = || own.iter().filter_map(|failure| Some((failure, about(failure)?)));
    let wrong = share(told(), |(failure, fact)| fact.cause != failure.cause.code());
    assert!((wrong - 0.10).abs() < 0.03, "miscoded: {wrong:.3}");
    let late = share(told(), |(_, fact)| fact.recorded_at - fact.at >= DAY);
    assert!((late - 0.10).abs() < 0.04, "late: {late:.3}");
}

#[test]
fn a_longer_story_begins_like_a_shorter_one() {
    let config = small();
    let short = Network::generate(&config).unwrap();
    let long = Network::generate_until(&config, config.end.0 + 90 * DAY).unwrap();
    let known = config.end.0 + 10 * DAY;
    let failures = |network: &Network| {
        let all = network.faults.failures.clone();
        all.into_iter().filter(|failure| failure.start < known).collect::<Vec<_>>()
    };
    assert_eq!(failures(&short), failures(&long));
    for (short, long) in short.sleeping.iter().zip(&long.sleeping) {
        assert_eq!(short[..], long[..short.len()]);
    }
    let [short, long] = [&short, &long].map(|network| {
        let alarms = draw_alarms(network);
        alarms.into_iter().filter(|alarm| alarm.cleared_at < known).collect::<Vec<_>>()
    });
    assert_eq!(short, long);
}
