//! From latitude and longitude to places on the map.

use crate::network::Network;

/// Width of the map in its own units.
pub(super) const WIDTH: f64 = 560.0;
const MARGIN: f64 = 44.0;
/// Kilometres per degree of latitude.
const DEGREE_KM: f64 = 111.32;

/// Positions on the page: equirectangular around the middle of the network.
pub(super) struct Projection {
    west: f64,
    north: f64,
    squeeze: f64,
    pub(super) pixels_per_km: f64,
    shift: (f64, f64),
    pub(super) height: f64,
}

impl Projection {
    /// The projection that shows all of `sites`; `None` without positions.
    pub(super) fn fit(network: &Network, sites: &[&str]) -> Option<Self> {
        let places: Vec<(f64, f64)> =
            sites.iter().filter_map(|site| position(network, site)).collect();
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
        let room = (WIDTH - 2.0 * MARGIN, 420.0 - 2.0 * MARGIN);
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

    /// Where a site stands; `None` without a position.
    pub(super) fn place(&self, network: &Network, site: &str) -> Option<(f64, f64)> {
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

/// The greatest of 1, 2, 5 × 10ⁿ that is not above `value`.
pub(super) fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step <= value)
        .unwrap_or(power)
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
        let projection = Projection::fit(&network, &["r/S", "r/N", "r/E"]).unwrap();
        let place = |id: &str| projection.place(&network, id).unwrap();
        assert!(place("r/N").1 < place("r/S").1);
        let up = place("r/S").1 - place("r/N").1;
        let across = place("r/E").0 - place("r/S").0;
        // By hand: a degree of longitude at 48° is cos 48.05° = .668 of a degree of latitude.
        assert!((across / up - 0.668).abs() < 0.002, "{}", across / up);
    }

    #[test]
    fn one_site_or_none_is_no_problem() {
        assert!(Projection::fit(&Network::default(), &["r/S"]).is_none());
        let network = Network::new([site("r/S", 48.0, 11.0)], []);
        let place = Projection::fit(&network, &["r/S"]).unwrap().place(&network, "r/S");
        assert!(place.is_some_and(|(x, y)| x.is_finite() && y.is_finite()));
    }

    #[test]
    fn scale_bars_have_round_lengths() {
        for (value, round) in [(7.3, 5.0), (2.0, 2.0), (14.0, 10.0), (0.3, 0.2)] {
            assert!((nice(value) - round).abs() < 1e-9);
        }
    }
}
