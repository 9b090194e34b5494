//! A constant of an ONNX graph.

use std::rc::Rc;

use super::proto::{TensorProto, data_type};
use crate::error::ImportCause;

/// Largest number of elements that constant folding makes.
pub(crate) const LARGEST_FOLDED: usize = 1 << 24;

/// Numbers of a constant. Truth values are integers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Float(Vec<f32>),
    Int(Vec<i64>),
}

/// How weights were quantised in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantised {
    pub bits: u32,
    pub signed: bool,
    pub narrow: bool,
    pub scales: Vec<f32>,
}

/// A constant, row-major.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub dims: Vec<usize>,
    pub data: Data,
    /// Name of the initialiser that it comes from.
    pub origin: Option<String>,
    /// Its grid, if it was quantised.
    pub quantised: Option<Rc<Quantised>>,
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Int(values) => values.len(),
        }
    }
}

impl Tensor {
    /// A constant; there are as many numbers as `dims` says.
    pub(crate) fn new(dims: Vec<usize>, data: Data) -> Self {
        debug_assert_eq!(dims.iter().product::<usize>(), data.len());
        Self { dims, data, origin: None, quantised: None }
    }

    pub(crate) fn ints(values: Vec<i64>) -> Self {
        Self::new(vec![values.len()], Data::Int(values))
    }

    /// The same numbers under other sizes.
    pub(crate) fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { dims, ..self.clone() }
    }

    /// The numbers as floats.
    pub(crate) fn floats(&self) -> Vec<f32> {
        match &self.data {
            Data::Float(values) => values.clone(),
            Data::Int(values) => values.iter().map(|&value| value as f32).collect(),
        }
    }

    /// The numbers as integers, if they are.
    pub(crate) fn integers(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Float(_) => None,
            Data::Int(values) => Some(values),
        }
    }

    /// The only number, if there is one.
    pub(crate) fn scalar(&self) -> Option<f32> {
        match &self.data {
            Data::Float(values) if values.len() == 1 => Some(values[0]),
            Data::Int(values) if values.len() == 1 => Some(values[0] as f32),
            _ => None,
        }
    }

    /// Reads a tensor; with the name of its type if the numbers had to be converted to 32-bit floats.
    pub(crate) fn read(proto: &TensorProto, name: &str) -> Result<(Self, Option<&'static str>), ImportCause> {
        let fault = |what: String| ImportCause::Tensor { tensor: name.to_owned(), what };
        if proto.data_location == Some(1) || !proto.external_data.is_empty() {
            return Err(ImportCause::External { tensor: name.to_owned() });
        }
        let dims = proto.dims.iter().map(|&dim| usize::try_from(dim)).collect::<Result<Vec<_>, _>>();
        let dims = dims.map_err(|_| fault(format!("its shape is {:?}", proto.dims)))?;
        let count = count(&dims);
        let kind = proto.data_type.unwrap_or_default();
        let mut converted = None;
        let data = match kind {
            data_type::FLOAT => Data::Float(numbers(proto, &proto.float_data, f32::from_le_bytes)),
            data_type::DOUBLE => {
                converted = Some("f64");
                let values = numbers(proto, &proto.double_data, f64::from_le_bytes);
                Data::Float(values.into_iter().map(|value| value as f32).collect())
            }
            data_type::FLOAT16 => {
                converted = Some("f16");
                Data::Float(halves(proto).map(|bits| half::f16::from_bits(bits).to_f32()).collect())
            }
            data_type::BFLOAT16 => {
                converted = Some("bf16");
                Data::Float(halves(proto).map(|bits| half::bf16::from_bits(bits).to_f32()).collect())
            }
            data_type::INT64 => Data::Int(numbers(proto, &proto.int64_data, i64::from_le_bytes)),
            data_type::INT32 => Data::Int(small(proto, i32::from_le_bytes)),
            data_type::INT16 => Data::Int(small(proto, i16::from_le_bytes)),
            data_type::UINT16 => Data::Int(small(proto, u16::from_le_bytes)),
            data_type::INT8 => Data::Int(small(proto, i8::from_le_bytes)),
            data_type::UINT8 | data_type::BOOL => Data::Int(small(proto, u8::from_le_bytes)),
            data_type::UINT32 => Data::Int(wide(proto, u32::from_le_bytes)),
            data_type::UINT64 => Data::Int(wide(proto, |bytes| u64::from_le_bytes(bytes) as i64)),
            other => {
                return Err(fault(format!("its element type has number {other}, which is not supported")));
            }
        };
        if count != Some(data.len()) {
            return Err(fault(format!("its shape is {dims:?}, but it has {} values", data.len())));
        }
        Ok((Self::new(dims, data), converted))
    }
}

/// Elements of a tensor of these sizes; `None` if the sizes are beyond all reason, even where another size is 0.
pub(crate) fn count(dims: &[usize]) -> Option<usize> {
    let bound = dims.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim.max(1)))?;
    let largest = if dims.contains(&0) { LARGEST_FOLDED } else { 1 << 40 };
    (bound <= largest).then(|| dims.iter().product())
}

/// Elements from the raw bytes if there are any, else from the typed field.
fn numbers<T: Copy, const N: usize>(proto: &TensorProto, typed: &[T], read: fn([u8; N]) -> T) -> Vec<T> {
    match &proto.raw_data {
        Some(raw) if !raw.is_empty() && raw.len().is_multiple_of(N) => {
            raw.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
        }
        // Left-over bytes: no elements, so that their number does not fit.
        Some(raw) if !raw.is_empty() => Vec::new(),
        _ => typed.to_vec(),
    }
}

/// Integers of up to 32 bits.
fn small<T: Copy + Into<i64>, const N: usize>(proto: &TensorProto, read: fn([u8; N]) -> T) -> Vec<i64> {
    let raw = numbers(proto, &[], read);
    if raw.is_empty() {
        return proto.int32_data.iter().map(|&value| value.into()).collect();
    }
    raw.into_iter().map(Into::into).collect()
}

/// Unsigned integers of 32 and 64 bits.
fn wide<T: Copy + Into<i64>, const N: usize>(proto: &TensorProto, read: fn([u8; N]) -> T) -> Vec<i64> {
    let raw = numbers(proto, &[], read);
    if raw.is_empty() {
        return proto.uint64_data.iter().map(|&value| value as i64).collect();
    }
    raw.into_iter().map(Into::into).collect()
}

/// Bits of 16-bit floats.
fn halves(proto: &TensorProto) -> impl Iterator<Item = u16> {
    small(proto, u16::from_le_bytes).into_iter().map(|bits| bits as u16)
}

#[cfg(test)]
#[path = "tensor_tests.rs"]
mod tests;
