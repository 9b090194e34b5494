//! Which network is measured.

use std::fmt;
use std::str::FromStr;

use cbp_isa::WeightSet;
use cbp_numerics::architectures::{ARCHITECTURES, named};
use cbp_numerics::random::{self, convolution};
use cbp_numerics::{Network, NetworkError, Shape, Window};

/// A network with random weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One fully connected layer.
    FullyConnected {
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
        /// Weights; `None`: int8.
        set: Option<WeightSet>,
    },
    /// One convolution, padded by half its kernel.
    Convolution {
        /// Kernel rows and columns.
        kernel: usize,
        /// Stride.
        stride: usize,
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Input rows and columns.
        size: usize,
        /// Weights; `None`: int8.
        set: Option<WeightSet>,
    },
    /// A published network, all its layers but the first and the last of the array's set.
    Network {
        /// Its name.
        name: String,
        /// Input rows and columns; the published ones if not said.
        size: Option<usize>,
    },
}

/// The text names no workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text} is no workload; use one of {}, a fully connected layer such as fc:1024x1024, or a convolution such as conv:3x3,64-64,56 or conv:7x7s2,3-64,224",
    names()
)]
pub struct UnknownWorkload {
    /// It.
    pub text: String,
}

fn names() -> String {
    ARCHITECTURES.iter().map(|a| a.name).collect::<Vec<_>>().join(", ")
}

impl Workload {
    /// The same layer with weights of another set; `None`: int8. Published networks have the array's.
    #[must_use]
    pub fn with_weights(self, weights: Option<WeightSet>) -> Self {
        match self {
            Self::FullyConnected { inputs, outputs, .. } => {
                Self::FullyConnected { inputs, outputs, set: weights }
            }
            Self::Convolution { kernel, stride, inputs, outputs, size, .. } => {
                Self::Convolution { kernel, stride, inputs, outputs, size, set: weights }
            }
            Self::Network { .. } => self,
        }
    }

    /// The network.
    ///
    /// # Errors
    /// It is too large, or its input too small.
    pub fn network(&self, array: WeightSet) -> Result<Network, NetworkError> {
        match self {
            Self::FullyConnected { inputs, outputs, set } => {
                let shape = random::Shape { outputs: *outputs, set: *set, raw: false, extreme: false };
                random::network(*inputs, &[shape], 1)
            }
            Self::Convolution { kernel, stride, inputs, outputs, size, set } => {
                let input = Shape::new(*size, *size, *inputs);
                convolution(input, *outputs, Window::square(*kernel, *stride, kernel / 2), *set, 1)
            }
            Self::Network { name, size } => match named(name) {
                Some(architecture) => architecture.build(array, size.unwrap_or(architecture.size), 1),
                None => Err(NetworkError::Empty { network: name.clone() }),
            },
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FullyConnected { inputs, outputs, .. } => write!(f, "fc:{inputs}x{outputs}"),
            Self::Convolution { kernel, stride, inputs, outputs, size, .. } => {
                let stride = if *stride == 1 { String::new() } else { format!("s{stride}") };
                write!(f, "conv:{kernel}x{kernel}{stride},{inputs}-{outputs},{size}")
            }
            Self::Network { name, .. } => f.write_str(name),
        }
    }
}

impl FromStr for Workload {
    type Err = UnknownWorkload;

    fn from_str(text: &str) -> Result<Self, UnknownWorkload> {
        let set = Some(WeightSet::TwoBitShift);
        let parse = || -> Option<Self> {
            let pair = |text: &str, by: char| -> Option<[usize; 2]> {
                let (a, b) = text.split_once(by)?;
                Some([a.parse().ok()?, b.parse().ok()?])
            };
            if let Some(shape) = text.strip_prefix("fc:") {
                let [inputs, outputs] = pair(shape, 'x')?;
                return Some(Self::FullyConnected { inputs, outputs, set });
            }
            if let Some(rest) = text.strip_prefix("conv:") {
                let mut parts = rest.split(',');
                let kernel = parts.next()?;
                let (kernel, stride) = kernel.split_once('s').unwrap_or((kernel, "1"));
                let [kernel, columns] = pair(kernel, 'x')?;
                let [inputs, outputs] = pair(parts.next()?, '-')?;
                let size = parts.next()?.parse().ok()?;
                let stride = stride.parse().ok()?;
                let all = [kernel, stride, inputs, outputs, size];
                let legal = kernel == columns && parts.next().is_none() && !all.contains(&0);
                return legal.then_some(Self::Convolution { kernel, stride, inputs, outputs, size, set });
            }
            let (name, size) = match text.split_once('@') {
                Some((name, size)) => (name, Some(size.parse().ok()?)),
                None => (text, None),
            };
            named(name).map(|a| Self::Network { name: a.name.to_owned(), size })
        };
        parse().ok_or_else(|| UnknownWorkload { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for text in ["fc:1024x10", "conv:3x3,64-64,56", "conv:7x7s2,3-64,224", "resnet18"] {
            assert_eq!(text.parse::<Workload>().map(|w| w.to_string()), Ok(text.to_owned()));
        }
        assert!(matches!("resnet18@64".parse(), Ok(Workload::Network { size: Some(64), .. })));
        for text in
            ["", "resnet19", "fc:3", "conv:3x4,1-1,8", "conv:3x3,0-1,8", "conv:3x3,1-1,8,9", "resnet18@"]
        {
            let error = text.parse::<Workload>().map_err(|e| e.to_string());
            assert!(error.as_ref().is_err_and(|e| e.contains("resnet50")), "{text}: {error:?}");
        }
    }
}
