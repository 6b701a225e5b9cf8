//! A cursor over one XML document: quick-xml's events, with the limits applied, entities refused
//! and namespaces ignored.
//!
//! A parser walks the tree with [`Cursor::child`], which yields the children of the element it
//! stands in and ends with that element; each child must be consumed by [`Cursor::text`],
//! [`Cursor::skip`] or its own loop over `child`. Declarations, comments and processing
//! instructions are passed over wherever they stand: real files carry a stylesheet instruction
//! before the declaration.

use std::borrow::Cow;
use std::io::BufRead as _;

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use crate::{Limits, ReadError, ReadErrorKind};

/// The document type of legacy measurement files; accepted, never resolved.
const KNOWN_DOCTYPE: &str = "mdc SYSTEM \"MeasDataCollection.dtd\"";

/// The opening tag of an element.
pub(crate) struct Open<'a> {
    tag: BytesStart<'a>,
    offset: u64,
}

impl Open<'_> {
    /// The name without a namespace prefix.
    pub(crate) fn name(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// The value of an attribute by its local name.
    pub(crate) fn attr(&self, name: &str) -> Result<Option<Cow<'_, str>>, ReadError> {
        let wrong = |message: String| ReadError::new(ReadErrorKind::Syntax, self.offset, message);
        for attr in self.tag.attributes().with_checks(false) {
            let attr = attr.map_err(|fault| wrong(fault.to_string()))?;
            if attr.key.local_name().into_inner() == name {
                return match attr.value {
                    Cow::Borrowed(raw) => resolve(raw, self.offset).map(Some),
                    Cow::Owned(raw) => Ok(Some(Cow::Owned(resolve(&raw, self.offset)?.into()))),
                };
            }
        }
        Ok(None)
    }

    /// The value of an attribute, owned; an absent and an empty one are the same.
    pub(crate) fn owned(&self, name: &str) -> Result<Option<String>, ReadError> {
        let value = self.attr(name)?;
        Ok(value.filter(|text| !text.is_empty()).map(Cow::into_owned))
    }

    /// Byte offset of the end of the tag.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

/// Replaces the predefined entities and character references; any other entity is refused.
fn resolve(raw: &str, offset: u64) -> Result<Cow<'_, str>, ReadError> {
    unescape(raw).map_err(|fault| entity(offset, &fault.to_string()))
}

fn entity(offset: u64, message: &str) -> ReadError {
    ReadError::new(ReadErrorKind::Entity, offset, message)
}

/// The cursor.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    depth: usize,
    limits: Limits,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, limits: Limits) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { text, reader, depth: 0, limits }
    }

    /// The limits that hold for this document.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Byte offset behind the last event.
    pub(crate) fn offset(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// The next child of the element that the cursor stands in; `None` when that element ends, or
    /// behind the root at the end of the text.
    pub(crate) fn child(&mut self) -> Result<Option<Open<'a>>, ReadError> {
        loop {
            match self.event()? {
                Event::Start(tag) => {
                    let offset = self.offset();
                    return Ok(Some(Open { tag, offset }));
                }
                Event::End(_) => return Ok(None),
                Event::Eof if self.depth == 0 => return Ok(None),
                Event::Eof => return Err(self.truncated()),
                _ => {}
            }
        }
    }

    /// The text of the element that was just opened, up to its end; markup inside is refused.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.event()? {
                Event::End(_) => return Ok(text),
                Event::Text(part) => append(&mut text, part.into_inner()),
                Event::CData(part) => append(&mut text, part.into_inner()),
                Event::GeneralRef(name) => {
                    let reference = format!("&{};", name.into_inner());
                    let resolved = resolve(&reference, self.offset())?.into_owned();
                    append(&mut text, Cow::Owned(resolved));
                }
                Event::Start(tag) => {
                    let message = format!("expected text, got element `{}`", tag.name().as_ref());
                    return Err(ReadError::new(ReadErrorKind::Syntax, self.offset(), message));
                }
                Event::Eof => return Err(self.truncated()),
                _ => {}
            }
            if text.len() > self.limits.max_text {
                let message = format!("expected a text of at most {} bytes", self.limits.max_text);
                return Err(ReadError::new(ReadErrorKind::TooLarge, self.offset(), message));
            }
        }
    }

    /// Passes over the element that was just opened, checking it all the same.
    pub(crate) fn skip(&mut self) -> Result<(), ReadError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if matches!(self.event()?, Event::Eof) {
                return Err(self.truncated());
            }
        }
        Ok(())
    }

    /// Whether the last tag was `<…/>`: what follows it is not its content.
    pub(crate) fn is_at_empty_element(&self) -> bool {
        let read = self.text.len() - self.rest().len();
        self.text.as_bytes()[..read].ends_with(b"/>")
    }

    /// What follows the last event, for a scanner of its own.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.reader.get_ref()
    }

    /// Moves over `bytes` that such a scanner consumed; they must be whole elements.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.reader.stream().consume(bytes);
    }

    /// Completes an error with the elements that are open at its offset.
    pub(crate) fn locate(&self, error: ReadError) -> ReadError {
        let path = open_elements(self.text, error.offset);
        ReadError { path, ..error }
    }

    fn event(&mut self) -> Result<Event<'a>, ReadError> {
        let event = match self.reader.read_event() {
            Ok(event) => event,
            Err(fault) => return Err(self.syntax(&fault)),
        };
        match &event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth -= 1,
            Event::DocType(doctype) => self.check_doctype(doctype)?,
            _ => return Ok(event),
        }
        if self.depth > self.limits.max_depth {
            let message = format!("expected at most {} nested elements", self.limits.max_depth);
            return Err(ReadError::new(ReadErrorKind::Depth, self.offset(), message));
        }
        Ok(event)
    }

    fn check_doctype(&self, doctype: &str) -> Result<(), ReadError> {
        let words: Vec<_> = doctype.split_whitespace().collect();
        if words.join(" ") == KNOWN_DOCTYPE {
            return Ok(());
        }
        let message = "expected no document type declaration";
        Err(ReadError::new(ReadErrorKind::Doctype, self.offset(), message))
    }

    fn syntax(&self, fault: &Error) -> ReadError {
        let kind = match fault {
            Error::Syntax(_) => ReadErrorKind::Truncated,
            Error::IllFormed(IllFormedError::UnclosedReference) => ReadErrorKind::Entity,
            _ => ReadErrorKind::Syntax,
        };
        ReadError::new(kind, self.reader.error_position(), fault.to_string())
    }

    fn truncated(&self) -> ReadError {
        let message = format!("text ends with {} elements open", self.depth);
        ReadError::new(ReadErrorKind::Truncated, self.offset(), message)
    }
}

fn append<'a>(text: &mut Cow<'a, str>, part: Cow<'a, str>) {
    if text.is_empty() {
        *text = part;
    } else {
        text.to_mut().push_str(&part);
    }
}

/// Reads the text again up to `offset`: only errors pay for their path.
fn open_elements(text: &str, offset: u64) -> String {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut open = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => open.push(tag.local_name().into_inner().to_owned()),
            Ok(Event::End(_)) if reader.buffer_position() <= offset => drop(open.pop()),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
        if reader.buffer_position() >= offset {
            break;
        }
    }
    const SHOWN: usize = 8;
    if open.len() > SHOWN {
        open.truncate(SHOWN);
        open.push("…".into());
    }
    open.join("/")
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
