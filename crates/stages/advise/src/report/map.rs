//! The site map: where the items are, drawn from latitude and longitude alone.
//!
//! No map tiles: the report must work without a network. A mark's shape says which list, its number
//! the place on it; plain dots are sites without news, crosses are sites that could not be scored.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{Page, class_of, list_title, sign};
use crate::{config::Head, network::Network};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 44.0;
/// Kilometres per degree of latitude.
const DEGREE_KM: f64 = 111.32;
/// More marks than this leave no room for names.
const NAMED_SITES: usize = 40;

/// The outline of a list's mark, around the origin.
pub(super) fn shape(head: Head) -> Markup {
    let path = match head {
        Head::Anomaly => "M0,-7.5 L7.5,6 L-7.5,6 Z",
        Head::TimeToEvent => "M-6,-6 H6 V6 H-6 Z",
        Head::Forecast => "M0,-7.5 L7.5,0 L0,7.5 L-7.5,0 Z",
    };
    html! { path d=(path) {} }
}

/// A listed item on the map.
struct Mark<'a> {
    head: Head,
    rank: u32,
    incident_id: &'a str,
    title: &'a str,
}

/// The map and its legend.
pub(super) fn section(page: Page<'_>) -> Markup {
    let Some(projection) = Projection::fit(&page.signals.network) else {
        return html! {
            section #map aria-labelledby="map-title" {
                h2 #map-title { "Map" }
                p.empty { "The inventory holds no positions." }
            }
        };
    };
    let marks = marks(page);
    html! {
        section #map aria-labelledby="map-title" {
            h2 #map-title { "Map" }
            figure.map {
                div.scroll role="region" tabindex="0" aria-label="Site map" {
                    svg viewBox=(format!("0 0 {WIDTH} {:.0}", projection.height)) role="group"
                        aria-label="Sites by position; listed items are links" {
                        (constellations(page, &projection))
                        (plain_sites(page, &projection, &marks))
                        @for (site, of_site) in &marks {
                            (site_marks(site, of_site, marks.len(), page, &projection))
                        }
                        (scale(&projection))
                    }
                }
                figcaption { (legend(page)) }
            }
        }
    }
}

/// Listed items by site.
fn marks<'a>(page: Page<'a>) -> BTreeMap<&'a str, Vec<Mark<'a>>> {
    let network = &page.signals.network;
    let mut marks: BTreeMap<&str, Vec<Mark<'_>>> = BTreeMap::new();
    for entry in page.advice.lists.iter().flat_map(|list| &list.listed) {
        let incident = &entry.item.incident;
        let sites: BTreeSet<&str> =
            incident.affected().map(|member| network.site_of(&member.entity_id)).collect();
        for site in sites {
            marks.entry(site).or_default().push(Mark {
                head: entry.item.head,
                rank: entry.item.rank.unwrap_or_default(),
                incident_id: &incident.incident_id,
                title: &entry.evidence.title,
            });
        }
    }
    marks
}

fn plain_sites(
    page: Page<'_>,
    projection: &Projection,
    marks: &BTreeMap<&str, Vec<Mark<'_>>>,
) -> Markup {
    let network = &page.signals.network;
    let unscored: BTreeSet<&str> =
        page.advice.not_scored.iter().map(|entity| network.site_of(&entity.entity_id)).collect();
    html! {
        @for site in network.of_type("site").filter(|site| !marks.contains_key(site.id.as_str())) {
            @if let Some((x, y)) = projection.place(network, &site.id) {
                g transform=(format!("translate({x:.1} {y:.1})")) {
                    title { (network.label(&site.id)) }
                    @if unscored.contains(site.id.as_str()) {
                        path.unscored d="M-4,-4 L4,4 M-4,4 L4,-4" {}
                    } @else { circle.site r="3.5" {} }
                }
            }
        }
    }
}

