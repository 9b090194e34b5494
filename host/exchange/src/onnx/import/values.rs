//! Looking up and making the tensors that nodes read.

use std::rc::Rc;

use cbp_nn::Parameters;
use cbp_nn::graph::{Op, Source, Window};

use super::step::Step;
use super::view::{Pending, View};
use super::{Importer, Value, names};
use crate::error::ImportCause;
use crate::finite;
use crate::note::Note;
use crate::onnx::tensor::{LARGEST_FOLDED, Tensor};

impl<'a> Importer<'a> {
    /// Input `index` of a node.
    pub(super) fn value(&self, step: &Step<'a>, index: usize) -> Result<&Value, ImportCause> {
        let Some(name) = step.input(index) else {
            return Err(step.refuse(format!("it has no input {index}"), "export the model again"));
        };
        self.values.get(name).ok_or_else(|| {
            step.refuse(format!("it reads {name}, which nothing before it gives"), "export the model again")
        })
    }

    /// Input `index` as a constant.
    pub(super) fn constant(&self, step: &Step<'a>, index: usize) -> Result<Rc<Tensor>, ImportCause> {
        match self.value(step, index)? {
            Value::Constant(tensor) => Ok(tensor.clone()),
            Value::Computed(_) => {
                let reason = format!("its input {index} is computed by the network");
                Err(step.refuse(reason, "make it a constant of the model"))
            }
        }
    }

    /// Input `index` as a constant, if it is not left out.
    pub(super) fn optional(&self, step: &Step<'a>, index: usize) -> Result<Option<Rc<Tensor>>, ImportCause> {
        if step.input(index).is_some() { self.constant(step, index).map(Some) } else { Ok(None) }
    }

    /// Integers of a setting, which older files have as attribute `name` and newer ones as input `index`.
    pub(super) fn setting(
        &self,
        step: &Step<'a>,
        name: &str,
        index: usize,
    ) -> Result<Option<Vec<i64>>, ImportCause> {
        if let Some(ints) = step.ints(name) {
            return Ok(Some(ints.to_vec()));
        }
        let Some(tensor) = self.optional(step, index)? else { return Ok(None) };
        match tensor.integers() {
            Some(ints) => Ok(Some(ints.to_vec())),
            None => Err(step.refuse(format!("its {name} are no integers"), "export the model again")),
        }
    }

    /// Input `index` as an activation, with what is pending.
    pub(super) fn view(&self, step: &Step<'a>, index: usize) -> Result<View, ImportCause> {
        match self.value(step, index)? {
            Value::Computed(view) => Ok(view.clone()),
            Value::Constant(_) => {
                let reason = format!("its input {index} is a constant");
                Err(step.refuse(reason, "make it depend on the network's input, or leave the operation out"))
            }
        }
    }

    /// Input `index` as an activation; what was pending is now a node.
    pub(super) fn activation(&mut self, step: &Step<'a>, index: usize) -> Result<View, ImportCause> {
        self.view(step, index)?;
        match step.input(index) {
            Some(name) => self.settled(name),
            None => self.view(step, index),
        }
    }

    /// Input `index` as an image; what was pending is now a node.
    pub(super) fn image(&mut self, step: &Step<'a>, index: usize) -> Result<View, ImportCause> {
        let view = self.activation(step, index)?;
        Self::require_image(step, &view)?;
        Ok(view)
    }

    pub(super) fn require_image(step: &Step<'a>, view: &View) -> Result<(), ImportCause> {
        if view.is_image() {
            return Ok(());
        }
        let reason = format!("its input of {} axes is no [batch, channels, rows, columns]", view.rank());
        Err(step.refuse(reason, "give it images with two spatial axes, channels first"))
    }

