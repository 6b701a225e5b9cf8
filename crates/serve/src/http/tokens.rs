//! Bearer tokens from a file, read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use foresite_stage::{ErrorKind, Result, StageError};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::watched::Watched;
use crate::refusal::{Kind, Refusal};

/// The tokens that open the service: one a line, a time after which it does not count behind it.
#[derive(Debug)]
pub(crate) struct Tokens {
    path: PathBuf,
    known: Watched<Arc<[Token]>>,
}

/// Only the sum is kept, so that all comparisons are of one length.
struct Token {
    sum: [u8; 32],
    until: Option<Timestamp>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// `Usage` where it cannot be read or holds no token.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let known = Watched::new("tokens", &[path], || read(path))?;
        Ok(Self { path: path.to_owned(), known })
    }

    /// Refuses a request whose token is none of them, or one of the past.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let refused = |text: &str| Err(Refusal::new(Kind::Unauthorized, text));
        let known = self.known.get(|| read(&self.path));
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given.and_then(|value| value.strip_prefix("Bearer ")) else {
            return refused("no bearer token is given");
        };
        let sum = sum(given.trim());
        // Every token is compared, so that the time does not tell which one was close.
        let found = known.iter().fold(None, |found, token| {
            if bool::from(token.sum.ct_eq(&sum)) { Some(token) } else { found }
        });
        match found {
            None => refused("the token is not known"),
            Some(Token { until: Some(until), .. }) if *until <= Timestamp::now() => {
                refused("the token has expired")
            }
            Some(_) => Ok(()),
        }
    }
}

fn sum(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn read(path: &Path) -> Result<Arc<[Token]>> {
    let wrong = |what: String| {
        StageError::new(ErrorKind::Usage, format!("token file {}: {what}", path.display()))
            .hint("one token a line, an RFC 3339 time after which it does not count behind it")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut tokens = Vec::new();
    for (number, line) in lines.enumerate() {
        let (token, until) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let until = match until.trim() {
            "" => None,
            time => {
                let number = number + 1;
                Some(
                    time.parse()
                        .map_err(|_| wrong(format!("line {number}: no time at its end")))?,
                )
            }
        };
        tokens.push(Token { sum: sum(token), until });
    }
    if tokens.is_empty() {
        return Err(wrong("no token".to_owned()));
    }
    Ok(tokens.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(tokens: &Tokens, header: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        tokens.check(&headers).map_or_else(|refusal| refusal.text, |()| "ok".into())
    }

    #[test]
    fn tokens_open_expire_and_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, "alpha\n\nold 2020-01-01T00:00:00Z\nnew 2999-01-01T00:00:00Z\n")
            .unwrap();
        let tokens = Tokens::read(&path).unwrap();
        assert_eq!(asked(&tokens, Some("Bearer alpha")), "ok");
        assert_eq!(asked(&tokens, Some("Bearer new")), "ok");
        assert_eq!(asked(&tokens, Some("Bearer old")), "the token has expired");
        assert_eq!(asked(&tokens, Some("Bearer alph")), "the token is not known");
        assert_eq!(asked(&tokens, Some("Basic alpha")), "no bearer token is given");
        assert_eq!(asked(&tokens, None), "no bearer token is given");

        std::fs::write(&path, "beta\n").unwrap();
        tokens.known.expire();
        assert_eq!(asked(&tokens, Some("Bearer beta")), "ok");
        assert_eq!(asked(&tokens, Some("Bearer alpha")), "the token is not known");
        std::fs::write(&path, "").unwrap();
        tokens.known.expire();
        assert_eq!(asked(&tokens, Some("Bearer beta")), "ok", "an empty file changes nothing");
    }

    #[test]
    fn a_file_without_tokens_is_refused_without_showing_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        for (text, expected) in [("\n", "no token"), ("secret soon", "line 1: no time at its end")]
        {
            std::fs::write(&path, text).unwrap();
            let error = Tokens::read(&path).unwrap_err().to_string();
            assert!(error.ends_with(expected) && !error.contains("secret"), "{error}");
        }
    }
}
