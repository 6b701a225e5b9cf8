//! A request from its head to its answer, or to the moment that who asked hangs up.

use std::time::Instant;

use foresite_inference::Answer;

use crate::metrics::Protocol;
use crate::refusal::Refusal;
use crate::service::Service;

/// What proxies call a client that hung up.
const HUNG_UP: u16 = 499;
/// A defect ended it, and the front answers.
const BROKEN: u16 = 500;

/// An open request for predictions.
pub(crate) struct Asked<'a> {
    service: &'a Service,
    protocol: Protocol,
    started: Instant,
    is_answered: bool,
}

impl<'a> Asked<'a> {
    pub(crate) fn begin(service: &'a Service, protocol: Protocol) -> Self {
        Self { service, protocol, started: Instant::now(), is_answered: false }
    }

    /// Counts and logs how it ended.
    pub(crate) fn end(mut self, outcome: &Result<Answer, Refusal>) {
        self.is_answered = true;
        self.service.observe(self.protocol, self.started, outcome);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let code = if std::thread::panicking() { BROKEN } else { HUNG_UP };
        self.service.metrics().answered(self.protocol, code, self.started.elapsed());
    }
}
