//! The calendar of events as CSV: announced crowds, monthly for the history, hourly when live.

use super::csv::{Csv, day_name, stamp};
use super::months::land_months;
use super::{WriteError, Writer, Written};
use crate::calendar::{self, DAY, HOUR, Micros, SECOND};
use crate::demand::{CROWD, WEEK, crowd_of_week};
use crate::layout::Site;
use crate::network::Network;

const HEADER: &str = "id,name,from,until,latitude,longitude,radius_km,known_at";

/// Days before a crowd between which its event is entered.
const AHEAD: [f64; 2] = [3.0, 30.0];

/// What people come for.
const NAMES: [&str; 3] = ["match", "market", "concert"];

/// A calendar knows quarters of an hour.
const QUARTER: Micros = 15 * 60 * SECOND;

/// Kilometres around the site: the next one stands about 1.5 away.
const RADIUS_KM: &str = "0.6";

/// An entry of the calendar.
struct Entry<'a> {
    site: &'a Site,
    name: &'static str,
    start: Micros,
    recorded_at: Micros,
}

/// One file a month of `[from, to)`, by the time of entry.
pub(super) fn write_months(
    network: &Network,
    writer: &Writer<'_>,
    span: [Micros; 2],
) -> Result<Written, WriteError> {
    land_months(writer, "events/history/events", span, |[from, to]| {
        // What was entered before the history began stands in its first month.
        let before = if from == span[0] { calendar::days(AHEAD[1]) } else { 0 };
        render(&entries(network, [from - before, to]))
    })
}

/// The entries of one hour, if any.
pub(super) fn write_hour(
    network: &Network,
    writer: &Writer<'_>,
    hour: Micros,
) -> Result<Written, WriteError> {
    let entries = entries(network, [hour, hour + HOUR]);
    if entries.is_empty() {
        return Ok(Written::default());
    }
    let name = format!("events/events_{}.csv", day_name(hour, "%Y%m%d.%H%M"));
    writer.land(&name, render(&entries).bytes(), hour + HOUR + 30 * SECOND)
}

/// What was entered in `[from, to)`, in the order of sites and weeks.
fn entries(network: &Network, [from, to]: [Micros; 2]) -> Vec<Entry<'_>> {
    let furthest = to + calendar::days(AHEAD[1]);
    let weeks = from.div_euclid(WEEK)..=furthest.div_euclid(WEEK);
    let sites = network.layout.sites.iter();
    let all =
        sites.flat_map(|site| weeks.clone().filter_map(move |week| entry(network, site, week)));
    all.filter(|entry| (from..to).contains(&entry.recorded_at)).collect()
}

/// The entry of a site's week, where its crowd is announced.
fn entry<'a>(network: &Network, site: &'a Site, week: i64) -> Option<Entry<'a>> {
    let demand = &network.config.demand;
    let crowd = crowd_of_week(site, week, demand)?;
    let mut draw = site.key.named("calendar").at_time(week).stream();
    let is_announced = draw.chance(demand.announced);
    let ahead = calendar::days(draw.between(AHEAD[0], AHEAD[1]));
    let name = NAMES[draw.below(NAMES.len())];
    let start = crowd.start - crowd.start.rem_euclid(QUARTER);
    is_announced.then_some(Entry { site, name, start, recorded_at: start - ahead })
}

fn render(entries: &[Entry<'_>]) -> Csv {
    let mut csv = Csv::new(HEADER);
    for entry in entries {
        let [latitude, longitude] = entry.site.position.map(|degrees| degrees.to_string());
        let day = entry.start.div_euclid(DAY);
        csv.row(&[
            &format!("{}-{day}", entry.site.id),
            entry.name,
            &stamp(entry.start),
            &stamp(entry.start + CROWD + QUARTER),
            &latitude,
            &longitude,
            RADIUS_KM,
            &stamp(entry.recorded_at),
        ]);
    }
    csv
}
