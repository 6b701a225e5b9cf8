//! The site map: where the items are, drawn from latitude and longitude alone.
//!
//! No map tiles: the report must work without a network. A mark's shape says which list, its number
//! the place on it; plain dots are sites without news, crosses are sites that could not be scored.

mod projection;

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use self::projection::{Projection, WIDTH, nice};
use super::{Page, class_of, list_title, sign};
use crate::config::Head;
use crate::wording;

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

/// Regions drawn at most; the ones with listed items come first.
const DRAWN_REGIONS: usize = 8;

/// One map per region, since regions may lie a country apart, and the legend.
pub(super) fn section(page: Page<'_>) -> Markup {
    let marks = marks(page);
    let regions = regions(page, &marks);
    html! {
        section #map aria-labelledby="map-title" {
            h2 #map-title { "Map" }
            @if regions.is_empty() { p.empty { "The inventory holds no positions." } }
            div.maps {
                @for region in regions.iter().take(DRAWN_REGIONS) { (figure(region, page, &marks)) }
            }
            @if regions.len() > DRAWN_REGIONS {
                p.muted { "and " (regions.len() - DRAWN_REGIONS) " more regions; those with listed items are drawn first." }
            }
            @if !regions.is_empty() { (legend(page)) }
        }
    }
}

/// A region with the places of its sites.
struct Region<'a> {
    name: String,
    sites: Vec<&'a str>,
    projection: Projection,
}

/// Regions with positions, those with most listed sites first.
fn regions<'a>(page: Page<'a>, marks: &BTreeMap<&str, Vec<Mark<'_>>>) -> Vec<Region<'a>> {
    let network = &page.signals.network;
    let mut by_region: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for site in network.of_type("site") {
        let region = network.region_of(&site.id).unwrap_or_default();
        by_region.entry(network.label(region)).or_default().push(&site.id);
    }
    let mut regions: Vec<Region<'_>> = by_region
        .into_iter()
        .filter_map(|(name, sites)| {
            let projection = Projection::fit(network, &sites)?;
            Some(Region { name, sites, projection })
        })
        .collect();
    let listed =
        |region: &Region<'_>| region.sites.iter().filter(|site| marks.contains_key(*site)).count();
    regions.sort_by_key(|region| std::cmp::Reverse(listed(region)));
    regions
}

fn figure(region: &Region<'_>, page: Page<'_>, marks: &BTreeMap<&str, Vec<Mark<'_>>>) -> Markup {
    let projection = &region.projection;
    let own = |site: &&str| region.sites.contains(site);
    let listed = marks.keys().filter(|site| own(site)).count();
    html! {
        figure.map {
            figcaption { strong { (region.name) } span.muted { " · " (wording::count(region.sites.len(), "site", "sites")) } }
            div.scroll role="region" tabindex="0" aria-label={ "Site map of " (region.name) } {
                svg viewBox=(format!("0 0 {WIDTH} {:.0}", projection.height)) role="group"
                    aria-label="Sites by position; listed items are links" {
                    (constellations(page, region))
                    (plain_sites(page, region, marks))
                    @if listed <= NAMED_SITES {
                        // Names first, so that no name covers a mark.
                        @for site in marks.keys().filter(|site| own(site)) {
                            (site_name(site, page, projection))
                        }
                    }
                    @for (site, of_site) in marks.iter().filter(|(site, _)| own(site)) {
                        (site_marks(site, of_site, page, projection))
                    }
                    (scale(projection))
                }
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
    region: &Region<'_>,
    marks: &BTreeMap<&str, Vec<Mark<'_>>>,
) -> Markup {
    let network = &page.signals.network;
    let scored: BTreeSet<&str> = page
        .signals
        .predictions
        .iter()
        .filter(|row| row.not_scored.is_none())
        .map(|row| network.site_of(&row.entity_id))
        .collect();
    html! {
        @for site in region.sites.iter().filter(|site| !marks.contains_key(*site)) {
            @if let Some((x, y)) = region.projection.place(network, site) {
                g transform=(format!("translate({x:.1} {y:.1})")) {
                    title { (network.label(site)) }
                    @if !scored.contains(site) {
                        path.unscored d="M-4,-4 L4,4 M-4,4 L4,-4" {}
                    } @else { circle.site r="3.5" {} }
                }
            }
        }
    }
}

fn site_marks(site: &str, marks: &[Mark<'_>], page: Page<'_>, projection: &Projection) -> Markup {
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
        }
    }
}

fn site_name(site: &str, page: Page<'_>, projection: &Projection) -> Markup {
    let network = &page.signals.network;
    html! {
        @if let Some((x, y)) = projection.place(network, site) {
            text.site-name x=(format!("{x:.1}")) y=(format!("{:.1}", y + 27.0)) { (network.label(site)) }
        }
    }
}

/// Lines between the sites of an incident that spans several.
fn constellations(page: Page<'_>, region: &Region<'_>) -> Markup {
    let network = &page.signals.network;
    let spans = page.advice.lists.iter().flat_map(|list| &list.listed).filter_map(|entry| {
        let sites: BTreeSet<&str> = entry
            .item
            .incident
            .affected()
            .map(|member| network.site_of(&member.entity_id))
            .collect();
        let places: Vec<_> = sites
            .iter()
            .filter(|site| region.sites.contains(*site))
            .filter_map(|site| region.projection.place(network, site))
            .collect();
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
                path.unscored d="M-4,-4 L4,4 M-4,4 L4,-4" {} } "Nothing scored" }
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
            text x=(format!("{:.1}", length + 8.0)) y="0" { (wording::quantity(km, "km")) }
        }
    }
}
