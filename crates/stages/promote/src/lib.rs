//! The promote stage: signs a model that its evaluation supports and lets an alias point to it; rolls
//! back, and revokes.
//!
//! The private key is this stage's alone. Everything that serves verifies with public keys, and signing
//! makes no key a trusted one but the first of a data root. A rollback signs nothing: it is refused
//! where no key that is trusted now has signed its model.

mod config;
mod decision;
mod key;
mod shadow;

use std::path::PathBuf;

use foresite_registry::{Event, EventKind, Folder, RegistryError, model_path, sign};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Inputs, Report, Result, Stage, StageError, environment};
use foresite_tables::{Read, Slot, Table, Value};
use serde_json::json;

pub use config::Config;
use decision::Beside;
pub use decision::{Action, Decision};
use key::Key;

/// The stage.
#[derive(Debug)]
pub struct Promote;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// What to do
    #[arg(long, value_enum, default_value_t)]
    pub action: Action,
    /// The model [default: the one that was registered last, or the champion before this one]
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Why; goes into the audit trail
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who decided; nobody for the pipeline
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// Private key, PKCS#8 PEM
    #[arg(long, value_name = "FILE", env = environment::SIGNING_KEY, hide_env_values = true)]
    pub signing_key: Option<PathBuf>,
    /// Put the public half of the signing key among the trusted ones, where it is new; only with what
    /// signs: promote and challenge
    #[arg(long)]
    pub trust_key: bool,
}

impl Stage for Promote {
    const NAME: &'static str = "promote";
    const ABOUT: &'static str = "Signs a model and lets an alias point to it; rolls back, revokes";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = Args;

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        let task = cx.task()?;
        refuse_idle_trust(&args)?;
        let table = cx.root().table(outcome::registry_events())?;
        let events = Event::read(&table.read_all(&Read::all().text("task", task))?)
            .map_err(registry_error)?;
        let asked = args.model.clone().filter(|id| !id.is_empty());
        let mut report = cx.report();
        let decision = match args.action {
            Action::Promote | Action::Challenge => {
                admitted(cx, (&config, &args), &events, asked, &mut report)?
            }
            Action::Rollback => rolled_back(cx, &config, &events, asked.as_deref())?,
            Action::Revoke => decision::revocation(&events, asked.as_deref())?,
        };
        match decision {
            Decision::Keep(why) => report.verdict = Some(why),
            Decision::Append { kind, model_id, alias } => {
                report.verdict =
                    Some(alias.map_or(kind.word(), foresite_registry::Alias::word).into());
                report.number("model_id", model_id.clone());
                let event = Event {
                    task: task.to_owned(),
                    seq: events.last().map_or(1, |last| last.seq + 1),
                    kind,
                    model_id,
                    alias,
                    reason: args.reason.filter(|reason| !reason.is_empty()),
                    person: args.person,
                    at: cx.as_of(),
                };
                append(cx, &table, &event, &mut report)?;
            }
        }
        Ok(report)
    }
}

/// What signs nothing makes no key a trusted one, whoever asks for it.
fn refuse_idle_trust(args: &Args) -> Result<()> {
    if args.trust_key && matches!(args.action, Action::Rollback | Action::Revoke) {
        let message = "--trust-key: a rollback or a revocation signs nothing";
        return Err(StageError::new(ErrorKind::Usage, message)
            .hint("leave it out, or pass it with the promotion whose key is new"));
    }
    Ok(())
}

/// The champion before, where it would serve.
fn rolled_back(
    cx: &Context,
    config: &Config,
    events: &[Event],
    asked: Option<&str>,
) -> Result<Decision> {
    let decision = decision::rollback(events, asked)?;
    if let Decision::Append { model_id, .. } = &decision {
        key::require_trusted(cx, config, model_id)?;
    }
    Ok(decision)
}

