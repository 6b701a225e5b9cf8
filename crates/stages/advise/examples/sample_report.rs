//! Renders the report of the seeded network: `sample_report FILE`.

use std::{env, fs, process::ExitCode};

use foresite_advise::advice;
use foresite_advise::report::{self, Page};

#[path = "../tests/fixture/mod.rs"]
mod fixture;

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        return ExitCode::from(2);
    };
    let fixture::Fixture { signals, context, config } = fixture::fixture();
    let opened = advice::open_incidents(&signals, &config);
    let advice = advice::advise(opened, &signals, &context, &config);
    let page = report::render(Page {
        advice: &advice,
        signals: &signals,
        context: &context,
        config: &config,
        lineage_id: "c3ab8ff13720",
    });
    match fs::write(path, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(73),
    }
}
