//! A fitted model as JSON plus safetensors: every long array of numbers moves out of the JSON.
//!
//! The JSON stays readable, the weights open in any tool, and no model needs a writer of its own:
//! whatever serialises is stored. In the JSON an array that moved is `{"tensor": "<its path>"}`.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{RegistryError, Result};

/// Arrays of this many numbers and more move out.
const LONG: usize = 16;
/// Key of what stands in for an array.
const TENSOR: &str = "tensor";

struct Tensor {
    kind: Dtype,
    length: usize,
    bytes: Vec<u8>,
}

/// Splits a model into its JSON and its safetensors, and makes sure that it comes back equal.
///
/// # Errors
/// [`RegistryError::Weights`] for a model that does not serialise, or holds a number that is not
/// finite: JSON has no word for those.
pub fn to_parts<T>(model: &T) -> Result<(Value, Vec<u8>)>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let (value, bytes) = split(model)?;
    // A short array or a single number that is not finite became null without a word.
    match from_parts::<T>(value.clone(), &bytes) {
        Ok(again) if again == *model => Ok((value, bytes)),
        Ok(_) => Err(wrong("the model holds a number that is not finite")),
        Err(error) => Err(wrong(format!("the model cannot be read back: {error}"))),
    }
}

fn split(model: &impl Serialize) -> Result<(Value, Vec<u8>)> {
    let mut value = serde_json::to_value(model).map_err(wrong)?;
    let mut tensors = BTreeMap::new();
    take_out(&mut value, String::new(), &mut tensors)?;
    let shapes: Vec<[usize; 1]> = tensors.values().map(|tensor| [tensor.length]).collect();
    let views: Result<Vec<_>> = tensors
        .iter()
        .zip(&shapes)
        .map(|((name, tensor), shape)| {
            let view =
                TensorView::new(tensor.kind, shape.to_vec(), &tensor.bytes).map_err(wrong)?;
            Ok((name.clone(), view))
        })
        .collect();
    Ok((value, serialize(views?, &None).map_err(wrong)?))
}

/// Puts both parts together again.
///
/// # Errors
/// [`RegistryError::Weights`] where they do not belong together.
pub fn from_parts<T: DeserializeOwned>(mut value: Value, bytes: &[u8]) -> Result<T> {
    let tensors = SafeTensors::deserialize(bytes).map_err(wrong)?;
    put_back(&mut value, &tensors)?;
    serde_json::from_value(value).map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> RegistryError {
    RegistryError::Weights(error.to_string())
}

fn take_out(value: &mut Value, path: String, tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
    match value {
        Value::Array(items) if items.len() >= LONG && items.iter().all(Value::is_number) => {
            tensors.insert(path.clone(), tensor(items));
            *value = json!({ TENSOR: path });
        }
        Value::Array(items) => {
            let has_gap = items.iter().any(Value::is_null) && items.iter().any(Value::is_number);
            if items.len() >= LONG && has_gap {
                return Err(wrong(format!("`{path}` holds a number that is not finite")));
            }
            for (index, item) in items.iter_mut().enumerate() {
                take_out(item, join(&path, &index.to_string()), tensors)?;
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                take_out(member, join(&path, key), tensors)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

/// Whole numbers stay whole, so that indices come back as indices.
fn tensor(items: &[Value]) -> Tensor {
    let whole: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
    let (kind, bytes) = match whole {
        Some(numbers) => (Dtype::I64, numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
        None => {
            let numbers = items.iter().filter_map(Value::as_f64);
            (Dtype::F64, numbers.flat_map(f64::to_le_bytes).collect())
        }
    };
    Tensor { kind, length: items.len(), bytes }
}

fn put_back(value: &mut Value, tensors: &SafeTensors<'_>) -> Result<()> {
    if let Some(name) = reference(value) {
        *value = Value::Array(numbers(&name, tensors)?);
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, tensors)),
        Value::Object(members) => {
            members.values_mut().try_for_each(|member| put_back(member, tensors))
        }
        _ => Ok(()),
    }
}

fn reference(value: &Value) -> Option<String> {
    let members: &Map<String, Value> = value.as_object().filter(|members| members.len() == 1)?;
    members.get(TENSOR)?.as_str().map(str::to_owned)
}

fn numbers(name: &str, tensors: &SafeTensors<'_>) -> Result<Vec<Value>> {
    let view = tensors.tensor(name).map_err(|error| wrong(format!("`{name}`: {error}")))?;
    let words = view.data().chunks_exact(8).map(|chunk| {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        word
    });
    match view.dtype() {
        Dtype::I64 => Ok(words.map(|word| json!(i64::from_le_bytes(word))).collect()),
        Dtype::F64 => Ok(words.map(|word| json!(f64::from_le_bytes(word))).collect()),
        other => Err(wrong(format!("`{name}`: expected F64 or I64, got {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Model {
        name: String,
        layers: Vec<Vec<f64>>,
        features: Vec<u32>,
        short: Vec<f64>,
    }

    fn model() -> Model {
        Model {
            name: "m".into(),
            layers: vec![(0..40).map(|i| f64::from(i) / 3.0).collect(), vec![1.0, 2.5]],
            features: (0..20).collect(),
            short: vec![0.1],
        }
    }

    #[test]
    fn every_bit_comes_back() {
        let (json, bytes) = to_parts(&model()).unwrap();
        assert_eq!(json["layers"][0], json!({"tensor": "layers.0"}));
        assert_eq!(json["layers"][1], json!([1.0, 2.5]));
        let text = serde_json::to_string(&json).unwrap();
        let again: Model = from_parts(serde_json::from_str(&text).unwrap(), &bytes).unwrap();
        assert_eq!(again, model());
    }

    #[test]
    fn numbers_without_a_value_are_refused() {
        let mut broken = model();
        broken.layers[0][7] = f64::NAN;
        let error = to_parts(&broken).unwrap_err().to_string();
        assert_eq!(error, "weights: `layers.0` holds a number that is not finite");
    }

    #[test]
    fn no_number_is_refused_wherever_it_stands() {
        let mut first = model();
        first.layers[0][0] = f64::INFINITY;
        let mut short = model();
        short.short[0] = f64::NAN;
        for (broken, what) in [(first, "`layers.0` holds a number"), (short, "cannot be read back")]
        {
            let error = to_parts(&broken).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        let error = to_parts(&Some(f64::NAN)).unwrap_err().to_string();
        assert_eq!(error, "weights: the model holds a number that is not finite");
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let (json, _) = to_parts(&model()).unwrap();
        let (_, other) = to_parts(&vec![0.5; 20]).unwrap();
        let error = from_parts::<Model>(json, &other).unwrap_err().to_string();
        assert!(error.contains("features") || error.contains("layers.0"), "{error}");
    }
}
