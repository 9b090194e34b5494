//! Factors and summands per channel, and picked channels: GoogLeNet's `transform_input`, or the scaling of images.
//!
//! They stay pending until something else reads them, so that several become one node.

use crate::error::ImportCause;
use crate::note::Note;
use crate::onnx::import_model::step::{Step, axis};
use crate::onnx::import_model::view::{Axis, Form, Pending, View};
use crate::onnx::import_model::{Importer, Value, names};
use crate::onnx::tensor::Tensor;

/// Most channels that are picked or scaled one by one.
const MOST_CHANNELS: usize = 1 << 16;

impl<'a> Importer<'a> {
    /// Add, Sub, Mul, Div: of two activations, or of one and a constant.
    pub(super) fn pointwise(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let operator = step.operator();
        if step.proto.input.len() != 2 {
            let reason = format!("it has {} inputs", step.proto.input.len());
            return Err(step.refuse(reason, "add two tensors at a time"));
        }
        let constant = [0, 1].map(|index| matches!(self.value(step, index), Ok(Value::Constant(_))));
        let (index, tensor) = match constant {
            [false, false] if matches!(operator, "Add" | "Sum") => return self.add(step),
            [false, false] => {
                let reason = "both of its inputs are computed by the network";
                return Err(step.refuse(reason, "use Add, or a constant per channel"));
            }
            [first, _] => (usize::from(first), self.constant(step, usize::from(!first))?),
        };
        let swapped = index == 1;
        if operator == "Div" && swapped {
            return Err(step.refuse("it divides by what the network computes", "multiply with a constant"));
        }
        if operator == "Div" && self.quantiser_of_division(step, &tensor)? {
            return Ok(());
        }
        let view = self.view(step, index)?;
        let Some(values) = per_channel(&view, &tensor) else {
            let reason = format!("its constant of shape {:?} is not one value per channel", tensor.dims);
            return Err(step.refuse(reason, "use one value, or one per channel"));
        };
        if matches!(operator, "Add" | "Sum") && self.becomes_bias(step, index, &view, &values) {
            return Ok(());
        }
        let mut view = self.affine(step, index)?;
        if let Pending::Affine { scale, shift, .. } = &mut view.pending {
            for ((scale, shift), value) in scale.iter_mut().zip(shift).zip(values) {
                match operator {
                    "Add" | "Sum" => *shift += value,
                    "Sub" if swapped => (*scale, *shift) = (-*scale, value - *shift),
                    "Sub" => *shift -= value,
                    "Mul" => (*scale, *shift) = (*scale * value, *shift * value),
                    _ => (*scale, *shift) = (*scale / value, *shift / value),
                }
            }
        }
        self.set(step, Value::Computed(view))
    }

    /// Input `index` with factors and summands pending; what else was pending is now a node.
    pub(super) fn affine(&mut self, step: &Step<'a>, index: usize) -> Result<View, ImportCause> {
        let view = self.view(step, index)?;
        let mut view = match view.pending {
            Pending::Affine { .. } => view,
            _ => self.activation(step, index)?,
        };
        let channels = view.shape.channels;
        if channels > MOST_CHANNELS {
            return Err(step.refuse(format!("{channels} channels"), format!("use at most {MOST_CHANNELS}")));
        }
        if view.pending == Pending::None {
            let picks = (0..channels).collect();
            view.pending = Pending::Affine { picks, scale: vec![1.0; channels], shift: vec![0.0; channels] };
        }
        step.label().clone_into(&mut view.name);
        Ok(view)
    }

