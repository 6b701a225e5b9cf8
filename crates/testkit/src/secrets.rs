//! Looks for secrets where none may be: in files of any kind, and in what a process said.
//!
//! A secret is looked for as it is, in base64 (both alphabets, wherever in a longer text it begins)
//! and in hexadecimal. Parquet and gzip are decoded first, because compression would hide it. What
//! this cannot see is a secret in pieces, or in a deflated archive.

// A scan that cannot read must not look like a clean one.
#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use arrow::array::{Array as _, ArrayData};
use flate2::read::MultiGzDecoder;
use memchr::memmem::Finder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::Run;

/// Shorter ones would be found by chance.
const SHORTEST: usize = 12;
const PARQUET: &[u8] = b"PAR1";
const GZIP: &[u8] = &[0x1f, 0x8b];
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Secrets that must be nowhere.
#[derive(Debug, Default)]
pub struct Secrets {
    needles: Vec<Needle>,
}

#[derive(Debug)]
struct Needle {
    /// Which secret, in which form.
    what: String,
    finder: Finder<'static>,
}

impl Secrets {
    /// The same with one more; findings call it by `name`.
    ///
    /// # Panics
    /// For a secret under 12 bytes: it would be found by chance.
    #[must_use]
    pub fn with(mut self, name: &str, secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        assert!(secret.len() >= SHORTEST, "{name}: under {SHORTEST} bytes");
        for (form, bytes) in forms(secret) {
            let finder = Finder::new(&bytes).into_owned();
            self.needles.push(Needle { what: format!("{name} {form}"), finder });
        }
        self
    }

    /// Findings in bytes, `place: secret form` each.
    pub fn in_bytes(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let found = self.needles.iter().filter(|needle| needle.finder.find(bytes).is_some());
        found.map(|needle| format!("{place}: {}", needle.what)).collect()
    }

    /// Findings in what a process said: both streams and the result.
    pub fn in_run(&self, run: &Run) -> Vec<String> {
        let stage = run.result["stage"].as_str().unwrap_or("a process");
        let said = [
            ("stdout", run.stdout.clone()),
            ("stderr", run.stderr.clone()),
            ("result", run.result.to_string()),
        ];
        let found = said.iter().flat_map(|(stream, text)| {
            self.in_bytes(&format!("{stream} of {stage}"), text.as_bytes())
        });
        found.collect()
    }

    /// Findings in all files below a folder and in their names.
    ///
    /// # Panics
    /// Where something cannot be read or decoded: nobody knows then what it holds.
    pub fn below(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.expect("an entry of a folder");
            let (path, place) = (entry.path(), entry.path().display().to_string());
            found.extend(self.in_bytes(&place, entry.file_name().as_encoded_bytes()));
            if entry.file_type().expect("the type of a file").is_dir() {
                found.extend(self.below(&path));
            } else {
                found.extend(self.in_file(&path, &place));
            }
        }
        found
    }

    fn in_file(&self, path: &Path, place: &str) -> Vec<String> {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{place}: {error}"));
        let mut found = self.in_bytes(place, &bytes);
        if bytes.starts_with(PARQUET) {
            found.extend(self.in_parquet(path, place));
        }
        if bytes.starts_with(GZIP) {
            // A file may have been cut off on its way: what there is of it counts.
            let mut text = Vec::new();
            drop(MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text));
            found.extend(self.in_bytes(place, &text));
        }
        found
    }

    /// Findings in the values of a Parquet file.
    fn in_parquet(&self, path: &Path, place: &str) -> Vec<String> {
        let file = File::open(path).unwrap_or_else(|error| panic!("{place}: {error}"));
        let rows = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        let mut found = Vec::new();
        for batch in rows {
            let batch = batch.unwrap_or_else(|error| panic!("{place}: {error}"));
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let place = format!("{place} column {}", field.name());
                found.extend(self.in_values(&place, &column.to_data()));
            }
        }
        found
    }

    fn in_values(&self, place: &str, values: &ArrayData) -> Vec<String> {
        let own = values.buffers().iter().flat_map(|buffer| self.in_bytes(place, buffer));
        let below = values.child_data().iter().flat_map(|child| self.in_values(place, child));
        own.chain(below).collect()
    }
}

/// Bytes in base64 with padding, as PEM and Kubernetes write them.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = encoded(bytes, STANDARD);
    text.extend(std::iter::repeat_n('=', text.len().next_multiple_of(4) - text.len()));
    text
}

/// What a secret looks like, each form once.
fn forms(secret: &[u8]) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let mut forms = BTreeMap::from([(secret.to_vec(), "as it is")]);
    let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    forms.insert(hex.to_uppercase().into_bytes(), "in hexadecimal");
    forms.insert(hex.into_bytes(), "in hexadecimal");
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            forms.insert(inside_base64(secret, before, alphabet), "in base64");
        }
    }
    forms.into_iter().map(|(bytes, form)| (form, bytes))
}

/// The part of a base64 text that depends on the secret alone, where as many bytes modulo 3 stand
/// before it.
fn inside_base64(secret: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend(secret);
    let text = encoded(&bytes, alphabet);
    // A character is six bits: one that shares some with what stands before or behind is left out.
    let first = (before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    text.as_bytes()[first..end].to_vec()
}

fn encoded(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..=three.len() {
            let six = (bits >> (18 - 6 * place)) & 63;
            text.push(char::from(alphabet[six as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests;
