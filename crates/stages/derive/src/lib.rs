//! The derive stage: counters to KPIs on a regular grid, for cells, units and sites, and added up
//! for sectors, sites and regions.
//!
//! Reads `pm_counters`, `counter_sets`, `objects`, `inventory` and `quality` as of the run; writes
//! the slots of `kpis` and `kpi_groups` with source `derived`, step by step, so that memory does
//! not grow with the interval, and takes the hours off the list `stale`. What a KPI is stands in
//! the `kpi` crate.

mod config;
mod inputs;
mod stale;
mod summary;

use foresite_kpi::{
    Catalogue, Counts, Derivation, Derived, Inputs as KernelInputs, Stamp, channels, of_bucket,
};
use foresite_schema::{BUCKETS, TableDef, catalog::derived};
use foresite_stage::{
    Context, ErrorContext as _, Interval, Lineage, NoArgs, Report, Result, Stage,
};
use foresite_tables::{Outcome, Slot, Table};

pub use config::Config;
use inputs::{Measured, Network, Tables, unfit};

/// Source of the rows that this stage writes.
const SOURCE: &str = "derived";

/// The stage.
#[derive(Debug)]
pub struct Derive;

impl Stage for Derive {
    const NAME: &'static str = "derive";
    const ABOUT: &'static str = "Computes KPIs from counters on a regular grid";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn published(_: &str, _: Option<&str>) -> Vec<TableDef> {
        vec![derived::kpis(), derived::kpi_groups()]
    }

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let interval = cx.interval()?.of_full_hours()?;
        let tables = Tables::open(cx)?;
        let network = Network::read(cx)?;
        let outputs = match cx.is_dry_run() {
            true => None,
            false => Some(Outputs::open(cx)?),
        };
        let mut run = Run { cx, config, network, counts: Counts::default(), report: cx.report() };
        let steps: Vec<_> = interval.steps(run.config.step()).collect();
        let progress = cx.progress(steps.len() as u64, "steps");
        for step in steps {
            cx.check_stop()?;
            let measured = tables.measured(cx, &run.network, step)?;
            match &outputs {
                Some(outputs) => run.step(outputs, step, &measured)?,
                None => run.plan(step, &measured)?,
            }
            progress.add(1);
        }
        if outputs.is_some() && cx.publishes() {
            stale::settle(cx, interval, &mut run.report)?;
        }
        summary::tell(&mut run.report, &run.counts);
        Ok(run.report)
    }
}

/// The output tables.
struct Outputs {
    kpis: Table,
    groups: Table,
}

impl Outputs {
    fn open(cx: &Context) -> Result<Self> {
        let open = |def: TableDef| cx.table(def.with_columns(channels()));
        Ok(Self { kpis: open(derived::kpis())?, groups: open(derived::kpi_groups())? })
    }
}

/// One run: what all its steps share.
struct Run<'a> {
    cx: &'a Context,
    config: Config,
    network: Network,
    counts: Counts,
    report: Report,
}

impl Run<'_> {
    /// Derives one step, unless its slots hold that result already.
    fn step(&mut self, outputs: &Outputs, step: Interval, measured: &Measured) -> Result<()> {
        let lineage = self.lineage(step, measured)?;
        let mut lacking = Vec::new();
        for bucket in 0..i32::try_from(BUCKETS).unwrap_or(i32::MAX) {
            let slot = Slot::derived(SOURCE, bucket, step.start, step.end);
            for table in [&outputs.kpis, &outputs.groups] {
                let held = match self.cx.is_forced() {
                    true => None,
                    false => table.holds(&slot, &self.cx.commit(&lineage))?,
                };
                match held {
                    Some(version) => self.unchanged(table, version, &lineage),
                    None => lacking.push((table, slot.clone(), bucket)),
                }
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let derived = self.compute(step, measured, &lineage.id)?;
        for (table, slot, bucket) in lacking {
            let rows = match table.def().name == outputs.kpis.def().name {
                true => &derived.kpis,
                false => &derived.groups,
            };
            let rows = of_bucket(rows, bucket).map_err(unfit)?;
            self.cx.replace(table, &slot, &rows, &lineage, &mut self.report)?;
        }
        Ok(())
    }

    /// Says what a step would do.
    fn plan(&mut self, step: Interval, measured: &Measured) -> Result<()> {
        let lineage = self.lineage(step, measured)?;
        tracing::info!(
            interval = %step,
            rows = measured.counters.num_rows(),
            lineage_id = lineage.id,
            "planned"
        );
        self.counts.rows += measured.counters.num_rows() as u64;
        self.report.lineage_id = Some(lineage.id);
        Ok(())
    }

    fn lineage(&self, step: Interval, measured: &Measured) -> Result<Lineage> {
        let mut inputs = measured.inputs.clone();
        // That nothing came is known as well, from the moment at which a gap is one.
        inputs.note_known_at(step.end + self.config.settings().gap_after);
        self.cx.lineage((step.start, step.end), &inputs)
    }

    fn compute(
        &mut self,
        step: Interval,
        measured: &Measured,
        lineage_id: &str,
    ) -> Result<Derived> {
        let inputs = KernelInputs {
            catalogue: Catalogue::built_in(),
            counter_sets: &self.network.sets,
            objects: &self.network.objects,
            hierarchy: &self.network.hierarchy,
            nulling: &measured.nulling,
        };
        let stamp = Stamp {
            source: SOURCE.into(),
            buckets: BUCKETS,
            ingested_at: self.cx.now(),
            lineage_id: lineage_id.into(),
        };
        let mut derivation = Derivation::new(inputs, self.config.settings());
        let derived = derivation
            .push(&measured.counters)
            .and_then(|()| derivation.finish(step.start, step.end, self.cx.as_of(), &stamp))
            .map_err(unfit)
            .context(|| format!("derive {step}"))?;
        self.counts.add(derivation.counts());
        Ok(derived)
    }

    fn unchanged(&mut self, table: &Table, version: u64, lineage: &Lineage) {
        let outcome = Outcome { version, unchanged: true, rows: 0 };
        self.report.wrote(&table.def().name, outcome);
        self.report.lineage_id = Some(lineage.id.clone());
    }
}
