//! Bearer tokens from a file, read again when it changes: one a line, behind it the time until which
//! it counts, and `as` with the name of the person whose it is.

use std::path::Path;
use std::sync::Arc;

use foresite_stage::{ErrorKind, Result, StageError};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::watched::Watched;
use crate::refusal::{Kind, Refusal};

/// Characters of a token below which somebody may find it by trying.
const SHORTEST: usize = 20;

/// The tokens that open the service.
#[derive(Debug)]
pub(crate) struct Tokens {
    known: Watched<Arc<[Token]>>,
}

/// Only the sum is kept, so that all comparisons are of one length.
struct Token {
    sum: [u8; 32],
    until: Option<Timestamp>,
    holder: Arc<Holder>,
    is_short: bool,
}

/// Whose a token is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The person, where the file names one; a token without is a program's.
    pub(crate) person: Option<String>,
    /// The first digits of the token's SHA-256: they tell tokens apart and open nothing. A short
    /// token could be found by them: it is told by its line.
    pub(crate) id: String,
}

impl Holder {
    /// The person, or which token it is.
    pub(crate) fn name(&self) -> String {
        self.person.clone().unwrap_or_else(|| format!("token {}", self.id))
    }
}

/// Why a request is turned away, and whose token it carried, where that is known.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    pub(crate) refusal: Refusal,
    pub(crate) holder: Option<Arc<Holder>>,
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
    /// `Usage` where it cannot be read or holds no token; `Transient` where storage does not answer.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let own = path.to_owned();
        let known = Watched::new("tokens", &[path], move || read(&own))?;
        Ok(Self { known })
    }

    /// Whose token the request carries. Refuses a request whose token is none of them, or one of the
    /// past.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<Arc<Holder>, TurnedAway> {
        let turned_away = |text: &str, holder: Option<&Arc<Holder>>| {
            let refusal = Refusal::new(Kind::Unauthorized, text);
            Err(TurnedAway { refusal, holder: holder.cloned() })
        };
        let known = self.known.get();
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given.and_then(|value| value.strip_prefix("Bearer ")) else {
            return turned_away("no bearer token is given", None);
        };
        let sum = sum(given.trim());
        // Every token is compared, so that the time does not tell which one was close.
        let found = known.iter().fold(None, |found, token| {
            if bool::from(token.sum.ct_eq(&sum)) { Some(token) } else { found }
        });
        match found {
            None => turned_away("the token is not known", None),
            Some(Token { until: Some(until), holder, .. }) if *until <= Timestamp::now() => {
                turned_away("the token has expired", Some(holder))
            }
            Some(token) => Ok(Arc::clone(&token.holder)),
        }
    }
}

