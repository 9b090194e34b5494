//! Flatten, reshape, squeeze, unsqueeze, transpose: other axes for the same values.

use cbp_nn::Parameters;
use cbp_nn::graph::Op;

use crate::error::ImportCause;
use crate::onnx::import_model::fold::resolve;
use crate::onnx::import_model::step::{Step, axis};
use crate::onnx::import_model::view::{Axis, Form, Pending, View};
use crate::onnx::import_model::{Importer, Value, names};

/// Longest vector whose order is kept value by value.
const LONGEST: usize = 1 << 24;

impl<'a> Importer<'a> {
    pub(super) fn flatten(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        let at = step.int("axis", 1);
        if at != 1 && at.checked_add(view.rank() as i64) != Some(1) {
            return Err(step.refuse(format!("its axis is {at}"), "use axis 1"));
        }
        self.flattened(step, &view)
    }

    /// Adds the node that makes a vector of an activation.
    fn flattened(&mut self, step: &Step<'a>, view: &View) -> Result<(), ImportCause> {
        if view.shape.values() > LONGEST {
            return Err(step.refuse(format!("{} values", view.shape.values()), "flatten a smaller image"));
        }
        let name = self.drafts.free_name(&[names::of_node(step.label(), false)]);
        let form = Form::Vector(view.flat_order());
        let (source, shape) = self.drafts.push(&name, Op::Flatten, &[view.source], Parameters::None)?;
        self.set(step, Value::Computed(View::new(source, shape, form)))
    }

    pub(super) fn reshape(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        let target = self.setting(step, "shape", 1)?.unwrap_or_default();
        let (dims, remedy) = (view.dims(self.batch), "reshape to [batch, values]");
        let total = self.batch * view.shape.values();
        let sizes = resolve(&target, &dims, total, step.flag("allowzero"));
        let Some(sizes) = sizes.filter(|sizes| sizes.first() == Some(&self.batch)) else {
            return Err(step.refuse(format!("{dims:?} to {target:?}"), remedy));
        };
        if sizes == dims {
            return self.drop_step(step, "it keeps the shape");
        }
        if sizes.len() == 2 {
            return self.flattened(step, &view);
        }
        let axes = match &view.form {
            Form::Axes(axes) => axes.clone(),
            Form::Vector(None) => vec![Axis::Batch, Axis::Channel],
            Form::Vector(Some(_)) => return Err(step.refuse("it makes an image of a vector", remedy)),
        };
        // The same axes, with others of size 1 between them.
        let mut own = axes[1..].iter().copied().filter(|&axis| view.size(axis, self.batch) != 1);
        let mut new = vec![Axis::Batch];
        for &size in &sizes[1..] {
            let axis = if size == 1 { Axis::Unit } else { own.next().unwrap_or(Axis::Unit) };
            if view.size(axis, self.batch) != size {
                return Err(step.refuse(format!("{dims:?} to {sizes:?}"), remedy));
            }
            new.push(axis);
        }
        self.set(step, Value::Computed(View { form: Form::Axes(new), ..view }))
    }

    /// The axes of input 0 with what is pending, if that does not depend on them.
    fn axes(&mut self, step: &Step<'a>) -> Result<(View, Vec<Axis>), ImportCause> {
        let view = self.view(step, 0)?;
        let view =
            if matches!(view.pending, Pending::Affine { .. }) { view } else { self.activation(step, 0)? };
        match &view.form {
            Form::Axes(axes) => Ok((view.clone(), axes.clone())),
            Form::Vector(None) => Ok((view.clone(), vec![Axis::Batch, Axis::Channel])),
            Form::Vector(Some(_)) => {
                Err(step.refuse("its input is a flattened image", "leave it out, or put it before Flatten"))
            }
        }
    }

    pub(super) fn squeeze(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, axes) = self.axes(step)?;
        let gone = match self.setting(step, "axes", 1)? {
            None => (1..axes.len()).filter(|&at| view.size(axes[at], 2) == 1).collect(),
            Some(list) => list.iter().map(|&at| axis(step, at, axes.len())).collect::<Result<Vec<_>, _>>()?,
        };
        if let Some(&at) = gone.iter().find(|&&at| view.size(axes[at], 2) != 1) {
            return Err(step.refuse(format!("axis {at} is not of size 1"), "squeeze axes of size 1"));
        }
        let kept = axes.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, &axis)| axis);
        let form = Form::Axes(kept.collect());
        self.set(step, Value::Computed(View { form, ..view }))
    }

    pub(super) fn unsqueeze(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, axes) = self.axes(step)?;
        let list = self.setting(step, "axes", 1)?.unwrap_or_default();
        let rank = axes.len() + list.len();
        if rank > 8 {
            return Err(step.refuse(format!("it makes {rank} axes"), "use images of four axes"));
        }
        let new = list.iter().map(|&at| axis(step, at, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut own = axes.iter().copied();
        // A channel that was picked has no axis any more: the new one is taken for it.
        let mut missing =
            [Axis::Channel, Axis::Row, Axis::Column].into_iter().filter(|axis| !axes.contains(axis));
        let mut made = || missing.next().unwrap_or(Axis::Unit);
        let all =
            (0..rank).map(|at| if new.contains(&at) { made() } else { own.next().unwrap_or(Axis::Unit) });
        let all: Vec<Axis> = all.collect();
        if all.first() != Some(&Axis::Batch) {
            return Err(step.refuse("it adds an axis before the batch", "keep the batch the first axis"));
        }
        self.set(step, Value::Computed(View { form: Form::Axes(all), ..view }))
    }

    pub(super) fn transpose(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, axes) = self.axes(step)?;
        let rank = axes.len();
        let turned = match step.ints("perm") {
            Some(perm) => perm.iter().map(|&at| axis(step, at, rank)).collect::<Result<Vec<_>, _>>()?,
            None => (0..rank).rev().collect(),
        };
        let mut sorted = turned.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..rank) || turned.first() != Some(&0) {
            return Err(
                step.refuse(format!("it turns the axes to {turned:?}"), "keep the batch the first axis")
            );
        }
        let form = Form::Axes(turned.into_iter().map(|at| axes[at]).collect());
        self.set(step, Value::Computed(View { form, ..view }))
    }
}