/// Looks up what the evaluation says, and signs where the model may serve.
fn admitted(
    cx: &Context,
    (config, args): (&Config, &Args),
    events: &[Event],
    asked: Option<String>,
    report: &mut Report,
) -> Result<Decision> {
    let task = cx.task()?;
    let newest = || {
        let registered = events.iter().rev().find(|event| event.kind == EventKind::Registered);
        registered.map(|event| event.model_id.clone())
    };
    let model_id = asked.or_else(newest).ok_or_else(|| {
        StageError::new(ErrorKind::Missing, format!("task `{task}`: no model is registered"))
            .hint("run foresite-train first")
    })?;
    let path = model_path(task, &model_id);
    let evaluation = newest_evaluation(cx, &path)?;
    let folder = Folder::read(cx.root(), &format!("{path}/evaluation/{evaluation}"))
        .map_err(registry_error)?;
    let document: serde_json::Value =
        serde_json::from_slice(folder.file("evaluation.json").map_err(registry_error)?)?;
    let verdict = document["verdict"].as_str().unwrap_or_default().to_owned();
    report.number("evaluation", evaluation.clone());
    report.number("gate", verdict.clone());
    let decision = match args.action {
        Action::Challenge => decision::challenge(events, &model_id, &verdict),
        _ => {
            let beside = Beside::of(&document);
            let won = verdict == "INSUFFICIENT"
                && (beside.may_follow(events, &model_id, (args.person.as_deref(), cx.as_of()))
                    || shadow::beat_champion(cx, events, &model_id)?);
            decision::promotion(events, &model_id, (&verdict, won), &beside)
        }
    };
    if wants_signature(cx, (config, args), &decision, &model_id)? {
        signed(cx, (config, args), (&model_id, &evaluation), report)?;
    } else if args.trust_key {
        tracing::warn!("--trust-key changes nothing: no model is signed");
    }
    Ok(decision)
}

/// Whether the model is to be signed: it will serve, or somebody names one that serves, and no key that
/// is trusted now has signed it. By itself no run signs what the keys of others no longer vouch for.
fn wants_signature(
    cx: &Context,
    (config, args): (&Config, &Args),
    decision: &Decision,
    model_id: &str,
) -> Result<bool> {
    if matches!(decision, Decision::Append { .. }) {
        return Ok(true);
    }
    let is_named = args.model.as_deref() == Some(model_id);
    Ok(is_named && decision.is_unchanged() && !key::is_signed(cx, config, model_id)?)
}

/// Signs a model with the judgement of its evaluation; a dry run only looks for the key.
fn signed(
    cx: &Context,
    (config, args): (&Config, &Args),
    (model_id, evaluation): (&str, &str),
    report: &mut Report,
) -> Result<()> {
    let key = Key::choose(cx, config, args)?;
    if cx.is_dry_run() {
        return Ok(());
    }
    let signer = key.take(cx)?;
    let key_id = signer.key_id();
    let is_new =
        sign(cx.root(), &signer, cx.task()?, model_id, evaluation).map_err(registry_error)?;
    tracing::info!(model = model_id, key = key_id, is_new, "signed");
    report.number("key_id", key_id);
    Ok(())
}

/// The evaluation folder that was published last.
fn newest_evaluation(cx: &Context, path: &str) -> Result<String> {
    let prefix = format!("{path}/evaluation/");
    let newest = cx
        .root()
        .list(&prefix)?
        .into_iter()
        .filter(|entry| entry.path.ends_with("/evaluation.json"))
        .max_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    newest
        .and_then(|entry| {
            let rest = entry.path.strip_prefix(&prefix)?.to_owned();
            rest.split_once('/').map(|(id, _)| id.to_owned())
        })
        .ok_or_else(|| {
            StageError::new(ErrorKind::Missing, format!("{path}: no evaluation"))
                .hint("run foresite-evaluate first")
        })
}

fn append(cx: &Context, table: &Table, event: &Event, report: &mut Report) -> Result<()> {
    let mut inputs = Inputs::new();
    inputs.add_id("model", event.model_id.clone());
    let subject = json!({"seq": event.seq, "event": event.kind.word(), "at": event.at});
    let lineage = cx.lineage(subject, &inputs)?;
    if cx.is_dry_run() {
        return Ok(());
    }
    let slot = Slot {
        equals: [
            ("task".to_owned(), Value::Text(event.task.clone())),
            ("seq".to_owned(), Value::Int(event.seq)),
        ]
        .into(),
        period: None,
    };
    let row = event.row(cx.now(), &lineage.id).map_err(registry_error)?;
    cx.append(table, &slot, &row, &lineage, report)
}

/// A failure of the registry as a failure of the stage.
fn registry_error(error: RegistryError) -> StageError {
    let kind = match error {
        RegistryError::Storage(error) => return error.into(),
        RegistryError::Key { .. } => ErrorKind::Usage,
        _ => ErrorKind::BadData,
    };
    StageError::new(kind, error.to_string()).because(error)
}
