//! From a network to a program.

use std::collections::HashMap;

use cbp_isa::Config;
use cbp_isa::instruction::{Destination, INSTRUCTION_BYTES, OutputMode};
use cbp_isa::ring::SEGMENTS;
use cbp_numerics::{Network, Operation as Kind, Weights};

use crate::cut::{Cut, all_constants_fit};
use crate::hazards::Instructions;
use crate::layout::MaskBlock;
use crate::lower::{ALIGNMENT, Stage, Tensors, keep, stages, unit};
use crate::operation::Operation;
use crate::predict::Timing;
use crate::program::segment;
use crate::schedule::{Work, add_stage, emit};
use crate::{CompileError, CompiledLayer, MaskLayout, Program, pack};

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
    /// Results stay on chip for the next layer where they fit, and are stored only where something else needs them.
    pub on_chip: bool,
    /// Weights and parameters stay in the buffers from run to run and from job to job, if all of them fit.
    pub resident: bool,
    /// What the memory is like: decides how far loads run ahead.
    pub timing: Timing,
}

impl Default for Options {
    /// One image, its output; what fits stays on chip.
    fn default() -> Self {
        Self { batch: 1, keep: Keep::Output, on_chip: true, resident: true, timing: Timing::default() }
    }
}

/// Compiles a network for a device.
///
/// # Errors
/// The device cannot run it: which layer, why, and what would fit.
pub fn compile(network: &Network, config: &Config, options: Options) -> Result<Program, CompileError> {
    config.check()?;
    if config.columns < unit(config) {
        return Err(CompileError::NarrowArray { columns: config.columns, beat: config.beat_bytes() });
    }
    if options.batch == 0 {
        return Err(CompileError::EmptyBatch);
    }
    let mut tensors = Tensors::new(config, network, options.batch);
    let masked = options.keep == Keep::ActivationsAndMasks;
    let mut stages = stages(config, network, &mut tensors, masked)?;
    let data = place_data(config, &mut stages);
    if options.on_chip {
        let last = tensors.layers.last().map(|layout| (layout.segment, layout.offset));
        let all = options.keep != Keep::Output;
        keep(config, &mut stages, |layout| all || Some((layout.segment, layout.offset)) == last);
    }
    let mut work = Work::new(config.beat_bytes());
    work.resident = options.resident && all_constants_fit(config, &stages);
    let mut masks: Vec<Vec<MaskBlock>> = vec![Vec::new(); network.layers().len()];
    let mut kept = None;
    for stage in &stages {
        let cut = Cut::new(config, stage)?;
        let reserve = |bytes| tensors.reserve(segment::SCRATCH, bytes);
        let (blocks, output) = add_stage(config, stage, cut, &mut work, kept, reserve);
        masks[stage.layer].extend(blocks);
        kept = output;
    }
    let name = |layer: usize| network.layers()[layer].name.as_str();
    let [mut prologue, mut instructions] = emit(config, options.timing, work, name)?;
    let image = assemble(&mut instructions, &mut prologue, data, name)?;
    let mut sizes = tensors.sizes;
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
    let mut layers = describe(config, network, options, &tensors, &stages, &instructions);
    for (layer, blocks) in layers.iter_mut().zip(masks) {
        layer.mask = (!blocks.is_empty()).then_some(MaskLayout {
            segment: segment::SCRATCH,
            images: options.batch,
            shape: layer.output.shape,
            columns: config.columns,
            blocks,
        });
    }
    let (config, batch, input) = (config.clone(), options.batch, tensors.input);
    Ok(Program { config, batch, image, prologue, instructions, layers, input, segment_bytes, strides })
}

/// Constants of up to so many bytes are looked for among those that are there.
const SHARED_BYTES: usize = 1 << 20;

