//! Tensors: a name, a shape, and elements of one type.

use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

use crate::message::NAN_IS_MISSING;
use crate::{ProtocolError, Result};

/// Dimensions that a tensor may have.
const MOST_DIMENSIONS: usize = 8;

/// Types of elements, by the names of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Datatype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    const ALL: [(Self, &'static str); 12] = [
        (Self::Bool, "BOOL"),
        (Self::Int8, "INT8"),
        (Self::Int16, "INT16"),
        (Self::Int32, "INT32"),
        (Self::Int64, "INT64"),
        (Self::Uint8, "UINT8"),
        (Self::Uint16, "UINT16"),
        (Self::Uint32, "UINT32"),
        (Self::Uint64, "UINT64"),
        (Self::Fp32, "FP32"),
        (Self::Fp64, "FP64"),
        (Self::Bytes, "BYTES"),
    ];

    /// The protocol's name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, word)| word)
    }

    /// By the protocol's name.
    ///
    /// # Errors
    /// For a name that is none, or a type that this service does not take.
    pub fn parse(word: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(datatype, _)| *datatype).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|(_, word)| *word).collect();
            let word: String = word.chars().take(40).collect();
            ProtocolError::new(format!("datatype `{word}`: expected one of {}", known.join(", ")))
        })
    }

    /// Least and greatest element of a type of whole numbers.
    pub(crate) fn bounds(self) -> Option<(i64, i64)> {
        Some(match self {
            Self::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Self::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Self::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Self::Uint8 => (0, i64::from(u8::MAX)),
            Self::Uint16 => (0, i64::from(u16::MAX)),
            Self::Uint32 => (0, i64::from(u32::MAX)),
            // Nothing that anybody measures passes 2^63.
            Self::Uint64 => (0, i64::MAX),
            Self::Int64 => (i64::MIN, i64::MAX),
            Self::Bool | Self::Fp32 | Self::Fp64 | Self::Bytes => return None,
        })
    }
}

/// Elements, row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Of BOOL.
    Bool(Vec<bool>),
    /// Of all types of whole numbers.
    Int(Vec<i64>),
    /// Of FP32 and FP64; NaN = missing.
    Float(Vec<f64>),
    /// Of BYTES: text.
    Text(Vec<String>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(data) => data.len(),
            Self::Int(data) => data.len(),
            Self::Float(data) => data.len(),
            Self::Text(data) => data.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses numbers that are none.
    pub(crate) fn finite(&self, nan: Nan) -> Result<(), String> {
        let Self::Float(data) = self else { return Ok(()) };
        let may_stay = |value: f64| value.is_finite() || (nan == Nan::IsMissing && value.is_nan());
        match data.iter().find(|value| !may_stay(**value)) {
            Some(value) => Err(format!(
                "{value} is no number; parameter `{NAN_IS_MISSING}` lets NaN stand for a missing one"
            )),
            None => Ok(()),
        }
    }
}

/// What NaN among numbers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nan {
    IsMissing,
    IsWrong,
}

/// A named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub datatype: Datatype,
    /// Their number is its product.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Data,
}

impl Tensor {
    /// FP64 of `[rows]`; NaN = missing.
    pub fn floats(name: &str, data: Vec<f64>) -> Self {
        Self::new(name, Datatype::Fp64, Data::Float(data))
    }

    /// INT64 of `[rows]`.
    pub fn ints(name: &str, data: Vec<i64>) -> Self {
        Self::new(name, Datatype::Int64, Data::Int(data))
    }

    /// BYTES of `[rows]`.
    pub fn texts(name: &str, data: Vec<String>) -> Self {
        Self::new(name, Datatype::Bytes, Data::Text(data))
    }

    fn new(name: &str, datatype: Datatype, data: Data) -> Self {
        Self { name: name.to_owned(), datatype, shape: vec![data.len()], data }
    }

    /// The same elements as `[rows, columns]`.
    #[must_use]
    pub fn of_rows(mut self, rows: usize) -> Self {
        self.shape = vec![rows, self.data.len() / rows.max(1)];
        self
    }

    /// Rows: the first dimension.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
}

/// A shape whose product is the number of elements.
pub(crate) fn shape(name: &str, dimensions: &[i64], elements: usize) -> Result<Vec<usize>> {
    let wrong = |what: String| ProtocolError::new(format!("input `{name}`: {what}"));
    if dimensions.len() > MOST_DIMENSIONS {
        return Err(wrong(format!("{} dimensions, more than {MOST_DIMENSIONS}", dimensions.len())));
    }
    let shape: Option<Vec<usize>> =
        dimensions.iter().map(|size| usize::try_from(*size).ok()).collect();
    let shape = shape.ok_or_else(|| wrong(format!("shape {dimensions:?}: a negative size")))?;
    let product = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    if product != Some(elements) {
        return Err(wrong(format!("shape {dimensions:?} does not fit {elements} elements")));
    }
    Ok(shape)
}

impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tensor = serializer.serialize_struct("Tensor", 4)?;
        tensor.serialize_field("name", &self.name)?;
        tensor.serialize_field("shape", &self.shape)?;
        tensor.serialize_field("datatype", self.datatype.word())?;
        match &self.data {
            Data::Bool(data) => tensor.serialize_field("data", data)?,
            Data::Int(data) => tensor.serialize_field("data", data)?,
            // JSON has no NaN; what is missing is null.
            Data::Float(data) => tensor.serialize_field("data", data)?,
            Data::Text(data) => tensor.serialize_field("data", data)?,
        }
        tensor.end()
    }
}
