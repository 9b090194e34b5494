//! A network in integers over a data set: by the scalar model, or on a device and compared with the model.

use std::sync::Arc;

use cbp_compiler::{CompileError, Keep, Options, compile};
use cbp_isa::Config;
use cbp_nn::data::{Batches, DataError, Order, Pipeline, Plan, Samples};
use cbp_nn::training::rank;
use cbp_numerics::{LayerResult, NetworkError};
use cbp_sim::SimOptions;

use crate::compare::{compare, scalar_model};
use crate::quantise::Quantised;
use crate::runtime::{RunError, Session, SimulatorError, simulator};

/// Images between two signs of progress.
const BATCH: usize = 20;

/// How the integers do.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerEvaluation {
    /// Images.
    pub images: usize,
    /// Images whose class has the largest logit.
    pub right: usize,
    /// Images whose class is among the five largest logits.
    pub right_in_five: usize,
    /// Images that could not be read: files and causes.
    pub bad_images: Vec<String>,
    /// What the device did, if there was one.
    pub device: Option<DeviceFigures>,
}

/// What a device did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceFigures {
    /// Clock cycles of all images.
    pub cycles: u64,
    /// Outputs compared with the scalar model.
    pub compared: u64,
    /// Those that differ.
    pub mismatches: u64,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Images of another size.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device cannot run the network.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// There is no device.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The device failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs the first `images` of the samples: by the scalar model, or, given a configuration, on the simulated device
/// and by the model, and compares what both give. `tick` is told of images done.
///
/// # Errors
/// [`EvaluateError`].
pub fn evaluate_integers(
    quantised: &Quantised,
    samples: &Arc<Samples>,
    pipeline: &Pipeline,
    images: usize,
    device: Option<&Config>,
    mut tick: impl FnMut(u64),
) -> Result<IntegerEvaluation, EvaluateError> {
    let network = &quantised.network;
    let keep = Keep::Output;
    let mut simulated = device.map(|config| simulator(config, &SimOptions::default())).transpose()?;
    let mut session = match (device, &mut simulated) {
        (Some(config), Some(simulated)) => {
            let program = compile(network, config, Options { keep, ..Options::default() })?;
            Some(Session::new(simulated, program, keep)?)
        }
        _ => None,
    };
    let first = (0..images.min(samples.len()) as u32).collect();
    let plan = Plan { order: Order::Given(first), ..Plan::evaluation(BATCH) };
    let mut batches = Batches::new(Arc::clone(samples), pipeline, &plan)?;
    let mut result = IntegerEvaluation {
        images: 0,
        right: 0,
        right_in_five: 0,
        bad_images: Vec::new(),
        device: device.map(|_| DeviceFigures::default()),
    };
    for batch in batches.by_ref() {
        let batch = batch?;
        let codes = quantised.codes(&batch.images);
        let model = scalar_model(network, &codes)?;
        let run = session.as_mut().map(|session| session.run(&codes)).transpose()?;
        // Classes are those that the device gave; what it did not give is counted as different.
        let mut output: Option<&LayerResult> = model.last();
        if let (Some(run), Some(figures)) = (&run, &mut result.device) {
            let comparison = compare(&run.layers, &model, keep);
            figures.cycles += run.cycles;
            figures.compared += comparison.compared;
            figures.mismatches += comparison.mismatches;
            output = run.layers.last().and_then(Option::as_ref);
        }
        let logits = output.map(|output| quantised.logits(&output.values)).unwrap_or_default();
        // What the device did not give counts as wrong.
        let rows = logits.chunks_exact(quantised.logits.len()).zip(&batch.labels).zip(&batch.stands_in);
        for ((row, &label), _) in rows.filter(|&(_, &stands_in)| !stands_in) {
            let rank = rank(row, label);
            result.right += usize::from(rank == 0);
            result.right_in_five += usize::from(rank < 5);
        }
        result.images += batch.stands_in.iter().filter(|&&stands_in| !stands_in).count();
        tick(batch.len() as u64);
    }
    result.bad_images = batches.report().named();
    Ok(result)
}
