//! Programs that fill the buffers and show what is in them.

use cbp_isa::instruction::{Destination, Instruction, Opcode, compute, load, store};
use cbp_isa::{Config, Field};

use super::instructions::Program;
use super::program::{Engine, RESULTS};

/// Fills every buffer, outputs included.
pub fn filling(config: &Config) -> Result<Program, String> {
    let mut program = Program::new(1);
    let beats = |words: usize, beats: usize| words * beats;
    for (destination, length, segment) in [
        (Destination::Activations, beats(config.activation_depth, config.activation_beats()), 1),
        (Destination::Weights, beats(config.weight_depth, config.weight_beats()), 1),
        (Destination::Parameters, beats(config.parameter_depth, config.parameter_beats()), 3),
        (Destination::Residuals, beats(config.residual_depth * config.ppu_lanes / config.beat_bytes(), 1), 1),
        (Destination::Lines, beats(config.line_depth, 1), 1),
    ] {
        let fields = [
            (load::DESTINATION, destination as usize),
            (load::SEGMENT, segment),
            (load::LENGTH, length),
            (load::COUNT0, 1),
            (load::COUNT1, 1),
        ];
        program.push(Engine::Load, instruction(Opcode::Load, &fields)?)?;
    }
    let granules = 4 * config.ppu_groups();
    let fields = [
        (compute::GROUPS, config.ppu_groups()),
        (compute::COUNT3, config.output_depth / granules),
        (compute::OUT_STEP3, granules),
        (compute::ACT_STEP3, 1),
    ];
    program.push(Engine::Compute, raw(config, &fields)?)?;
    program.push(Engine::Store, storing(config)?)?;
    Ok(program)
}

/// Stores sums over all weights, each times an activation of its own: a weight that differs shows in one of two.
pub fn weights(config: &Config) -> Result<Program, String> {
    let fields = [
        (compute::GROUPS, config.ppu_groups()),
        (compute::COUNT0, config.weight_depth),
        (compute::COUNT3, 2),
        (compute::OUT_STEP3, 4 * config.ppu_groups()),
        (compute::ACT_STEP3, 1),
    ];
    shown(config, &fields)
}

/// Stores the activations, part by part: the largest of one step each.
pub fn activations(config: &Config) -> Result<Vec<Program>, String> {
    let granules = 4 * config.activation_granules();
    let words = config.output_depth / granules;
    let part = |first| {
        let fields = [
            (compute::MAXIMUM, 1),
            (compute::GROUPS, config.activation_granules()),
            (compute::ACT_BASE, first),
            (compute::COUNT3, words),
            (compute::OUT_STEP3, granules),
            (compute::ACT_STEP3, 1),
        ];
        shown(config, &fields)
    };
    (0..config.activation_depth).step_by(words).map(part).collect()
}

/// Stores all outputs.
pub fn storing(config: &Config) -> Result<Instruction, String> {
    let beats = config.output_depth * config.ppu_lanes / config.beat_bytes();
    let fields = [(store::SEGMENT, RESULTS), (store::LENGTH, beats), (store::COUNT0, 1), (store::COUNT1, 1)];
    instruction(Opcode::Store, &fields)
}

fn shown(config: &Config, fields: &[(Field, usize)]) -> Result<Program, String> {
    let mut program = Program::new(1);
    program.push(Engine::Compute, raw(config, fields)?)?;
    program.push(Engine::Store, storing(config)?)?;
    Ok(program)
}

/// A COMPUTE of raw results: one step, whole and inside its tensor, but for these fields.
fn raw(config: &Config, fields: &[(Field, usize)]) -> Result<Instruction, String> {
    let one = [
        (compute::MODE, 1),
        (compute::TARGET, 1),
        (compute::PASSES, 1),
        (compute::LANE_COUNT, config.lanes),
        (compute::COUNT0, 1),
        (compute::COUNT1, 1),
        (compute::COUNT2, 1),
        (compute::COUNT3, 1),
        (compute::COUNT4, 1),
        (compute::WIDTH, 1),
        (compute::HEIGHT, 1),
    ];
    instruction(Opcode::Compute, &[&one, fields].concat())
}

fn instruction(opcode: Opcode, fields: &[(Field, usize)]) -> Result<Instruction, String> {
    let mut instruction = Instruction::new(opcode);
    for &(field, value) in fields {
        instruction.set(field, value as u64).map_err(|e| e.to_string())?;
    }
    Ok(instruction)
}
