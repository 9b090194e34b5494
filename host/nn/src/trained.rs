//! The result of training, as integers and scales: what a compiler needs and nothing of the training.

use cbp_numerics::WeightSet;

/// A trained network, first layer to last. Its input is pixels: real value p / 255, that is
/// [`TrainedMlp::INPUT`] with q = p − 128.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedMlp {
    /// The layers; the output of each is the input of the next.
    pub layers: Vec<TrainedLayer>,
}

impl TrainedMlp {
    /// How pixels are coded: q = p − 128.
    pub const INPUT: ActivationCode = ActivationCode { scale: 1.0 / 255.0, zero_point: -128 };
}

/// One linear layer with what follows it: y = code(relu(affine(W·x))).
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedLayer {
    /// `fc1`, `fc2`, …
    pub name: String,
    /// Input features.
    pub inputs: usize,
    /// Output features.
    pub outputs: usize,
    /// W.
    pub weights: TrainedWeights,
    /// What is applied to each output feature of W·x.
    pub affine: Affine,
    /// Whether a ReLU follows.
    pub relu: bool,
    /// How the output is coded; absent: float, as the logits of the last layer.
    pub output: Option<ActivationCode>,
}

/// Weights, outputs × inputs, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainedWeights {
    /// w = scale·k / 2^D, with k and D of the set.
    Constrained {
        /// The weight set.
        set: WeightSet,
        /// One for the layer, or one per output.
        scales: Vec<f32>,
        /// k.
        codes: Vec<i8>,
    },
    /// w = scale·code with codes −127..=127.
    Int8 {
        /// One per output.
        scales: Vec<f32>,
        /// Codes.
        codes: Vec<i8>,
    },
    /// Not quantised.
    Float(
        /// w.
        Vec<f32>,
    ),
}

/// A map per output feature.
#[derive(Clone, Debug, PartialEq)]
pub enum Affine {
    /// y = x + bias.
    Bias(
        /// One per output.
        Vec<f32>,
    ),
    /// y = γ·(x − mean) / √(var + ε) + β, all one per output.
    BatchNorm {
        /// γ; may be 0 or negative.
        gamma: Vec<f32>,
        /// β.
        beta: Vec<f32>,
        /// Running mean.
        mean: Vec<f32>,
        /// Running variance.
        var: Vec<f32>,
        /// ε.
        eps: f32,
    },
}

/// Real value = scale·(q − zero point), q in −128..=127.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationCode {
    /// s > 0.
    pub scale: f32,
    /// z.
    pub zero_point: i8,
}

impl Affine {
    /// The same map as (factor, offset) per output: y = factor·x + offset, computed in f64.
    #[must_use]
    pub fn folded(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Bias(bias) => bias.iter().map(|&bias| (1.0, f64::from(bias))).collect(),
            Self::BatchNorm { gamma, beta, mean, var, eps } => {
                let affine = gamma.iter().zip(beta).zip(mean.iter().zip(var));
                affine
                    .map(|((&gamma, &beta), (&mean, &var))| {
                        let factor = f64::from(gamma) / (f64::from(var) + f64::from(*eps)).sqrt();
                        (factor, f64::from(beta) - factor * f64::from(mean))
                    })
                    .collect()
            }
        }
    }
}
