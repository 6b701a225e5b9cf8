//! Numbers that sentences and titles stand on: the recent hours against what is usual.

use crate::{
    clock::{HOUR, Micros},
    inputs::{Context, Signals},
    wording,
};

/// The hours before the cutoff that "recent" means for an incident: those since its onset, at least
/// three, so that one odd hour does not speak alone, at most a day.
pub fn window(onset: Micros, cutoff: Micros) -> Micros {
    ((cutoff - onset) / HOUR).clamp(3, 24) * HOUR
}

/// The mean of the recent hours beside the mean of what is usual at these hours of the week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recent {
    /// Mean of the observed values.
    pub observed: f64,
    /// Mean of the usual medians at the same hours.
    pub usual: f64,
    /// Mean of the usual spreads at the same hours.
    pub spread: f64,
    /// Hours that had a value.
    pub hours: u32,
}

impl Recent {
    /// Deviation in spreads; `None` where the usual week does not vary.
    pub fn deviation(&self) -> Option<f64> {
        let deviation = (self.observed - self.usual) / self.spread;
        (self.spread > 0.0 && deviation.is_finite()).then_some(deviation)
    }

    /// Observed ÷ usual; `None` where nothing is usual.
    pub fn ratio(&self) -> Option<f64> {
        (self.usual > 0.0).then(|| self.observed / self.usual)
    }

    /// `−87 %`; where a ratio says nothing, the difference: `−59 points` of a percentage, `+15.7 °C`.
    pub(super) fn change(&self, unit: &str) -> Option<String> {
        let difference = self.observed - self.usual;
        let sign = if difference < 0.0 { "−" } else { "+" };
        let by = |unit| format!("{sign}{}", wording::quantity(difference.abs(), unit));
        match unit {
            "%" => Some(by("points")),
            "°C" | "V" => Some(by(unit)),
            "dBm" => Some(by("dB")),
            _ => self.ratio().map(wording::change),
        }
    }
}

/// Measures the recent hours of an entity and channel; `None` where too little is known.
pub fn recent(
    entity_id: &str,
    channel: &str,
    window: Micros,
    (signals, context): (&Signals, &Context),
) -> Option<Recent> {
    let series = context.series(entity_id, channel)?;
    let profile = context.profile(entity_id, channel)?;
    let zone = signals.network.time_zone(entity_id);
    let from = signals.cutoff - window;
    let mut sums = (0.0, 0.0, 0.0);
    let mut hours = 0;
    for sample in series.iter().filter(|sample| sample.at >= from && sample.at < signals.cutoff) {
        if let (Some(value), Some(usual)) = (sample.value, profile.at(sample.at, &zone)) {
            sums = (sums.0 + value, sums.1 + usual.median, sums.2 + usual.spread);
            hours += 1;
        }
    }
    let n = f64::from(hours);
    (hours > 0).then(|| Recent {
        observed: sums.0 / n,
        usual: sums.1 / n,
        spread: sums.2 / n,
        hours,
    })
}

/// `Downlink traffic: 0.3 GB/h in the last 3 hours, usually 2.4 GB/h at these hours (−87 %, 6.1
/// spreads below)`, under the name `label`.
pub(super) fn history(
    label: &str,
    (entity_id, channel): (&str, &str),
    window: Micros,
    data: (&Signals, &Context),
) -> Option<String> {
    let recent = recent(entity_id, channel, window, data)?;
    let (_, unit) = wording::channel(channel);
    let (observed, usual) =
        (wording::quantity(recent.observed, unit), wording::quantity(recent.usual, unit));
    let hours = wording::count(recent.hours as usize, "hour", "hours");
    let head = format!(
        "{}: {observed} in the last {hours}, usually {usual} at these hours of the week",
        wording::sentence(label)
    );
    let detail = match recent.deviation() {
        Some(deviation) if deviation.abs() < 1.0 => "as usual".to_owned(),
        Some(deviation) => {
            let side = if deviation < 0.0 { "below" } else { "above" };
            let spreads = format!("{:.1} spreads {side}", deviation.abs());
            recent
                .change(unit)
                .map_or_else(|| spreads.clone(), |change| format!("{change}, {spreads}"))
        }
        None => recent.change(unit)?,
    };
    Some(format!("{head} ({detail})."))
}

/// Observed ÷ usual load of some entities together, and how many had values.
pub fn load_ratio<'a>(
    entities: impl Iterator<Item = &'a str>,
    window: Micros,
    data: (&Signals, &Context),
) -> Option<(f64, usize)> {
    let known: Vec<Recent> =
        entities.filter_map(|id| recent(id, crate::exposure::TRAFFIC, window, data)).collect();
    let usual: f64 = known.iter().map(|recent| recent.usual).sum();
    let observed: f64 = known.iter().map(|recent| recent.observed).sum();
    (usual > 0.0).then(|| (observed / usual, known.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{Profile, Sample, SeriesKey, UsualHour};

    fn sources(values: [Option<f64>; 3], median: f64, spread: f64) -> (Signals, Context) {
        let signals = Signals { cutoff: 3 * HOUR, ..Signals::default() };
        let mut profile = Profile::default();
        for hour in 0..168 {
            profile.set(hour, UsualHour { median, spread });
        }
        let series = (0..).zip(values).map(|(hour, value)| Sample { at: hour * HOUR, value });
        let key = SeriesKey::new("c", "traffic_dl_gb");
        let context = Context {
            hourly: [(key.clone(), series.collect())].into(),
            profiles: [(key, profile)].into(),
            ..Context::default()
        };
        (signals, context)
    }

    fn told(values: [Option<f64>; 3], median: f64, spread: f64) -> Option<String> {
        let (signals, context) = sources(values, median, spread);
        history("downlink traffic", ("c", "traffic_dl_gb"), 3 * HOUR, (&signals, &context))
            .map(|text| text.replace('\u{a0}', " "))
    }

    #[test]
    fn a_loss_is_told_in_percent_and_spreads() {
        assert_eq!(
            told([Some(0.2), Some(0.3), Some(0.4)], 2.4, 0.35).as_deref(),
            Some(
                "Downlink traffic: 0.3 GB/h in the last 3 hours, usually 2.4 GB/h at these hours \
                 of the week (−88 %, 6.0 spreads below)."
            )
        );
    }

    #[test]
    fn the_window_begins_with_the_incident() {
        assert_eq!(window(9 * HOUR, 10 * HOUR), 3 * HOUR);
        assert_eq!(window(HOUR, 10 * HOUR), 9 * HOUR);
        assert_eq!(window(0, 100 * HOUR), 24 * HOUR);
    }

    #[test]
    fn a_small_deviation_is_as_usual_and_never_zero_spreads() {
        let text = told([Some(2.4), None, Some(2.5)], 2.4, 0.3).unwrap();
        assert!(text.ends_with("(as usual)."), "{text}");
        assert!(text.contains("in the last 2 hours"), "{text}");
    }

    #[test]
    fn nothing_is_said_without_numbers() {
        assert_eq!(told([None, None, None], 2.4, 0.3), None);
        assert_eq!(told([Some(1.0); 3], 0.0, 0.0), None);
    }

    #[test]
    fn the_load_of_neighbours_is_added_up() {
        let (signals, context) = sources([Some(3.0); 3], 2.0, 0.3);
        let ratio = load_ratio(["c", "unknown"].into_iter(), 3 * HOUR, (&signals, &context));
        assert_eq!(ratio, Some((1.5, 1)));
    }
}
