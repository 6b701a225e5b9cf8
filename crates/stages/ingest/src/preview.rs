//! What a dry run says about the files of a plan: who sent them and when, without their values.

use foresite_pm::{Limits, PmReader, ValuePath};
use foresite_stage::{Context, Report, Result};
use rayon::prelude::*;

use crate::feeds::{Claim, Feeds};
use crate::landing::Landing;
use crate::plan::{IngestPlan, PlannedFile};

/// Looks into every file and counts those that cannot be read; each is one line of the log.
pub(crate) fn preview(
    cx: &Context,
    feeds: &Feeds,
    landing: &Landing,
    plan: &IngestPlan,
    report: &mut Report,
) -> Result<()> {
    let files = plan.content.part(0, 1);
    let readable: Vec<bool> = files
        .par_iter()
        .map_init(
            || PmReader::new(Limits::default(), ValuePath::Fast),
            |reader, file| {
                cx.check_stop()?;
                look(reader, file, feeds, landing)
            },
        )
        .collect::<Result<_>>()?;
    report.number("unreadable", readable.iter().filter(|readable| !**readable).count());
    Ok(())
}

fn look(
    reader: &mut PmReader,
    file: &PlannedFile,
    feeds: &Feeds,
    landing: &Landing,
) -> Result<bool> {
    let Some(claim @ Claim::Pm(_)) = feeds.claim(&file.path) else {
        // Whether a table fits its mapping shows only when it is read.
        return Ok(true);
    };
    let (path, source) = (file.path.as_str(), claim.source());
    if let Some(error) = landing.refuses(file.size) {
        tracing::warn!(path, source, error, "cannot be read");
        return Ok(false);
    }
    let Some(bytes) = landing.read(&file.path, file.size)? else {
        return Ok(true);
    };
    match reader.peek(&bytes) {
        Ok(peek) => {
            let [begin, end] = [peek.begin, peek.end].map(stamp);
            tracing::debug!(path, source, format = peek.format.name(), peek.ne_dn, begin, end);
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(path, source, %error, "cannot be read");
            Ok(false)
        }
    }
}

fn stamp(micros: Option<i64>) -> String {
    let at = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}
