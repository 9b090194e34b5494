//! From a network to a program.

use cbp_isa::Config;
use cbp_isa::instruction::INSTRUCTION_BYTES;
use cbp_isa::ring::SEGMENTS;
use cbp_numerics::{FullyConnected, Layer, Network, Operation as Kind, Weights};

use crate::operation::Operation;
use crate::program::segment;
use crate::schedule::schedule;
use crate::tiling::{Plan, activation_row, requant};
use crate::{CompileError, CompiledLayer, Element, Program, TensorLayout, pack};

/// Everything in a segment begins at a multiple of this, which every beat divides.
const ALIGNMENT: usize = 64;

/// What the host wants back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The network's output.
    #[default]
    Output,
    /// Every layer's output, of every run.
    Activations,
    /// Every layer's output, and the sign masks of every layer that is not raw, of every run.
    ActivationsAndMasks,
}

/// How to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images of one run; the command entry's repeat count runs more.
    pub batch: usize,
    /// What the host wants back.
    pub keep: Keep,
}

/// Compiles a network for a device.
///
/// # Errors
/// The device cannot run it: which layer, why, and what would fit.
pub fn compile(network: &Network, config: &Config, options: Options) -> Result<Program, CompileError> {
    config.check()?;
    let beat = config.beat_bytes();
    if config.columns < beat {
        return Err(CompileError::NarrowArray { columns: config.columns, beat });
    }
    if options.batch == 0 {
        return Err(CompileError::EmptyBatch);
    }
    let input = TensorLayout {
        segment: segment::INPUT,
        offset: 0,
        images: options.batch,
        channels: network.inputs(),
        row_bytes: activation_row(config, network.inputs()),
        element: Element::I8,
    };
    let mut sizes = [0; SEGMENTS];
    sizes[segment::INPUT] = input.bytes();
    let mut plans = plan(network, config, options, &input, &mut sizes)?;
    // Instructions do not change in number or order when offsets do: schedule once to learn their number.
    let count = schedule(config, &plans)?.len();
    let data = place_data(network, config, &mut plans, count * INSTRUCTION_BYTES)?;
    let instructions = schedule(config, &plans)?;
    let mut image = Vec::with_capacity(count * INSTRUCTION_BYTES + data.len());
    for (operation, layer) in &instructions {
        let field = |overflow| CompileError::Field { layer: plans[*layer].name.clone(), overflow };
        image.extend(operation.encode().map_err(field)?.to_bytes());
    }
    image.resize(image.len().next_multiple_of(ALIGNMENT), 0);
    image.extend(data);
    sizes[segment::PROGRAM] = image.len();
    let mut strides = [0; SEGMENTS];
    let segment_bytes = sizes.map(|bytes| bytes.next_multiple_of(ALIGNMENT) as u64);
    for (s, bytes) in segment_bytes.into_iter().enumerate() {
        let fits = u32::try_from(bytes).map_err(|_| CompileError::Segment { segment: s, bytes })?;
        let advances = match s {
            segment::PROGRAM => false,
            segment::SCRATCH => options.keep != Keep::Output,
            _ => true,
        };
        strides[s] = if advances { fits } else { 0 };
    }
    let layers = network.layers().iter().zip(&plans).enumerate();
    let layers = layers.map(|(index, (layer, plan))| describe(config, index, layer, plan, &instructions));
    let layers = layers.collect();
    let (config, batch) = (config.clone(), options.batch);
    Ok(Program { config, batch, image, instructions, layers, input, segment_bytes, strides })
}

fn fully_connected(layer: &Layer) -> Result<&FullyConnected, CompileError> {
    match &layer.operation {
        Kind::FullyConnected(fc) => Ok(fc),
        _ => Err(CompileError::Unsupported { layer: layer.name.clone() }),
    }
}

/// Cuts every layer and places outputs and masks in their segments, whose sizes it adds up.
fn plan(
    network: &Network,
    config: &Config,
    options: Options,
    input: &TensorLayout,
    sizes: &mut [usize; SEGMENTS],
) -> Result<Vec<Plan>, CompileError> {
    let mut place = |s: usize, bytes: usize| {
        let offset = sizes[s].next_multiple_of(ALIGNMENT);
        sizes[s] = offset + bytes;
        offset as u64
    };
    let mut plans: Vec<Plan> = Vec::with_capacity(network.layers().len());
    for (index, layer) in network.layers().iter().enumerate() {
        let fc = fully_connected(layer)?;
        let masked = options.keep == Keep::ActivationsAndMasks && fc.output != cbp_numerics::Output::Raw;
        let input = plans.last().map_or_else(|| input.clone(), |plan| plan.output.clone());
        let last = index + 1 == network.layers().len();
        let mut plan = Plan::new(config, &layer.name, fc, input, [masked, !last])?;
        let target = if last { segment::OUTPUT } else { segment::SCRATCH };
        (plan.output.segment, plan.output.offset) = (target, place(target, plan.output.bytes()));
        if let Some(mask) = &mut plan.mask {
            (mask.segment, mask.offset) = (segment::SCRATCH, place(segment::SCRATCH, mask.bytes()));
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Packs weights and parameters of all tiles, to lie in segment 0 behind the program; tells the plans where.
fn place_data(
    network: &Network,
    config: &Config,
    plans: &mut [Plan],
    program_bytes: usize,
) -> Result<Vec<u8>, CompileError> {
    let start = program_bytes.next_multiple_of(ALIGNMENT);
    let mut data: Vec<u8> = Vec::new();
    let mut place = |bytes: Vec<u8>| {
        data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        let offset = start + data.len();
        data.extend(bytes);
        offset
    };
    for (layer, plan) in network.layers().iter().zip(plans) {
        let fc = fully_connected(layer)?;
        let requant = requant(config, &layer.name, fc)?;
        for (t, tile) in plan.tiles.iter_mut().enumerate() {
            tile.weights = place(pack::weights(config, fc, t));
            if !requant.is_empty() {
                let records = pack::parameters(config, &requant, t * config.columns, tile.groups);
                tile.parameters = Some(place(records));
            }
        }
    }
    Ok(data)
}

fn describe(
    config: &Config,
    index: usize,
    layer: &Layer,
    plan: &Plan,
    instructions: &[(Operation, usize)],
) -> CompiledLayer {
    let steps = instructions.iter().filter(|(_, l)| *l == index).map(|(operation, _)| match operation {
        Operation::Compute(op) => (op.steps() * op.positions()) as u64,
        _ => 0,
    });
    // An int8 weight travels as one byte, a constrained one as the array's code.
    let word_bits = match &layer.operation {
        Kind::FullyConnected(fc) if matches!(fc.weights, Weights::Int8 { .. }) => 8,
        _ => config.weight_set.code_bits() as usize,
    } * config.lanes
        * config.columns;
    let words = plan.tiles.len() * layer.inputs().div_ceil(config.lanes);
    let products = plan.input.images * layer.inputs() * layer.outputs() * plan.shifts.len();
    CompiledLayer {
        name: layer.name.clone(),
        output: plan.output.clone(),
        mask: plan.mask.clone(),
        ideal_steps: products.div_ceil(config.lanes * config.columns) as u64,
        steps: steps.sum(),
        products: products as u64,
        weight_bytes: (words * word_bits / 8) as u64,
    }
}
