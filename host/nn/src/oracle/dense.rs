//! Fully connected networks: zˡ = Wˡ·ãˡ⁻¹ with ã = [a; 1], aˡ = sˡ(zˡ), cost C = c(aᵏ, y).
//!
//! The last column of W holds the biases. One image is one column.

use super::matrix::Matrix;

/// What is applied to z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// z itself.
    Identity,
    /// tanh z.
    Tanh,
    /// 1 / (1 + e⁻ᶻ).
    Sigmoid,
    /// max(z, 0), with this derivative at exactly 0.
    Relu {
        /// ReLU'(0).
        at_zero: f64,
    },
    /// 1 where 0 < z ≤ width, 0 elsewhere, as derivative of a step: the box of surrogate gradients. The value is the
    /// integral of the box.
    Box {
        /// Where the box ends.
        width: f64,
    },
    /// eᶻ / Σ eᶻ over the outputs.
    Softmax,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// −Σ y·ln a.
    CrossEntropy,
    /// ½·Σ (a − y)².
    SquaredError,
}

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Outputs × (inputs + 1).
    pub weights: Matrix,
    /// s.
    pub activation: Activation,
}

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// First to last.
    pub layers: Vec<Layer>,
    /// c.
    pub cost: Cost,
}

/// z and a of every layer; `a[0]` is the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// `z[l]` belongs to layer l.
    pub z: Vec<Matrix>,
    /// `a[l]` is read by layer l.
    pub a: Vec<Matrix>,
}

impl Activation {
    /// s(z).
    #[must_use]
    pub fn value(self, z: &Matrix) -> Matrix {
        let each =
            |f: &dyn Fn(f64) -> f64| Matrix::column(&z.values.iter().map(|&z| f(z)).collect::<Vec<_>>());
        match self {
            Self::Identity => z.clone(),
            Self::Tanh => each(&f64::tanh),
            Self::Sigmoid => each(&|z| 1.0 / (1.0 + (-z).exp())),
            Self::Relu { .. } => each(&|z| z.max(0.0)),
            Self::Box { width } => each(&|z| z.clamp(0.0, width)),
            Self::Softmax => {
                let total: f64 = z.values.iter().map(|z| z.exp()).sum();
                each(&|z| z.exp() / total)
            }
        }
    }

    /// The Jacobian ∂s/∂z: diagonal for all but softmax, whose is diag(a) − a·aᵀ.
    #[must_use]
    pub fn jacobian(self, z: &Matrix) -> Matrix {
        let each =
            |f: &dyn Fn(f64) -> f64| Matrix::diagonal(&z.values.iter().map(|&z| f(z)).collect::<Vec<_>>());
        match self {
            Self::Identity => Matrix::identity(z.rows),
            Self::Tanh => each(&|z| 1.0 - z.tanh() * z.tanh()),
            Self::Sigmoid => each(&|z| {
                let a = 1.0 / (1.0 + (-z).exp());
                a * (1.0 - a)
            }),
            Self::Relu { at_zero } => each(&|z| match z.partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => 1.0,
                Some(std::cmp::Ordering::Equal) => at_zero,
                _ => 0.0,
            }),
            Self::Box { width } => each(&|z| if z > 0.0 && z <= width { 1.0 } else { 0.0 }),
            Self::Softmax => {
                let a = self.value(z);
                &Matrix::diagonal(&a.values) - &(&a * &a.transposed())
            }
        }
    }
}

impl Cost {
    /// c(a, y).
    #[must_use]
    pub fn value(self, a: &Matrix, y: &Matrix) -> f64 {
        let pairs = a.values.iter().zip(&y.values);
        match self {
            Self::CrossEntropy => -pairs.map(|(a, y)| if *y > 0.0 { y * a.ln() } else { 0.0 }).sum::<f64>(),
            Self::SquaredError => 0.5 * pairs.map(|(a, y)| (a - y) * (a - y)).sum::<f64>(),
        }
    }

