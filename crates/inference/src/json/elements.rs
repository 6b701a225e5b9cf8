//! The `data` of an input as it stands in JSON: elements of one type, flat or in arrays of arrays.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use crate::{Data, Datatype, Result};

/// How deep the arrays may nest.
const DEEPEST: usize = 8;

const MIXED: &str = "elements of different types in one `data`";

/// Elements as they stand in JSON, flat or nested.
#[derive(Default)]
pub(super) struct Elements {
    found: Found,
    pub(super) count: usize,
    /// How deep the elements lie.
    pub(super) depth: usize,
    /// Length of the innermost arrays.
    pub(super) row: Option<usize>,
    /// Whether these arrays differ in depth or length.
    pub(super) is_ragged: bool,
}

#[derive(Default)]
enum Found {
    #[default]
    None,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Vec<String>),
}

impl Elements {
    /// The elements as the data of a tensor, or what is wrong with them.
    pub(super) fn of(self, datatype: Datatype) -> Result<Data, String> {
        let word = datatype.word();
        Ok(match (self.found, datatype) {
            (Found::None, Datatype::Bool) => Data::Bool(Vec::new()),
            (Found::None, Datatype::Bytes) => Data::Text(Vec::new()),
            (Found::None, Datatype::Fp32 | Datatype::Fp64) => Data::Float(Vec::new()),
            (Found::None, _) => Data::Int(Vec::new()),
            (Found::Bool(data), Datatype::Bool) => Data::Bool(data),
            (Found::Text(data), Datatype::Bytes) => Data::Text(data),
            (Found::Float(data), Datatype::Fp32 | Datatype::Fp64) => Data::Float(data),
            (Found::Int(data), Datatype::Fp32 | Datatype::Fp64) => {
                Data::Float(data.into_iter().map(|value| value as f64).collect())
            }
            (Found::Int(data), datatype) => match datatype.bounds() {
                Some((least, most)) => {
                    match data.iter().find(|value| !(least..=most).contains(value)) {
                        Some(value) => return Err(format!("{value} is no {word}")),
                        None => Data::Int(data),
                    }
                }
                None => return Err(format!("expected {word}, got a number")),
            },
            (Found::Bool(_), _) => return Err(format!("expected {word}, got true or false")),
            (Found::Text(_), _) => return Err(format!("expected {word}, got text")),
            (Found::Float(_), _) => {
                return Err(format!("expected {word}, got a number with a fraction, or null"));
            }
        })
    }

    fn float(&mut self, value: f64) -> Result<(), &'static str> {
        match &mut self.found {
            Found::Float(data) => data.push(value),
            Found::None => self.found = Found::Float(vec![value]),
            Found::Int(data) => {
                let mut data: Vec<f64> = data.iter().map(|value| *value as f64).collect();
                data.push(value);
                self.found = Found::Float(data);
            }
            Found::Bool(_) | Found::Text(_) => return Err(MIXED),
        }
        self.count += 1;
        Ok(())
    }

    fn int(&mut self, value: i64) -> Result<(), &'static str> {
        match &mut self.found {
            Found::Float(data) => data.push(value as f64),
            Found::Int(data) => data.push(value),
            Found::None => self.found = Found::Int(vec![value]),
            Found::Bool(_) | Found::Text(_) => return Err(MIXED),
        }
        self.count += 1;
        Ok(())
    }

    fn boolean(&mut self, value: bool) -> Result<(), &'static str> {
        match &mut self.found {
            Found::Bool(data) => data.push(value),
            Found::None => self.found = Found::Bool(vec![value]),
            _ => return Err(MIXED),
        }
        self.count += 1;
        Ok(())
    }

    fn text(&mut self, value: &str) -> Result<(), &'static str> {
        match &mut self.found {
            Found::Text(data) => data.push(value.to_owned()),
            Found::None => self.found = Found::Text(vec![value.to_owned()]),
            _ => return Err(MIXED),
        }
        self.count += 1;
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut elements = Self::default();
        deserializer.deserialize_seq(Array { elements: &mut elements, depth: 1 })?;
        Ok(elements)
    }
}

/// An array of elements, or of arrays.
struct Array<'a> {
    elements: &'a mut Elements,
    depth: usize,
}

impl<'de> Visitor<'de> for Array<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let Self { elements, depth } = self;
        if depth > DEEPEST {
            return Err(A::Error::custom("`data` nests too deep"));
        }
        let (before, deepest) = (elements.count, elements.depth);
        while array.next_element_seed(Item { elements, depth })?.is_some() {}
        // Only the innermost arrays have rows of elements.
        if elements.depth == depth && (deepest == 0 || deepest == depth) {
            let row = elements.count - before;
            elements.is_ragged |= elements.row.is_some_and(|have| have != row);
            elements.row = Some(row);
        }
        Ok(())
    }
}

/// One element or array.
struct Item<'a> {
    elements: &'a mut Elements,
    depth: usize,
}

impl Item<'_> {
    fn take<E: serde::de::Error>(
        self,
        put: impl FnOnce(&mut Elements) -> Result<(), &'static str>,
    ) -> Result<(), E> {
        let Self { elements, depth } = self;
        elements.is_ragged |= elements.depth != 0 && elements.depth != depth;
        elements.depth = depth;
        put(elements).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, true, false, text, null or an array of them")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.take(|elements| elements.float(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.take(|elements| elements.int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.take(|elements| match i64::try_from(value) {
            Ok(value) => elements.int(value),
            Err(_) => elements.float(value as f64),
        })
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.take(|elements| elements.boolean(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.take(|elements| elements.text(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.take(|elements| elements.float(f64::NAN))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<(), A::Error> {
        Array { elements: self.elements, depth: self.depth + 1 }.visit_seq(array)
    }
}
