//! Names of features in people's words.
//!
//! The feature kernel composes names from parts (`temperature_c_units_max_7d_slope`); a sentence
//! takes them apart again. A name that does not fit keeps its own words.

use super::{CHANNELS, channel};

/// The words of a feature or channel.
pub fn feature(name: &str) -> String {
    let name = without_encoding(name);
    fixed(name)
        .map(str::to_owned)
        .or_else(|| alarm(name))
        .or_else(|| prefixed(name))
        .or_else(|| rolling(name))
        .unwrap_or_else(|| channel(name).0)
}

/// Encodings split a feature into several inputs; people know only the whole.
fn without_encoding(name: &str) -> &str {
    let name =
        name.strip_suffix("_never").or_else(|| name.strip_suffix("_missing")).unwrap_or(name);
    match name.rsplit_once("_bin") {
        Some((whole, bin)) if bin.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        _ => name,
    }
}

fn fixed(name: &str) -> Option<&'static str> {
    Some(match name {
        "age_d" => "age of the equipment",
        "event_count" => "earlier failures",
        "event_since_h" => "time since the last failure",
        "alarm_open" => "standing alarms",
        "alarm_open_since_h" => "age of the oldest standing alarm",
        "holiday" => "holiday",
        _ if name.starts_with("hour_") => "time of day",
        _ if name.starts_with("week_") || name.starts_with("weekday_") => "day of the week",
        _ if name.starts_with("year_") => "season",
        _ => return None,
    })
}

/// `alarm_hours_7d`, `alarm_fan_speed_deviation_count_7d`, `alarm_fan_speed_deviation_since_h`.
fn alarm(name: &str) -> Option<String> {
    let rest = name.strip_prefix("alarm_")?;
    if let Some(window) = rest.strip_prefix("hours_") {
        return Some(format!("hours in alarm in {}", spaced(window)));
    }
    if let Some(kind) = rest.strip_suffix("_since_h") {
        return Some(format!("time since the last alarm “{}”", kind.replace('_', " ")));
    }
    let (kind, window) = rest.rsplit_once("_count_")?;
    Some(format!("alarms “{}” in {}", kind.replace('_', " "), spaced(window)))
}

/// `silence_traffic_dl_gb`, `neighbours_z_users_mean`.
fn prefixed(name: &str) -> Option<String> {
    const PREFIXES: [(&str, &str); 6] = [
        ("silence_", "missing "),
        ("silent_steps_", "hours almost without "),
        ("absorbed_", "neighbours' "),
        ("neighbours_z_", "neighbours' "),
        ("site_z_", "the site's other cells' "),
        ("z_", "unusual "),
    ];
    PREFIXES.iter().find_map(|(prefix, words)| {
        let rest = name.strip_prefix(prefix).filter(|rest| is_channel(rest))?;
        Some(format!("{words}{}", channel(rest).0))
    })
}

/// `[z_]<channel>[_units_<aggregate>|_cells_<aggregate>]_<window>_<statistic>`.
fn rolling(name: &str) -> Option<String> {
    let (rest, statistic) = name.rsplit_once('_')?;
    let (rest, window) = rest.rsplit_once('_')?;
    if !window.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let rest = rest.strip_prefix("z_").unwrap_or(rest);
    let (known, _, _) = CHANNELS
        .iter()
        .filter(|(known, _, _)| rest.starts_with(known))
        .max_by_key(|(known, _, _)| known.len())?;
    let label = channel(known).0;
    let window = spaced(window);
    Some(match statistic {
        "slope" => format!("trend of {label} over {window}"),
        "mean" => format!("{label} over {window}"),
        other => format!("{other} of {label} over {window}"),
    })
}

fn is_channel(name: &str) -> bool {
    CHANNELS.iter().any(|(known, _, _)| *known == name)
}

/// `7d` as `7 d`.
fn spaced(window: &str) -> String {
    let unit = window.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(window.len());
    let (number, unit) = window.split_at(unit);
    format!("{number}\u{a0}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_names_read_as_people_say_them() {
        let cases = [
            ("temperature_c_units_max_7d_slope", "trend of temperature over 7 d"),
            ("traffic_dl_gb_cells_mean_1d_mean", "downlink traffic over 1 d"),
            ("alarm_fan_speed_deviation_count_7d", "alarms “fan speed deviation” in 7 d"),
            ("alarm_mains_failure_since_h_bin12", "time since the last alarm “mains failure”"),
            ("alarm_hours_1d", "hours in alarm in 1 d"),
            ("event_since_h_never", "time since the last failure"),
            ("age_d", "age of the equipment"),
            ("silence_traffic_dl_gb", "missing downlink traffic"),
            ("neighbours_z_users_mean", "neighbours' connected users"),
            ("drop_rate", "drop rate"),
            ("my_own_counter", "my own counter"),
        ];
        for (name, words) in cases {
            assert_eq!(feature(name).replace('\u{a0}', " "), words);
        }
    }
}
