//! Picking, joining and turning of constants.

use super::{Folded, Operands};
use crate::onnx::import_model::step::axis;
use crate::onnx::tensor::{Data, LARGEST_FOLDED, Tensor};

impl Data {
    /// The numbers at these places.
    fn at(&self, places: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Float(values) => Self::Float(places.map(|place| values[place]).collect()),
            Self::Int(values) => Self::Int(places.map(|place| values[place]).collect()),
        }
    }
}

/// Products of the sizes before and behind an axis.
fn around(dims: &[usize], axis: usize) -> (usize, usize) {
    (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
}

/// The entries of one axis, as listed.
fn pick(
    operands: &Operands<'_>,
    tensor: &Tensor,
    at: usize,
    picks: &[usize],
) -> Result<Tensor, crate::ImportCause> {
    let mut dims = tensor.dims.clone();
    let size = dims[at];
    dims[at] = picks.len();
    operands.check(&dims)?;
    let (before, behind) = around(&tensor.dims, at);
    let places = (0..before).flat_map(|block| {
        picks.iter().flat_map(move |pick| (0..behind).map(move |i| (block * size + pick) * behind + i))
    });
    Ok(Tensor::new(dims, tensor.data.at(places)))
}

pub(super) fn gather(operands: &Operands<'_>) -> Folded {
    let (tensor, indices) = (operands.tensor(0)?, operands.tensor(1)?);
    let at = axis(&operands.step, operands.step.int("axis", 0), tensor.dims.len())?;
    let picks = operands.ints(1)?.iter().map(|&index| axis(&operands.step, index, tensor.dims[at]));
    let picked = pick(operands, tensor, at, &picks.collect::<Result<Vec<_>, _>>()?)?;
    let mut dims = tensor.dims.clone();
    dims.splice(at..=at, indices.dims.iter().copied());
    operands.check(&dims)?;
    Ok(Some(picked.reshaped(dims).into()))
}

pub(super) fn slice(operands: &Operands<'_>) -> Folded {
    let mut tensor = Tensor::clone(operands.tensor(0)?);
    let starts = operands.setting("starts", 1)?.unwrap_or_default();
    let ends = operands.setting("ends", 2)?.unwrap_or_default();
    let axes = operands.setting("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = operands.setting("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&length| length != starts.len()) {
        return Err(operands.fault("its settings differ in length"));
    }
    for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let at = axis(&operands.step, at, tensor.dims.len())?;
        let picks = places(start, end, step, tensor.dims[at]).ok_or_else(|| operands.fault("a step of 0"))?;
        tensor = pick(operands, &tensor, at, &picks)?;
    }
    Ok(Some(tensor.into()))
}

/// What a slice picks of an axis, as numpy and ONNX have it.
fn places(start: i64, end: i64, step: i64, size: usize) -> Option<Vec<usize>> {
    let size = size as i64;
    let place = |at: i64, low, high| (if at < 0 { at.saturating_add(size) } else { at }).clamp(low, high);
    let distance = usize::try_from(step.unsigned_abs()).ok()?;
    match step {
        0 => None,
        1.. => {
            let (start, end) = (place(start, 0, size), place(end, 0, size));
            Some((start..end).step_by(distance).map(|at| at as usize).collect())
        }
        _ => {
            let (start, end) = (place(start, -1, size - 1), place(end, -1, size - 1));
            Some((end + 1..=start).rev().step_by(distance).map(|at| at as usize).collect())
        }
    }
}

