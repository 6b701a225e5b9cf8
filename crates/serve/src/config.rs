//! The configuration of a model service.

use std::path::PathBuf;

use foresite_stage::{ErrorKind, Result, Share, StageError};
use serde::{Deserialize, Serialize};

/// What a model service can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Other names that the model answers to, besides that of its task.
    pub names: Vec<String>,
    /// Folder of the public keys whose signatures count: absolute and local, or below the data root.
    pub public_keys: PathBuf,
    /// Drivers told per prediction where an explanation is asked for.
    pub drivers: usize,
    /// Share of the entities that the challenger answers for, from 0 to 1.
    pub challenger_share: Share,
    /// Seconds between two looks at the aliases; a fifth of it is drawn at random.
    pub poll_seconds: f64,
    /// Seconds that the start waits for the data root before it takes the model of the last run.
    pub cache_after_seconds: f64,
    /// What was read for an entity and cutoff is used again for so many seconds.
    pub reuse_seconds: f64,
    /// Cutoffs of which what was read is kept.
    pub kept_cutoffs: usize,
    /// Limits.
    pub limits: Limits,
    /// Whether every request is logged.
    pub access_log: bool,
}

/// What nobody may exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request.
    pub body_bytes: usize,
    /// Rows of a request.
    pub rows: usize,
    /// Open connections of a listener.
    pub connections: usize,
    /// Requests that wait for a free worker; more are answered 429.
    pub waiting: usize,
    /// Most rows of waiting requests that go through the model together.
    pub batch_rows: usize,
    /// Threads that compute; 0 = one per core.
    pub workers: usize,
    /// Threads that read tables.
    pub readers: usize,
    /// Seconds until the head of a request, and then its body, are there; an HTTP/1 connection is not
    /// idle for longer either.
    pub receive_seconds: f64,
    /// Seconds that an HTTP/2 connection may be idle.
    pub idle_seconds: f64,
    /// Seconds until a request is answered.
    pub request_seconds: f64,
    /// Seconds between the end of readiness and the last accepted connection.
    pub notice_seconds: f64,
    /// Seconds that open requests have to end after that.
    pub drain_seconds: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            public_keys: "keys".into(),
            drivers: 5,
            challenger_share: Share::new(0.0),
            poll_seconds: 30.0,
            cache_after_seconds: 2.0,
            reuse_seconds: 30.0,
            kept_cutoffs: 4,
            limits: Limits::default(),
            access_log: true,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            rows: 4096,
            connections: 1024,
            waiting: 256,
            batch_rows: 512,
            workers: 0,
            readers: 2,
            receive_seconds: 15.0,
            idle_seconds: 75.0,
            request_seconds: 10.0,
            notice_seconds: 2.0,
            drain_seconds: 20.0,
        }
    }
}

impl Config {
    /// Refuses numbers that make no sense.
    ///
    /// # Errors
    /// `Usage` with the key.
    pub fn check(&self) -> Result<()> {
        self.check_times()?;
        self.check_counts()
    }

    fn check_times(&self) -> Result<()> {
        let limits = &self.limits;
        let positive = [
            ("poll_seconds", self.poll_seconds),
            ("limits.receive_seconds", limits.receive_seconds),
            ("limits.idle_seconds", limits.idle_seconds),
            ("limits.request_seconds", limits.request_seconds),
        ];
        let any = [
            ("cache_after_seconds", self.cache_after_seconds),
            ("reuse_seconds", self.reuse_seconds),
            ("limits.notice_seconds", limits.notice_seconds),
            ("limits.drain_seconds", limits.drain_seconds),
        ];
        let is_time = |seconds: f64| (0.0..=86_400.0).contains(&seconds);
        let too_short = positive.iter().find(|(_, seconds)| !is_time(*seconds) || *seconds == 0.0);
        match too_short.or_else(|| any.iter().find(|(_, seconds)| !is_time(*seconds))) {
            Some((key, seconds)) => Err(wrong(key, &format!("{seconds} is no time up to a day"))),
            None => Ok(()),
        }
    }

    fn check_counts(&self) -> Result<()> {
        let limits = &self.limits;
        let counts = [
            ("kept_cutoffs", self.kept_cutoffs),
            ("limits.body_bytes", limits.body_bytes),
            ("limits.rows", limits.rows),
            ("limits.connections", limits.connections),
            ("limits.waiting", limits.waiting),
            ("limits.batch_rows", limits.batch_rows),
            ("limits.readers", limits.readers),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((key, _)) => Err(wrong(key, "0 lets nothing through")),
            None => Ok(()),
        }
    }
}

fn wrong(key: &str, what: &str) -> StageError {
    StageError::new(ErrorKind::Usage, format!("configuration at `{key}`: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_sense_are_named() {
        assert!(Config::default().check().is_ok());
        let with = |text: &str| serde_json::from_str::<Config>(text).unwrap().check();
        for (text, key) in [
            (r#"{"poll_seconds": 0}"#, "`poll_seconds`: 0"),
            (r#"{"limits": {"drain_seconds": -1}}"#, "`limits.drain_seconds`: -1"),
            (r#"{"limits": {"waiting": 0}}"#, "`limits.waiting`: 0"),
        ] {
            let error = with(text).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        let share = foresite_stage::parse_config::<Config>(r#"{"challenger_share": 1.5}"#, "c");
        let error = share.unwrap_err().to_string();
        assert!(error.contains("`challenger_share`: ") && error.contains("1.5"), "{error}");
        assert!(serde_json::from_str::<Config>(r#"{"challenger": 1}"#).is_err());
    }
}
