//! CSV exports as they come: junk before the header, a row of units below it, `;` or tabs, Latin-1
//! or UTF-16, rows that are too long or too short, quotes left open.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use csv::{ReaderBuilder, StringRecord};

use super::frame::{Asked, Frame, Places, check_unique, cut};
use super::spec::{Csv, Encoding};
use super::{MappingError, Rejected};

/// Lines that are searched for the header.
const HEADER_WITHIN: usize = 50;
/// Bytes of one field; more is a quote left open or no table at all.
const MAX_FIELD: usize = 64 << 10;
/// Quotes left open before the file is given up.
const MAX_OPEN_QUOTES: usize = 100;
const DELIMITERS: [u8; 4] = *b",;\t|";

/// A CSV file as columns of text, and the lines that are no rows.
pub(super) struct CsvFile {
    pub(super) frame: Frame,
    pub(super) rejected: Vec<Rejected>,
}

/// Reads the columns asked for; those that must be there tell the header from the junk before it.
pub(super) fn read(bytes: &[u8], csv: &Csv, asked: Asked<'_>) -> Result<CsvFile, MappingError> {
    let text = decode(bytes, csv.encoding)?;
    let (skipped, body) = skip_lines(&text, csv.skip_lines);
    let layout = if csv.header {
        with_header(body, csv, asked.required)?
    } else {
        without_header(body, csv)
    };
    check_unique(layout.names.iter().map(String::as_str), asked)?;
    let mut rows = Rows::new(layout.names.clone(), asked.wanted);
    rows.header_stands = csv.header;
    let below = csv.unit_row.into();
    let (more, data) = skip_lines(&body[layout.data_from..], below);
    rows.read_all(data, layout.delimiter, skipped + layout.lines + more)?;
    Ok(rows.finish())
}

fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, MappingError> {
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match (encoding, bytes) {
        (Encoding::Latin1, _) => return Ok(latin1(bytes)),
        (Encoding::Auto, [0xff, 0xfe, rest @ ..]) => return utf16(rest, u16::from_le_bytes),
        (Encoding::Auto, [0xfe, 0xff, rest @ ..]) => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    match std::str::from_utf8(marked) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if encoding == Encoding::Auto => Ok(latin1(bytes)),
        Err(fault) => Err(MappingError::Encoding { byte: fault.valid_up_to() }),
    }
}

fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    Cow::Owned(bytes.iter().copied().map(char::from).collect())
}