pub(super) fn concat(operands: &Operands<'_>) -> Folded {
    let first = operands.tensor(0)?;
    let at = axis(&operands.step, operands.step.int("axis", 0), first.dims.len())?;
    let mut dims = first.dims.clone();
    dims[at] = 0;
    let parts =
        (0..operands.inputs.len()).map(|index| operands.tensor(index)).collect::<Result<Vec<_>, _>>()?;
    for part in &parts {
        let fits = |(axis, (a, b)): (usize, (&usize, &usize))| axis == at || a == b;
        if part.dims.len() != dims.len() || !part.dims.iter().zip(&dims).enumerate().all(fits) {
            return Err(operands.fault(format!("{:?} and {:?} do not fit", first.dims, part.dims)));
        }
        dims[at] += part.dims[at];
        operands.check(&dims)?;
    }
    let (before, behind) = around(&dims, at);
    let block = |part: &Tensor, index: usize| {
        let length = part.dims[at] * behind;
        index * length..(index + 1) * length
    };
    let data = if parts.iter().all(|part| part.integers().is_some()) {
        let ints = |part: &&Tensor, i| part.integers().unwrap_or_default()[block(part, i)].to_vec();
        Data::Int((0..before).flat_map(|i| parts.iter().flat_map(move |part| ints(&&***part, i))).collect())
    } else {
        let floats: Vec<_> = parts.iter().map(|part| part.floats()).collect();
        let all = (0..before).flat_map(|i| {
            parts.iter().zip(&floats).flat_map(move |(part, floats)| floats[block(part, i)].to_vec())
        });
        Data::Float(all.collect())
    };
    Ok(Some(Tensor::new(dims, data).into()))
}

