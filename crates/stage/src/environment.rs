//! Every environment variable that Foresite reads.

/// Path of the stage's JSON configuration.
pub const CONFIG: &str = "FORESITE_CONFIG";
/// URI of the data root.
pub const DATA_ROOT: &str = "FORESITE_DATA_ROOT";
/// Where the result JSON goes.
pub const RESULT: &str = "FORESITE_RESULT";
/// Private key that promote signs models with, PKCS#8 PEM.
pub const SIGNING_KEY: &str = "FORESITE_SIGNING_KEY";
/// Folder of the keys that people's names are replaced with.
pub const PSEUDONYM_KEYS: &str = "FORESITE_PSEUDONYM_KEYS";
/// Form of the logs: `text`, `lines` or `json`.
pub const LOG: &str = "FORESITE_LOG";
/// Least severe level that is logged: `error`, `warn`, `info`, `debug` or `trace`.
pub const LOG_LEVEL: &str = "FORESITE_LOG_LEVEL";
/// Set by Kubernetes in every pod.
pub const KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

/// The value of a variable, if it is set and not empty.
pub fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
