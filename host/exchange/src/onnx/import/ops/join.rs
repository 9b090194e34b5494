//! Sums and concatenations of activations.

use cbp_nn::Parameters;
use cbp_nn::graph::Op;

use crate::error::ImportCause;
use crate::onnx::import_model::step::{Step, axis};
use crate::onnx::import_model::view::{Axis, Form, Pending, View};
use crate::onnx::import_model::{Importer, Value};
use crate::order;

/// Longest vector whose order is kept value by value.
const LONGEST: usize = 1 << 24;

impl<'a> Importer<'a> {
    pub(super) fn add(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (a, b) = (self.activation(step, 0)?, self.activation(step, 1)?);
        if !a.arranged_as(&b) || a.shape != b.shape {
            let reason = format!("its inputs are {:?} and {:?}", a.dims(self.batch), b.dims(self.batch));
            return Err(step.refuse(reason, "add tensors of one shape and arrangement"));
        }
        self.push(step, Op::Add, &[&a, &b], Parameters::None)
    }

    pub(super) fn concat(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let count = step.proto.input.len();
        let views = (0..count).map(|index| self.view(step, index)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = views.first() else {
            return Err(step.refuse("it has no inputs", "join at least one tensor"));
        };
        let at = axis(step, step.int("axis", 1), first.rank())?;
        if let Some(joined) = joined_picks(&views, at, step.label()) {
            return self.set(step, Value::Computed(joined));
        }
        let views = (0..count).map(|index| self.activation(step, index)).collect::<Result<Vec<_>, _>>()?;
        let vectors: Option<Vec<_>> =
            views.iter().map(|view| Some((view.vector()?, view.shape.values()))).collect();
        let form = match vectors {
            Some(vectors) if at == 1 && views.iter().all(|view| view.shape.positions() == 1) => {
                if vectors.iter().map(|(_, length)| length).sum::<usize>() > LONGEST {
                    return Err(step.refuse("its vectors are too long", "join shorter vectors"));
                }
                Form::Vector(order::concatenated(&vectors))
            }
            _ if at == 1 && views.iter().all(View::is_image) => Form::image(),
            _ if views.iter().all(|view| {
                view.form == views[0].form
                    && matches!(&view.form, Form::Axes(axes) if axes[at] == Axis::Channel)
            }) =>
            {
                views[0].form.clone()
            }
            _ => return Err(step.refuse(format!("it joins along axis {at}"), "join along the channels")),
        };
        let mut first = views[0].clone();
        first.form = form;
        let all: Vec<&View> = std::iter::once(&first).chain(&views[1..]).collect();
        self.push(step, Op::Concat, &all, Parameters::None)
    }
}

/// Channels that were picked from one node, behind each other: still picked from that node.
fn joined_picks(views: &[View], at: usize, name: &str) -> Option<View> {
    let mut joined = views[0].clone();
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for view in views {
        let Pending::Affine { picks, scale, shift } = &view.pending else { return None };
        let along_channels = matches!(&view.form, Form::Axes(axes) if axes.get(at) == Some(&Axis::Channel));
        if view.source != joined.source || view.form != joined.form || !along_channels {
            return None;
        }
        all.0.extend_from_slice(picks);
        all.1.extend_from_slice(scale);
        all.2.extend_from_slice(shift);
        if all.0.len() > 1 << 16 {
            return None;
        }
    }
    joined.shape.channels = all.0.len();
    joined.pending = Pending::Affine { picks: all.0, scale: all.1, shift: all.2 };
    name.clone_into(&mut joined.name);
    Some(joined)
}
