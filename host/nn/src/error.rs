//! What can go wrong in training and in the export of its result.

/// Training cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The data cannot be read, or do not fit the network.
    #[error(transparent)]
    Data(#[from] cbp_data::DataError),
    /// The settings contradict each other or the data.
    #[error("{what}; {remedy}")]
    Settings {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The scale of a layer would be 0 or not finite.
    #[error("layer {layer}: its weights have no usable scale ({scale}); train the float network again")]
    Scale {
        /// The layer.
        layer: String,
        /// The scale found.
        scale: f32,
    },
    /// The loss is no longer a number.
    #[error("epoch {epoch}, batch {batch}: the loss is not finite; lower the learning rate")]
    Diverged {
        /// Epoch, from 1.
        epoch: u32,
        /// Batch, from 1.
        batch: usize,
    },
    /// The network computes what is no number.
    #[error("an output of the network is {value}; train it again with a lower learning rate")]
    Outputs {
        /// The output.
        value: f32,
    },
    /// The caller ended training through [`Progress`](crate::training::Progress).
    #[error("training was stopped in epoch {epoch}")]
    Stopped {
        /// Epochs begun.
        epoch: u32,
    },
}

/// A network cannot be handed to the compiler.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// A parameter is NaN or infinite.
    #[error("layer {layer}: {parameter}[{index}] is {value}; train again with a lower learning rate")]
    NotFinite {
        /// The layer.
        layer: String,
        /// Which of its parameters.
        parameter: &'static str,
        /// Position, row-major.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A weight is on no level of its grid.
    #[error("layer {layer}: weight[{index}] is {value}, no level of its grid; export the deployed weights")]
    OffGrid {
        /// The layer.
        layer: String,
        /// Position, row-major.
        index: usize,
        /// The value.
        value: f32,
    },
}