/// Packs weights and parameters of all tiles and tells the tiles where they lie behind the program.
fn place_data(config: &Config, stages: &mut [Stage]) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    // Tiles of pools and sums have the same weights, and often the same parameters. What is loaded otherwise is another
    // thing, whatever its bytes: an offset stands for what is in a buffer.
    let mut known: HashMap<(Destination, Vec<u8>), usize> = HashMap::new();
    let mut place = |destination, bytes: Vec<u8>| {
        let bytes = (destination, bytes);
        if bytes.1.len() <= SHARED_BYTES
            && let Some(&offset) = known.get(&bytes)
        {
            return offset;
        }
        data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        let offset = data.len();
        data.extend(&bytes.1);
        if bytes.1.len() <= SHARED_BYTES {
            known.insert(bytes, offset);
        }
        offset
    };
    for stage in stages {
        for t in 0..stage.tiles.len() {
            let codes = if stage.int8 { Destination::WeightsInt8 } else { Destination::Weights };
            let weights = place(codes, pack::weights(config, stage, &stage.tiles[t]));
            let parameters = (stage.mode == OutputMode::Requantised)
                .then(|| place(Destination::Parameters, pack::parameters(config, stage, &stage.tiles[t])));
            (stage.tiles[t].weights, stage.tiles[t].parameters) = (weights, parameters);
        }
    }
    data
}

/// The bytes of segment 0: the program, its prologue, data; loads of constants learn where the data begin.
fn assemble<'n>(
    instructions: &mut Instructions,
    prologue: &mut Instructions,
    data: Vec<u8>,
    name: impl Fn(usize) -> &'n str,
) -> Result<Vec<u8>, CompileError> {
    let count = instructions.len() + prologue.len();
    let start = (count * INSTRUCTION_BYTES).next_multiple_of(ALIGNMENT);
    let mut image = Vec::with_capacity(start + data.len());
    for (operation, layer) in instructions.iter_mut().chain(prologue) {
        if let Operation::Load(load) = operation
            && load.rows.segment == segment::PROGRAM
        {
            load.rows.offset += start as u64;
        }
        let field = |overflow| CompileError::Field { layer: name(*layer).to_owned(), overflow };
        image.extend(operation.encode().map_err(field)?.to_bytes());
    }
    image.resize(start, 0);
    image.extend(data);
    Ok(image)
}

fn describe(
    config: &Config,
    network: &Network,
    options: Options,
    tensors: &Tensors,
    stages: &[Stage],
    instructions: &Instructions,
) -> Vec<CompiledLayer> {
    let mut layers: Vec<CompiledLayer> = Vec::new();
    for ((layer, &shape), output) in network.layers().iter().zip(network.shapes()).zip(&tensors.layers) {
        let int8 = match &layer.operation {
            Kind::FullyConnected(fc) => matches!(fc.weights, Weights::Int8 { .. }),
            Kind::Convolution(conv) => matches!(conv.weights, Weights::Int8 { .. }),
            _ => false,
        };
        let passes = if int8 { config.int8_passes() as u64 } else { 1 };
        let macs = options.batch as u64 * layer.macs(shape);
        let products = macs * passes;
        layers.push(CompiledLayer {
            name: layer.name.clone(),
            output: output.clone(),
            mask: None,
            ideal_steps: products.div_ceil((config.lanes * config.columns) as u64),
            steps: 0,
            macs,
            products,
            weight_bytes: 0,
        });
    }
    for (operation, layer) in instructions {
        if let Operation::Compute(op) = operation {
            layers[*layer].steps += op.mac_steps();
        }
    }
    for stage in stages {
        // An int8 weight travels as one byte, a constrained one as the array's code.
        let bits = if stage.int8 { 8 } else { config.weight_set.code_bits() as usize };
        let words: usize = stage.tiles.iter().map(|tile| stage.steps(tile)).sum();
        let words = if stage.int8 { words / stage.shifts.len() } else { words };
        layers[stage.layer].weight_bytes += (words * bits * config.lanes * config.columns / 8) as u64;
    }
    layers
}