    /// Makes a sum the bias of the layer before, if only this sum reads that layer.
    fn becomes_bias(&mut self, step: &Step<'a>, index: usize, view: &View, values: &[f32]) -> bool {
        let Some(name) = step.input(index) else { return false };
        let alone = self.readers.get(name).is_some_and(|readers| readers.len() == 1);
        if view.pending != Pending::None || !alone || self.produced.get(name) != Some(&view.source) {
            return false;
        }
        if values.iter().any(|value| !value.is_finite()) {
            return false;
        }
        let Some(into) = self.drafts.add_bias(view.source, values) else { return false };
        let mut into = into.to_owned();
        if let Some(owner) = step.input(1 - index).and_then(names::owner) {
            self.drafts.rename(view.source, owner);
            self.drafts.name(view.source).clone_into(&mut into);
        }
        self.notes.push(Note::Merged { operation: step.label().to_owned(), into });
        let value = Value::Computed(view.clone());
        self.set(step, value).is_ok()
    }

    /// Channels that are picked one by one.
    pub(super) fn gather(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let indices = self.constant(step, 1)?;
        let rank = self.view(step, 0)?.rank();
        let at = axis(step, step.int("axis", 0), rank)?;
        let Some(ints) = indices.integers().filter(|_| indices.dims.len() <= 1) else {
            return Err(step.refuse("its indices are no list of integers", "use a list of channels"));
        };
        let size = self.view(step, 0)?.dims(self.batch)[at];
        let picks = ints.iter().map(|&index| axis(step, index, size)).collect::<Result<Vec<_>, _>>()?;
        let mut view = self.picked(step, at, &picks)?;
        if indices.dims.is_empty()
            && let Form::Axes(axes) = &mut view.form
        {
            axes.remove(at);
        }
        self.set(step, Value::Computed(view))
    }

    /// Input 0 with these entries of an axis, which must be that of the channels.
    pub(super) fn picked(&mut self, step: &Step<'a>, at: usize, new: &[usize]) -> Result<View, ImportCause> {
        let mut view = self.affine(step, 0)?;
        let order = match &view.form {
            Form::Axes(axes) if axes[at] == Axis::Channel => None,
            Form::Vector(order) if at == 1 => order.clone(),
            Form::Axes(_) | Form::Vector(_) => {
                return Err(step.refuse(format!("it picks of axis {at}"), "pick channels, or all"));
            }
        };
        if new.is_empty() || new.len() > MOST_CHANNELS {
            return Err(step.refuse(format!("it picks {} channels", new.len()), "pick at least one channel"));
        }
        let place = |&pick: &usize| order.as_ref().map_or(pick, |order| order[pick]);
        let places: Vec<usize> = new.iter().map(place).collect();
        if let Pending::Affine { picks, scale, shift } = &mut view.pending {
            *scale = places.iter().map(|&place| scale[place]).collect();
            *shift = places.iter().map(|&place| shift[place]).collect();
            *picks = places.iter().map(|&place| picks[place]).collect();
        }
        view.shape.channels = new.len();
        if matches!(view.form, Form::Vector(_)) {
            view.form = Form::Vector(None);
        }
        Ok(view)
    }
}

/// A constant as one value per channel, in the order of the graph; `None` if it differs along other axes.
fn per_channel(view: &View, tensor: &Tensor) -> Option<Vec<f32>> {
    let channels = view.shape.channels;
    if channels > MOST_CHANNELS {
        return None;
    }
    if let Some(value) = tensor.scalar().filter(|_| tensor.dims.len() <= view.rank()) {
        return Some(vec![value; channels]);
    }
    let lead = view.rank().checked_sub(tensor.dims.len())?;
    let varies = tensor.dims.iter().enumerate().filter(|(_, dim)| **dim != 1).map(|(at, _)| at + lead);
    let &[at] = varies.collect::<Vec<_>>().as_slice() else { return None };
    let values = Some(tensor.floats()).filter(|values| values.len() == channels)?;
    match &view.form {
        Form::Axes(axes) => (axes[at] == Axis::Channel).then_some(values),
        Form::Vector(Some(order)) if at == 1 => Some(crate::layout::to_own(&values, order)),
        Form::Vector(None) if at == 1 => Some(values),
        Form::Vector(_) => None,
    }
}