fn site_marks(
    site: &str,
    marks: &[Mark<'_>],
    marked_sites: usize,
    page: Page<'_>,
    projection: &Projection,
) -> Markup {
    let network = &page.signals.network;
    let Some((x, y)) = projection.place(network, site) else {
        return html! {};
    };
    let name = network.label(site);
    let first = -(marks.len() as f64 - 1.0) * 13.0;
    html! {
        g transform=(format!("translate({x:.1} {y:.1})")) {
            @for (at, mark) in marks.iter().enumerate() {
                a href={ "#" (mark.incident_id) } class={ "mark " (class_of(mark.head)) }
                    aria-label={ "Item " (mark.rank) ", " (name) ": " (mark.title) }
                    transform=(format!("translate({:.1} 0)", first + at as f64 * 26.0)) {
                    title { (name) ": " (mark.title) }
                    g transform="scale(1.7)" { (shape(mark.head)) }
                    text y=(if mark.head == Head::Anomaly { "7.5" } else { "4" }) { (mark.rank) }
                }
            }
            @if marked_sites <= NAMED_SITES { text.site-name y="27" { (name) } }
        }
    }
}

/// Lines between the sites of an incident that spans several.
fn constellations(page: Page<'_>, projection: &Projection) -> Markup {
    let network = &page.signals.network;
    let spans = page.advice.lists.iter().flat_map(|list| &list.listed).filter_map(|entry| {
        let sites: BTreeSet<&str> = entry
            .item
            .incident
            .affected()
            .map(|member| network.site_of(&member.entity_id))
            .collect();
        let places: Vec<_> =
            sites.iter().filter_map(|site| projection.place(network, site)).collect();
        (places.len() > 1).then_some(places)
    });
    html! {
        @for places in spans {
            @let n = places.len() as f64;
            @let x = places.iter().map(|place| place.0).sum::<f64>() / n;
            @let y = places.iter().map(|place| place.1).sum::<f64>() / n;
            @for place in &places {
                line.tie x1=(format!("{x:.1}")) y1=(format!("{y:.1}"))
                    x2=(format!("{:.1}", place.0)) y2=(format!("{:.1}", place.1)) {}
            }
        }
    }
}

fn legend(page: Page<'_>) -> Markup {
    html! {
        ul.legend {
            @for list in &page.advice.lists {
                li { (sign(list.list.head)) (list_title(list)) ", with its place on the list" }
            }
            li { svg.sign viewBox="-8 -8 16 16" aria-hidden="true" { circle.site r="4" {} } "No news" }
            li { svg.sign viewBox="-8 -8 16 16" aria-hidden="true" {
                path.unscored d="M-4,-4 L4,4 M-4,4 L4,-4" {} } "Not scored" }
            li { svg.sign viewBox="-8 -8 16 16" aria-hidden="true" {
                line.tie x1="-8" y1="0" x2="8" y2="0" {} } "One incident" }
        }
    }
}

fn scale(projection: &Projection) -> Markup {
    let km = nice(140.0 / projection.pixels_per_km);
    let length = km * projection.pixels_per_km;
    let y = projection.height - 14.0;
    html! {
        g.scale-bar transform=(format!("translate(16 {y:.0})")) {
            path d=(format!("M0,-5 V0 H{length:.1} V-5")) {}
            text x=(format!("{:.1}", length + 8.0)) y="0" { (crate::wording::quantity(km, "km")) }
        }
    }
}

/// The greatest of 1, 2, 5 × 10ⁿ that is not above `value`.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step <= value)
        .unwrap_or(power)
}

/// Positions on the page: equirectangular around the middle of the network.
struct Projection {
    west: f64,
    north: f64,
    squeeze: f64,
    pixels_per_km: f64,
    shift: (f64, f64),
    height: f64,
}

impl Projection {
    fn fit(network: &Network) -> Option<Self> {
        let places: Vec<(f64, f64)> =
            network.of_type("site").filter_map(|site| position(network, &site.id)).collect();
        let bounds = |of: fn(&(f64, f64)) -> f64| {
            let low = places.iter().map(of).reduce(f64::min)?;
            let high = places.iter().map(of).reduce(f64::max)?;
            Some((low, high))
        };
        let (south, north) = bounds(|place| place.0)?;
        let (west, east) = bounds(|place| place.1)?;
        let squeeze = f64::midpoint(south, north).to_radians().cos();
        // A single site, or sites in a row, still get a map of 2 km.
        let across_km = ((east - west) * squeeze * DEGREE_KM).max(2.0);
        let down_km = ((north - south) * DEGREE_KM).max(2.0);
        let room = (WIDTH - 2.0 * MARGIN, 560.0 - 2.0 * MARGIN);
        let pixels_per_km = (room.0 / across_km).min(room.1 / down_km);
        let used = (across_km * pixels_per_km, down_km * pixels_per_km);
        Some(Self {
            west,
            north,
            squeeze,
            pixels_per_km,
            shift: (MARGIN + (room.0 - used.0) / 2.0, MARGIN),
            height: used.1 + 2.0 * MARGIN + 8.0,
        })
    }

    fn place(&self, network: &Network, site: &str) -> Option<(f64, f64)> {
        let (latitude, longitude) = position(network, site)?;
        let x = (longitude - self.west) * self.squeeze * DEGREE_KM * self.pixels_per_km;
        let y = (self.north - latitude) * DEGREE_KM * self.pixels_per_km;
        Some((x + self.shift.0, y + self.shift.1))
    }
}

fn position(network: &Network, site: &str) -> Option<(f64, f64)> {
    let entity = network.entity(site)?;
    let place = (entity.latitude?, entity.longitude?);
    (place.0.is_finite() && place.1.is_finite()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Entity;

    fn site(id: &str, latitude: f64, longitude: f64) -> Entity {
        Entity {
            entity_type: "site".into(),
            id: id.into(),
            latitude: Some(latitude),
            longitude: Some(longitude),
            ..Entity::default()
        }
    }

    #[test]
    fn north_is_up_and_kilometres_are_square() {
        let network = Network::new(
            [site("r/S", 48.0, 11.0), site("r/N", 48.1, 11.0), site("r/E", 48.0, 11.1)],
            [],
        );
        let projection = Projection::fit(&network).unwrap();
        let place = |id: &str| projection.place(&network, id).unwrap();
        assert!(place("r/N").1 < place("r/S").1);
        let up = place("r/S").1 - place("r/N").1;
        let across = place("r/E").0 - place("r/S").0;
        // By hand: a degree of longitude at 48° is cos 48.05° = .668 of a degree of latitude.
        assert!((across / up - 0.668).abs() < 0.002, "{}", across / up);
    }

    #[test]
    fn one_site_or_none_is_no_problem() {
        assert!(Projection::fit(&Network::default()).is_none());
        let network = Network::new([site("r/S", 48.0, 11.0)], []);
        let place = Projection::fit(&network).unwrap().place(&network, "r/S");
        assert!(place.is_some_and(|(x, y)| x.is_finite() && y.is_finite()));
    }

    #[test]
    fn scale_bars_have_round_lengths() {
        for (value, round) in [(7.3, 5.0), (2.0, 2.0), (14.0, 10.0), (0.3, 0.2)] {
            assert!((nice(value) - round).abs() < 1e-9);
        }
    }
}
