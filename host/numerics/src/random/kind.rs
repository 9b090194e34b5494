//! One layer of a chosen kind.

use super::pieces::Pieces;
use super::{Options, Random};
use crate::build::ConvolutionSpec;
use crate::{Network, NetworkError, Shape, Source, Window};

/// A kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of a vector or an image.
    FullyConnected,
    /// Any kernel, stride, dilation and padding, of any number of channels.
    Convolution,
    /// 1 × 1.
    Pointwise,
    /// Two groups or more.
    Grouped,
    /// A group per channel.
    Depthwise,
    /// One to four input channels and kernels up to the largest.
    FewChannels,
    /// With padding, and ceil mode.
    MaxPool,
    /// With padding.
    AveragePool,
    /// Over the whole image.
    GlobalAveragePool,
    /// A convolution with a second operand of the output's shape.
    Residual,
    /// A convolution with a second operand read at a stride, with padded channels.
    OptionA,
    /// Two to four tensors.
    Concat,
    /// Two tensors.
    Add,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::FullyConnected,
        Self::Convolution,
        Self::Pointwise,
        Self::Grouped,
        Self::Depthwise,
        Self::FewChannels,
        Self::MaxPool,
        Self::AveragePool,
        Self::GlobalAveragePool,
        Self::Residual,
        Self::OptionA,
        Self::Concat,
        Self::Add,
    ];
}

/// A network whose last layer is of this kind. Nothing comes before it but what makes a second tensor where it needs
/// one. Convolutions and fully connected layers are raw once in a while.
///
/// # Errors
/// Those of [`Network::new`]; a fault of this function.
pub fn layer_of(kind: Kind, options: &Options, seed: u64) -> Result<Network, NetworkError> {
    let mut random = Random(seed ^ (kind as u64) << 56);
    let mut input = options.input(&mut random);
    match kind {
        Kind::FullyConnected if random.once_in(2) => {
            input = Shape::vector(1 + random.below(4 * options.channels));
        }
        Kind::FewChannels => input.channels = 1 + random.below(4),
        Kind::Grouped | Kind::Depthwise => input.channels = input.channels.max(2),
        _ => {}
    }
    let mut pieces = Pieces::new(input, options, random);
    last(kind, &mut pieces, input)?;
    pieces.builder.finish(&format!("{kind:?}"))
}

fn last(kind: Kind, pieces: &mut Pieces, input: Shape) -> Result<Source, NetworkError> {
    let tensor = Source::Input;
    let options = pieces.options.clone();
    let mut raw = pieces.random().once_in(5);
    let mut convolution = |pieces: &mut Pieces, spec: ConvolutionSpec| {
        let range = if core::mem::take(&mut raw) { None } else { spec.range };
        pieces.convolution(ConvolutionSpec { range, ..spec })
    };
    match kind {
        Kind::FullyConnected => pieces.fully_connected(tensor, true),
        Kind::Convolution | Kind::FewChannels | Kind::Pointwise | Kind::Grouped | Kind::Depthwise => {
            let outputs = options.outputs(pieces.random());
            let window = options.window(input, pieces.random());
            let point = Window::square(1, 1 + pieces.random().below(2), 0);
            let window = if kind == Kind::Pointwise { point } else { window };
            let spec = if kind == Kind::Depthwise {
                pieces.depthwise(tensor, window)
            } else {
                pieces.spec(tensor, outputs, window)
            };
            let spec = if kind == Kind::Grouped { pieces.grouped(spec) } else { spec };
            convolution(pieces, spec)
        }
        Kind::MaxPool => {
            let window = options.pool_window(input, pieces.random());
            pieces.max_pool(tensor, window)
        }
        Kind::AveragePool => {
            let window = options.pool_window(input, pieces.random());
            pieces.average_pool(tensor, window)
        }
        Kind::GlobalAveragePool => pieces.global_average_pool(tensor),
        Kind::Residual => {
            let other = if pieces.random().once_in(2) { tensor } else { same_shape(pieces, tensor)? };
            pieces.identity(other, tensor)
        }
        Kind::OptionA => pieces.option_a(tensor),
        Kind::Concat => {
            let count = 2 + pieces.random().below(3);
            let mut parts = vec![tensor];
            while parts.len() < count {
                let outputs = options.outputs(pieces.random());
                let spec = pieces.spec(tensor, outputs, Window::square(1, 1, 0));
                parts.push(pieces.convolution(spec)?);
            }
            let swap = pieces.random().below(count);
            parts.swap(0, swap);
            pieces.concat(&parts)
        }
        Kind::Add => {
            let other = same_shape(pieces, tensor)?;
            let inputs = if pieces.random().once_in(2) { [tensor, other] } else { [other, tensor] };
            pieces.add(inputs)
        }
    }
}

/// A pointwise convolution to as many channels.
fn same_shape(pieces: &mut Pieces, tensor: Source) -> Result<Source, NetworkError> {
    let channels = pieces.builder.shape(tensor).channels;
    let spec = pieces.depthwise(tensor, Window::square(1, 1, 0));
    pieces.convolution(ConvolutionSpec { outputs: channels, ..spec })
}
