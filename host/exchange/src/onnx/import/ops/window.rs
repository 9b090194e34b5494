//! Kernels, strides, dilations and paddings.

use cbp_nn::graph::{Op, Window};

use crate::error::ImportCause;
use crate::note::Note;
use crate::onnx::import_model::Importer;
use crate::onnx::import_model::step::Step;
use crate::onnx::import_model::view::{Pending, View};

/// A padding that came before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pad {
    pub before: [usize; 2],
    pub behind: [usize; 2],
    pub value: f32,
}

impl Pad {
    pub(super) fn is_none(&self) -> bool {
        self.before == [0; 2] && self.behind == [0; 2]
    }
}

/// The window of a node over an image of `size`, without ceil mode.
pub(super) fn read(step: &Step<'_>, kernel: [usize; 2], size: [usize; 2]) -> Result<Window, ImportCause> {
    let mut window = Window {
        kernel,
        stride: step.pair("strides", 1)?,
        dilation: step.pair("dilations", 1)?,
        before: [0; 2],
        behind: [0; 2],
    };
    match step.string("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" | "" => match step.ints("pads") {
            None | Some([]) => {}
            Some(&[top, left, bottom, right]) => {
                window.before = [step.size("pads", top)?, step.size("pads", left)?];
                window.behind = [step.size("pads", bottom)?, step.size("pads", right)?];
            }
            Some(pads) => {
                return Err(step.refuse(format!("pads are {pads:?}"), "use the two-dimensional form"));
            }
        },
        "VALID" => {}
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            if window.stride.contains(&0) || kernel.contains(&0) {
                return Err(step.refuse("a stride or kernel of 0", "use 1 or more"));
            }
            for d in 0..2 {
                let span = window.dilation[d] * (kernel[d] - 1) + 1;
                let last = (size[d].div_ceil(window.stride[d]).max(1) - 1) * window.stride[d];
                let total = (last + span).saturating_sub(size[d]);
                let small = total / 2;
                let before = if same == "SAME_UPPER" { small } else { total - small };
                (window.before[d], window.behind[d]) = (before, total - before);
            }
        }
        other => return Err(step.refuse(format!("auto_pad is {other}"), "give the pads as numbers")),
    }
    Ok(window)
}

/// Refuses a window that no output fits in.
pub(super) fn fits(step: &Step<'_>, window: &Window, size: [usize; 2]) -> Result<(), ImportCause> {
    window.output(size).map(|_| ()).ok_or_else(|| {
        let reason = format!("its kernel {:?} does not fit an image of {size:?}", window.kernel);
        step.refuse(reason, "use larger images or a smaller kernel, and steps of at least 1")
    })
}

/// Adds a padding to a window.
pub(super) fn padded(window: Window, pad: &Pad) -> Window {
    let add = |a: [usize; 2], b: [usize; 2]| [a[0] + b[0], a[1] + b[1]];
    Window { before: add(window.before, pad.before), behind: add(window.behind, pad.behind), ..window }
}

impl<'a> Importer<'a> {
    /// Input 0 as an image, and the padding that is pending on it. The view's shape is that with the padding.
    pub(super) fn padded_image(&mut self, step: &Step<'a>) -> Result<(View, Pad), ImportCause> {
        let view = self.view(step, 0)?;
        let Pending::Pad { before, behind, value } = view.pending else {
            return Ok((self.image(step, 0)?, Pad::default()));
        };
        Self::require_image(step, &view)?;
        Ok((view, Pad { before, behind, value }))
    }

    /// Says that a pending padding is now part of the node for `step`.
    pub(super) fn note_pad(&mut self, step: &Step<'a>, view: &View, pad: &Pad) {
        if !pad.is_none() {
            let into = super::super::names::of_node(step.label(), false);
            self.notes.push(Note::Merged { operation: view.name.clone(), into });
        }
    }

    /// Adds the node of a pool over an image.
    pub(super) fn push_pool(&mut self, step: &Step<'a>, op: Op, view: &View) -> Result<(), ImportCause> {
        let plain = View { pending: Pending::None, ..view.clone() };
        self.push(step, op, &[&plain], cbp_nn::Parameters::None)
    }
}
