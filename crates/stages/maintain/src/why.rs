//! Step `why`: where a prediction comes from, down to the files that landed.
//!
//! Follows the lineage documents: from the row to the run of predict that made it, the model and its
//! training, every slot that was read, and the raw files with their sha256. Prints a page; with
//! `--json` everything as one object.

mod origin;
mod page;
mod row;
mod sources;

use std::io::Write as _;

use foresite_stage::{Context, ErrorContext as _, ErrorKind, Report, Result, StageError};

use crate::Args;
use origin::Origin;
use row::Prediction;

pub(crate) fn run(cx: &Context, args: &Args, report: &mut Report) -> Result<()> {
    let Some(id) = args.prediction.as_deref() else {
        return Err(StageError::new(ErrorKind::Usage, "the prediction is not given")
            .hint("pass --prediction ID; the worklist and the services name ids"));
    };
    let prediction = Prediction::find(cx, id)?;
    let origin = Origin::trace(cx, &prediction)?;
    let text = if args.json {
        page::json(&prediction, &origin)?
    } else {
        page::text(cx, &prediction, &origin)
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context(|| "print")?;
    report.number("prediction_id", id);
    report.number("model_id", prediction.model_id.clone());
    report.number("runs", origin.runs.len());
    report.number("files", origin.files.len());
    Ok(())
}
