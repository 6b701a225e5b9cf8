//! One file from bytes to [`MeasFile`]: inflate, decode, find the root, read it, settle repeats.

use libdeflater::Decompressor;

use std::collections::HashMap;

use crate::block::BlockBuilder;
use crate::dn::{dn_below, join_dn};
use crate::inflate::inflate;
use crate::model::{Counts, Element, Format, MeasFile, flags};
use crate::rejects::Rejects;
use crate::text::decode;
use crate::xml::Cursor;
use crate::{Limits, Peek, ReadError, ReadErrorKind, mdc, meas, omes, peek, unique};

/// Which way values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValuePath {
    /// Plain runs of values by a scanner of their own, everything else by the XML reader.
    #[default]
    Fast,
    /// Everything by the XML reader. Slower; the measure that the fast way is held against.
    General,
}

/// Reads performance files; keep one per thread, it owns the inflater.
pub struct PmReader {
    inflater: Decompressor,
    limits: Limits,
    path: ValuePath,
}

impl Default for PmReader {
    fn default() -> Self {
        Self::new(Limits::default(), ValuePath::Fast)
    }
}

impl PmReader {
    /// A reader with limits of its own.
    pub fn new(limits: Limits, path: ValuePath) -> Self {
        Self { inflater: Decompressor::new(), limits, path }
    }

    /// Reads a whole file, plain or gzipped.
    ///
    /// **Errors**: a file that cannot be read as a whole. Faults inside a readable file are
    /// [`MeasFile::rejects`].
    pub fn read(&mut self, bytes: &[u8]) -> Result<MeasFile, ReadError> {
        let inflated = inflate(&mut self.inflater, bytes, &self.limits)?;
        let text = decode(&inflated)?;
        let mut cursor = Cursor::new(text, self.limits);
        read_text(&mut cursor, self.path).map_err(|error| cursor.locate(error))
    }

    /// Reads only who sent a file and when: header, first period and footer.
    ///
    /// **Errors**: as [`Self::read`], as far as the beginning of the file shows them.
    pub fn peek(&mut self, bytes: &[u8]) -> Result<Peek, ReadError> {
        let inflated = inflate(&mut self.inflater, bytes, &self.limits)?;
        peek::peek(decode(&inflated)?, self.limits)
    }
}

/// Reads the document that the cursor stands before.
pub(crate) fn read_text(cursor: &mut Cursor<'_>, path: ValuePath) -> Result<MeasFile, ReadError> {
    let format = root(cursor)?;
    let mut draft = Draft::new(format, cursor.limits());
    match format {
        Format::MeasCollec | Format::MeasData => meas::read(cursor, &mut draft, path)?,
        Format::Mdc => mdc::read(cursor, &mut draft)?,
        Format::Omes => omes::read(cursor, &mut draft)?,
    }
    if let Some(second) = cursor.child()? {
        let message = format!("expected the end of the file, got element `{}`", second.name());
        return Err(ReadError::new(ReadErrorKind::Syntax, cursor.offset(), message));
    }
    Ok(draft.finish())
}

/// Enters the root element.
pub(crate) fn root(cursor: &mut Cursor<'_>) -> Result<Format, ReadError> {
    let unknown = |offset, got: &str| {
        let message = format!("expected measCollecFile, measDataFile, mdc or OMeS, got {got}");
        ReadError::new(ReadErrorKind::UnknownFormat, offset, message)
    };
    match cursor.child()? {
        Some(open) => {
            let got = format!("element `{}`", open.name());
            Format::of_root(open.name()).ok_or_else(|| unknown(open.offset(), &got))
        }
        None => Err(unknown(0, "no element")),
    }
}

/// A file while it is read.
pub(crate) struct Draft {
    pub(crate) file: MeasFile,
    pub(crate) dn_prefix: String,
    pub(crate) rejects: Rejects,
    /// Places of the elements in the file, by name and software.
    elements: HashMap<Element, usize>,
    /// Objects × counters that may still come.
    cells_left: usize,
    limits: Limits,
}

impl Draft {
    pub(crate) fn new(format: Format, limits: Limits) -> Self {
        Self {
            file: MeasFile {
                format,
                vendor: String::new(),
                sender: String::new(),
                begin: None,
                end: None,
                elements: Vec::new(),
                blocks: Vec::new(),
                rejects: Vec::new(),
                counts: Counts::default(),
            },
            dn_prefix: String::new(),
            rejects: Rejects::default(),
            elements: HashMap::new(),
            cells_left: limits.max_cells,
            limits,
        }
    }

    /// The element of that local name; without one the sender stands for it.
    pub(crate) fn element(
        &mut self,
        local_dn: Option<&str>,
        software: Option<&str>,
    ) -> Option<usize> {
        let ne_dn = join_dn(&self.dn_prefix, local_dn.unwrap_or(&self.file.sender));
        if ne_dn.is_empty() {
            return None;
        }
        let element = Element { ne_dn, sw_version: software.map(str::to_owned) };
        let elements = &mut self.file.elements;
        Some(*self.elements.entry(element).or_insert_with_key(|element| {
            elements.push(element.clone());
            elements.len() - 1
        }))
    }

    /// Opens the row of an object in `block`.
    pub(crate) fn begin_object(
        &mut self,
        block: &mut BlockBuilder,
        ldn: String,
        offset: u64,
    ) -> Result<(), ReadError> {
        let Some(left) = self.cells_left.checked_sub(block.width()) else {
            let most = self.limits.max_cells;
            let message = format!("expected at most {most} values, absent ones included");
            return Err(ReadError::new(ReadErrorKind::TooLarge, offset, message));
        };
        self.cells_left = left;
        block.begin_object(ldn);
        Ok(())
    }

    /// The name of an object below its element.
    pub(crate) fn ldn(&self, element: Option<usize>, written: Option<&str>) -> String {
        let ne_dn = element.map_or("", |element| &self.file.elements[element].ne_dn);
        dn_below(ne_dn, written.unwrap_or_default()).into_owned()
    }

    /// Adds a block that was read completely.
    pub(crate) fn close(&mut self, block: BlockBuilder, element: Option<usize>, offset: u64) {
        let block = block.finish(element, offset, &mut self.file.counts, &mut self.rejects);
        self.file.blocks.extend(block);
    }

    fn finish(mut self) -> MeasFile {
        unique::settle(&mut self.file, &mut self.rejects);
        flag_times(&mut self.file);
        self.file.rejects = self.rejects.finish();
        self.file
    }
}

/// Lengths of granularity periods in use; any other is a period that was cut.
const USUAL_SECONDS: [i32; 10] = [10, 30, 60, 300, 600, 900, 1800, 3600, 43_200, 86_400];

fn flag_times(file: &mut MeasFile) {
    for block in &mut file.blocks {
        let early = file.begin.is_some_and(|begin| block.period_start < begin);
        let late = file.end.is_some_and(|end| block.period_end() > end);
        if early || late {
            block.flags |= flags::TIMES_DISAGREE;
        }
        if !USUAL_SECONDS.contains(&block.granularity_s) {
            block.flags |= flags::TRUNCATED;
        }
        if block.offset_s.is_none() {
            block.flags |= flags::NO_OFFSET;
        }
    }
}
