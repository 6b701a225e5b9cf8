//! Legal holds: rows that retention leaves whatever their age, who asked for it and why.

use foresite_schema::catalog;
use foresite_tables::HeldDays;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Stands among the names of tables: log-ins to the console are files, and are held as rows are.
pub(crate) const LOGINS: &str = "logins";

/// Ends a name that stands for all tables that begin so.
const ANY: char = '*';

/// Rows that stay, whatever their age.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// Names of tables, or their beginnings before a `*`, or `logins`; empty means all.
    pub tables: Vec<String>,
    /// First day whose rows are held, UTC; null = from the first row on.
    #[serde(with = "day")]
    pub from: Option<Date>,
    /// Last day, inclusive; null = up to the last row.
    #[serde(with = "day")]
    pub until: Option<Date>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
}

impl Hold {
    /// Whether it is about a table.
    pub(crate) fn names(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|pattern| is_of(pattern, table))
    }

    /// Whether it is about a day, in days since 1970.
    pub(crate) fn covers(&self, day: i32) -> bool {
        let HeldDays { from, until } = self.days();
        from.is_none_or(|from| day >= from) && until.is_none_or(|until| day <= until)
    }

    /// Its days.
    pub(crate) fn days(&self) -> HeldDays {
        HeldDays { from: self.from.map(since_epoch), until: self.until.map(since_epoch) }
    }

    /// Its tables and days in words.
    pub(crate) fn scope(&self) -> (String, String) {
        let tables = match self.tables.is_empty() {
            true => "all tables".to_owned(),
            false => self.tables.join(", "),
        };
        let days = match (self.from, self.until) {
            (None, None) => "all days".to_owned(),
            (Some(from), None) => format!("days from {from}"),
            (None, Some(until)) => format!("days until {until}"),
            (Some(from), Some(until)) => format!("days {from} to {until}"),
        };
        (tables, days)
    }

    /// What is wrong with it: the key and the rule it breaks.
    fn fault(&self) -> Option<String> {
        for (key, text, rule) in
            [("owner", &self.owner, "who answers for it"), ("reason", &self.reason, "why")]
        {
            if text.trim().is_empty() {
                return Some(format!("{key}: expected {rule}, got nothing"));
            }
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Some(format!("until: expected {from}, which is `from`, or later, got {until}"));
        }
        let at = self.tables.iter().position(|pattern| !is_known(pattern))?;
        Some(format!("tables[{at}]: `{}`: no table of the catalogue", self.tables[at]))
    }
}

/// What is wrong with the first faulty hold: its JSON path and the rule it breaks.
pub(crate) fn fault(holds: &[Hold]) -> Option<String> {
    let mut faults = holds.iter().enumerate().filter_map(|(at, hold)| Some((at, hold.fault()?)));
    faults.next().map(|(at, fault)| format!("holds[{at}].{fault}"))
}

/// Says which holds are about none of the tables that are there: a misspelt task, or too early.
pub(crate) fn warn_of_idle(holds: &[Hold], tables: &[&str]) {
    for hold in holds {
        if !tables.iter().any(|table| hold.names(table)) {
            let (owner, tables) = (hold.owner.as_str(), hold.scope().0);
            tracing::warn!(owner, tables, "a hold is about no table that is there");
        }
    }
}

/// Whether a name, or a beginning before a `*`, is that of a table.
fn is_of(pattern: &str, table: &str) -> bool {
    match pattern.strip_suffix(ANY) {
        Some(start) => table.starts_with(start),
        None => table == pattern,
    }
}

/// Whether the catalogue has a table of that name, or one that begins so; it has those of any task.
fn is_known(pattern: &str) -> bool {
    let start = pattern.strip_suffix(ANY).unwrap_or(pattern);
    let is_name = !start.contains(ANY) && catalog::find(start).is_some();
    is_name
        || is_of(pattern, LOGINS)
        || catalog::all().iter().any(|table| is_of(pattern, &table.name))
}

/// Days since 1970.
pub(crate) fn since_epoch(day: Date) -> i32 {
    let days = day.since(jiff::civil::date(1970, 1, 1)).map(|span| span.get_days());
    days.unwrap_or_default()
}

/// Days as `YYYY-MM-DD`, or null.
mod day {
    use jiff::civil::Date;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        day: &Option<Date>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => serializer.collect_str(day),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Date>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        // Anything longer, such as a time, would be cut off by the parser.
        let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
        day.map(Some).ok_or_else(|| {
            D::Error::custom(format!("expected a day like 2026-01-31 or null, got `{text}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(tables: &[&str]) -> Hold {
        Hold {
            tables: tables.iter().map(ToString::to_string).collect(),
            owner: "Kim".into(),
            reason: "case 7".into(),
            ..Hold::default()
        }
    }

    #[test]
    fn names_and_beginnings_are_those_of_tables() {
        let some = hold(&["kpis", "predictions_*"]);
        assert!(some.names("kpis") && some.names("predictions_anomaly"));
        assert!(!some.names("kpi_groups") && !some.names("incidents"));
        assert!(hold(&[]).names("anything"));
        for known in ["kpis", "kpi*", "*", "predictions_*", "samples_own", "features_own*"] {
            assert_eq!(hold(&[known]).fault(), None, "{known}");
        }
        for unknown in ["kpi", "", "kpis_*", "*kpis", "predictions_*x", "k*s*"] {
            let expected = format!("tables[0]: `{unknown}`: no table of the catalogue");
            assert_eq!(hold(&[unknown]).fault(), Some(expected));
        }
    }

    #[test]
    fn days_are_counted_from_the_epoch() {
        let day = |text: &str| Some(text.parse().unwrap());
        let some = Hold { from: day("1970-01-02"), until: day("2026-11-24"), ..hold(&[]) };
        assert_eq!(some.days(), HeldDays { from: Some(1), until: Some(20_781) });
        assert_eq!(some.scope().1, "days 1970-01-02 to 2026-11-24");
        assert_eq!(some.fault(), None);
    }
}
