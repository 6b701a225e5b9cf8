//! The way in for people's marks: `POST /console/v1/feedback`.
//!
//! What can be true becomes a file of `landing/feedback/`, which the next ingest takes as it takes
//! any other: nothing here writes a table.

mod ask;
mod checks;
mod flood;
mod incidents;
mod landing;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use foresite_tables::Result;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock;
use crate::router::{Held, json, one_line};
use ask::Ask;
use flood::Flood;
use refusal::Refusal;

/// Bytes of a body.
const MOST_BYTES: usize = 256 << 10;

/// Who asked, by the name that stands beside the token; a token without one is a program that says
/// for whom it asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller(pub Option<String>);

/// What became of the marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Rows that `feedback` will hold for them, in the order of the marks; one for each affected
    /// entity where an incident was marked.
    pub feedback_ids: Vec<String>,
    /// The file below the data root that the next run of ingest takes.
    pub file: String,
    /// What other marks on the same predictions say against them.
    pub notes: Vec<String>,
}

/// Takes marks, one request at a time.
#[derive(Clone)]
pub(crate) struct Desk {
    root: Arc<Held>,
    is_open: bool,
    patience: Duration,
    flood: Arc<Flood>,
    turn: Arc<Mutex<()>>,
}

impl Desk {
    pub(crate) fn new(root: Arc<Held>, is_open: bool, patience: Duration) -> Self {
        Self { root, is_open, patience, flood: Arc::default(), turn: Arc::default() }
    }

    /// Answers a request.
    pub(crate) async fn answer(
        self,
        caller: Option<Extension<Caller>>,
        request: Request,
    ) -> Response {
        let caller = caller.map(|Extension(Caller(name))| name).unwrap_or_default();
        match self.take(caller, request).await {
            Ok(taken) => json(StatusCode::ACCEPTED, serde_json::json!(taken).to_string()),
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn take(self, caller: Option<String>, request: Request) -> Result<Taken, Refusal> {
        if !self.is_open {
            let text = "no marks are accepted here: start the console with --accept-feedback";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        // A browser names the page whose request it is, and no page of ours asks here: what a page says
        // goes through who knows its reader. So no site can use a reader's browser, whatever its name
        // resolves to.
        if request.headers().contains_key(header::ORIGIN) {
            let text = "marks are not taken from pages of a browser";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        // Nor can a page send this without being asked first.
        if !is_json(&request) {
            let text = "expected content-type application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let asked = ask::read(&self.body(request.into_body()).await?, caller.as_deref())?;
        let counted = self.flood.admit(&asked)?;
        let outcome = self.in_turn(asked).await;
        if outcome.as_ref().is_err_and(|refusal| refusal.status == StatusCode::SERVICE_UNAVAILABLE)
        {
            self.flood.give_back(&counted);
        }
        outcome
    }

    /// Marks are looked up and written one request at a time.
    async fn in_turn(&self, asked: Vec<Ask>) -> Result<Taken, Refusal> {
        let turn = self.turn().await?;
        let root = Arc::clone(&self.root);
        let work = tokio::task::spawn_blocking(move || {
            // Held for as long as storage may be busy with it, whoever still waits for the answer.
            let _turn: OwnedMutexGuard<()> = turn;
            land(&root, &asked)
        });
        match tokio::time::timeout(self.patience, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Refusal::unavailable("marking stopped unexpectedly: see the log")),
            Err(_) => Err(self.slow()),
        }
    }

    async fn body(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        let read = tokio::time::timeout(self.patience, to_bytes(body, MOST_BYTES)).await;
        let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
        let large = || {
            let text = format!("expected at most {MOST_BYTES} bytes that arrive whole");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        Ok(read.map_err(|_| late())?.map_err(|_| large())?.to_vec())
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<()>, Refusal> {
        let turn = Arc::clone(&self.turn).lock_owned();
        tokio::time::timeout(self.patience, turn).await.map_err(|_| self.slow())
    }

    /// The work may still come to its end; the same request again is the same file.
    fn slow(&self) -> Refusal {
        let seconds = self.patience.as_secs_f32();
        Refusal::unavailable(format!("storage did not answer within {seconds} s: ask again"))
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Checks the marks and writes what can be true.
fn land(root: &Held, asked: &[Ask]) -> Result<Taken, Refusal> {
    let root = root.0.as_ref().ok_or_else(|| Refusal::unavailable("the console is ending"))?;
    let failed = |error: &foresite_tables::Error| {
        let line = one_line(error);
        tracing::warn!(error = &*line, "marks could not be taken");
        Refusal::unavailable(&*line)
    };
    root.require().map_err(|error| failed(&error))?;
    let now = clock::now();
    let checked = checks::check(root, asked, now).map_err(|error| failed(&error))??;
    let file = landing::write(root, &checked.statements).map_err(|error| failed(&error))?;
    // Without whose they are: a log outlives the erasure of a name.
    tracing::info!(marks = checked.statements.len(), file, "marks taken");
    let feedback_ids = checked.statements.iter().map(foresite_feedback::Statement::id).collect();
    Ok(Taken { feedback_ids, file, notes: checked.notes })
}
