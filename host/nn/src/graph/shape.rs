//! Shapes of what nodes compute, and how shapes are written to files.

use cbp_numerics::{Shape, Window};
use serde::{Deserialize, Serialize};

use super::{GraphError, Op};

impl Op {
    /// Shape of the output, from those of the inputs.
    pub(super) fn output(&self, node: &str, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let op = self.name();
        let wrong_inputs = |expected| GraphError::Inputs {
            node: node.to_owned(),
            op,
            expected,
            found: inputs.len(),
        };
        let misfit = |shape: Shape, why: String| GraphError::Shape { node: node.to_owned(), op, shape, why };
        let setting = |why: String| GraphError::Setting { node: node.to_owned(), op, why };
        match self {
            Self::Add => match *inputs {
                [a, b] if a == b => return Ok(a),
                [a, b] => return Err(misfit(b, format!("its other input is {a}"))),
                _ => return Err(wrong_inputs("two")),
            },
            Self::Concat => {
                let Some((first, rest)) = inputs.split_first() else {
                    return Err(wrong_inputs("at least one"));
                };
                let mut shape = *first;
                for &next in rest {
                    if [next.height, next.width] != [first.height, first.width] {
                        return Err(misfit(next, format!("its first input is {first}")));
                    }
                    shape.channels += next.channels;
                }
                return Ok(shape);
            }
            _ => {}
        }
        let &[input] = inputs else { return Err(wrong_inputs("one")) };
        if input.values() == 0 {
            return Err(misfit(input, "it has no values".to_owned()));
        }
        let windowed = |window: &Window, channels: usize| match window.output([input.height, input.width]) {
            Some([height, width]) => Ok(Shape::new(height, width, channels)),
            None => Err(misfit(input, format!("its kernel of {:?} does not fit", window.kernel))),
        };
        let has_channels = |channels: usize| {
            if input.channels == channels {
                Ok(())
            } else {
                Err(misfit(input, format!("it takes {channels} channels")))
            }
        };
        match *self {
            Self::Linear { inputs, outputs, .. } => {
                if input.values() != inputs || outputs == 0 {
                    return Err(misfit(input, format!("its weights are {outputs} × {inputs}")));
                }
                Ok(Shape::vector(outputs))
            }
            Self::Convolution { inputs, outputs, groups, window, .. } => {
                has_channels(inputs)?;
                let divides = |channels: usize| groups > 0 && channels.is_multiple_of(groups);
                if outputs == 0 || !divides(inputs) || !divides(outputs) {
                    let why = format!("{inputs} input and {outputs} output channels in {groups} groups");
                    return Err(setting(why));
                }
                windowed(&window, outputs)
            }
            Self::BatchNorm { channels, .. } => has_channels(channels).map(|()| input),
            Self::Clamp { low, high } if low.is_nan() || high.is_nan() || low >= high => {
                Err(setting(format!("its bounds are {low} and {high}")))
            }
            Self::MaxPool { window } | Self::AveragePool { window, .. } => {
                // A window that lies in the padding alone has no largest value and no mean.
                let span = |d: usize| window.dilation[d] * window.kernel[d].saturating_sub(1) + 1;
                if (0..2).any(|d| window.before[d] >= span(d) || window.behind[d] >= span(d) + window.stride[d])
                {
                    return Err(setting("its padding is as wide as its kernel".to_owned()));
                }
                windowed(&window, input.channels)
            }
            Self::AdaptiveAveragePool { height, width } => {
                if height == 0 || width == 0 {
                    return Err(setting(format!("its result is {height} × {width}")));
                }
                Ok(Shape::new(height, width, input.channels))
            }
            Self::Flatten => Ok(Shape::vector(input.values())),
            Self::Dropout { probability } if !(0.0..1.0).contains(&probability) => {
                Err(setting(format!("its probability is {probability}, not in 0 ≤ p < 1")))
            }
            Self::Shortcut { stride: 0, .. } => Err(setting("its stride is 0".to_owned())),
            Self::Shortcut { stride, before, behind } => Ok(Shape::new(
                input.height.div_ceil(stride),
                input.width.div_ceil(stride),
                before + input.channels + behind,
            )),
            Self::Quantise { bits, .. } if !(2..=8).contains(&bits) => {
                Err(setting(format!("{bits} bits; 2 to 8 are possible")))
            }
            Self::Clamp { .. } | Self::Dropout { .. } | Self::Quantise { .. } | Self::Add | Self::Concat => {
                Ok(input)
            }
        }
    }
}

/// A [`Window`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Window")]
pub(super) struct WindowFields {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
    behind: [usize; 2],
}

/// What nodes read, in a file: the index of a node, or nothing for the input.
pub(super) mod sources {
    use cbp_numerics::Source;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(sources: &[Source], serializer: S) -> Result<S::Ok, S::Error> {
        let index = |source: &Source| match source {
            Source::Input => None,
            Source::Layer(index) => Some(*index),
        };
        sources.iter().map(index).collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
        let indices = Vec::<Option<usize>>::deserialize(deserializer)?;
        Ok(indices.into_iter().map(|index| index.map_or(Source::Input, Source::Layer)).collect())
    }
}

/// An upper bound in a file: JSON has no infinity, so none is null.
pub(super) mod bound {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
    pub fn serialize<S: Serializer>(bound: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        bound.is_finite().then_some(*bound).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Option::<f32>::deserialize(deserializer).map(|bound| bound.unwrap_or(f32::INFINITY))
    }
}
