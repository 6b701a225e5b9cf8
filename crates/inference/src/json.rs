//! Requests as JSON.

mod number;
mod quick;

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use crate::message::Parameters;
use crate::tensor::shape;
use crate::{Answer, Data, Datatype, ProtocolError, Request, Result, Tensor};

/// How deep the arrays of `data` may nest.
const DEEPEST: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest {
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<JsonInput>,
    outputs: Option<Vec<JsonOutput>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonInput {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default, rename = "parameters")]
    _parameters: Parameters,
    data: Elements,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOutput {
    name: String,
    #[serde(default, rename = "parameters")]
    _parameters: Parameters,
}

impl Request {
    /// Reads a request from JSON. `null` in `data` is a missing number.
    ///
    /// # Errors
    /// For JSON that is malformed, and for tensors whose type, shape and elements disagree.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        quick::read(bytes).map_or_else(|| Self::of_any_form(bytes), Ok)
    }

    /// Reads whatever the protocol allows, and says what is wrong with anything else.
    fn of_any_form(bytes: &[u8]) -> Result<Self> {
        let read: JsonRequest = serde_json::from_slice(bytes)
            .map_err(|error| ProtocolError::new(format!("request: {error}")))?;
        let inputs: Vec<Tensor> =
            read.inputs.into_iter().map(JsonInput::tensor).collect::<Result<_>>()?;
        no_name_twice(&inputs)?;
        let outputs = read.outputs.filter(|outputs| !outputs.is_empty());
        let outputs =
            outputs.map(|outputs| outputs.into_iter().map(|output| output.name).collect());
        Ok(Self { id: read.id, parameters: read.parameters, inputs, outputs })
    }
}

impl Answer {
    /// The answer as JSON; numbers read back to the same bits.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts and numbers alone: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

pub(crate) fn no_name_twice(inputs: &[Tensor]) -> Result<()> {
    let mut names = BTreeSet::new();
    match inputs.iter().find(|input| !names.insert(input.name.as_str())) {
        Some(twice) => Err(ProtocolError::new(format!("input `{}` is given twice", twice.name))),
        None => Ok(()),
    }
}

impl JsonInput {
    fn tensor(self) -> Result<Tensor> {
        let Self { name, shape: dimensions, datatype, data, .. } = self;
        let wrong = |what: &dyn fmt::Display| ProtocolError::new(format!("input `{name}`: {what}"));
        let datatype = Datatype::parse(&datatype).map_err(|error| wrong(&error))?;
        let is_nested = data.depth > 1 && data.depth == dimensions.len();
        if data.is_ragged || (is_nested && dimensions.last() != data.row.map(|n| n as i64).as_ref())
        {
            return Err(wrong(&format!("the arrays in `data` do not have shape {dimensions:?}")));
        }
        let shape = shape(&name, &dimensions, data.count)?;
        let data = data.of(datatype).map_err(|what| wrong(&what))?;
        Ok(Tensor { name, datatype, shape, data })
    }
}

/// Elements as they stand in JSON, flat or nested.
#[derive(Default)]
struct Elements {
    found: Found,
    count: usize,
    /// How deep the elements lie.
    depth: usize,
    /// Length of the innermost arrays.
    row: Option<usize>,
    is_ragged: bool,
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
    fn of(self, datatype: Datatype) -> Result<Data, String> {
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

const MIXED: &str = "elements of different types in one `data`";

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

#[cfg(test)]
mod tests;
