//! The life of a stage process, from its arguments to its exit code.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args as _, FromArgMatches as _};
use foresite_schema::TableDef;
use foresite_tables::Root;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::logging::{self, Form};
use crate::signals::StopFlag;
use crate::{
    CommonArgs, Context, ErrorKind, Exit, Report, Result, StageError, config, environment, rebuild,
};

/// One stage of the pipeline: a function from configuration and input slots to commits.
pub trait Stage {
    /// The stage's word: binary `foresite-<NAME>`, image, DAG task, samples, page.
    const NAME: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;
    /// Hash of the code that computes, from the build script (`foresite_revision`).
    const REVISION: &'static str;
    /// Parts of the stage that `--step` can name; the first is the default. Empty: no parts.
    const STEPS: &'static [&'static str] = &[];
    /// The tables whose slots tell, by their rows, what `--rebuild` has to compute again. None: the stage
    /// takes no `--rebuild`.
    fn published(_step: &str, _task: Option<&str>) -> Vec<TableDef> {
        Vec::new()
    }
    /// Whether a missing data root is created rather than an error.
    const CREATES_ROOT: bool = false;

    /// The JSON configuration.
    type Config: DeserializeOwned + Serialize;
    /// Arguments besides the common ones.
    type Args: clap::Args + Clone;

    /// Runs the stage.
    ///
    /// # Errors
    /// Whatever ends the stage; the runtime maps its kind to the exit code.
    fn run(cx: &Context, config: Self::Config, args: Self::Args) -> Result<Report>;
}

#[derive(clap::Args)]
struct Cli<A: clap::Args> {
    #[command(flatten)]
    own: A,
    #[command(flatten)]
    common: CommonArgs,
}

/// Where a pod's result goes when nothing else is asked for.
const TERMINATION_MESSAGE: &str = "/dev/termination-log";

/// Runs a stage as a process.
pub fn main<S: Stage>() -> ExitCode {
    ExitCode::from(live::<S>())
}

/// Runs a stage, its result written and its end logged; returns the process's exit code. For programs that
/// end otherwise than by returning from `main`.
pub fn live<S: Stage>() -> u8 {
    let cli = match parse::<S>() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version end well, anything else is a usage error; clap prints both.
            let code = u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code());
            drop(error.print());
            return code;
        }
    };
    let form = Form::detect();
    logging::install(form);
    let result_file = result_file(&cli.common);
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| execute::<S>(cli, form)));
    let (exit, report) = match outcome {
        Ok(Ok(Some(report))) => (Exit::Success, report),
        Ok(Ok(None)) => return Exit::Success.code(),
        Ok(Err(error)) => failed::<S>(&error),
        // The panic hook has printed message and place.
        Err(_) => {
            let error = StageError::new(ErrorKind::Internal, "the stage panicked")
                .hint("this is a defect: report it with the log");
            (Exit::Panic, Report::failed(S::NAME, &error))
        }
    };
    log_end::<S>(&report, exit, started);
    let written = result_file.map_or(Ok(()), |path| report.write(&path));
    let lost = written.map_err(|error| failed::<S>(&error).0).err();
    // A failure of the stage says more than that its result could not be written either.
    let exit = if exit == Exit::Success { lost.unwrap_or(exit) } else { exit };
    exit.code()
}