    /// Makes a node of what is pending at tensor `name`.
    pub(super) fn settled(&mut self, name: &'a str) -> Result<View, ImportCause> {
        let Some(Value::Computed(view)) = self.values.get(name) else {
            let what = format!("tensor {name} is not computed");
            return Err(ImportCause::Model { what, remedy: "export the network again" });
        };
        let view = view.clone();
        let (op, parameters) = match &view.pending {
            Pending::None => return Ok(view),
            Pending::Pad { .. } => return Err(Self::lone_pad(&view.name)),
            Pending::Shortcut { stride, before, behind } => {
                if stride[0] != stride[1] {
                    return Err(ImportCause::Unsupported {
                        node: view.name.clone(),
                        operator: "Slice".to_owned(),
                        reason: format!("its steps {stride:?} differ between rows and columns"),
                        nearest: "use the same step for both".to_owned(),
                    });
                }
                let op = Op::Shortcut { stride: stride[0], before: *before, behind: *behind };
                (op, Parameters::None)
            }
            Pending::Affine { picks, scale, shift } => {
                let same = scale.iter().all(|&scale| scale == 1.0) && shift.iter().all(|&shift| shift == 0.0);
                if same && picks.iter().copied().eq(0..self.channels(view.source)) {
                    let settled = View { pending: Pending::None, ..view };
                    self.values.insert(name, Value::Computed(settled.clone()));
                    return Ok(settled);
                }
                self.affine_node(&view, picks, scale, shift)?
            }
        };
        let name_of_node = self.drafts.free_name(&[names::of_node(&view.name, false)]);
        self.notes.push(match op {
            Op::Shortcut { .. } => Note::Shortcut { node: name_of_node.clone() },
            Op::BatchNorm { .. } => Note::Affine { node: name_of_node.clone() },
            _ => Note::Picked { node: name_of_node.clone() },
        });
        let (source, shape) = self.drafts.push(&name_of_node, op, &[view.source], parameters)?;
        let settled = View { source, shape, pending: Pending::None, ..view };
        self.values.insert(name, Value::Computed(settled.clone()));
        Ok(settled)
    }

    /// A padding that nothing takes in.
    pub(super) fn lone_pad(name: &str) -> ImportCause {
        ImportCause::Unsupported {
            node: name.to_owned(),
            operator: "Pad".to_owned(),
            reason: "no convolution or pool that could take the padding in follows".to_owned(),
            nearest: "pad in the convolution or pool itself".to_owned(),
        }
    }

    /// The node for channels that are picked, scaled and shifted.
    fn affine_node(
        &self,
        view: &View,
        picks: &[usize],
        scale: &[f32],
        shift: &[f32],
    ) -> Result<(Op, Parameters), ImportCause> {
        let channels = self.channels(view.source);
        finite::check(&view.name, "factor", scale)?;
        finite::check(&view.name, "summand", shift)?;
        if picks.iter().copied().eq(0..channels) {
            let op = Op::BatchNorm { channels, eps: 0.0, momentum: 0.0 };
            let parameters = Parameters::BatchNorm {
                gamma: scale.to_vec(),
                beta: shift.to_vec(),
                mean: vec![0.0; channels],
                var: vec![1.0; channels],
            };
            return Ok((op, parameters));
        }
        if picks.len().checked_mul(channels).is_none_or(|weights| weights > LARGEST_FOLDED) {
            let what =
                format!("node {}: {} of {channels} channels are picked one by one", view.name, picks.len());
            return Err(ImportCause::Model { what, remedy: "pick fewer channels" });
        }
        let mut weight = vec![0.0; picks.len() * channels];
        for ((row, &pick), &scale) in weight.chunks_mut(channels).zip(picks).zip(scale) {
            row[pick] = scale;
        }
        let window = Window::square(1, 1, 0);
        let op = Op::Convolution { inputs: channels, outputs: picks.len(), groups: 1, window, bias: true };
        Ok((op, Parameters::Weights { weight, bias: Some(shift.to_vec()) }))
    }

    /// Channels of a node's output.
    pub(super) fn channels(&self, source: Source) -> usize {
        self.drafts.shape_of(source).channels
    }

    /// Says what the first output of a node is.
    pub(super) fn set(&mut self, step: &Step<'a>, value: Value) -> Result<(), ImportCause> {
        let Some(name) = step.proto.output.first().filter(|name| !name.is_empty()) else {
            return Err(step.refuse("it has no output", "export the model again"));
        };
        if self.values.insert(name, value).is_some() {
            return Err(step.refuse(format!("{name} is given twice"), "export the model again"));
        }
        Ok(())
    }

    /// Adds a node that is named after the step, and says that it is the step's output.
    pub(super) fn push(
        &mut self,
        step: &Step<'a>,
        op: Op,
        inputs: &[&View],
        parameters: Parameters,
    ) -> Result<(), ImportCause> {
        let name = self.drafts.free_name(&[names::of_node(step.label(), false)]);
        let sources: Vec<Source> = inputs.iter().map(|view| view.source).collect();
        let (source, shape) = self.drafts.push(&name, op, &sources, parameters)?;
        let form = inputs[0].form.clone();
        self.set(step, Value::Computed(View::new(source, shape, form)))
    }

    /// The only node that reads output 0 of `step`, if there is just one.
    pub(super) fn only_reader(&self, step: &Step<'a>) -> Option<Step<'a>> {
        let output = step.proto.output.first()?;
        match self.readers.get(output.as_str())?.as_slice() {
            &[index] => Some(Step { proto: self.graph.node.get(index)?, index }),
            _ => None,
        }
    }
}
