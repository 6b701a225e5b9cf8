//! What the service knows and does, whatever protocol asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use foresite_inference::{Answer, Data, Metadata, Request};
use foresite_stage::Result;
use foresite_tables::Root;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::infer::{Ask, Open, Part, Said, Sheets, Work, answer, metadata, split};
use crate::metrics::{Metrics, Protocol, State};
use crate::model::{Loaded, Models};
use crate::pool::{Pool, Sizes};
use crate::refusal::{Kind, Refusal};

/// Prediction ids that a line of the access log holds.
const MOST_IDS: usize = 16;

/// The service of one task.
pub(crate) struct Service {
    task: String,
    config: Config,
    root: Root,
    models: RwLock<Arc<Models>>,
    scoring: Pool<Work>,
    reading: Pool<Work>,
    sheets: Arc<Sheets>,
    metrics: Arc<Metrics>,
    is_draining: AtomicBool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("task", &self.task).finish_non_exhaustive()
    }
}

impl Service {
    /// A service without a model yet; the pools run.
    pub(crate) fn start(task: &str, config: Config, root: Root) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let limits = &config.limits;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if limits.workers == 0 { cores } else { limits.workers };
        let sizes = Sizes { threads, waiting: limits.waiting, batch_rows: limits.batch_rows };
        let counted = Arc::clone(&metrics);
        let scoring = Pool::start("scoring", sizes, move |rows| counted.batch(rows))?;
        // A read may take long: nothing waits behind it that another thread could begin.
        let sizes = Sizes { threads: limits.readers, batch_rows: 1, ..sizes };
        let counted = Arc::clone(&metrics);
        let reading = Pool::start("reading", sizes, move |rows| counted.batch(rows))?;
        let reuse = Duration::from_secs_f64(config.reuse_seconds);
        let models = Models { reason: "not loaded yet".into(), ..Models::default() };
        Ok(Self {
            task: task.to_owned(),
            sheets: Arc::new(Sheets::new(config.kept_cutoffs, reuse)),
            config,
            root,
            models: RwLock::new(Arc::new(models)),
            scoring,
            reading,
            metrics,
            is_draining: AtomicBool::new(false),
        })
    }

    pub(crate) fn task(&self) -> &str {
        &self.task
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The models in use.
    pub(crate) fn models(&self) -> Arc<Models> {
        Arc::clone(&self.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses other models from the next request on; open requests end with the ones they began with.
    pub(crate) fn replace(&self, models: Models) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }

    /// Why there is no model, where there is none.
    pub(crate) fn explain_absence(&self, reason: &str) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        if models.serving.is_none() {
            *models = Arc::new(Models { reason: reason.to_owned(), ..Models::default() });
        }
    }

    /// Readiness ends; requests are still answered.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.obstacle().is_none()
    }

    /// Why requests are not taken, where they are not.
    pub(crate) fn obstacle(&self) -> Option<Refusal> {
        if self.is_draining.load(Ordering::Relaxed) {
            return Some(Refusal::unavailable("the service is ending"));
        }
        self.models().serving().err()
    }

    /// Names that the model answers to.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.task == name || self.config.names.iter().any(|known| known == name)
    }

    /// The model of a name and version.
    pub(crate) fn model(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<(Arc<Models>, Arc<Loaded>), Refusal> {
        if !self.knows(name) {
            let name: String = name.chars().take(64).collect();
            let text = format!("model `{name}`: unknown; this service has `{}`", self.task);
            return Err(Refusal::new(Kind::Unknown, text));
        }
        let models = self.models();
        let loaded = match version {
            Some(version) => models.version(version)?,
            None => models.serving()?,
        };
        let loaded = Arc::clone(loaded);
        Ok((models, loaded))
    }

    /// Metadata of a model.
    pub(crate) fn metadata(&self, name: &str, version: Option<&str>) -> Result<Metadata, Refusal> {
        let (models, loaded) = self.model(name, version)?;
        let versions = models.all().map(|loaded| loaded.id.clone()).collect();
        Ok(metadata(name, &loaded, versions))
    }

    /// Answers a request.
    pub(crate) async fn infer(
        &self,
        name: &str,
        version: Option<&str>,
        request: &Request,
    ) -> Result<Answer, Refusal> {
        let deadline = Instant::now() + Duration::from_secs_f64(self.config.limits.request_seconds);
        let (models, serving) = self.model(name, version)?;
        let now = Timestamp::now().as_microsecond();
        let most = self.config.limits.rows;
        let mut ask = Ask::of(request, &serving.package, now, most)?;
        let rows = std::mem::take(&mut ask.rows);
        let count = rows.len();
        // A version that was named answers alone.
        let share = if version.is_some() { 0.0 } else { self.config.challenger_share.get() };
        let parts = split(&models, &serving, share, rows).into_iter();
        let open: Vec<Open> =
            parts.map(|part| self.submit(part, &ask, deadline)).collect::<Result<_, _>>()?;
        let said = self.gather(open, count, deadline).await?;
        answer(name, request, &said, ask.explain)
    }

    /// What the workers said about so many rows, in the order of the rows.
    async fn gather(
        &self,
        open: Vec<Open>,
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<Said>, Refusal> {
        let mut said: Vec<(usize, Said)> = Vec::new();
        for mut open in open {
            let outcome = open.said(deadline).await;
            let statements = outcome
                .map_err(|refusal| if open.is_read { self.unread(refusal) } else { refusal })?;
            let Open { model, places, .. } = open;
            if places.len() == count {
                let statements = statements.all();
                return Ok(vec![Said { model, statements }]);
            }
            for (place, statements) in places.into_iter().zip(statements.each()) {
                said.push((place, Said { model: Arc::clone(&model), statements }));
            }
        }
        said.sort_unstable_by_key(|(place, _)| *place);
        Ok(said.into_iter().map(|(_, said)| said).collect())
    }

    /// Hands the rows of one model to a worker.
    fn submit(&self, part: Part, ask: &Ask, deadline: Instant) -> Result<Open, Refusal> {
        let is_read = part.rows.iter().any(|row| row.values.is_none());
        if is_read && let Some(refusal) = self.sheets.recent_failure() {
            return Err(refusal);
        }
        let Part { model, places, rows } = part;
        let (reply, outcome) = oneshot::channel();
        let work = Work {
            model: Arc::clone(&model),
            rows,
            numbers: Arc::clone(&ask.numbers),
            drivers: if ask.explain { self.config.drivers } else { 0 },
            as_of: ask.as_of,
            root: self.root.clone(),
            sheets: Arc::clone(&self.sheets),
            deadline,
            reply,
        };
        if work.is_quick() {
            self.scoring.run_here(work);
            return Ok(Open { model, places, is_read, outcome });
        }
        let pool = if is_read { &self.reading } else { &self.scoring };
        if !pool.submit(work) {
            let waiting = self.config.limits.waiting;
            let text = format!("{waiting} requests wait already; try again later");
            return Err(Refusal::new(Kind::Busy, text));
        }
        Ok(Open { model, places, is_read, outcome })
    }

    /// Reads that do not end in time are an affair of the storage.
    fn unread(&self, refusal: Refusal) -> Refusal {
        if refusal.kind != Kind::TimedOut {
            return refusal;
        }
        let text = "the tables could not be read in time; requests with the model's own inputs are \
                    answered";
        let refusal = Refusal::unavailable(text);
        self.sheets.note(&refusal);
        refusal
    }

    /// Counts and logs a request that was answered.
    pub(crate) fn observe(
        &self,
        protocol: Protocol,
        started: Instant,
        outcome: &Result<Answer, Refusal>,
    ) {
        let took = started.elapsed();
        let code = outcome.as_ref().err().map_or(200, |refusal| refusal.status().as_u16());
        self.metrics.answered(protocol, code, took);
        if !self.config.access_log {
            return;
        }
        let (protocol, ms) = (protocol.word(), (took.as_secs_f64() * 1e6).round() / 1e3);
        match outcome {
            Ok(answer) => tracing::info!(
                protocol,
                code,
                ms,
                model = answer.model_version.as_deref().unwrap_or("several"),
                request = answer.id.as_deref().unwrap_or_default(),
                rows = answer.outputs.first().map_or(0, foresite_inference::Tensor::rows),
                predictions = ids(answer),
                "request"
            ),
            Err(refusal) => {
                tracing::info!(protocol, code, ms, reason = refusal.text.as_str(), "request");
            }
        }
    }

    /// What the metrics page says besides the counters.
    pub(crate) fn state(&self) -> State {
        let models = self.models();
        let named = |loaded: &Arc<Loaded>| (loaded.alias.word().to_owned(), loaded.id.clone());
        State {
            task: self.task.clone(),
            is_ready: self.is_ready(),
            waiting: [("scoring", self.scoring.waiting()), ("reading", self.reading.waiting())],
            models: models.all().map(named).collect(),
        }
    }
}

/// The first ids of the predictions, where they were asked for.
fn ids(answer: &Answer) -> String {
    let Some(tensor) = answer.outputs.iter().find(|output| output.name == "prediction_id") else {
        return String::new();
    };
    match &tensor.data {
        Data::Text(ids) => ids.iter().take(MOST_IDS).cloned().collect::<Vec<_>>().join(","),
        _ => String::new(),
    }
}
