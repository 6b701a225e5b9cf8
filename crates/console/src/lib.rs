//! Summaries of a data root for people, as JSON over HTTP, and the way in for their marks.
//!
//! Whoever shows them (the pages in Airflow's UI, a script with curl) needs no way to the tables: one
//! service reads, all others ask it. [`router`] is mounted by `foresite-serve console`, which brings
//! the listener, the token and TLS. Nothing here writes a table: marks become a file that lands.
//!
//! | path | answers |
//! |---|---|
//! | `GET /console/v1/worklist` | [`Worklist`]: the items of the newest published cutoff |
//! | `GET /console/v1/models` | [`Models`]: aliases, decisions, verdicts and metrics, by task |
//! | `GET /console/v1/completeness` | [`Completeness`]: what arrived, what did not, what is wrong with it |
//! | `GET /console/v1/health` | [`Health`]: whether the data root can be read |
//! | `POST /console/v1/feedback` | [`Taken`]: what became of people's marks |
//!
//! [`metrics`] is a route of its own, `GET /metrics`, for another listener: what `monitor` found on its
//! newest day, for Prometheus.
//!
//! The structs are the contract; an example of each answer stands in `docs/console/`. Fields
//! may be added. Times are RFC 3339 in UTC; a field that does not apply is `null`. What storage
//! refuses is 503 with `{"error": "<one line>"}`.

mod backlog;
mod cache;
mod clock;
pub mod completeness;
mod evaluations;
mod feedback;
mod findings;
mod gauges;
mod ledger;
pub mod models;
mod names;
mod published;
mod quality;
mod read;
mod router;
mod rows;
mod scrape;
pub mod worklist;

pub use completeness::Completeness;
pub use feedback::{Caller, Taken};
pub use models::Models;
pub use router::{Health, Options, router};
pub use scrape::metrics;
pub use worklist::Worklist;