fn parse<S: Stage>() -> Result<Cli<S::Args>, clap::Error> {
    let mut command =
        Cli::<S::Args>::augment_args(clap::Command::new(format!("foresite-{}", S::NAME)))
            .about(S::ABOUT)
            .version(S::REVISION);
    if let Some(first) = S::STEPS.first() {
        command = command.after_help(format!("Steps: {} (default {first})", S::STEPS.join(", ")));
    }
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// `None` when only the configuration was to be printed.
fn execute<S: Stage>(cli: Cli<S::Args>, form: Form) -> Result<Option<Report>> {
    logging::check_environment()?;
    let typed: S::Config = config::load(cli.common.config.as_deref())?;
    let effective = serde_json::to_value(&typed)?;
    if cli.common.print_config {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string_pretty(&effective)?)?;
        return Ok(None);
    }
    let step = step::<S>(cli.common.step.as_deref())?;
    let root = open_root::<S>(&cli.common)?;
    let cx = Context {
        stage: S::NAME,
        revision: S::REVISION,
        root,
        args: cli.common,
        shown_config: config::redacted(effective.clone()),
        config: effective,
        step,
        stop: StopFlag::install()?,
        started_at: jiff::Timestamp::now().as_microsecond(),
        form,
        rebuild: None,
    };
    log_start(&cx);
    if cx.args.rebuild {
        return rebuild::run::<S>(&cx, &cli.own).map(Some);
    }
    S::run(&cx, typed, cli.own).map(Some)
}

fn step<S: Stage>(asked: Option<&str>) -> Result<Option<&'static str>> {
    match asked {
        None => Ok(S::STEPS.first().copied()),
        Some(name) => {
            S::STEPS.iter().find(|step| **step == name).map(|step| Some(*step)).ok_or_else(|| {
                let known = if S::STEPS.is_empty() {
                    "this stage has none".to_owned()
                } else {
                    S::STEPS.join(", ")
                };
                StageError::new(ErrorKind::Usage, format!("step `{name}`: unknown"))
                    .hint(format!("steps: {known}"))
            })
        }
    }
}

fn open_root<S: Stage>(args: &CommonArgs) -> Result<Root> {
    let uri = args.data_root.as_deref().ok_or_else(|| {
        StageError::new(ErrorKind::Usage, "no data root is given")
            .hint("pass --data-root or set FORESITE_DATA_ROOT")
    })?;
    let root = Root::open(uri)?;
    if S::CREATES_ROOT && !args.dry_run {
        root.create()?;
    } else {
        // What the storage itself advises, such as a ticket, is closer to the cause.
        root.require().map_err(|error| match error.advice() {
            Some(_) => StageError::from(error),
            None => StageError::from(error)
                .hint("check --data-root; foresite-simulate makes a sample one"),
        })?;
    }
    Ok(root)
}

fn result_file(args: &CommonArgs) -> Option<PathBuf> {
    let in_pod =
        || environment::value(environment::KUBERNETES).map(|_| PathBuf::from(TERMINATION_MESSAGE));
    args.result.clone().or_else(in_pod)
}

fn failed<S: Stage>(error: &StageError) -> (Exit, Report) {
    let exit = Exit::from(error);
    match error.advice() {
        Some(hint) => tracing::error!(exit = exit.code(), hint, "{}", error.chain()),
        None => tracing::error!(exit = exit.code(), "{}", error.chain()),
    }
    (exit, Report::failed(S::NAME, error))
}

fn log_start(cx: &Context) {
    let interval = cx.interval().map(|interval| interval.to_string()).unwrap_or_default();
    tracing::info!(
        stage = cx.stage,
        revision = cx.revision,
        step = cx.step(),
        task = cx.args.task.as_deref().unwrap_or_default(),
        interval,
        as_of = crate::interval::stamp(cx.as_of()),
        run = cx.args.run_id.as_deref().unwrap_or_default(),
        data_root = cx.root.url().as_str(),
        config = cx.shown_config.to_string(),
        "start"
    );
}

fn log_end<S: Stage>(report: &Report, exit: Exit, started: Instant) {
    tracing::info!(
        stage = S::NAME,
        status = ?report.status,
        exit = exit.code(),
        rows = report.rows(),
        seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        peak_rss_mib = logging::peak_rss_mib().unwrap_or_default(),
        numbers = serde_json::to_string(&report.numbers).unwrap_or_default(),
        "end"
    );
}

/// For stages that take no arguments of their own.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NoArgs {}