    /// ∇c with respect to a.
    #[must_use]
    pub fn gradient(self, a: &Matrix, y: &Matrix) -> Matrix {
        let pairs = a.values.iter().zip(&y.values);
        let values: Vec<f64> = match self {
            Self::CrossEntropy => pairs.map(|(a, y)| if *y > 0.0 { -y / a } else { 0.0 }).collect(),
            Self::SquaredError => pairs.map(|(a, y)| a - y).collect(),
        };
        Matrix::column(&values)
    }
}

impl Dense {
    /// Every z and a for one input column.
    #[must_use]
    pub fn forward(&self, x: &Matrix) -> Trace {
        let mut trace = Trace { z: Vec::new(), a: vec![x.clone()] };
        for layer in &self.layers {
            let z = &layer.weights * &trace.a[trace.a.len() - 1].augmented();
            trace.a.push(layer.activation.value(&z));
            trace.z.push(z);
        }
        trace
    }

    /// C for one image.
    #[must_use]
    pub fn loss(&self, x: &Matrix, y: &Matrix) -> f64 {
        let trace = self.forward(x);
        self.cost.value(&trace.a[trace.a.len() - 1], y)
    }

    /// The sensitivity of the last layer, δᵏ = J(zᵏ)ᵀ·∇c: the base of the induction.
    #[must_use]
    pub fn last_delta(&self, trace: &Trace, y: &Matrix) -> Matrix {
        let k = self.layers.len() - 1;
        let jacobian = self.layers[k].activation.jacobian(&trace.z[k]);
        &jacobian.transposed() * &self.cost.gradient(&trace.a[k + 1], y)
    }

    /// δˡ from δˡ⁺¹: J(zˡ)ᵀ·(Wˡ⁺¹ without its bias column)ᵀ·δˡ⁺¹: the step of the induction.
    #[must_use]
    pub fn delta_before(&self, trace: &Trace, layer: usize, delta: &Matrix) -> Matrix {
        let jacobian = self.layers[layer - 1].activation.jacobian(&trace.z[layer - 1]);
        let weights = self.layers[layer].weights.without_last_column();
        &jacobian.transposed() * &(&weights.transposed() * delta)
    }

    /// dC/dW of every layer, δˡ·(ãˡ⁻¹)ᵀ, and dC/dx.
    #[must_use]
    pub fn gradients(&self, x: &Matrix, y: &Matrix) -> (Vec<Matrix>, Matrix) {
        let trace = self.forward(x);
        let mut delta = self.last_delta(&trace, y);
        let mut gradients = Vec::new();
        for layer in (0..self.layers.len()).rev() {
            gradients.push(&delta * &trace.a[layer].augmented().transposed());
            if layer > 0 {
                delta = self.delta_before(&trace, layer, &delta);
            }
        }
        gradients.reverse();
        let dx = &self.layers[0].weights.without_last_column().transposed() * &delta;
        (gradients, dx)
    }

    /// dC/dW of every layer once more, by another way: d vec(zˡ) = ((ãˡ⁻¹)ᵀ ⊗ I)·d vec(Wˡ), and the whole chain of
    /// Jacobians from zˡ to C multiplied out. For networks of a few hundred weights.
    #[must_use]
    pub fn gradients_by_kronecker(&self, x: &Matrix, y: &Matrix) -> Vec<Matrix> {
        let trace = self.forward(x);
        let last = self.layers.len();
        (0..last)
            .map(|layer| {
                // Row vector: dC/da of the output, then back through every z and a.
                let mut row = self.cost.gradient(&trace.a[last], y).transposed();
                for later in (layer + 1..last).rev() {
                    let jacobian = self.layers[later].activation.jacobian(&trace.z[later]);
                    row = &(&row * &jacobian) * &self.layers[later].weights.without_last_column();
                }
                row = &row * &self.layers[layer].activation.jacobian(&trace.z[layer]);
                let outputs = self.layers[layer].weights.rows;
                let to_z = trace.a[layer].augmented().transposed().kronecker(&Matrix::identity(outputs));
                (&row * &to_z).transposed().unstacked(outputs)
            })
            .collect()
    }
}
