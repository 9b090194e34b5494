//! Constants on a grid: QONNX's quantisers, and integers with a scale.

use std::rc::Rc;

use super::{Folded, Operands};
use crate::error::ImportCause;
use crate::onnx::import_model::ops::QuantRange;
use crate::onnx::import_model::step::axis;
use crate::onnx::tensor::{Data, Quantised, Tensor};

/// For each number of `tensor` the number of `small` that broadcasting gives it.
fn spread(
    operands: &Operands<'_>,
    small: &[f32],
    dims: &[usize],
    tensor: &Tensor,
) -> Result<Vec<usize>, ImportCause> {
    let total = tensor.data.len();
    if small.len() == 1 {
        return Ok(vec![0; total]);
    }
    let misfit = || operands.fault(format!("a scale of {dims:?} for a tensor of {:?}", tensor.dims));
    let lead = tensor.dims.len().checked_sub(dims.len()).ok_or_else(misfit)?;
    let wide = [vec![1; lead], dims.to_vec()].concat();
    if !wide.iter().zip(&tensor.dims).all(|(&small, &size)| small == 1 || small == size) {
        return Err(misfit());
    }
    let place = |mut index: usize| {
        let (mut place, mut step) = (0, 1);
        for (&small, &size) in wide.iter().zip(&tensor.dims).rev() {
            if small > 1 {
                place += index % size * step;
                step *= small;
            }
            index /= size;
        }
        place
    };
    Ok((0..total).map(place).collect())
}

/// Quant and IntQuant: (clip(round(x / scale + zero point)) − zero point)·scale.
pub(super) fn quant(operands: &Operands<'_>) -> Folded {
    let (tensor, scale, zero) = (operands.tensor(0)?, operands.tensor(1)?, operands.tensor(2)?);
    let bits =
        operands.tensor(3)?.scalar().ok_or_else(|| operands.fault("its bit width is no single number"))?;
    let range = QuantRange::read(&operands.step, bits)?;
    let (scales, zeros) = (scale.floats(), zero.floats());
    let of_scale = spread(operands, &scales, &scale.dims, tensor)?;
    let of_zero = spread(operands, &zeros, &zero.dims, tensor)?;
    let values = tensor.floats().into_iter().zip(of_scale.iter().zip(&of_zero)).map(|(x, (&s, &z))| {
        let code = (x / scales[s] + zeros[z]).round_ties_even().clamp(range.low, range.high);
        (code - zeros[z]) * scales[s]
    });
    let quantised =
        Quantised { bits: range.bits, signed: range.signed, narrow: range.narrow, scales: scales.clone() };
    Ok(Some(on_grid(tensor, values.collect(), quantised)))
}

/// BipolarQuant: the sign, with + for 0, times the scale.
pub(super) fn bipolar(operands: &Operands<'_>) -> Folded {
    let (tensor, scale) = (operands.tensor(0)?, operands.tensor(1)?);
    let scales = scale.floats();
    let places = spread(operands, &scales, &scale.dims, tensor)?;
    let signs = tensor.floats().into_iter().map(|x| if x >= 0.0 { 1.0 } else { -1.0 });
    let values = signs.zip(places).map(|(sign, place): (f32, usize)| sign * scales[place]).collect();
    let quantised = Quantised { bits: 1, signed: true, narrow: true, scales: scales.clone() };
    Ok(Some(on_grid(tensor, values, quantised)))
}

/// DequantizeLinear: (q − zero point)·scale, with one scale or one per entry of an axis.
pub(super) fn dequantise(operands: &Operands<'_>) -> Folded {
    let (tensor, scale) = (operands.tensor(0)?, operands.tensor(1)?);
    let codes = operands.ints(0)?;
    let scales = scale.floats();
    let zeros = operands.optional(2).map_or_else(|| vec![0.0; scales.len()], |zero| zero.floats());
    if zeros.len() != scales.len() || scale.dims.len() > 1 {
        return Err(operands.fault("its scales and zero points are not one per entry of an axis"));
    }
    let dims = if scales.len() == 1 {
        vec![]
    } else {
        let at = axis(&operands.step, operands.step.int("axis", 1), tensor.dims.len())?;
        [vec![scales.len()], vec![1; tensor.dims.len() - at - 1]].concat()
    };
    let places = spread(operands, &scales, &dims, tensor)?;
    let values = codes.iter().zip(places).map(|(&q, place)| (q as f32 - zeros[place]) * scales[place]);
    // The type of the integers is not kept; these are the codes of the usual 8 bits.
    let signed = codes.iter().all(|code| (-128..128).contains(code));
    let narrow = signed && !codes.contains(&-128);
    let quantised = Quantised { bits: 8, signed, narrow, scales: scales.clone() };
    Ok(Some(on_grid(tensor, values.collect(), quantised)))
}

fn on_grid(tensor: &Tensor, values: Vec<f32>, quantised: Quantised) -> Rc<Tensor> {
    let quantised = Some(Rc::new(quantised));
    Tensor { data: Data::Float(values), quantised, ..tensor.reshaped(tensor.dims.clone()) }.into()
}
