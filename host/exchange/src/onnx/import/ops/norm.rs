//! Batch norm, ReLU, clip and dropout; what has no effect on the numbers.

use cbp_nn::Parameters;
use cbp_nn::graph::Op;

use crate::error::ImportCause;
use crate::note::Note;
use crate::onnx::import_model::step::Step;
use crate::onnx::import_model::view::{Form, View};
use crate::onnx::import_model::{Importer, Value};
use crate::{finite, layout};

/// Digits that a momentum keeps: ONNX has the weight of the old statistics as a 32-bit float, and 1 − 0.9 is not 0.1
/// there.
const MOMENTUM_DIGITS: f64 = 1e6;

impl<'a> Importer<'a> {
    pub(super) fn batch_norm(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        if view.vector().is_none() {
            Self::require_image(step, &view)?;
        }
        let (eps, momentum) = (step.float("epsilon", 1e-5), step.float("momentum", 0.9));
        let momentum = (((1.0 - f64::from(momentum)) * MOMENTUM_DIGITS).round() / MOMENTUM_DIGITS) as f32;
        let name = self.drafts.free_name(&self.parameter_names(step, &[1, 2, 3, 4]));
        let order = if let Form::Vector(order) = &view.form { order.clone() } else { None };
        let channels = view.shape.channels;
        let mut parts = Vec::with_capacity(4);
        for (index, part) in [(1, "weight"), (2, "bias"), (3, "running mean"), (4, "running variance")] {
            let values = self.constant(step, index)?.floats();
            finite::check(&name, part, &values)?;
            if values.len() != channels {
                let reason = format!("its {part} has {} values for {channels} channels", values.len());
                return Err(step.refuse(reason, "export the model again"));
            }
            parts.push(match &order {
                Some(order) => layout::to_own(&values, order),
                None => values,
            });
        }
        let Ok([gamma, beta, mean, var]) = <[Vec<f32>; 4]>::try_from(parts) else {
            return Err(step.refuse("it lacks parameters", "export the model again"));
        };
        if !eps.is_finite() {
            return Err(step.refuse(format!("its epsilon is {eps}"), "use a number"));
        }
        finite::check_variance(&name, &var, eps)?;
        if step.flag("training_mode") {
            self.notes.push(Note::TrainingMode { node: name.clone() });
        }
        let op = Op::BatchNorm { channels, eps, momentum };
        let parameters = Parameters::BatchNorm { gamma, beta, mean, var };
        let (source, shape) = self.drafts.push(&name, op, &[view.source], parameters)?;
        self.set(step, Value::Computed(View::new(source, shape, view.form)))
    }

    pub(super) fn relu(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        self.push(step, Op::RELU, &[&view], Parameters::None)
    }

    /// Bounds of `Clip`: a missing upper one is infinite, a missing lower one the lowest number.
    pub(super) fn bounds(&self, step: &Step<'a>) -> Result<[f32; 2], ImportCause> {
        let one = |name: &str, index: usize, otherwise: f32| match self.optional(step, index)? {
            _ if step.has(name) => Ok(step.float(name, otherwise)),
            None => Ok(otherwise),
            Some(bound) => bound.scalar().ok_or_else(|| {
                step.refuse(format!("its {name} is no single number"), "use one bound for all values")
            }),
        };
        let (low, high) = (one("min", 1, f32::MIN)?, one("max", 2, f32::INFINITY)?);
        Ok([low.max(f32::MIN), if high >= f32::MAX { f32::INFINITY } else { high }])
    }

    pub(super) fn clip(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        if self.clip_of_quantiser(step)? {
            return Ok(());
        }
        let [low, high] = self.bounds(step)?;
        if [low, high] == [f32::MIN, f32::INFINITY] {
            return self.drop_step(step, "it has no bounds");
        }
        let view = self.activation(step, 0)?;
        self.push(step, Op::Clamp { low, high }, &[&view], Parameters::None)
    }

    pub(super) fn dropout(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let probability = match self.optional(step, 1)? {
            Some(ratio) => ratio.scalar().unwrap_or(f32::NAN),
            None => step.float("ratio", 0.5),
        };
        if probability == 0.0 {
            return self.drop_step(step, "its ratio is 0");
        }
        let view = self.activation(step, 0)?;
        self.push(step, Op::Dropout { probability }, &[&view], Parameters::None)
    }

    pub(super) fn identity(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.view(step, 0)?;
        self.set(step, Value::Computed(view))
    }

    /// Casts between floats: all is computed in 32 bits.
    pub(super) fn cast(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        if super::super::fold::is_float(step.int("to", 0)) {
            return self.drop_step(step, "activations are 32-bit floats");
        }
        Err(step
            .refuse("it makes integers of activations", "use Quant, or QuantizeLinear and DequantizeLinear"))
    }

    /// The last operation of many classifiers.
    pub(super) fn softmax(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let is_last = step.proto.output.first().is_some_and(|name| name == self.output);
        let view = self.view(step, 0)?;
        let axis = step.int("axis", if self.opset < 13 { 1 } else { -1 });
        if !is_last || view.rank() != 2 || ![1, -1].contains(&axis) {
            return Err(
                step.refuse("it is not the last operation on [batch, values]", "leave it out, or use Relu")
            );
        }
        self.notes.push(Note::SoftmaxDropped { operation: step.label().to_owned() });
        self.set(step, Value::Computed(view))
    }

    /// Leaves an operation out that changes nothing.
    pub(super) fn drop_step(&mut self, step: &Step<'a>, why: &'static str) -> Result<(), ImportCause> {
        let view = self.view(step, 0)?;
        self.notes.push(Note::Dropped { operation: step.label().to_owned(), why });
        self.set(step, Value::Computed(view))
    }
}
