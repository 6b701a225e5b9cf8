//! What is printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use foresite_registry::Event;
use foresite_stage::{Context, Result};
use foresite_tables::Micros;
use serde_json::{Value as Json, json};

use super::origin::{Origin, Run};
use super::row::Prediction;

/// Lines of a list that are printed; `--json` has all.
const MOST_LINES: usize = 12;

/// Everything as one object.
pub(super) fn json(prediction: &Prediction, origin: &Origin) -> Result<String> {
    let row: BTreeMap<&str, &str> =
        prediction.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let runs: BTreeMap<&str, &Json> =
        origin.runs.values().map(|run| (run.id.as_str(), &run.document)).collect();
    let decisions: Vec<Json> = origin.decisions.iter().map(decision).collect();
    let training = origin.training.as_ref().map(|run| json!({ run.id.as_str(): run.document }));
    let whole = json!({
        "prediction": row, "task": prediction.task, "made_by": prediction.lineage_id,
        "runs": runs, "training": training, "decisions": decisions, "files": origin.files,
    });
    Ok(serde_json::to_string_pretty(&whole)?)
}

fn decision(event: &Event) -> Json {
    json!({
        "event": event.kind.word(), "alias": event.alias.map(|alias| alias.word()),
        "at": time(event.at), "person": event.person, "reason": event.reason,
    })
}

/// A page for people. Writing to a String cannot fail, so results of `write!` are dropped.
pub(super) fn text(cx: &Context, prediction: &Prediction, origin: &Origin) -> String {
    let mut page = format!("prediction {} of task {}\n", prediction.id, prediction.task);
    for (name, value) in &prediction.values {
        let _ = writeln!(page, "  {name:<14} {value}");
    }
    model(&mut page, prediction, origin);
    if let Some(maker) = origin.runs.get(&prediction.lineage_id) {
        slots(&mut page, origin);
        files(&mut page, origin);
        again(&mut page, cx, prediction, maker);
    }
    page
}

fn model(page: &mut String, prediction: &Prediction, origin: &Origin) {
    let _ = writeln!(page, "\nmodel {}", prediction.model_id);
    match &origin.training {
        Some(run) => {
            let samples = run.document["slot"]["sample_set"].as_str().unwrap_or_default();
            let _ = writeln!(page, "  trained on sample set {samples}; {}", about(run));
        }
        None => page.push_str("  its bundle is gone\n"),
    }
    for event in &origin.decisions {
        let alias = event.alias.map(|alias| format!(" as {alias}")).unwrap_or_default();
        let person = event.person.as_deref().unwrap_or("the pipeline");
        let reason = event.reason.as_deref().unwrap_or("no reason given");
        let (at, word) = (time(event.at), event.kind.word());
        let _ = writeln!(page, "  {at}  {word}{alias} by {person}: {reason}");
    }
}

/// Runs by stage, from the prediction down.
fn slots(page: &mut String, origin: &Origin) {
    let mut stages: BTreeMap<(&str, &str), Vec<&Run>> = BTreeMap::new();
    for run in origin.runs.values() {
        stages.entry((run.word("stage"), run.word("step"))).or_default().push(run);
    }
    let _ = writeln!(page, "\nmade by {} runs", origin.runs.len());
    for ((stage, step), mut runs) in stages {
        runs.sort_by_key(|run| run.period());
        let of = runs.len();
        let _ = writeln!(page, "  {stage}{}{step}", if step.is_empty() { "" } else { " " });
        for run in runs.iter().rev().take(MOST_LINES) {
            let period =
                run.period().map(|(start, end)| format!("[{}, {})", time(start), time(end)));
            let _ = writeln!(page, "    {} {}", period.unwrap_or_default(), about(run));
        }
        more(page, of);
    }
}

fn files(page: &mut String, origin: &Origin) {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &origin.files {
        kinds.entry(&file.kind).or_default().push(format!("{}  {}", file.sha256, file.path));
    }
    let _ = writeln!(page, "\nfrom {} files", origin.files.len());
    for (kind, lines) in kinds {
        let _ = writeln!(page, "  {kind}");
        for line in lines.iter().rev().take(MOST_LINES) {
            let _ = writeln!(page, "    {line}");
        }
        more(page, lines.len());
    }
}

fn more(page: &mut String, of: usize) {
    if of > MOST_LINES {
        let _ = writeln!(page, "    and {} earlier ones; --json has all", of - MOST_LINES);
    }
}

/// The call that makes the row anew. What was issued is compared to the last bit and not touched; a
/// replay replaces its own slot, with the same rows. What came late stays where it is, and gets one.
fn again(page: &mut String, cx: &Context, prediction: &Prediction, maker: &Run) {
    let is_replay = prediction.is_replay();
    let configuration = maker.document["configuration"].to_string();
    let _ = writeln!(page, "\nonce more");
    if is_replay {
        // As a shell reads it.
        let quoted = configuration.replace('\'', "'\\''");
        let _ = writeln!(page, "  echo '{quoted}' >predict.json");
    }
    let (root, task) = (cx.root().url(), &prediction.task);
    let _ = write!(page, "  foresite-predict --data-root {root} --task {task}");
    if is_replay {
        let _ = write!(page, " --model {} --config predict.json", prediction.model_id);
    }
    if let Some((start, end)) = maker.period() {
        let _ = write!(page, " --interval-start {} --interval-end {}", time(start), time(end));
    }
    let _ = match is_replay {
        true => {
            let as_of = prediction.value("as_of").unwrap_or_default();
            let is_apart = prediction.value("source") != Some("replay");
            let beside = if is_apart { "\n  as a replay beside it: the row stays" } else { "" };
            writeln!(page, " --as-of {as_of} --force{beside}")
        }
        false => writeln!(page, " --rebuild\n  with the configuration {configuration}"),
    };
    let _ = writeln!(page, "  by the code of revision {}", maker.word("revision"));
}

fn about(run: &Run) -> String {
    format!("revision {}, lineage {}", run.word("revision"), run.id)
}

fn time(micros: Micros) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map_or_else(|_| micros.to_string(), |at| at.to_string())
}
