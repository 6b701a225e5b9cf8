//! Log-ins to the console that are kept no longer: the files below the old days of `logins/`.

use foresite_stage::{Context, Report, Result};
use foresite_tables::Micros;
use jiff::civil::Date;

use crate::holds::{self, LOGINS};
use crate::retention::first_day;
use crate::{Config, only_counts};

/// Where the console writes them, a folder a day.
pub(crate) const FOLDER: &str = "logins/";

/// Deletes the files of days that are older than `login_days`, but for those that a hold covers.
pub(crate) fn expire(
    cx: &Context,
    config: &Config,
    now: Micros,
    report: &mut Report,
) -> Result<()> {
    let is_dry = only_counts(cx, config);
    let first_kept = first_day(now, config.login_days);
    let (mut gone, mut held) = (0_u64, 0_u64);
    for file in cx.root().list(FOLDER)? {
        let Some(day) = day_of(&file.path).map(holds::since_epoch) else { continue };
        if day >= first_kept {
            continue;
        }
        if config.holds.iter().any(|hold| hold.names(LOGINS) && hold.covers(day)) {
            held += 1;
            continue;
        }
        if !is_dry {
            cx.root().delete(&file.path)?;
        }
        gone += 1;
    }
    report.number("expired_login_files", gone);
    report.number("held_login_files", held);
    Ok(())
}

/// The day of a file; `None` for what the console did not write.
pub(crate) fn day_of(path: &str) -> Option<Date> {
    let (day, _) = path.strip_prefix(FOLDER)?.split_once('/')?;
    day.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_is_a_day_has_one() {
        let day = jiff::civil::date(2026, 3, 9);
        assert_eq!(day_of("logins/2026-03-09/07-ab.jsonl"), Some(day));
        for other in ["logins/2026-03-09", "logins/2026-03-09x/07.jsonl", "logins/old/07.jsonl"] {
            assert_eq!(day_of(other), None, "{other}");
        }
    }
}
