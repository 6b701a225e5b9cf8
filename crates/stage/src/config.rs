//! Configuration: JSON read once into checked types; errors carry the JSON path.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{Context, ErrorKind, Result, StageError};

/// Parses a configuration (also a mapping, a task file) from JSON text; `origin` names it in errors.
///
/// # Errors
/// `Usage` with the JSON path of the first value that does not fit.
pub fn parse<C: DeserializeOwned>(text: &str, origin: &str) -> Result<C> {
    let mut json = serde_json::Deserializer::from_str(text);
    let config = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at `{path}`") };
        StageError::new(ErrorKind::Usage, format!("{origin}{place}: {}", error.into_inner())).hint(
            "--print-config shows the effective configuration; docs/samples has one that works",
        )
    })?;
    json.end().map_err(|error| StageError::new(ErrorKind::Usage, format!("{origin}: {error}")))?;
    Ok(config)
}

/// A JSON document that goes by a name: `<folder>/<name>.json`, the folder relative to the
/// configuration file, or else the one that the program brings along.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// What it is, for messages: `task`.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where own documents lie.
    pub folder: Option<&'a Path>,
    /// The text that the program brings along under this name.
    pub built_in: Option<&'a str>,
}

impl Named<'_> {
    /// The text and where it came from; an own document wins over a built-in one.
    ///
    /// # Errors
    /// `Usage` when there is none of that name, or it cannot be read.
    pub fn text(&self, cx: &Context) -> Result<(String, String)> {
        let Self { kind, name, folder, built_in } = self;
        if let Some(folder) = folder {
            let config = cx.args().config.as_deref();
            let beside = config.and_then(Path::parent).unwrap_or(Path::new("."));
            let path = beside.join(folder).join(format!("{name}.json"));
            if path.is_file() || built_in.is_none() {
                let origin = format!("{kind} file {}", path.display());
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    StageError::new(ErrorKind::Usage, format!("{origin}: {error}"))
                })?;
                return Ok((text, origin));
            }
        }
        let text = built_in.ok_or_else(|| {
            StageError::new(ErrorKind::Usage, format!("{kind} `{name}`: unknown"))
                .hint(format!("name the folder of your own {kind} files in the configuration"))
        })?;
        Ok((text.to_owned(), format!("built-in {kind} {name}")))
    }
}

/// Reads the configuration file, or the defaults where there is none.
///
/// # Errors
/// `Usage` for a file that cannot be read, or whose contents do not fit.
pub fn load<C: DeserializeOwned>(path: Option<&Path>) -> Result<C> {
    let Some(path) = path else {
        return parse("{}", "default configuration");
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        StageError::new(ErrorKind::Usage, format!("configuration {}: {error}", path.display()))
    })?;
    parse(&text, &format!("configuration {}", path.display()))
}

/// The configuration for others to read: values whose key speaks of a secret are hidden.
pub fn redacted(mut config: serde_json::Value) -> serde_json::Value {
    hide(&mut config);
    config
}

fn hide(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                let key = key.to_lowercase();
                if ["secret", "password", "token", "private"].iter().any(|word| key.contains(word))
                {
                    *member = "***".into();
                } else {
                    hide(member);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        rules: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        limit: f64,
    }

    #[test]
    fn errors_carry_the_json_path() {
        let error =
            parse::<Outer>(r#"{"rules": [{"limit": 1}, {"limit": "x"}]}"#, "f.json").unwrap_err();
        assert!(
            error.to_string().starts_with(
                "f.json at `rules[1].limit`: invalid type: string \"x\", expected f64"
            ),
            "{error}"
        );
        let error = parse::<Outer>(r#"{"rulez": []}"#, "f.json").unwrap_err();
        assert!(error.to_string().contains("unknown field `rulez`, expected `rules`"), "{error}");
        let error = parse::<Outer>("{}", "f.json").unwrap_err();
        assert!(error.to_string().contains("missing field `rules`"), "{error}");
        assert!(parse::<Outer>(r#"{"rules": []} x"#, "f.json").is_err());
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let config = json!({"a": [{"api_token": "t", "n": 1}], "Password": {"x": "y"}});
        assert_eq!(
            redacted(config),
            json!({"a": [{"api_token": "***", "n": 1}], "Password": "***"})
        );
    }
}
