//! The key of an epoch, and what it makes of a name.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Epoch;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// Hexadecimal digits of a pseudonym: 128 bits.
const PERSON_DIGITS: usize = 32;
/// Hexadecimal digits of the id of a mark, as `foresite-feedback` makes them.
const MARK_DIGITS: usize = 24;
/// Hexadecimal digits of the id of a key.
const ID_DIGITS: usize = 16;

/// The key of an epoch.
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    /// The key of these bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The pseudonym of a name. Blanks around it and how many stand between its words say nothing.
    pub fn person(&self, epoch: Epoch, name: &str) -> String {
        let words: Vec<&str> = name.split_whitespace().collect();
        let digest = self.digest("person", &words.join(" "), PERSON_DIGITS);
        format!("{}{digest}", epoch.prefix())
    }

    /// The id of a mark in place of the one it came with: who knows mark, prediction and moment
    /// could guess the name behind the hash of them all.
    pub fn mark(&self, id: &str) -> String {
        self.digest("mark", id, MARK_DIGITS)
    }

    /// Which key it is. Says nothing about it.
    pub fn id(&self) -> String {
        self.digest("key", "", ID_DIGITS)
    }

    /// The first digits of HMAC-SHA-256 of what it is, a zero byte and the text.
    fn digest(&self, what: &str, text: &str, digits: usize) -> String {
        // unwrap safety: HMAC takes keys of any length
        #[allow(clippy::expect_used)]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let mut digest = hex(&mac.finalize().into_bytes());
        digest.truncate(digits);
        digest
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 0 to 31.
    fn counting() -> Key {
        Key::new(std::array::from_fn(|at| at as u8))
    }

    fn epoch(text: &str) -> Epoch {
        text.parse().unwrap()
    }

    // python3 -c 'import hmac; print(hmac.new(bytes(range(32)), b"person\0Kim", "sha256").hexdigest())'
    #[test]
    fn digests_are_those_of_another_implementation() {
        let person = counting().person(epoch("2026-01-01"), "Kim");
        assert_eq!(person, "p:2026-01-01:af01e2ebb3691a92d9fb9485b41e83c9");
        assert_eq!(counting().mark("a"), "9c34a51e11ae417f3b8aba01");
        assert_eq!(counting().id(), "d8fd5cb863289675");
    }

    #[test]
    fn a_person_is_the_same_within_an_epoch_and_nobody_without_its_key() {
        let [winter, spring] = ["2026-01-01", "2026-04-01"].map(epoch);
        let person = counting().person(winter, "Kim Lee");
        assert_eq!(counting().person(winter, " Kim \t Lee\n"), person, "blanks say nothing");
        assert_ne!(counting().person(winter, "kim lee"), person);
        let other = Key::new([7; KEY_BYTES]).person(spring, "Kim Lee");
        assert_ne!(other.rsplit(':').next(), person.rsplit(':').next());
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", counting()), "Key(***)");
    }
}
