//! How measurement files arrive: on time, late, twice, cut off or never.
//!
//! A file belongs to the hour that it measures and to the slot (an hour as well) in which it
//! arrives. Writing a range of slots writes exactly the files that arrive in them, so a history
//! and the live hours after it neither overlap nor leave a gap.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::measurement::{Subject, render};
use super::{WriteError, Writer, Written, csv::day_name};
use crate::calendar::{DAY, HOUR, Micros, SECOND};
use crate::faults::Cause;
use crate::hour::simulate_hour;
use crate::network::Network;

/// The longest delay after which a file still arrives.
const LONGEST_DELAY: Micros = 6 * DAY;

/// One arrival of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Delivery {
    /// Start of the hour in whose run it appears.
    slot: Micros,
    /// 1 for the first file of that name, 2 for a repetition.
    copy: u32,
    /// Share of the bytes that came through.
    share: f64,
}

/// Writes the files that arrive in `[from, to)`.
pub(super) fn write(
    network: &Network,
    writer: &Writer<'_>,
    [from, to]: [Micros; 2],
) -> Result<Written, WriteError> {
    let first = network.config.end.0 - i64::from(network.config.xml_days) * DAY;
    let begin = (from - LONGEST_DELAY).max(first).max(network.config.start.0);
    let hours: Vec<Micros> = (0..(to - begin) / HOUR).map(|number| begin + number * HOUR).collect();
    hours
        .into_par_iter()
        .map(|hour| write_measured_hour(network, writer, hour, [from, to]))
        .try_reduce(Written::default, |mut sum, written| {
            sum += written;
            Ok(sum)
        })
}

fn write_measured_hour(
    network: &Network,
    writer: &Writer<'_>,
    hour: Micros,
    [from, to]: [Micros; 2],
) -> Result<Written, WriteError> {
    let mut written = Written::default();
    let arrivals: Vec<(usize, Vec<Delivery>)> = (0..network.layout.sites.len())
        .map(|site| {
            let mut deliveries = deliveries(network, site, hour);
            deliveries.retain(|delivery| (from..to).contains(&delivery.slot));
            (site, deliveries)
        })
        .filter(|(_, deliveries)| !deliveries.is_empty())
        .collect();
    if arrivals.is_empty() {
        return Ok(written);
    }
    let periods = simulate_hour(network, hour);
    for (site, deliveries) in arrivals {
        let subject = Subject { network, site, hour, suspect: suspect(network, site, hour) };
        let Some(text) = render(&subject, &periods) else {
            continue;
        };
        let bytes = compress(text.as_bytes());
        for delivery in deliveries {
            let length = (bytes.len() as f64 * delivery.share) as usize;
            let name = file_name(network, site, hour, delivery.copy);
            written += writer.land(&name, &bytes[..length], arrival(network, site, &delivery))?;
        }
    }
    Ok(written)
}

/// A minute or three after the end of the slot.
fn arrival(network: &Network, site: usize, delivery: &Delivery) -> Micros {
    let key = network.layout.sites[site].key.named("arrival").at_time(delivery.slot);
    let seconds = key.stream().between(40.0, 180.0) as i64 + i64::from(delivery.copy);
    delivery.slot + HOUR + seconds * SECOND
}

/// All arrivals of the file that measures `hour`.
fn deliveries(network: &Network, site: usize, hour: Micros) -> Vec<Delivery> {
    let files = &network.config.files;
    let key = network.layout.sites[site].key.named("delivery").at_time(hour);
    let mut draw = key.stream();
    let place = draw.uniform();
    let later = |hours: f64| hour + hours.ceil() as i64 * HOUR;
    let whole = |slot, copy| Delivery { slot, copy, share: 1.0 };
    let mut marks = [files.missing, files.late, files.duplicate, files.truncated];
    for index in 1..marks.len() {
        marks[index] += marks[index - 1];
    }
    let reachable = reachable_from(network, site, hour);
    let mut arrivals = match marks.iter().position(|mark| place < *mark) {
        Some(0) => Vec::new(),
        Some(1) => vec![whole(later(draw.exponential(3.0).min(23.0)), 1)],
        Some(2) => vec![whole(hour, 1), whole(later(draw.between(-1.0, 2.0)), 2)],
        Some(_) => {
            let cut = Delivery { share: draw.between(0.2, 0.9), ..whole(hour, 1) };
            let again = draw.chance(0.5).then_some(whole(later(2.0), 2));
            std::iter::once(cut).chain(again).collect()
        }
        None => vec![whole(hour, 1)],
    };
    for delivery in &mut arrivals {
        delivery.slot = delivery.slot.max(reachable);
    }
    arrivals.retain(|delivery| delivery.slot - hour <= LONGEST_DELAY);
    arrivals
}

/// The slot from which a cut-off or dark site can hand over the file of `hour`.
fn reachable_from(network: &Network, site: usize, hour: Micros) -> Micros {
    let mut end = hour + HOUR;
    for &index in &network.failures_of[site] {
        let failure = &network.faults.failures[index];
        if failure.cause != Cause::Radio && failure.start < end && failure.end > end {
            end = failure.end;
        }
    }
    (end - 1) - (end - 1).rem_euclid(HOUR)
}

/// The period that the element itself marks as suspect, in a few files.
fn suspect(network: &Network, site: usize, hour: Micros) -> Option<usize> {
    let key = network.layout.sites[site].key.named("suspect").at_time(hour);
    let mut draw = key.stream();
    draw.chance(network.config.files.suspect).then(|| draw.below(4))
}

/// Name by TS 32.432: type A, one element and one hour.
fn file_name(network: &Network, site: usize, hour: Micros, copy: u32) -> String {
    let entity = &network.layout.sites[site];
    let region = &network.layout.regions[entity.region].id;
    let begin = day_name(hour, "%Y%m%d.%H%M");
    let end = day_name(hour + HOUR, "%H%M");
    let element = entity.element(hour);
    let count = if copy > 1 { format!("_-_{copy}") } else { String::new() };
    format!("pm/{region}/A{begin}+0000-{end}+0000_{element}{count}.xml.gz")
}

/// Gzip without a time in its header, so that the same text gives the same bytes.
fn compress(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(8192), Compression::new(1));
    // Writing into a vector cannot fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}
