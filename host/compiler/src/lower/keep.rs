//! Which results stay on chip.
//!
//! A stage's output may stay in the activation buffer for the stage that follows, if that reads it as its input and
//! the buffer holds both the stage's whole input and its whole output: space is given out in a circle, so the space of
//! what streams past a block that stays is free only after it.

use cbp_isa::Config;
use cbp_isa::instruction::{OutputMode, compute};

use super::Stage;
use crate::TensorLayout;

/// Lets results stay where they can. `wanted` says which tensors the host wants back.
pub(crate) fn keep(config: &Config, stages: &mut [Stage], wanted: impl Fn(&TensorLayout) -> bool) {
    for i in 0..stages.len().saturating_sub(1) {
        let (stage, next) = (&stages[i], &stages[i + 1]);
        let output = &stage.output;
        let words = output.shape.channels.div_ceil(config.lanes);
        let step = (words * config.activation_granules()) as u64;
        let possible = stage.mode == OutputMode::Requantised
            && next.input == *output
            && !next.packed
            && output.runs.len() == 1
            && output.first() == 0
            && step <= compute::KEEP_STEP.max()
            && ring_words(config, stages, i) + stage.positions() * words <= config.activation_depth;
        if !possible {
            continue;
        }
        let same = |layout: &TensorLayout| (layout.segment, layout.offset) == (output.segment, output.offset);
        let operand = |stage: &Stage| stage.operand.as_ref().is_some_and(|operand| same(&operand.layout));
        let others = stages.iter().enumerate();
        let read = others.into_iter().any(|(k, other)| k != i + 1 && same(&other.input) || operand(other));
        let store = read || wanted(output);
        (stages[i].keep, stages[i].store, stages[i + 1].kept_input) = (true, store, true);
    }
}

/// Words of the circle that are taken while stage `i` runs, beside its kept output: its input and, if that was kept,
/// what streamed past it while it was made.
fn ring_words(config: &Config, stages: &[Stage], i: usize) -> usize {
    let stage = &stages[i];
    if !stage.kept_input || i == 0 {
        return input_words(config, stage);
    }
    let before = &stages[i - 1];
    let streamed = if before.kept_input { 0 } else { input_words(config, before) };
    input_words(config, stage) + streamed
}

/// Activation words that a stage's whole input takes.
fn input_words(config: &Config, stage: &Stage) -> usize {
    let image = stage.input.shape.positions() * stage.pixel_words(config);
    if stage.packed { stage.positions() * stage.packed_words(config) } else { stage.images() * image }
}
