//! The data of a day: whether all of it came, in time, as much as usual and with values.

use std::collections::BTreeMap;

use arrow::array::Array as _;
use foresite_features::task::{DAY, MINUTE, Micros};
use foresite_kpi::{Columns, micros};
use foresite_schema::arrivals::Missing;
use foresite_schema::catalog::{derived, raw};
use foresite_stage::{Interval, Result};
use foresite_tables::Read;

use super::{Kind, Metric, State, band};
use crate::config::{Config, Judging};
use crate::drift::{NOW, Watched};
use crate::source::{Source, unfit};

/// Days before that a day's volume is compared with.
const VOLUME_DAYS: Micros = 7;
/// Share of the usual rows below which, or over whose inverse, the volume is odd.
const VOLUME_SHARE: f64 = 0.8;
/// Share of null values from which on a channel is broken.
const NULL_BROKEN: f64 = 0.5;

/// All metrics of the data.
pub(super) fn metrics(
    source: &mut Source<'_>,
    config: &Config,
    watched: &[Watched<'_>],
    day: Interval,
) -> Result<Vec<Metric>> {
    let mut found = arrival(source, &config.judging, day)?;
    found.extend(volume(source, day)?);
    found.extend(marks(source, &config.judging, day)?);
    found.extend(nulls(config, watched));
    Ok(found)
}

/// Completeness and lateness by the ledger. A period counts once, however many files it came in;
/// one that came after all is not missing.
fn arrival(source: &mut Source<'_>, judging: &Judging, day: Interval) -> Result<Vec<Metric>> {
    let as_of = source.cx.as_of();
    let mut taken: BTreeMap<(String, Micros), Option<Micros>> = BTreeMap::new();
    let mut missing = Missing::default();
    let mut lateness: Vec<f64> = Vec::new();
    let read = Read::all().period(day.start, day.end).columns([
        "kind",
        "ne_dn",
        "period_start",
        "period_end",
        "state",
        "landed_at",
        "known_at",
        "lineage_id",
    ]);
    source.scan(raw::ingest_ledger(), read, |batch| {
        let columns = Columns(batch);
        let text = |name| columns.text(name).map_err(unfit);
        let time = |name| columns.times(name).map_err(unfit);
        let (kinds, elements, states) = (text("kind")?, text("ne_dn")?, text("state")?);
        let (starts, ends, landed) =
            (time("period_start")?, time("period_end")?, time("landed_at")?);
        for row in 0..batch.num_rows() {
            if kinds.value(row) != "pm" || elements.is_null(row) || landed.value(row) > as_of {
                continue;
            }
            let (element, start) = (elements.value(row), starts.value(row));
            match states.value(row) {
                "missing" => missing.note(element, start),
                "taken" => {
                    let end = micros(&ends, row);
                    let longest = taken.entry((element.to_owned(), start)).or_default();
                    *longest = (*longest).max(end);
                    lateness
                        .extend(end.map(|end| (landed.value(row) - end) as f64 / MINUTE as f64));
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    for ((element, start), end) in &taken {
        missing.came(element, *start, *end);
    }
    let (taken, missing) = (taken.len(), missing.count());
    let expected = taken + missing;
    let complete = Metric::of_data("files", "completeness", day.start)
        .value((expected > 0).then(|| taken as f64 / expected as f64), expected);
    Ok(vec![completeness(complete, judging, missing), late(lateness, judging, day)])
}

fn completeness(metric: Metric, judging: &Judging, missing: usize) -> Metric {
    let reason = || format!("{missing} of {} expected files did not come", metric.samples);
    let state = match metric.value {
        None => return metric.state(State::Unknown, "no file was expected".to_owned()),
        Some(share) if share < judging.complete_broken_below.get() => State::Broken,
        Some(share) if share < judging.complete_warn_below.get() => State::Warn,
        Some(_) => return metric.state(State::Ok, None),
    };
    let reason = reason();
    metric.state(state, reason)
}

/// The 95 % point of the minutes between the end of a period and the landing of its file.
fn late(mut minutes: Vec<f64>, judging: &Judging, day: Interval) -> Metric {
    minutes.sort_by(f64::total_cmp);
    let count = minutes.len();
    let at = (count as f64 * 0.95).ceil() as usize;
    let value = at.checked_sub(1).and_then(|at| minutes.get(at).copied());
    let metric = Metric::of_data("files", "lateness_minutes_p95", day.start).value(value, count);
    match value {
        None => metric.state(State::Unknown, "no file came".to_owned()),
        Some(late) if late > f64::from(judging.late_minutes.get()) => {
            let reason = format!(
                "5 of 100 files come more than {late:.0} minutes after the end of their period"
            );
            metric.state(State::Warn, reason)
        }
        Some(_) => metric.state(State::Ok, None),
    }
}

/// Rows of `kpis` by type of entity and source, against the days before: an hour may have a row of
/// each source. One that a later row corrects is none, so that the day with a correction is no odd
/// one; a day at a time is held for that.
fn volume(source: &mut Source<'_>, day: Interval) -> Result<Vec<Metric>> {
    let mut counts: BTreeMap<String, BTreeMap<Micros, u64>> = BTreeMap::new();
    for back in (0..=VOLUME_DAYS).rev() {
        let start = day.end - (back + 1) * DAY;
        let read = Read::all()
            .columns(["entity_type", "source", "known_at", "lineage_id"])
            .number("granularity_s", 3600)
            .period(start, start + DAY);
        let Some(rows) = source.resolved(derived::kpis(), read)? else { break };
        let types = Columns(&rows).text("entity_type").map_err(unfit)?;
        let sources = Columns(&rows).text("source").map_err(unfit)?;
        let mut of_day: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            *of_day.entry((types.value(row), sources.value(row))).or_default() += 1;
        }
        for ((entity_type, source), count) in of_day {
            let scope = format!("{entity_type} {source}");
            counts.entry(scope).or_default().insert(start.div_euclid(DAY), count);
        }
    }
    let today = day.start.div_euclid(DAY);
    Ok(counts.iter().map(|(scope, days)| rows_of(scope, days, today, day)).collect())
}

fn rows_of(scope: &str, days: &BTreeMap<Micros, u64>, today: Micros, day: Interval) -> Metric {
    let before: Vec<u64> = days.range(..today).map(|(_, count)| *count).collect();
    let now = days.get(&today).copied().unwrap_or(0);
    let mut metric = Metric::of_data(scope, "rows", day.start)
        .value(Some(now as f64), usize::try_from(now).unwrap_or(usize::MAX));
    metric.kind = Kind::Volume;
    if before.is_empty() {
        return metric.state(State::Unknown, "there is no day before".to_owned());
    }
    let usual = before.iter().sum::<u64>() as f64 / before.len() as f64;
    metric.interval = Some((usual * VOLUME_SHARE, usual / VOLUME_SHARE));
    let share = now as f64 / usual.max(1.0);
    if (VOLUME_SHARE..=1.0 / VOLUME_SHARE).contains(&share) {
        return metric.state(State::Ok, None);
    }
    metric.state(State::Warn, format!("{now} rows, {usual:.0} a day were usual"))
}

/// People's marks that became known on the day, against the days since the first one: a page takes
/// so many a minute, a file has no limit. `None` where nobody marked anything.
fn marks(source: &mut Source<'_>, judging: &Judging, day: Interval) -> Result<Option<Metric>> {
    let since = day.end - Micros::from(judging.days.get()) * DAY;
    let read = Read::all().columns(["known_at", "file_id"]).since("known_at", since + 1);
    let mut counts: BTreeMap<Micros, u64> = BTreeMap::new();
    source.scan(raw::feedback(), read, |batch| {
        let known = Columns(batch).times("known_at").map_err(unfit)?;
        for at in known.iter().flatten() {
            *counts.entry(band::day_of(at)).or_default() += 1;
        }
        Ok(())
    })?;
    let today = band::day_of(day.end);
    let Some(first) = counts.keys().next().copied().filter(|first| *first <= today) else {
        return Ok(None);
    };
    let count = |day: Micros| counts.get(&day).copied().unwrap_or(0);
    let before: Vec<u64> = (first..today).map(count).collect();
    let mut metric = Metric::of_data("feedback", "marks", day.start);
    metric.kind = Kind::Volume;
    Ok(Some(band::judged(metric, (count(today), "marks"), &before, judging)))
}

/// Hours without a value, by channel, beside those of the reference.
fn nulls(config: &Config, watched: &[Watched<'_>]) -> Vec<Metric> {
    let mut found: BTreeMap<String, Metric> = BTreeMap::new();
    for of in watched {
        for channel in &of.channels {
            let scope = format!("{} {}", of.set.entity_type, channel.name);
            let mean = |of: &dyn Fn(&crate::panel::Series) -> f64| {
                channel.series.iter().map(of).sum::<f64>() / channel.series.len().max(1) as f64
            };
            let before = mean(&|series| series.missing_before);
            let now = mean(&|series| series.missing.get(NOW).copied().unwrap_or(1.0));
            let metric = Metric::of_data(&scope, "null_rate", of.spans.window().0)
                .value((!channel.series.is_empty()).then_some(now), channel.series.len());
            // Two sets may watch the same channel; the window is the same.
            found.entry(scope).or_insert(null_state(config, metric, before));
        }
    }
    found.into_values().collect()
}

fn null_state(config: &Config, mut metric: Metric, before: f64) -> Metric {
    let most = before + config.judging.null_rate_rise.get();
    metric.interval = Some((0.0, most.min(1.0)));
    let Some(now) = metric.value else {
        return metric.state(State::Unknown, "there are no entities".to_owned());
    };
    if now >= 1.0 && before >= 1.0 {
        return metric.state(State::Unknown, "no value in the window and none before".to_owned());
    }
    let reason = format!(
        "{:.1} % of the hours have no value, {:.1} % of the reference's",
        100.0 * now,
        100.0 * before
    );
    if now <= most {
        return metric.state(State::Ok, None);
    }
    metric.state(if now > NULL_BROKEN { State::Broken } else { State::Warn }, reason)
}
