//! What watches over the pipeline: monitor on channels, data and models, and what follows for the
//! models; `--rebuild` on whether what was published can be computed again; maintain on what it
//! erased.

use super::{Layout as _, dated, nullable, provenance, required, table};
use crate::{Column, DataKind, Keep, TableDef, TableKind};
use DataKind::{Bool, Double, Int, Long, Text, Texts, Time};

/// `performance.metric` of a challenger beside the model that serves: monitor writes it, promote reads it.
pub const LOSS_AGAINST_CHAMPION: &str = "loss_against_champion";

/// `performance.scope` of what the lists stated and of what came of it: monitor writes it, advise reads it.
pub const OF_LISTS: &str = "lists";

/// All tables of this group.
pub fn all() -> Vec<TableDef> {
    vec![drift(), performance(), retrain_decisions(), rebuilds(), erasures()]
}

/// A window of time that something was judged over.
fn window() -> Vec<Column> {
    vec![
        required("window_start", Time, "", "start of the judged window"),
        required("window_end", Time, "", "end of the judged window, exclusive"),
    ]
}

/// `drift`: one test of whether a channel still looks as it did when the model learnt it.
pub fn drift() -> TableDef {
    let tested = vec![
        required("task", Text, "", "task whose model reads the channel"),
        required("entity_type", Text, "", "type of the entities that were pooled"),
        required("group_id", Text, "", "region, or what else the entities share; `*` = all"),
        required("channel", Text, "", "channel of `kpis`"),
        required(
            "statistic",
            Text,
            "",
            "level: all entities moved together; part: some moved against the others; gone: none has a value any more",
        ),
    ];
    let found = vec![
        nullable("model_id", Text, "", "serving model that sets the reference; null without one"),
        nullable("reference_start", Time, "", "start of the reference"),
        nullable("reference_end", Time, "", "end of the reference, exclusive"),
        nullable("exclusions", Text, "", "what of the reference does not count, and why"),
        nullable("entities", Long, "", "entities behind the value"),
        nullable("blocks", Int, "", "reference blocks of the window's length behind the null"),
        nullable(
            "value",
            Double,
            "",
            "the statistic: median standardised residual, or KS distance",
        ),
        nullable("threshold", Double, "", "value that one test in a hundred passes without drift"),
        nullable(
            "effect",
            Double,
            "reference IQR",
            "how far the entities moved, together or against each other",
        ),
        nullable("shift", Double, "as the channel", "median change of the entities"),
        nullable("p_value", Double, "", "chance of such a value without drift"),
        nullable("q_value", Double, "", "the p-value after false-discovery control of the window"),
        nullable(
            "flagged",
            Bool,
            "",
            "q-value and effect both say drift in this window, or it is confirmed",
        ),
        nullable(
            "confirmed",
            Bool,
            "",
            "this window and the one before say drift together, the same way",
        ),
        nullable(
            "cause",
            Text,
            "",
            "missing_data, outage, software_upgrade, new_carrier, event, holiday or unknown; null = not flagged",
        ),
        nullable("evidence", Texts, "", "sentences generated from checked numbers"),
        nullable("not_tested", Text, "", "why there is no value"),
    ];
    table(
        "drift",
        "one test of a channel in a group and window",
        TableKind::Derived,
        Keep::Forever,
        "task entity_type group_id channel statistic window_end",
        dated([tested, window(), found].concat()),
    )
    .layout("window_end", "task channel group_id")
}

/// `performance`: how the data and the models did in a window.
pub fn performance() -> TableDef {
    let measured = vec![
        required("task", Text, "", "task of the model; `data` for the data themselves"),
        required("model_id", Text, "", "the model; empty for what concerns none"),
        required("role", Text, "", "champion, challenger or provisional; empty without a model"),
        required("scope", Text, "", "horizon, group or channel that the metric is about"),
        required("metric", Text, "", "name of the metric"),
        required("kind", Text, "", "realised, estimated, coverage, volume or data"),
    ];
    let found = vec![
        nullable("value", Double, "as the metric", "point value"),
        nullable("low", Double, "as the metric", "lower end of what is expected or plausible"),
        nullable("high", Double, "as the metric", "upper end"),
        nullable("samples", Long, "", "samples behind it"),
        required("state", Text, "", "ok, warn, broken or unknown"),
        nullable("reason", Text, "", "why the state is not ok"),
    ];
    table(
        "performance",
        "one metric of a model, or of the data, in a window",
        TableKind::Derived,
        Keep::Forever,
        "task model_id role scope metric kind window_end",
        dated([measured, window(), found].concat()),
    )
    .layout("window_end", "task metric")
}

