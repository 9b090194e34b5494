//! Convolutions and linear layers.

use std::rc::Rc;

use cbp_nn::Parameters;
use cbp_nn::graph::{Op, WeightShape};

use super::window;
use crate::error::ImportCause;
use crate::onnx::import_model::step::Step;
use crate::onnx::import_model::view::{Axis, Form, View};
use crate::onnx::import_model::{Importer, Value, names};
use crate::onnx::tensor::{Quantised, Tensor};
use crate::{finite, layout};

/// Weights of a linear layer as the file has them.
struct Matrix {
    /// `[output][input]`, inputs in the file's order.
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    sizes: [usize; 2],
    quantised: Option<Rc<Quantised>>,
}

impl<'a> Importer<'a> {
    /// Names for a node with parameters: what PyTorch calls their owner, else that of the node.
    pub(super) fn parameter_names(&self, step: &Step<'a>, inputs: &[usize]) -> Vec<String> {
        let direct = inputs.iter().filter_map(|&index| names::owner(step.input(index)?));
        let origins = inputs.iter().filter_map(|&index| match self.values.get(step.input(index)?)? {
            Value::Constant(tensor) => names::owner(tensor.origin.as_deref()?),
            Value::Computed(_) => None,
        });
        let mut found: Vec<String> = direct.chain(origins).map(str::to_owned).collect();
        found.push(names::of_node(step.label(), true));
        found
    }