fn sum(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn read(path: &Path) -> Result<Arc<[Token]>> {
    let wrong = |what: String| {
        StageError::new(ErrorKind::Usage, format!("token file {}: {what}", path.display()))
            .hint("a line is `TOKEN [RFC 3339 time after which it does not count] [as PERSON]`")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let mut tokens = Vec::new();
    for (number, line) in lines {
        let token = parse(number, line).map_err(|what| wrong(format!("line {number}: {what}")))?;
        tokens.push(token);
    }
    if tokens.is_empty() {
        return Err(wrong("no token".to_owned()));
    }
    for token in tokens.iter().filter(|token| token.is_short) {
        let holder = token.holder.name();
        let hint = "draw it at random, such as by `openssl rand -hex 32`";
        tracing::warn!(holder, least = SHORTEST, hint, "a bearer token is too short");
    }
    Ok(tokens.into())
}

/// A line; what is wrong with it is said without its text.
fn parse(number: usize, line: &str) -> Result<Token, &'static str> {
    let mut words = line.split_whitespace();
    let token = words.next().ok_or("no token")?;
    let words: Vec<&str> = words.collect();
    // No time holds an `as`, a name may.
    let mut parts = words.splitn(2, |word| *word == "as").map(|part| part.join(" "));
    let (until, person) = (parts.next().unwrap_or_default(), parts.next());
    let until = match until.as_str() {
        "" => None,
        time => Some(time.parse().map_err(|_| "no time behind the token")?),
    };
    match person {
        Some(name) if name.is_empty() || name.chars().any(char::is_control) => {
            Err("no name behind `as`")
        }
        _ => {
            let sum = sum(token);
            let [a, b, c, d, ..] = sum;
            let is_short = token.chars().count() < SHORTEST;
            let id = if is_short {
                format!("of line {number}")
            } else {
                format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
            };
            Ok(Token { sum, until, holder: Arc::new(Holder { person, id }), is_short })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(tokens: &Tokens, header: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        let person = |holder: Arc<Holder>| holder.person.clone().unwrap_or_else(|| "ok".into());
        tokens.check(&headers).map_or_else(|turned| turned.refusal.text, person)
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
        tokens.known.look();
        assert_eq!(asked(&tokens, Some("Bearer beta")), "ok");
        assert_eq!(asked(&tokens, Some("Bearer alpha")), "the token is not known");
        std::fs::write(&path, "").unwrap();
        tokens.known.look();
        assert_eq!(asked(&tokens, Some("Bearer beta")), "ok", "an empty file changes nothing");
    }

    #[test]
    fn a_token_may_name_its_person() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let lines = [
            "a as K. Brandt",
            "b 2999-01-01T00:00:00Z as Lee",
            "c",
            "d\tas\tKim",
            "e\t2999-01-01T00:00:00Z \t as  Max as Max",
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let tokens = Tokens::read(&path).unwrap();
        assert_eq!(asked(&tokens, Some("Bearer a")), "K. Brandt");
        assert_eq!(asked(&tokens, Some("Bearer b")), "Lee");
        assert_eq!(asked(&tokens, Some("Bearer c")), "ok");
        assert_eq!(asked(&tokens, Some("Bearer d")), "Kim");
        assert_eq!(asked(&tokens, Some("Bearer e")), "Max as Max");
    }

    #[test]
    fn a_token_is_told_by_the_first_digits_of_its_sum_or_its_line_also_when_it_has_expired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, "a-token-of-good-length\n\nbeta 2020-01-01T00:00:00Z as Kim\n")
            .unwrap();
        let tokens = Tokens::read(&path).unwrap();
        let check = |token: &str| {
            let header = (AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            tokens.check(&HeaderMap::from_iter([header]))
        };
        // printf %s a-token-of-good-length | sha256sum
        let holder = Holder { person: None, id: "62ad67ee".into() };
        assert_eq!(*check("a-token-of-good-length").unwrap(), holder);
        let expired = check("beta").unwrap_err().holder.unwrap();
        assert_eq!(*expired, Holder { person: Some("Kim".into()), id: "of line 3".into() });
        assert!(check("gamma").unwrap_err().holder.is_none());
    }

    #[test]
    fn a_token_of_less_than_20_characters_is_short() {
        for (length, expected) in [(1, true), (19, true), (20, false), (64, false)] {
            let token = parse(1, &format!("{} as Kim", "ä".repeat(length))).unwrap();
            assert_eq!(token.is_short, expected, "{length}");
        }
    }

    #[test]
    fn a_file_without_tokens_is_refused_without_showing_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let cases = [
            ("\n", "no token"),
            ("secret soon", "line 1: no time behind the token"),
            ("secret as ", "line 1: no name behind `as`"),
            ("a\nsecret 2999-01-01T00:00:00Z as \u{7}", "line 2: no name behind `as`"),
        ];
        for (text, expected) in cases {
            std::fs::write(&path, text).unwrap();
            let error = Tokens::read(&path).unwrap_err().to_string();
            assert!(error.ends_with(expected) && !error.contains("secret"), "{error}");
        }
    }
}