fn utf16(bytes: &[u8], word: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, MappingError> {
    let words = bytes.as_chunks::<2>().0.iter().map(|pair| word(*pair));
    let text: Result<String, _> = char::decode_utf16(words).collect();
    text.map(Cow::Owned).map_err(|_| MappingError::Encoding { byte: 0 })
}

/// What follows `count` lines, and how many there were.
fn skip_lines(text: &str, count: usize) -> (u64, &str) {
    let mut rest = text;
    let mut skipped = 0;
    while skipped < count as u64 && !rest.is_empty() {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
        skipped += 1;
    }
    (skipped, rest)
}

struct Layout {
    names: Vec<String>,
    delimiter: u8,
    /// Byte at which the rows begin.
    data_from: usize,
    /// Lines before them.
    lines: u64,
}

fn with_header(text: &str, csv: &Csv, needed: &[&str]) -> Result<Layout, MappingError> {
    let chosen = csv.delimiter.and_then(|letter| u8::try_from(letter).ok());
    let candidates = chosen.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
    let mut data_from = 0;
    let mut best: Option<Vec<String>> = None;
    for (index, line) in text.split_inclusive('\n').take(HEADER_WITHIN).enumerate() {
        data_from += line.len();
        for delimiter in candidates.iter().copied() {
            let names = fields(line, delimiter);
            let complete = needed.iter().all(|name| names.iter().any(|have| have == name));
            // Without needed columns the delimiter that splits most is the likeliest.
            let likeliest = chosen.is_some() || delimiter == most_frequent(line);
            if complete && !names.is_empty() && (!needed.is_empty() || likeliest) {
                return Ok(Layout { names, delimiter, data_from, lines: index as u64 + 1 });
            }
            if best.as_ref().is_none_or(|best| matching(needed, best) < matching(needed, &names)) {
                best = Some(names);
            }
        }
    }
    let have = best.unwrap_or_default();
    let missing = needed.iter().find(|name| !have.iter().any(|column| column == *name));
    Err(MappingError::Column {
        name: missing.copied().unwrap_or_default().to_owned(),
        have: cut(&have.join(", ")),
    })
}

fn matching(needed: &[&str], names: &[String]) -> usize {
    needed.iter().filter(|name| names.iter().any(|have| have == *name)).count()
}

fn without_header(text: &str, csv: &Csv) -> Layout {
    let line = text.lines().next().unwrap_or_default();
    let chosen = csv.delimiter.and_then(|letter| u8::try_from(letter).ok());
    let delimiter = chosen.unwrap_or_else(|| most_frequent(line));
    let names = (0..fields(line, delimiter).len()).map(|index| index.to_string()).collect();
    Layout { names, delimiter, data_from: 0, lines: 0 }
}

fn most_frequent(line: &str) -> u8 {
    let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
    // `max_by_key` takes the last of equals: a line without any keeps the comma.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn fields(line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = reader(line, delimiter);
    let mut record = StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(|field| field.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// Rows as they are collected.
struct Rows {
    names: Vec<String>,
    /// `None` for columns that nobody asked for.
    columns: Vec<Option<StringBuilder>>,
    lines: Vec<u64>,
    rejected: Vec<Rejected>,
    header_stands: bool,
}

impl Rows {
    fn new(names: Vec<String>, wanted: Option<&[&str]>) -> Self {
        let is_wanted = |name: &String| wanted.is_none_or(|wanted| wanted.contains(&name.as_str()));
        let columns = names.iter().map(|name| is_wanted(name).then(StringBuilder::new)).collect();
        Self { names, columns, lines: Vec::new(), rejected: Vec::new(), header_stands: false }
    }

    /// Reads every record. A quote left open swallows the lines after it: its line is rejected and
    /// reading starts again on the next one.
    fn read_all(&mut self, text: &str, delimiter: u8, before: u64) -> Result<(), MappingError> {
        let (mut rest, mut line_offset) = (text, before);
        for _ in 0..MAX_OPEN_QUOTES {
            let Some(open) = self.read_until_open_quote(rest, delimiter, line_offset)? else {
                return Ok(());
            };
            let (_, after) = skip_lines(&rest[open.byte..], 1);
            line_offset += open.line;
            rest = after;
        }
        Err(MappingError::OpenQuotes)
    }

    fn read_until_open_quote(
        &mut self,
        text: &str,
        delimiter: u8,
        line_offset: u64,
    ) -> Result<Option<Start>, MappingError> {
        let mut reader = reader(text, delimiter);
        let mut record = StringRecord::new();
        while reader.read_record(&mut record)? {
            let start = start_of(&record, text);
            let line = line_offset + start.line;
            if self.is_open_quote(&record, char::from(delimiter)) {
                self.reject(line, "a quote is left open, or a field is too long", &record);
                return Ok(Some(start));
            }
            self.take(&record, line);
        }
        Ok(None)
    }

    /// Text may hold line ends, but not lines that are rows themselves.
    fn is_open_quote(&self, record: &StringRecord, delimiter: char) -> bool {
        let is_row = |line: &str| line.matches(delimiter).count() + 1 == self.names.len();
        let holds_rows = |field: &str| {
            let lines: Vec<&str> =
                field.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
            // The last line may be a row that a further quote has cut.
            let whole = if lines.len() > 1 { &lines[..lines.len() - 1] } else { &lines[..] };
            !whole.is_empty() && whole.iter().all(|line| is_row(line))
        };
        let is_short = record.len() < self.names.len();
        record.iter().any(|field| {
            field.len() > MAX_FIELD || (field.contains('\n') && (is_short || holds_rows(field)))
        })
    }

    fn take(&mut self, record: &StringRecord, line: u64) {
        if let Some(reason) = self.fault(record) {
            self.reject(line, &reason, record);
            return;
        }
        for (column, field) in self.columns.iter_mut().zip(record) {
            let Some(column) = column else { continue };
            match field.trim() {
                "" => column.append_null(),
                text => column.append_value(text),
            }
        }
        self.lines.push(line);
    }

    fn fault(&self, record: &StringRecord) -> Option<String> {
        let expected = self.names.len();
        let surplus = record.iter().skip(expected).any(|field| !field.trim().is_empty());
        if record.len() < expected || surplus {
            return Some(format!("expected {expected} fields, got {}", record.len()));
        }
        let repeats = || record.iter().zip(&self.names).all(|(field, name)| field.trim() == name);
        (self.header_stands && repeats()).then(|| "the header stands here again".to_owned())
    }

    fn reject(&mut self, line: u64, reason: &str, record: &StringRecord) {
        self.rejected.push(Rejected {
            place: format!("line {line}"),
            reason: reason.to_owned(),
            sample: cut(&record.iter().collect::<Vec<_>>().join(",")),
            rows: 1,
        });
    }

    fn finish(self) -> CsvFile {
        let rows = self.lines.len();
        let named = self.names.into_iter().zip(self.columns);
        let columns = named
            .filter_map(|(name, column)| Some((name, Arc::new(column?.finish()) as ArrayRef)))
            .collect();
        CsvFile {
            frame: Frame::new(columns, rows, Places::Lines(self.lines)),
            rejected: self.rejected,
        }
    }
}

/// Where a record begins.
struct Start {
    byte: usize,
    /// Counted from 1.
    line: u64,
}

/// The reader counts what ends the line before, and blank lines, to the record that follows them.
fn start_of(record: &StringRecord, text: &str) -> Start {
    let (byte, line) = record.position().map_or((0, 0), |at| (at.byte() as usize, at.line()));
    let ends = text.as_bytes().get(byte..).unwrap_or_default();
    let ends = &ends[..ends.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()];
    let passed = ends.iter().filter(|byte| **byte == b'\n').count() as u64;
    Start { byte: byte + ends.len(), line: line + passed }
}
