//! Numbers and channels in people's words.
//!
//! Every figure in a sentence, a table or a plot goes through these functions, so that one number
//! reads the same everywhere.

mod feature;

pub use feature::feature;

/// The words of the built-in channels.
const CHANNELS: [(&str, &str, &str); 25] = [
    ("rrc_setup_sr", "RRC set-up success", "%"),
    ("ng_sig_sr", "NG signalling success", "%"),
    ("drb_setup_sr", "bearer set-up success", "%"),
    ("accessibility", "accessibility", "%"),
    ("drb_retainability", "bearer drops per second", "1/s"),
    ("drop_rate", "drop rate", "%"),
    ("ue_thp_dl", "downlink user throughput", "Mbit/s"),
    ("ue_thp_ul", "uplink user throughput", "Mbit/s"),
    ("latency_dl", "downlink latency", "ms"),
    ("prb_util_dl", "downlink PRB utilisation", "%"),
    ("prb_util_ul", "uplink PRB utilisation", "%"),
    ("peak_prb_util_dl", "peak downlink PRB utilisation", "%"),
    ("traffic_dl_gb", "downlink traffic", "GB/h"),
    ("traffic_ul_gb", "uplink traffic", "GB/h"),
    ("users_mean", "connected users", ""),
    ("users_max", "peak connected users", ""),
    ("ho_success_inter", "handover success", "%"),
    ("availability", "availability", "%"),
    ("bler_dl", "downlink block errors", "%"),
    ("rach_att", "random access attempts", ""),
    ("power_w", "power", "W"),
    ("energy_kwh", "energy", "kWh"),
    ("temperature_c", "temperature", "°C"),
    ("voltage_v", "voltage", "V"),
    ("rx_power_dbm", "received optical power", "dBm"),
];

/// The words of a channel; a channel of the user's own keeps its name.
pub fn channel(name: &str) -> (String, &'static str) {
    CHANNELS.iter().find(|(known, _, _)| *known == name).map_or_else(
        || (name.replace('_', " "), ""),
        |(_, label, unit)| ((*label).to_owned(), *unit),
    )
}

/// The name of a metric: `VUS-PR`, `brier skill 60d`.
pub fn metric(name: &str) -> String {
    const ACRONYMS: [&str; 9] = ["vus", "auc", "mase", "wql", "wape", "ece", "mae", "rmse", "f1"];
    let words: Vec<String> = name
        .split('_')
        .map(|word| if ACRONYMS.contains(&word) { word.to_uppercase() } else { word.to_owned() })
        .collect();
    let mut text = words.join(" ");
    for (from, to) in
        [("VUS pr", "VUS-PR"), ("pr AUC", "PR-AUC"), ("AUC pr", "PR-AUC"), ("AUC roc", "ROC-AUC")]
    {
        text = text.replace(from, to);
    }
    text
}

/// Why an entity was not scored, in a sentence's words.
pub fn reason(code: &str) -> String {
    match code {
        "no_data" => "no data reached the look-back".into(),
        "no_features" => "no features were computed".into(),
        "no_profile" => "not enough history to know what is usual".into(),
        "too_little_history" => "too little history for a forecast".into(),
        other => other.replace('_', " "),
    }
}

/// Whether a built-in channel cannot fall below zero, so that its expected band must not either.
pub fn is_never_negative(name: &str) -> bool {
    let below_zero = ["temperature_c", "rx_power_dbm", "voltage_v"];
    !below_zero.contains(&name) && CHANNELS.iter().any(|(known, _, _)| *known == name)
}

/// A number with three significant digits at most, without trailing noise: `0.31`, `12.4`, `1,240`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let magnitude = value.abs();
    let text = if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    let text = if text == "-0" { "0".into() } else { text };
    group_thousands(&text.replace('-', "−"))
}

/// A number with its unit.
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        unit => format!("{}\u{a0}{unit}", number(value)),
    }
}

/// A probability as people say it; never 0 % or 100 %, which no model can know.
pub fn probability(p: f64) -> String {
    match p {
        p if !p.is_finite() => "–".into(),
        p if p < 0.01 => "<\u{2009}1\u{a0}%".into(),
        p if p > 0.99 => ">\u{2009}99\u{a0}%".into(),
        p => format!("{:.0}\u{a0}%", p * 100.0),
    }
}

/// A share of 1 as a whole percentage.
pub fn share(part: f64) -> String {
    if part.is_finite() { format!("{:.0}\u{a0}%", part * 100.0) } else { "–".into() }
}

/// A relative change with its sign: `−87 %`, `+12 %`.
pub fn change(ratio: f64) -> String {
    let percent = (ratio - 1.0) * 100.0;
    let sign = if percent < 0.0 { "−" } else { "+" };
    format!("{sign}{:.0}\u{a0}%", percent.abs())
}

/// `1 cell`, `3 cells`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    let text = group_thousands(&n.to_string());
    format!("{text} {}", if n == 1 { one } else { many })
}

/// `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The text with its first letter in upper case.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn group_thousands(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    let mut grouped = String::with_capacity(text.len() + 4);
    let mut seen = 0;
    for letter in whole.chars() {
        if letter.is_ascii_digit() {
            if seen > 0 && (digits - seen) % 3 == 0 && digits > 3 {
                grouped.push(',');
            }
            seen += 1;
        }
        grouped.push(letter);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        let cases = [
            (0.314_159, "0.31"),
            (12.44, "12.4"),
            (1_240.4, "1,240"),
            (-3.0, "−3"),
            (-0.001, "0"),
            (1_234_567.0, "1,234,567"),
            (f64::NAN, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn no_probability_reads_as_certain() {
        assert_eq!(probability(0.0), "<\u{2009}1\u{a0}%");
        assert_eq!(probability(1.0), ">\u{2009}99\u{a0}%");
        assert_eq!(probability(0.344), "34\u{a0}%");
    }

    #[test]
    fn changes_carry_their_sign() {
        assert_eq!(change(0.13), "−87\u{a0}%");
        assert_eq!(change(1.12), "+12\u{a0}%");
    }

    #[test]
    fn a_channel_of_the_users_own_keeps_its_name() {
        assert_eq!(channel("cpu_load"), ("cpu load".into(), ""));
        assert_eq!(channel("drop_rate"), ("drop rate".into(), "%"));
    }

    #[test]
    fn metrics_keep_their_acronyms() {
        assert_eq!(metric("vus_pr"), "VUS-PR");
        assert_eq!(metric("pr_auc_7d"), "PR-AUC 7d");
        assert_eq!(metric("auc_roc_1d"), "ROC-AUC 1d");
        assert_eq!(metric("event_recall"), "event recall");
    }

    #[test]
    fn lists_read_as_people_write_them() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&words), "a, b and c");
        assert_eq!(list(&words[..1]), "a");
    }
}
