//! Requests of the usual form, in one pass.
//!
//! `None` says no more than "not of that form": what is wrong, and what is rare, is left to the reader
//! that knows the whole protocol and can say where something is wrong. Whatever is read here reads
//! the same there.

use super::number::number;
use crate::tensor::shape;
use crate::{Data, Datatype, Request, Tensor};

/// Dimensions with more digits are left to the other reader.
const LONGEST: usize = 9;

/// A request whose inputs are numbers, flat or in rows, and texts.
pub(super) fn read(bytes: &[u8]) -> Option<Request> {
    let mut reader = Reader { bytes, at: 0 };
    let (mut model, mut id, mut inputs, mut outputs) = (None, None, None, None);
    reader.object(|reader, key| match key {
        "model_name" => once(&mut model, reader.text()?),
        "id" => once(&mut id, reader.text()?.to_owned()),
        "inputs" => {
            let mut tensors = Vec::new();
            reader.list(|reader| {
                tensors.push(reader.input()?);
                Some(())
            })?;
            once(&mut inputs, tensors)
        }
        "outputs" => {
            let mut names = Vec::new();
            reader.list(|reader| {
                names.push(reader.output()?);
                Some(())
            })?;
            once(&mut outputs, names)
        }
        _ => None,
    })?;
    reader.space();
    let outputs = outputs.filter(|names| !names.is_empty());
    let request = Request { id, inputs: inputs?, outputs, ..Request::default() };
    (reader.at == bytes.len()).then(|| request.without_a_name_twice().ok())?
}

/// Keeps a value; `None` where there is one already.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// Elements of an input.
enum Elements {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.next() {
            self.at += 1;
        }
    }

    /// Whether this byte comes next, which is taken then.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn needs(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.needs(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
        // The first byte that is special must be the end.
        let text = &rest[..length];
        (rest[length] == b'"').then_some(())?;
        self.at += length + 1;
        std::str::from_utf8(text).ok()
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.needs(b'[')?;
        if self.takes(b']') {
            return Some(());
        }
        loop {
            item(self)?;
            // Asked first: most items have another one behind them.
            if !self.takes(b',') {
                return self.needs(b']');
            }
        }
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.needs(b'{')?;
        if self.takes(b'}') {
            return Some(());
        }
        loop {
            let key = self.text()?;
            self.needs(b':')?;
            member(self, key)?;
            if self.takes(b'}') {
                return Some(());
            }
            self.needs(b',')?;
        }
    }

    fn output(&mut self) -> Option<String> {
        let mut name = None;
        self.object(|reader, key| match key {
            "name" => once(&mut name, reader.text()?.to_owned()),
            _ => None,
        })?;
        name
    }

    fn input(&mut self) -> Option<Tensor> {
        let (mut name, mut dimensions, mut datatype, mut data) = (None, None, None, None);
        self.object(|reader, key| match key {
            "name" => once(&mut name, reader.text()?),
            "shape" => once(&mut dimensions, reader.dimensions()?),
            "datatype" => once(&mut datatype, Datatype::parse(reader.text()?).ok()?),
            "data" => once(&mut data, reader.elements()?),
            _ => None,
        })?;
        let (name, dimensions, datatype) = (name?, dimensions?, datatype?);
        let (elements, columns) = data?;
        // Rows stand for themselves only where they are what the shape says.
        if columns.is_some() && !matches!(dimensions[..], [_, last] if columns == Some(last)) {
            return None;
        }
        let data = match (elements, datatype) {
            (Elements::Numbers(data), Datatype::Fp32 | Datatype::Fp64) => Data::Float(data),
            (Elements::Texts(data), Datatype::Bytes) => Data::Text(data),
            _ => return None,
        };
        let shape = shape(name, &dimensions, data.len()).ok()?;
        Some(Tensor { name: name.to_owned(), datatype, shape, data })
    }

    fn dimensions(&mut self) -> Option<Vec<i64>> {
        let mut dimensions = Vec::new();
        self.list(|reader| {
            reader.space();
            let rest = reader.bytes.get(reader.at..)?;
            let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
            let is_plain = length == 1 || (rest[0] != b'0' && (2..=LONGEST).contains(&length));
            let digits = rest.get(..length).filter(|_| is_plain)?;
            dimensions.push(digits.iter().fold(0, |sum, byte| 10 * sum + i64::from(byte - b'0')));
            reader.at += length;
            Some(())
        })?;
        Some(dimensions)
    }

    /// Elements, and how many there are in a row where they stand in rows.
    fn elements(&mut self) -> Option<(Elements, Option<i64>)> {
        let mut ahead = Self { bytes: self.bytes, at: self.at };
        ahead.needs(b'[')?;
        ahead.space();
        match ahead.next()? {
            b'"' => {
                let mut texts = Vec::new();
                self.list(|reader| {
                    texts.push(reader.text()?.to_owned());
                    Some(())
                })?;
                Some((Elements::Texts(texts), None))
            }
            b'[' => self.rows(),
            _ => {
                let mut numbers = Vec::new();
                self.numbers(&mut numbers)?;
                Some((Elements::Numbers(numbers), None))
            }
        }
    }

    /// Rows of one length, which is not 0.
    fn rows(&mut self) -> Option<(Elements, Option<i64>)> {
        let (mut numbers, mut columns) = (Vec::new(), None);
        self.list(|reader| {
            let before = numbers.len();
            reader.numbers(&mut numbers)?;
            let row = numbers.len() - before;
            (row > 0 && *columns.get_or_insert(row) == row).then_some(())
        })?;
        Some((Elements::Numbers(numbers), Some(i64::try_from(columns?).ok()?)))
    }

    fn numbers(&mut self, numbers: &mut Vec<f64>) -> Option<()> {
        self.list(|reader| {
            reader.space();
            let rest = reader.bytes.get(reader.at..)?;
            let (value, length) = match rest.first() {
                // What is missing.
                Some(b'n') => (f64::NAN, rest.starts_with(b"null").then_some(4)?),
                _ => number(rest)?,
            };
            numbers.push(value);
            reader.at += length;
            Some(())
        })
    }
}