/// `retrain_decisions`: whether a task is trained again, decided once a day.
pub fn retrain_decisions() -> TableDef {
    let decided = vec![
        required("task", Text, "", "the task"),
        required("decision", Text, "", "retrain or wait"),
        nullable(
            "reason",
            Text,
            "",
            "what speaks for it: asked, no_model, erased, skill_down, coverage_broken, drift or scheduled; \
             null = nothing",
        ),
        nullable(
            "against",
            Texts,
            "",
            "what speaks against it: bad_data, in_shadow, too_little_truth, cool_down, would_not_help, quota",
        ),
        nullable("model_id", Text, "", "model that serves; null without one"),
        nullable("asked_by", Text, "", "who asked; null for the pipeline"),
        nullable("evidence", Texts, "", "sentences generated from checked numbers"),
    ];
    table(
        "retrain_decisions",
        "one decision whether a task is trained again",
        TableKind::Derived,
        Keep::Forever,
        "task window_end",
        dated([decided, window()].concat()),
    )
    .layout("window_end", "task")
}

/// `rebuilds`: a published computation that was repeated as of its time, and what came of it.
pub fn rebuilds() -> TableDef {
    let own = vec![
        required("stage", Text, "", "stage that was run again"),
        nullable("step", Text, "", "its step"),
        nullable("task", Text, "", "its task"),
        nullable(
            "rebuilt_table",
            Text,
            "",
            "table that was compared, or left out; null = it failed",
        ),
        required("slot_start", Time, "", "start of the interval that it was run for"),
        required("slot_end", Time, "", "end of the interval, exclusive"),
        required("as_of", Time, "", "the clock that it had"),
        required("published_lineage_id", Text, "", "the published computation"),
        nullable("published_rows", Long, "", "rows that were published; null = not compared"),
        nullable("published_sha256", Text, "", "hash of their values"),
        nullable("rebuilt_rows", Long, "", "rows that were computed now"),
        nullable("rebuilt_sha256", Text, "", "hash of their values"),
        nullable("equal", Bool, "", "both say the same, to the last bit; null = not compared"),
        nullable(
            "other",
            Texts,
            "",
            "parts of the computation's identity that are others now: revision, as_of, reads.<table>",
        ),
        nullable("detail", Text, "", "what differs, why it failed, or that it was not compared"),
        required("rebuilt_at", Time, "", "when it was run again"),
    ];
    table(
        "rebuilds",
        "one table of a published computation that was repeated",
        TableKind::Log,
        Keep::Forever,
        "published_lineage_id rebuilt_table rebuilt_at",
        [own, provenance()].concat(),
    )
}

/// `erasures`: an epoch whose pseudonyms name nobody any more.
pub fn erasures() -> TableDef {
    let own = vec![
        required("epoch", Text, "", "first day of the epoch whose key was destroyed"),
        required("person", Text, "", "who asked for it"),
        required("reason", Text, "", "why"),
        required("erased_at", Time, "", "when it was written down, before the key was destroyed"),
        required("key", Text, "", "destroyed; lost: there was none to destroy any more"),
        required("tables", Texts, "", "tables that it reached, with rows: `feedback: 12`"),
        required("models", Texts, "", "models that learnt from such rows: `anomaly/1f0c…`"),
        required(
            "unread_models",
            Texts,
            "",
            "models that do not say what they learnt from any more",
        ),
        required("files", Texts, "", "files below `landing/` that the rows came from, with names"),
        nullable(
            "doubtful_files",
            Texts,
            "",
            "files of people below `landing/` of which no row tells whom they name: set aside in whole or \
             part, without rows any more, replaced at their path, or not ingested; null = not looked for",
        ),
    ];
    table(
        "erasures",
        "one epoch of pseudonyms that was erased",
        TableKind::Log,
        Keep::Forever,
        "epoch",
        [own, provenance()].concat(),
    )
}
