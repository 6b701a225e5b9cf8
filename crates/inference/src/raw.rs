//! Elements as bytes: little-endian, row by row, without gaps; texts after their length in four bytes.
//!
//! gRPC carries them as raw contents, REST behind the JSON of a request or an answer.

use crate::{Data, Datatype};

pub(crate) const NO_TEXT: &str = "an element is not UTF-8";

/// The elements that the bytes say, or what is wrong with them.
pub(crate) fn elements(datatype: Datatype, raw: &[u8]) -> Result<Data, String> {
    Ok(match datatype {
        Datatype::Bool => Data::Bool(raw.iter().map(|byte| *byte != 0).collect()),
        Datatype::Int8 => Data::Int(whole(raw, |bytes| i8::from_le_bytes(bytes).into())?),
        Datatype::Int16 => Data::Int(whole(raw, |bytes| i16::from_le_bytes(bytes).into())?),
        Datatype::Int32 => Data::Int(whole(raw, |bytes| i32::from_le_bytes(bytes).into())?),
        Datatype::Int64 => Data::Int(whole(raw, i64::from_le_bytes)?),
        Datatype::Uint8 => Data::Int(whole(raw, |bytes| u8::from_le_bytes(bytes).into())?),
        Datatype::Uint16 => Data::Int(whole(raw, |bytes| u16::from_le_bytes(bytes).into())?),
        Datatype::Uint32 => Data::Int(whole(raw, |bytes| u32::from_le_bytes(bytes).into())?),
        Datatype::Uint64 => {
            let read = whole(raw, |bytes| i64::try_from(u64::from_le_bytes(bytes)))?;
            Data::Int(read.into_iter().collect::<Result<_, _>>().map_err(|_| "a number past 2^63")?)
        }
        Datatype::Fp32 => Data::Float(whole(raw, |bytes| f32::from_le_bytes(bytes).into())?),
        Datatype::Fp64 => Data::Float(whole(raw, f64::from_le_bytes)?),
        Datatype::Bytes => Data::Text(texts(raw)?),
    })
}

fn whole<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (elements, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{} raw bytes are no multiple of {N}", raw.len()));
    }
    Ok(elements.iter().map(|bytes| read(*bytes)).collect())
}

/// Texts after their length in four bytes.
fn texts(mut raw: &[u8]) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = raw.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let text = rest.get(..length).ok_or("a raw text is longer than the contents")?;
        texts.push(std::str::from_utf8(text).map_err(|_| NO_TEXT)?.to_owned());
        raw = &rest[length..];
    }
    if raw.is_empty() { Ok(texts) } else { Err("raw texts end within a length".into()) }
}

/// Puts the bytes of elements behind others.
pub(crate) fn append(data: &Data, bytes: &mut Vec<u8>) {
    match data {
        Data::Bool(data) => bytes.extend(data.iter().map(|value| u8::from(*value))),
        Data::Int(data) => bytes.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        Data::Float(data) => bytes.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        Data::Text(data) => {
            for text in data {
                // Nothing that a model says is longer than four bytes can tell.
                bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
}
