//! The command line.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use foresite_stage::{Exit, Result, environment, load_config, log_to_stderr, redacted_config};

use crate::config::Config;
use crate::in_time::{PATIENCE, in_time};
use crate::{console, run};

/// Answers with predictions for as long as it runs
#[derive(Debug, Parser)]
#[command(name = "foresite-serve", version = env!("FORESITE_REVISION"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the model of a task by the Open Inference Protocol
    Model(ModelArgs),
    /// Serves summaries of the data root to people, and takes their marks where that is allowed
    Console(ConsoleArgs),
}

/// Arguments of a model service.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Task whose model is served
    #[arg(long, value_name = "NAME")]
    pub(crate) task: String,
    /// URI or local path of the data root
    #[arg(long, value_name = "URI", env = environment::DATA_ROOT, hide_env_values = true)]
    pub(crate) data_root: String,
    /// JSON configuration; without it all defaults hold
    #[arg(long, value_name = "FILE", env = environment::CONFIG, hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where REST is answered
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where gRPC is answered
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) grpc_listen: SocketAddr,
    /// Where metrics and probes are answered, without a token and without TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    pub(crate) metrics_listen: SocketAddr,
    /// Folder of the last verified models, so that a restart survives a data root that is away
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) entrance: EntranceArgs,
    /// Print the effective configuration as JSON and stop
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Arguments of the console.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConsoleArgs {
    /// URI or local path of the data root
    #[arg(long, value_name = "URI", env = environment::DATA_ROOT, hide_env_values = true)]
    pub(crate) data_root: String,
    /// Where the summaries are answered, and the probes
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where what monitor found is told to Prometheus, without a token and without TLS; nowhere without it
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Minutes after the end of its hour from which on a file is late: the lateness of the pipeline
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=43_200))]
    pub(crate) lateness_minutes: u64,
    /// Take people's marks on predictions, as files in `landing/feedback` of the data root
    #[arg(long)]
    pub(crate) accept_feedback: bool,
    /// Write who asked, and who was refused, into `logins` of the data root: counts by hour and caller
    #[arg(long)]
    pub(crate) record_logins: bool,
    #[command(flatten)]
    pub(crate) entrance: EntranceArgs,
}

/// Who may enter.
#[derive(Debug, Clone, Args)]
pub(crate) struct EntranceArgs {
    /// Bearer tokens, a line each: `TOKEN [RFC 3339 time after which it does not count] [as PERSON]`
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificate chain of the service, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Certificates whose clients alone may connect, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) client_ca: Option<PathBuf>,
}

/// Runs the service as a process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version end well, anything else is a usage error; clap prints both.
            let code = u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code());
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let logging = log_to_stderr();
    // A panic in a request is one line of the log, as everything else there.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{}", one_line(&panic.to_string()))));
    let exit = match catch_unwind(AssertUnwindSafe(|| logging.and_then(|()| run(cli)))) {
        Ok(Ok(())) => Exit::Success,
        Ok(Err(error)) => {
            let exit = Exit::from(&error);
            let hint = error.advice().unwrap_or_default();
            tracing::error!(exit = exit.code(), hint, "{}", error.chain());
            exit
        }
        Err(_) => Exit::Panic,
    };
    ExitCode::from(exit.code())
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The checked configuration; its file, where there is one, may lie on a mount that hangs.
fn configuration(path: Option<&Path>) -> Result<Config> {
    let config: Config = match path {
        Some(path) => {
            let what = format!("configuration {}", path.display());
            let path = path.to_owned();
            in_time(&what, PATIENCE, move || load_config(Some(path.as_path())))?
        }
        None => load_config(None)?,
    };
    config.check()?;
    Ok(config)
}

fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Model(args) => {
            let config = configuration(args.config.as_deref())?;
            let effective = serde_json::to_value(&config)?;
            if args.print_config {
                use std::io::Write as _;
                let text = serde_json::to_string_pretty(&effective)?;
                writeln!(std::io::stdout().lock(), "{text}")?;
                return Ok(());
            }
            // Before the log: one with credentials is refused, and must not be repeated.
            let root = run::open(&args.data_root)?;
            tracing::info!(
                revision = env!("FORESITE_REVISION"),
                task = args.task.as_str(),
                data_root = args.data_root.as_str(),
                config = redacted_config(effective).to_string(),
                "start"
            );
            run::model(&args, config, root)
        }
        Command::Console(args) => {
            let root = run::open(&args.data_root)?;
            let data_root = args.data_root.as_str();
            tracing::info!(revision = env!("FORESITE_REVISION"), data_root, "start");
            console::console(&args, root)
        }
    }
}
