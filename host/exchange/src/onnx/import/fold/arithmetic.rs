//! Sums and products of constants, with broadcasting; changes of type.

use super::{Folded, Operands, is_float};
use crate::onnx::tensor::{Data, Tensor};

/// Add, Sub, Mul, Div.
pub(super) fn binary(operands: &Operands<'_>) -> Folded {
    let (a, b) = (operands.tensor(0)?, operands.tensor(1)?);
    let rank = a.dims.len().max(b.dims.len());
    let padded = |dims: &[usize]| [vec![1; rank - dims.len()], dims.to_vec()].concat();
    let (of_a, of_b) = (padded(&a.dims), padded(&b.dims));
    let mut dims = Vec::with_capacity(rank);
    for (&a, &b) in of_a.iter().zip(&of_b) {
        match (a, b) {
            _ if a == b => dims.push(a),
            (1, size) | (size, 1) => dims.push(size),
            _ => return Err(operands.fault(format!("sizes {of_a:?} and {of_b:?} do not fit"))),
        }
    }
    let total = operands.check(&dims)?;
    let place = |own: &[usize], mut index: usize| {
        let (mut place, mut step) = (0, 1);
        for (&size, &own) in dims.iter().zip(own).rev() {
            if own > 1 {
                place += index % size * step;
                step *= own;
            }
            index /= size;
        }
        place
    };
    let places = (0..total).map(|index| (place(&of_a, index), place(&of_b, index)));
    let data = if let (Data::Int(a), Data::Int(b)) = (&a.data, &b.data) {
        let operation = match operands.step.operator() {
            "Add" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            _ => i64::checked_div,
        };
        let result = places.map(|(i, j)| operation(a[i], b[j])).collect::<Option<Vec<_>>>();
        Data::Int(result.ok_or_else(|| operands.fault("its result is no 64-bit integer"))?)
    } else {
        let (a, b) = (a.floats(), b.floats());
        let operation: fn(f32, f32) -> f32 = match operands.step.operator() {
            "Add" => |a, b| a + b,
            "Sub" => |a, b| a - b,
            "Mul" => |a, b| a * b,
            _ => |a, b| a / b,
        };
        Data::Float(places.map(|(i, j)| operation(a[i], b[j])).collect())
    };
    Ok(Some(Tensor::new(dims, data).into()))
}

/// Neg, Sqrt.
pub(super) fn unary(operands: &Operands<'_>) -> Folded {
    let tensor = operands.tensor(0)?;
    let data = match (&tensor.data, operands.step.operator()) {
        (Data::Int(values), "Neg") => Data::Int(values.iter().map(|value| value.wrapping_neg()).collect()),
        (Data::Float(values), "Neg") => Data::Float(values.iter().map(|value| -value).collect()),
        (_, _) => Data::Float(tensor.floats().into_iter().map(f32::sqrt).collect()),
    };
    Ok(Some(Tensor::new(tensor.dims.clone(), data).into()))
}

/// Cast. Widths of integers make no difference here.
pub(super) fn cast(operands: &Operands<'_>) -> Folded {
    let tensor = operands.tensor(0)?;
    let to_float = is_float(operands.step.int("to", 1));
    let data = match &tensor.data {
        Data::Int(_) if to_float => Data::Float(tensor.floats()),
        Data::Float(values) if !to_float => Data::Int(values.iter().map(|&value| value as i64).collect()),
        _ => return Ok(Some(tensor.clone())),
    };
    Ok(Some(Tensor { data, ..tensor.reshaped(tensor.dims.clone()) }.into()))
}
