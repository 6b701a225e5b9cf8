//! The validate stage: judges what arrived before anything is computed from it.
//!
//! Step `judge` looks at `pm_counters` element by element and hour by hour (completeness, suspect
//! and restarted periods, ranges, contradictions, clocks), then region by region, and writes
//! `quality`: rows with severity `null_rows` name the objects and periods that derive leaves out; a
//! halt takes a vendor's whole region out and ends with exit 0 and the verdict `halt`. Step
//! `reconcile` compares derived KPIs with imported ones of the same hours.

mod config;
mod elements;
mod finding;
mod inputs;
mod judgement;
mod overlap;
mod regions;
mod rules;

use foresite_kpi::{HOUR, Micros, channels, of_bucket};
use foresite_schema::{BUCKETS, catalog::derived};
use foresite_stage::{
    Context, ErrorContext as _, Inputs, Interval, NoArgs, Report, Result, Stage, StageError,
};
use foresite_tables::{Read, Slot, Table};

pub use config::{Config, Treatment};
use finding::{Severity, Stamp, Version};
use inputs::{Measured, Sources, unfit};
use judgement::Evidence;

/// Source of derived KPIs.
const DERIVED: &str = "derived";
/// Length of the steps of `reconcile`: one finding a channel and day.
const DAY: Micros = 24 * HOUR;

/// The stage.
#[derive(Debug)]
pub struct Validate;

impl Stage for Validate {
    const NAME: &'static str = "validate";
    const ABOUT: &'static str =
        "Judges counters by element and hour; names what derive must leave out";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["judge", "reconcile"];
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let interval = cx.interval()?.of_full_hours()?;
        let mut run = Run {
            cx,
            config,
            quality: match cx.is_dry_run() {
                true => None,
                false => Some(cx.root().table(derived::quality())?),
            },
            worst: Severity::Info,
            tally: Tally::default(),
            report: cx.report(),
        };
        match cx.step() {
            "reconcile" => run.reconcile(interval)?,
            _ => run.judge(interval)?,
        }
        Ok(run.finish())
    }
}

/// Key numbers of the result.
#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    findings: u64,
    failed: u64,
    nulled: u64,
    halted: u64,
}

/// One run of either step.
struct Run<'a> {
    cx: &'a Context,
    config: Config,
    quality: Option<Table>,
    worst: Severity,
    tally: Tally,
    report: Report,
}

impl Run<'_> {
    fn judge(&mut self, interval: Interval) -> Result<()> {
        let sources = Sources::open(self.cx)?;
        let steps: Vec<_> = interval.steps(self.config.step()).collect();
        let progress = self.cx.progress(steps.len() as u64, "steps");
        for step in steps {
            self.cx.check_stop()?;
            let measured = sources.measured(self.cx, step)?;
            let versions = self.judge_step(&sources, &measured, step);
            let mut inputs = measured.inputs;
            // That nothing came is known as well, from the moment at which a gap is one.
            inputs.note_known_at(step.end + self.config.gap_after());
            self.tally.rows += measured.rows;
            self.commit("counters", step, &versions, &inputs)?;
            progress.add(1);
        }
        Ok(())
    }

    fn judge_step(&self, sources: &Sources, measured: &Measured, step: Interval) -> Vec<Version> {
        let evidence = Evidence {
            config: &self.config,
            objects: &sources.objects,
            measured: &measured.elements,
            expected: &measured.expected,
            as_of: self.cx.as_of(),
        };
        judgement::judge(&evidence, step)
    }

    fn reconcile(&mut self, interval: Interval) -> Result<()> {
        let kpis = self.cx.root().existing(derived::kpis().with_columns(channels()));
        let kpis = kpis.map_err(|error| StageError::from(error).hint("run derive first"))?;
        let columns = kpis.def().columns.iter().map(|column| column.name.clone());
        let columns: Vec<_> = columns.collect();
        for step in interval.steps(DAY) {
            self.cx.check_stop()?;
            let read = Read::all()
                .columns(&columns)
                .period(step.start, step.end)
                .number("granularity_s", 3600)
                .as_of(self.cx.as_of());
            let batch = kpis.read(&read)?;
            let mut inputs = Inputs::new();
            inputs.add_rows("kpis", &batch, "lineage_id")?;
            let versions = overlap::compare(&self.config, &batch, step)
                .map_err(unfit)
                .context(|| format!("reconcile {step}"))?;
            self.tally.rows += batch.num_rows() as u64;
            self.commit("overlap", step, &versions, &inputs)?;
        }
        Ok(())
    }

    /// Publishes the findings of a step, bucket by bucket.
    fn commit(
        &mut self,
        source: &str,
        step: Interval,
        versions: &[Version],
        inputs: &Inputs,
    ) -> Result<()> {
        self.count(versions);
        let lineage = self.cx.lineage((source, step.start, step.end), inputs)?;
        self.report.lineage_id = Some(lineage.id.clone());
        let Some(quality) = &self.quality else {
            tracing::info!(interval = %step, findings = versions.len(), "planned");
            return Ok(());
        };
        let stamp = Stamp { source, ingested_at: self.cx.now(), lineage_id: &lineage.id };
        let rows = finding::rows(versions, stamp)?;
        for bucket in 0..i32::try_from(BUCKETS).unwrap_or(i32::MAX) {
            let rows = of_bucket(&rows, bucket).map_err(unfit)?;
            let slot = Slot::derived(source, bucket, step.start, step.end);
            self.cx.replace(quality, &slot, &rows, &lineage, &mut self.report)?;
        }
        Ok(())
    }

    fn count(&mut self, versions: &[Version]) {
        self.worst = self.worst.max(judgement::worst(versions));
        self.tally.findings += versions.len() as u64;
        let failed = versions.iter().map(|version| &version.finding);
        for finding in failed.filter(|finding| finding.has_failed()) {
            self.tally.failed += 1;
            match finding.severity {
                Severity::NullRows => self.tally.nulled += 1,
                Severity::Halt => {
                    self.tally.halted += 1;
                    tracing::warn!(scope = finding.scope, detail = finding.detail, "halted");
                }
                Severity::Info | Severity::Warn => {}
            }
        }
    }

    fn finish(mut self) -> Report {
        let verdict = match self.worst {
            Severity::Info => "pass",
            Severity::Warn | Severity::NullRows => "warn",
            Severity::Halt => "halt",
        };
        self.report.verdict = Some(verdict.into());
        let tally = self.tally;
        for (name, value) in [
            ("rows", tally.rows),
            ("findings", tally.findings),
            ("failed", tally.failed),
            ("nulled_periods", tally.nulled),
            ("halted_regions", tally.halted),
        ] {
            self.report.number(name, value);
        }
        self.report
    }
}
