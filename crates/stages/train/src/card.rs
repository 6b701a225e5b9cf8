//! The model card: what the model is for, what it was made of, and how far to trust it.

use std::fmt::Write as _;

use foresite_datasets::measure::Measured;
use foresite_datasets::{Fitted, Package};
use foresite_features::task::DAY;
use foresite_models::anomaly::Anomaly;
use foresite_models::forecast::{BaseScore, Forecaster};
use foresite_models::tabular::{GateResult, Tabular};

/// `card.md`, whole. Writing to a String cannot fail, so results of `write!` are dropped.
pub(crate) fn card(package: &Package, measured: &Measured) -> String {
    let task = &package.task;
    let mut page = format!(
        "# Model {} for task {}\n\n{}\n\nEntities: {}. What ships: **{}**. Seed {}.\n",
        package.model_id(),
        task.task,
        task.about,
        task.entity_type,
        package.path_name(),
        package.seed,
    );
    slices(&mut page, package);
    match &package.fitted {
        Fitted::Anomaly { model, gate } => {
            detector(&mut page, model, task.cutoffs.step.micros());
            candidates(&mut page, gate, "ridge");
        }
        Fitted::Forecast { model, bases, gate } => {
            forecaster(&mut page, model, bases);
            candidates(&mut page, gate, "base");
        }
        Fitted::Tabular { model, causes, gate, .. } => {
            candidates(&mut page, gate, "linear path");
            calibration(&mut page, model);
            if causes.is_none()
                && matches!(task.head, foresite_features::task::Head::TimeToEvent { .. })
            {
                page.push_str("\nCauses are not told apart: too few samples with a known cause.\n");
            }
        }
    }
    export(&mut page, package);
    let _ = write!(page, "\n## On the gate slice\n\n```\n{}```\n", measured.to_text());
    page.push_str(
        "\nThe verdict and the test slice stand in `evaluation/` beside this bundle. Figures hold for \
         the network, the time and the label rule of the sample set named above; software releases, \
         new vendors and rebuilt sites are outside of it.\n",
    );
    page
}

/// Whether other programs can run the network, or why there is none.
fn export(page: &mut String, package: &Package) {
    page.push_str(if package.ships_network() {
        "\n`network.pt` is the network alone as TorchScript, for Python and C++; predictions never read \
         it.\n"
    } else {
        "\nNo network ships, so there is no `network.pt`; what is said of the candidates says why.\n"
    });
}

fn slices(page: &mut String, package: &Package) {
    let _ = write!(
        page,
        "\n## Data\n\nSample set `{}`, lineage `{}`.\n\n| slice | first cutoff | last cutoff | used | masked |\n|---|---|---|---|---|\n",
        package.sample_set_id, package.lineage_id
    );
    let day = |micros: i64| {
        jiff::Timestamp::from_microsecond(micros)
            .map_or_else(|_| micros.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    for (slice, (first, last)) in &package.spans {
        let counts = package.samples.get(slice);
        let used = counts.and_then(|counts| counts.get("used")).copied().unwrap_or(0);
        let masked: Vec<String> = counts
            .into_iter()
            .flatten()
            .filter(|(reason, _)| *reason != "used")
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let (first, last) = (day(*first), day(*last));
        let _ = writeln!(page, "| {slice} | {first} | {last} | {used} | {} |", masked.join(", "));
    }
}

fn detector(page: &mut String, model: &Anomaly, step: i64) {
    let own = model.entities.values().filter(|state| state.own.is_some()).count();
    let _ = write!(
        page,
        "\n## Detector\n\nParts: {:?}. {} lags, smoothing {} steps, penalty {}. {own} of {} entities \
         have a forecast of their own; the others share one. Alarm level {} (two of three p-values \
         below it), chosen on the calibrate slice, each fifth of it held against the rest.\n",
        model.parts,
        model.lags,
        model.smoothing,
        model.pooled.penalty,
        model.entities.len(),
        model.alarms.alpha,
    );
    if let Some(promise) = model.alarms.promise {
        let a_day = |rate: f64| rate * DAY as f64 / step as f64;
        let (budget, found) = (a_day(promise.budget), a_day(promise.found));
        let _ = write!(page, "Alarms there: {found:.4} per entity and day, budget {budget:.4}.");
        page.push_str(match promise.is_kept() {
            true => "\n",
            false => {
                " **The budget was not kept**: even the strictest level raises more. More history \
                 or another budget (`alerts_per_entity_day`) is needed.\n"
            }
        });
    }
}

fn forecaster(page: &mut String, model: &Forecaster, bases: &[BaseScore]) {
    let _ = write!(
        page,
        "\n## Bases on the select slice\n\nMean absolute error in units of the seasonal naive error.\n\n\
         | base | error | series that chose it themselves |\n|---|---|---|\n"
    );
    for score in bases {
        let _ = writeln!(page, "| {} | {:.4} | {} |", score.base.word(), score.error, score.own);
    }
    let _ = write!(
        page,
        "\nCommon base: {}. Growth of all series {:+.2} % per 52 seasons, weight of a series' own \
         slope {}. {} error trajectories.\n",
        model.base.word(),
        100.0 * model.bases.growth * (52 * model.season) as f64,
        model.bases.own_slope,
        model.trajectories.rows(),
    );
}

/// Candidates against what ships without them.
fn candidates(page: &mut String, gate: &[GateResult], reference: &str) {
    if gate.is_empty() {
        let _ = write!(page, "\nNo candidate stood beside the {reference}.\n");
        return;
    }
    let _ = write!(
        page,
        "\n## Candidates against the {reference}\n\nA candidate ships if it saves more than 1 % of the \
         gate loss with p < .05 (paired bootstrap over an entity's blocks).\n\n\
         | candidate | loss | {reference} | difference | p | earned its place |\n|---|---|---|---|---|---|\n",
    );
    let number = |value: Option<f64>| value.map_or("undefined".into(), |v| format!("{v:.5}"));
    for result in gate {
        let (difference, p) = match &result.test {
            Some(test) => (
                format!(
                    "{:+.5} [{:+.5}, {:+.5}]",
                    test.difference, test.interval.low, test.interval.high
                ),
                format!("{:.4}", test.p_value),
            ),
            None => ("undefined".into(), "undefined".into()),
        };
        let earned = if result.earned { "yes" } else { "no: gate = 0" };
        let (loss, without) = (number(result.loss), number(result.reference_loss));
        let _ = writeln!(
            page,
            "| {} | {loss} | {without} | {difference} | {p} | {earned} |",
            result.name
        );
    }
}

fn calibration(page: &mut String, model: &Tabular) {
    let words: Vec<&str> = model.calibrators.iter().map(|calibrator| calibrator.word()).collect();
    let _ = writeln!(
        page,
        "\nPenalty of the linear path {}. Calibration per score: {}.",
        model.linear.penalty,
        words.join(", ")
    );
}
