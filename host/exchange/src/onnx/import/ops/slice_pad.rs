//! Slices and paddings of activations: together they are the shortcut of ResNet's option A.

use crate::error::ImportCause;
use crate::onnx::import_model::step::{LARGEST_SETTING, Step, axis};
use crate::onnx::import_model::view::{Axis, Form, Pending, View};
use crate::onnx::import_model::{Importer, Value};

impl<'a> Importer<'a> {
    pub(super) fn slice(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let starts = self.setting(step, "starts", 1)?.unwrap_or_default();
        let ends = self.setting(step, "ends", 2)?.unwrap_or_default();
        let axes = self.setting(step, "axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.setting(step, "steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()].iter().any(|&length| length != starts.len()) {
            return Err(step.refuse("its settings differ in length", "export the model again"));
        }
        let mut view = self.view(step, 0)?;
        let rank = view.rank();
        let mut stride = [1, 1];
        let mut picks = None;
        for (((start, end), at), by) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
            let at = axis(step, at, rank)?;
            let kind = match &view.form {
                Form::Axes(axes) => axes[at],
                Form::Vector(_) => [Axis::Batch, Axis::Channel][at],
            };
            let size = view.dims(self.batch)[at] as i64;
            let place = |at: i64| (if at < 0 { at.saturating_add(size) } else { at }).clamp(0, size);
            let (start, end) = (place(start), place(end));
            if (start, end, by) == (0, size, 1) {
                continue;
            }
            let d = usize::from(kind == Axis::Column);
            match kind {
                Axis::Row | Axis::Column
                    if (start, end) == (0, size) && (1..=LARGEST_SETTING).contains(&by) =>
                {
                    stride[d] = by as usize;
                }
                Axis::Channel if picks.is_none() && by > 0 && start < end => {
                    let distance = usize::try_from(by).unwrap_or(usize::MAX);
                    picks = Some((at, (start as usize..end as usize).step_by(distance).collect::<Vec<_>>()));
                }
                _ => {
                    let reason = format!("{start} to {end} in steps of {by} of axis {at}");
                    return Err(step.refuse(reason, "slice channels, or every n-th of all rows and columns"));
                }
            }
        }
        if let Some((at, picks)) = picks {
            if stride != [1, 1] {
                return Err(
                    step.refuse("it slices channels and positions at once", "slice one after the other")
                );
            }
            view = self.picked(step, at, &picks)?;
        } else if stride != [1, 1] {
            view = self.shortcut(step, stride, [0, 0])?;
        }
        self.set(step, Value::Computed(view))
    }

    /// Input 0 with a shortcut pending.
    fn shortcut(
        &mut self,
        step: &Step<'a>,
        by: [usize; 2],
        channels: [usize; 2],
    ) -> Result<View, ImportCause> {
        let view = self.view(step, 0)?;
        // One slice per axis is one shortcut; two of the same axis are two.
        let continues = match view.pending {
            Pending::Shortcut { stride, before: 0, behind: 0 } => {
                (0..2).all(|d| by[d] == 1 || stride[d] == 1)
            }
            Pending::Shortcut { .. } => by == [1, 1],
            _ => false,
        };
        let mut view = if continues { view } else { self.activation(step, 0)? };
        if view.pending == Pending::None {
            view.pending = Pending::Shortcut { stride: [1, 1], before: 0, behind: 0 };
        }
        if let Pending::Shortcut { stride, before, behind } = &mut view.pending {
            *stride = [stride[0] * by[0], stride[1] * by[1]];
            *before += channels[0];
            *behind += channels[1];
            if stride.iter().chain([&*before, &*behind]).any(|&setting| setting as i64 > LARGEST_SETTING) {
                return Err(step.refuse(
                    "its steps or paddings are too large",
                    format!("use at most {LARGEST_SETTING}"),
                ));
            }
        }
        view.shape.height = view.shape.height.div_ceil(by[0]);
        view.shape.width = view.shape.width.div_ceil(by[1]);
        view.shape.channels += channels[0] + channels[1];
        step.label().clone_into(&mut view.name);
        Ok(view)
    }

    pub(super) fn pad(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.view(step, 0)?;
        let mode = step.string("mode").unwrap_or("constant");
        if mode != "constant" {
            return Err(step.refuse(format!("its mode is {mode}"), "pad with a constant"));
        }
        let value = match self.optional(step, 2)? {
            Some(value) => value.scalar().unwrap_or(f32::NAN),
            None => step.float("value", 0.0),
        };
        let amounts = self.setting(step, "pads", 1)?.unwrap_or_default();
        let Form::Axes(axes) = &view.form else {
            return Err(step.refuse("it pads a vector", "pad images"));
        };
        let places = match self.optional(step, 3)? {
            None => (0..axes.len()).collect(),
            Some(list) => {
                let list = list.integers().unwrap_or_default().iter();
                list.map(|&at| axis(step, at, axes.len())).collect::<Result<Vec<_>, _>>()?
            }
        };
        if amounts.len() != 2 * places.len() {
            return Err(step.refuse(format!("its pads are {amounts:?}"), "give two per axis"));
        }
        let mut of = [[0_usize; 2]; 3];
        for (i, &at) in places.iter().enumerate() {
            for (side, &amount) in [&amounts[i], &amounts[places.len() + i]].into_iter().enumerate() {
                let amount = step.size("pads", amount)?;
                match axes[at] {
                    Axis::Row => of[0][side] += amount,
                    Axis::Column => of[1][side] += amount,
                    Axis::Channel => of[2][side] += amount,
                    Axis::Batch | Axis::Unit if amount == 0 => {}
                    Axis::Batch | Axis::Unit => {
                        return Err(
                            step.refuse(format!("it pads axis {at}"), "pad channels, rows or columns")
                        );
                    }
                }
            }
        }
        let [rows, columns, channels] = of;
        let view = match (rows == [0; 2] && columns == [0; 2], channels == [0; 2]) {
            (true, true) => return self.drop_step(step, "it pads nothing"),
            (true, false) if value == 0.0 => self.shortcut(step, [1, 1], channels)?,
            (false, true) => self.padded(step, [rows, columns], value)?,
            (true, false) => {
                return Err(step.refuse(format!("it pads channels with {value}"), "pad channels with zeros"));
            }
            (false, false) => {
                return Err(step.refuse("it pads channels and positions at once", "pad one after the other"));
            }
        };
        self.set(step, Value::Computed(view))
    }

    /// Input 0 with a padding pending.
    fn padded(&mut self, step: &Step<'a>, by: [[usize; 2]; 2], fill: f32) -> Result<View, ImportCause> {
        let view = self.view(step, 0)?;
        let continues = matches!(view.pending, Pending::Pad { value, .. } if value == fill);
        let mut view = if continues { view } else { self.activation(step, 0)? };
        if view.pending == Pending::None {
            view.pending = Pending::Pad { before: [0; 2], behind: [0; 2], value: fill };
        }
        if let Pending::Pad { before, behind, .. } = &mut view.pending {
            for d in 0..2 {
                before[d] += by[d][0];
                behind[d] += by[d][1];
            }
            if before.iter().chain(&*behind).any(|&amount| amount as i64 > LARGEST_SETTING) {
                return Err(
                    step.refuse("its paddings are too large", format!("use at most {LARGEST_SETTING}"))
                );
            }
        }
        view.shape.height += by[0][0] + by[0][1];
        view.shape.width += by[1][0] + by[1][1];
        step.label().clone_into(&mut view.name);
        Ok(view)
    }
}