pub(super) fn transpose(operands: &Operands<'_>) -> Folded {
    let tensor = operands.tensor(0)?;
    let rank = tensor.dims.len();
    let turned = match operands.step.ints("perm") {
        Some(perm) => perm.iter().map(|&at| axis(&operands.step, at, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = turned.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(operands.fault(format!("perm {turned:?} of {rank} axes")));
    }
    let dims: Vec<usize> = turned.iter().map(|&at| tensor.dims[at]).collect();
    let steps: Vec<usize> = turned.iter().map(|&at| around(&tensor.dims, at).1).collect();
    let place = |mut index: usize| {
        let mut place = 0;
        for (&size, &step) in dims.iter().zip(&steps).rev() {
            place += index % size * step;
            index /= size;
        }
        place
    };
    let data = tensor.data.at((0..tensor.data.len()).map(place));
    Ok(Some(Tensor { data, ..tensor.reshaped(dims.clone()) }.into()))
}

pub(super) fn constant_of_shape(operands: &Operands<'_>) -> Folded {
    let dims = operands.ints(0)?.iter().map(|&dim| usize::try_from(dim)).collect::<Result<Vec<_>, _>>();
    let dims = dims.map_err(|_| operands.fault("a negative size"))?;
    let total = operands.check(&dims)?;
    let value = match operands.step.tensor("value") {
        Some(proto) => Tensor::read(proto, operands.step.label())?.0.data,
        None => Data::Float(vec![0.0]),
    };
    if value.len() != 1 {
        return Err(operands.fault(format!("its value has {} numbers", value.len())));
    }
    Ok(Some(Tensor::new(dims, value.at((0..total).map(|_| 0))).into()))
}

pub(super) fn range(operands: &Operands<'_>) -> Folded {
    let one =
        |index| operands.ints(index).and_then(|ints| ints.first().ok_or_else(|| operands.fault("no limit")));
    let (&start, &end, &step) = (one(0)?, one(1)?, one(2)?);
    let mut values = Vec::new();
    let mut at = Some(start);
    while let Some(value) = at.filter(|&value| if step > 0 { value < end } else { value > end }) {
        if step == 0 || values.len() == LARGEST_FOLDED {
            return Err(operands.fault(format!("{start} to {end} in steps of {step}")));
        }
        values.push(value);
        at = value.checked_add(step);
    }
    Ok(Some(Tensor::ints(values).into()))
}

/// Reshape, Flatten, Squeeze, Unsqueeze.
pub(super) fn reshape(operands: &Operands<'_>) -> Folded {
    let tensor = operands.tensor(0)?;
    let (step, total) = (&operands.step, tensor.data.len());
    let dims = match step.operator() {
        "Reshape" => {
            let target = operands.setting("shape", 1)?.unwrap_or_default();
            resolve(&target, &tensor.dims, total, step.flag("allowzero"))
        }
        "Flatten" => {
            let at = step.int("axis", 1);
            let at = if at == tensor.dims.len() as i64 {
                tensor.dims.len()
            } else {
                axis(step, at, tensor.dims.len())?
            };
            Some(vec![tensor.dims[..at].iter().product(), tensor.dims[at..].iter().product()])
        }
        "Squeeze" => match operands.setting("axes", 1)? {
            None => Some(tensor.dims.iter().copied().filter(|&dim| dim != 1).collect()),
            Some(axes) => {
                let gone = axes
                    .iter()
                    .map(|&at| axis(step, at, tensor.dims.len()))
                    .collect::<Result<Vec<_>, _>>()?;
                let kept = (0..tensor.dims.len()).filter(|at| !gone.contains(at));
                Some(kept.map(|at| tensor.dims[at]).collect())
            }
        },
        _ => {
            let axes = operands.setting("axes", 1)?.unwrap_or_default();
            let rank = tensor.dims.len() + axes.len();
            let new = axes.iter().map(|&at| axis(step, at, rank)).collect::<Result<Vec<_>, _>>()?;
            let mut own = tensor.dims.iter().copied();
            Some((0..rank).filter_map(|at| if new.contains(&at) { Some(1) } else { own.next() }).collect())
        }
    };
    let dims = dims.filter(|dims| crate::onnx::tensor::count(dims) == Some(total));
    let dims = dims.ok_or_else(|| operands.fault(format!("{:?} cannot take the new sizes", tensor.dims)))?;
    Ok(Some(tensor.reshaped(dims).into()))
}

/// Sizes that `Reshape` asks for: 0 keeps a size, −1 is what is left.
pub(in crate::onnx::import_model) fn resolve(
    target: &[i64],
    dims: &[usize],
    total: usize,
    zero_is_zero: bool,
) -> Option<Vec<usize>> {
    let mut sizes = Vec::with_capacity(target.len());
    let mut open = None;
    for (at, &size) in target.iter().enumerate() {
        match size {
            0 if !zero_is_zero => sizes.push(*dims.get(at)?),
            -1 if open.is_none() => {
                open = Some(at);
                sizes.push(1);
            }
            _ => sizes.push(usize::try_from(size).ok()?),
        }
    }
    let given = crate::onnx::tensor::count(&sizes)?;
    if let Some(open) = open {
        sizes[open] = total.checked_div(given)?;
    }
    (crate::onnx::tensor::count(&sizes)? == total).then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_numpy() {
        assert_eq!(places(0, i64::MAX, 2, 5), Some(vec![0, 2, 4]));
        assert_eq!(places(-2, i64::MAX, 1, 5), Some(vec![3, 4]));
        assert_eq!(places(-1, -i64::MAX, -1, 3), Some(vec![2, 1, 0]));
        assert_eq!(places(i64::MAX, i64::MIN, -2, 4), Some(vec![3, 1]));
        assert_eq!(places(3, 1, 1, 5), Some(vec![]));
        assert_eq!(places(0, 1, 0, 5), None);
        assert_eq!(places(0, 5, i64::MIN, 0), Some(vec![]));
    }

    #[test]
    fn open_sizes_are_what_is_left() {
        assert_eq!(resolve(&[0, -1], &[2, 3, 4], 24, false), Some(vec![2, 12]));
        assert_eq!(resolve(&[-1, -1], &[2, 3], 6, false), None);
        assert_eq!(resolve(&[-1, 4], &[2, 3], 6, false), None);
        assert_eq!(resolve(&[0, -1], &[2, 3], 6, true), None);
        assert_eq!(resolve(&[i64::MAX, i64::MAX], &[2, 3], 6, false), None);
    }
}
