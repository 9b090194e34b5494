//! Pools and means.

use cbp_nn::Parameters;
use cbp_nn::graph::{Op, Window};

use super::window;
use crate::error::ImportCause;
use crate::onnx::import_model::step::{Step, axis};
use crate::onnx::import_model::view::{Axis, Form, View};
use crate::onnx::import_model::{Importer, Value, names};

/// Kernel of a pool.
fn kernel(step: &Step<'_>) -> Result<[usize; 2], ImportCause> {
    match step.pair("kernel_shape", 0)? {
        [0, _] | [_, 0] => Err(step.refuse("it has no kernel", "use a kernel of at least 1 × 1")),
        kernel => Ok(kernel),
    }
}

impl<'a> Importer<'a> {
    pub(super) fn max_pool(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, pad) = self.padded_image(step)?;
        let never_wins =
            pad.value <= f32::MIN || (pad.value == 0.0 && self.drafts.is_non_negative(view.source));
        if !pad.is_none() && !never_wins {
            let reason = format!("its input is padded with {}, which can win", pad.value);
            return Err(step.refuse(reason, "pad in the pool itself, or after Relu"));
        }
        let size = [view.shape.height, view.shape.width];
        let mut window = window::read(step, kernel(step)?, size)?;
        window::fits(step, &window, size)?;
        if step.flag("ceil_mode") {
            window = window.ceil_mode(size).unwrap_or(window);
        }
        self.note_pad(step, &view, &pad);
        self.push_pool(step, Op::MaxPool { window: window::padded(window, &pad) }, &view)
    }

    /// With ceil mode, padding counts but what lies behind it does not: that is refused where it makes a difference.
    pub(super) fn average_pool(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let (view, pad) = self.padded_image(step)?;
        let size = [view.shape.height, view.shape.width];
        let plain = window::read(step, kernel(step)?, size)?;
        window::fits(step, &plain, size)?;
        let ceil = if step.flag("ceil_mode") { plain.ceil_mode(size).unwrap_or(plain) } else { plain };
        if ceil == Window::square(1, 1, 0) && pad.is_none() {
            return self.drop_step(step, "the mean of one value is that value");
        }
        let extended = ceil.output(size) != plain.output(size);
        let window = if extended { ceil } else { plain };
        let own_pads = plain.before != [0; 2] || plain.behind != [0; 2];
        let mut count_padding = step.flag("count_include_pad");
        if extended && !own_pads && pad.is_none() {
            count_padding = false;
        }
        let refused = if extended && (count_padding || !pad.is_none()) {
            Some("ceil_mode adds rows or columns whose padding counts only in part")
        } else if !pad.is_none() && pad.value != 0.0 {
            Some("its input is padded with another number than 0")
        } else if !pad.is_none() && own_pads && !count_padding {
            Some("of two paddings one counts and one does not")
        } else {
            None
        };
        if let Some(reason) = refused {
            return Err(
                step.refuse(reason, "use count_include_pad=0 or ceil_mode=0, and pad in the pool itself")
            );
        }
        self.note_pad(step, &view, &pad);
        let count_padding = count_padding || !pad.is_none();
        self.push_pool(step, Op::AveragePool { window: window::padded(window, &pad), count_padding }, &view)
    }

    pub(super) fn global_average(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.image(step, 0)?;
        self.push(step, Op::AdaptiveAveragePool { height: 1, width: 1 }, &[&view], Parameters::None)
    }

    pub(super) fn global_max(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.image(step, 0)?;
        let kernel = [view.shape.height, view.shape.width];
        let window = Window { kernel, ..Window::square(1, 1, 0) };
        self.push(step, Op::MaxPool { window }, &[&view], Parameters::None)
    }

    /// The mean over rows and columns, both.
    pub(super) fn reduce_mean(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let view = self.activation(step, 0)?;
        let remedy = "take the mean over rows and columns, both";
        let Form::Axes(axes) = &view.form else {
            return Err(step.refuse("its input is a vector", remedy));
        };
        let Some(places) = self.setting(step, "axes", 1)? else {
            return Err(step.refuse("it is over all axes", remedy));
        };
        let places = places.iter().map(|&at| axis(step, at, axes.len())).collect::<Result<Vec<_>, _>>()?;
        let keeps = |at: usize| !places.contains(&at);
        for (at, &axis) in axes.iter().enumerate() {
            let is_position = matches!(axis, Axis::Row | Axis::Column);
            if axis != Axis::Unit && is_position == keeps(at) && view.size(axis, 2) > 1 {
                return Err(step.refuse(format!("it is over the axes {places:?}"), remedy));
            }
        }
        let kept = axes.iter().enumerate().map(|(at, &axis)| if keeps(at) { axis } else { Axis::Unit });
        let form = if step.int("keepdims", 1) == 0 {
            Form::Axes(kept.enumerate().filter(|&(at, _)| keeps(at)).map(|(_, axis)| axis).collect())
        } else {
            Form::Axes(kept.collect())
        };
        let name = self.drafts.free_name(&[names::of_node(step.label(), false)]);
        let op = Op::AdaptiveAveragePool { height: 1, width: 1 };
        let (source, shape) = self.drafts.push(&name, op, &[view.source], Parameters::None)?;
        self.set(step, Value::Computed(View::new(source, shape, form)))
    }
}
