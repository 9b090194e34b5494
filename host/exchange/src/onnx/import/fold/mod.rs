//! Operations on constants alone: exporters compute sizes and paddings with them.
//!
//! - [`arithmetic`]: sums and products, with broadcasting
//! - [`arrange`]: picking, joining and turning
//! - [`quantised`]: QONNX's quantisers, and integers with a scale

mod arithmetic;
mod arrange;
mod quantised;

pub(super) use arrange::resolve;

use std::rc::Rc;

use super::step::Step;
use super::{Importer, Value};
use crate::error::ImportCause;
use crate::onnx::proto::data_type;
use crate::onnx::tensor::{Data, LARGEST_FOLDED, Tensor, count};

/// Result of an operation: a constant, or nothing if it cannot be computed on constants here.
type Folded = Result<Option<Rc<Tensor>>, ImportCause>;

impl<'a> Importer<'a> {
    /// The output of a node whose inputs are all constants; of `Shape` for activations too.
    pub(super) fn fold_constants(&self, step: &Step<'a>) -> Folded {
        match step.operator() {
            "Constant" => return constant(step).map(|tensor| Some(tensor.into())),
            "Shape" => return Ok(self.shape(step)),
            _ => {}
        }
        let mut inputs = Vec::with_capacity(step.proto.input.len());
        for name in &step.proto.input {
            if name.is_empty() {
                inputs.push(None);
                continue;
            }
            match self.values.get(name.as_str()) {
                Some(Value::Constant(tensor)) => inputs.push(Some(tensor.clone())),
                _ => return Ok(None),
            }
        }
        if inputs.iter().all(Option::is_none) {
            return Ok(None);
        }
        let operands = Operands { step: *step, inputs };
        match step.operator() {
            "Identity" => operands.tensor(0).cloned().map(Some),
            "Add" | "Sub" | "Mul" | "Div" => arithmetic::binary(&operands),
            "Neg" | "Sqrt" => arithmetic::unary(&operands),
            "Cast" => arithmetic::cast(&operands),
            "Gather" => arrange::gather(&operands),
            "Slice" => arrange::slice(&operands),
            "Concat" => arrange::concat(&operands),
            "Transpose" => arrange::transpose(&operands),
            "ConstantOfShape" => arrange::constant_of_shape(&operands),
            "Range" => arrange::range(&operands),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => arrange::reshape(&operands),
            "Quant" | "IntQuant" => quantised::quant(&operands),
            "BipolarQuant" => quantised::bipolar(&operands),
            "DequantizeLinear" => quantised::dequantise(&operands),
            _ => Ok(None),
        }
    }

    fn shape(&self, step: &Step<'a>) -> Option<Rc<Tensor>> {
        let dims = match self.values.get(step.input(0)?)? {
            Value::Constant(tensor) => tensor.dims.clone(),
            Value::Computed(view) => view.dims(self.batch),
        };
        let rank = dims.len() as i64;
        let place = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
        let (start, end) = (place(step.int("start", 0)), place(step.int("end", rank)));
        let part = dims.get(start..end.max(start)).unwrap_or_default();
        Some(Tensor::ints(part.iter().map(|&dim| dim as i64).collect()).into())
    }
}

/// The value of `Constant`.
fn constant(step: &Step<'_>) -> Result<Tensor, ImportCause> {
    if let Some(proto) = step.tensor("value") {
        return Ok(Tensor::read(proto, step.label())?.0);
    }
    if step.has("value_float") {
        return Ok(Tensor::new(vec![], Data::Float(vec![step.float("value_float", 0.0)])));
    }
    if step.has("value_int") {
        return Ok(Tensor::new(vec![], Data::Int(vec![step.int("value_int", 0)])));
    }
    if let Some(ints) = step.ints("value_ints") {
        return Ok(Tensor::ints(ints.to_vec()));
    }
    if let Some(floats) = step.floats("value_floats") {
        return Ok(Tensor::new(vec![floats.len()], Data::Float(floats.to_vec())));
    }
    Err(step.refuse("its value is of an unsupported kind", "use a tensor, floats or integers"))
}

/// A node with its constant inputs.
struct Operands<'a> {
    step: Step<'a>,
    inputs: Vec<Option<Rc<Tensor>>>,
}

impl Operands<'_> {
    /// Input `index`, which must be there.
    fn tensor(&self, index: usize) -> Result<&Rc<Tensor>, ImportCause> {
        self.optional(index)
            .ok_or_else(|| self.step.refuse(format!("it has no input {index}"), "export the model again"))
    }

    /// Input `index`, if it is there.
    fn optional(&self, index: usize) -> Option<&Rc<Tensor>> {
        self.inputs.get(index)?.as_ref()
    }

    /// Input `index` as integers.
    fn ints(&self, index: usize) -> Result<&[i64], ImportCause> {
        let ints = self.tensor(index)?.integers();
        ints.ok_or_else(|| {
            self.step.refuse(format!("its input {index} is no integer"), "export the model again")
        })
    }

    /// Integers that older files have as attribute and newer ones as input.
    fn setting(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>, ImportCause> {
        if let Some(ints) = self.step.ints(name) {
            return Ok(Some(ints.to_vec()));
        }
        if self.optional(index).is_some() {
            self.ints(index).map(|ints| Some(ints.to_vec()))
        } else {
            Ok(None)
        }
    }

    fn fault(&self, reason: impl Into<String>) -> ImportCause {
        self.step.refuse(reason, "export the model again")
    }

    /// Checks the size of a result before it is made.
    fn check(&self, dims: &[usize]) -> Result<usize, ImportCause> {
        count(dims)
            .filter(|&count| count <= LARGEST_FOLDED)
            .ok_or_else(|| self.fault(format!("its constant result of {dims:?} is too large")))
    }
}

/// Whether an element type is one of the floats.
pub(super) fn is_float(kind: i64) -> bool {
    [data_type::FLOAT, data_type::FLOAT16, data_type::BFLOAT16, data_type::DOUBLE]
        .into_iter()
        .any(|float| i64::from(float) == kind)
}