    pub(super) fn convolution(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, pad) = self.padded_image(step)?;
        if !pad.is_none() && pad.value != 0.0 {
            return Err(step.refuse(format!("its input is padded with {}", pad.value), "pad with zeros"));
        }
        let tensor = self.constant(step, 1)?;
        let &[outputs, inputs, rows, columns] = tensor.dims.as_slice() else {
            let reason = format!("its weights have the shape {:?}", tensor.dims);
            return Err(step.refuse(reason, "use a two-dimensional convolution"));
        };
        let kernel = [rows, columns];
        if step.pair("kernel_shape", 0)? != kernel
            && step.ints("kernel_shape").is_some_and(|ints| !ints.is_empty())
        {
            return Err(step.refuse(format!("its kernel_shape is not {kernel:?}"), "export the model again"));
        }
        let groups = step.size("group", step.int("group", 1))?;
        let size = [view.shape.height, view.shape.width];
        let window = window::read(step, kernel, size)?;
        window::fits(step, &window, size)?;
        let window = window::padded(window, &pad);
        let bias = self.optional(step, 2)?.map(|bias| bias.floats());
        let name = self.drafts.free_name(&self.parameter_names(step, &[1, 2]));
        let values = tensor.floats();
        finite::check(&name, "weight", &values)?;
        finite::check(&name, "bias", bias.as_deref().unwrap_or_default())?;
        let shape = WeightShape { outputs, kernel, inputs, groups, bias: bias.is_some() };
        let weight = layout::to_ohwi(&values, shape);
        let op =
            Op::Convolution { inputs: view.shape.channels, outputs, groups, window, bias: bias.is_some() };
        if groups.checked_mul(inputs) != Some(view.shape.channels) {
            let reason = format!(
                "its weights are for {inputs} channels in each of {groups} groups, its input has {}",
                view.shape.channels
            );
            return Err(step.refuse(reason, "export the model again"));
        }
        if !pad.is_none() {
            self.notes.push(crate::Note::Merged { operation: view.name.clone(), into: name.clone() });
        }
        let parameters = Parameters::Weights { weight, bias };
        let (source, shape) = self.drafts.push(&name, op, &[view.source], parameters)?;
        self.drafts.set_quantised(tensor.quantised.clone());
        self.produce(step, View::new(source, shape, Form::image()))
    }

    /// Gemm: α·A·B + β·C.
    pub(super) fn gemm(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        if step.flag("transA") {
            return Err(step.refuse("transA mixes the images of a batch", "use transA=0"));
        }
        let (alpha, beta) = (step.float("alpha", 1.0), step.float("beta", 1.0));
        let mut matrix = matrix(step, &*self.constant(step, 1)?, !step.flag("transB"))?;
        if alpha != 1.0 {
            matrix.weight.iter_mut().for_each(|w| *w *= alpha);
            matrix.quantised = matrix.quantised.map(|quantised| {
                let scales = quantised.scales.iter().map(|scale| scale * alpha).collect();
                Rc::new(Quantised { scales, ..Quantised::clone(&quantised) })
            });
        }
        matrix.bias = match self.optional(step, 2)? {
            None => None,
            Some(bias) => {
                let values: Vec<f32> = bias.floats().into_iter().map(|b| b * beta).collect();
                let fits = bias.dims.iter().rev().skip(1).all(|&dim| dim == 1);
                match values.as_slice() {
                    &[one] => Some(vec![one; matrix.sizes[0]]),
                    _ if fits && values.len() == matrix.sizes[0] => Some(values),
                    _ => {
                        let reason = format!("its C has the shape {:?}", bias.dims);
                        return Err(step.refuse(reason, "use one value per output"));
                    }
                }
            }
        };
        self.linear(step, &view, matrix)
    }

    /// MatMul with constant weights; a sum that follows becomes its bias.
    pub(super) fn matmul(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        let matrix = matrix(step, &*self.constant(step, 1)?, true)?;
        self.linear(step, &view, matrix)
    }

    fn linear(&mut self, step: &Step<'a>, view: &View, matrix: Matrix) -> Result<(), ImportCause> {
        let Some(order) = view.vector() else {
            let reason = format!("its input has {} axes", view.rank());
            return Err(step.refuse(reason, "flatten the input to [batch, values] first"));
        };
        let [outputs, inputs] = matrix.sizes;
        if inputs != view.shape.values() {
            let reason =
                format!("its weights are for {inputs} values, its input has {}", view.shape.values());
            return Err(step.refuse(reason, "export the model again"));
        }
        let name = self.drafts.free_name(&self.parameter_names(step, &[1, 2]));
        finite::check(&name, "weight", &matrix.weight)?;
        finite::check(&name, "bias", matrix.bias.as_deref().unwrap_or_default())?;
        let weight = match order {
            Some(order) => layout::to_own(&matrix.weight, &order),
            None => matrix.weight,
        };
        let op = Op::Linear { inputs, outputs, bias: matrix.bias.is_some() };
        let parameters = Parameters::Weights { weight, bias: matrix.bias };
        let (source, shape) = self.drafts.push(&name, op, &[view.source], parameters)?;
        self.drafts.set_quantised(matrix.quantised);
        self.produce(step, View::new(source, shape, Form::Axes(vec![Axis::Batch, Axis::Channel])))
    }

    /// Says that a new node is the output of `step`, and that nothing else stands for that node.
    fn produce(&mut self, step: &Step<'a>, view: View) -> Result<(), ImportCause> {
        if let Some(name) = step.proto.output.first() {
            self.produced.insert(name, view.source);
        }
        self.set(step, Value::Computed(view))
    }
}

/// Weights of a linear layer; `turned` if the file has `[input][output]`.
fn matrix(step: &Step<'_>, tensor: &Tensor, turned: bool) -> Result<Matrix, ImportCause> {
    let &[rows, columns] = tensor.dims.as_slice() else {
        let reason = format!("its weights have the shape {:?}", tensor.dims);
        return Err(step.refuse(reason, "use a matrix"));
    };
    if rows == 0 || columns == 0 {
        return Err(
            step.refuse(format!("its weights have the shape {:?}", tensor.dims), "use a matrix with values")
        );
    }
    let mut weight = tensor.floats();
    let mut sizes = [rows, columns];
    if turned {
        let column = |output: usize| weight.iter().skip(output).step_by(columns);
        weight = (0..columns).flat_map(column).copied().collect();
        sizes = [columns, rows];
    }
    Ok(Matrix { weight, bias: None, sizes, quantised: tensor.quantised.clone() })
}
