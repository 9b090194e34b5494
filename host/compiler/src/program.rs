//! What the compiler makes.

use cbp_isa::Config;
use cbp_isa::instruction::INSTRUCTION_BYTES;
use cbp_isa::ring::SEGMENTS;

use crate::interpreter::{Job, Segments};
use crate::operation::Operation;
use crate::{MaskLayout, TensorLayout};

/// What each segment of a job holds.
pub mod segment {
    /// Program, weights, parameters. Constant.
    pub const PROGRAM: usize = 0;
    /// The network's input.
    pub const INPUT: usize = 1;
    /// The network's output.
    pub const OUTPUT: usize = 2;
    /// Activations between layers, and sign masks.
    pub const SCRATCH: usize = 3;
}

/// A layer as compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledLayer {
    /// Its name.
    pub name: String,
    /// Where its output lies in the first run. Between layers it is kept from run to run only if asked for.
    pub output: TensorLayout,
    /// Where its sign masks lie in the first run, if they are kept.
    pub mask: Option<MaskLayout>,
    /// Steps of one run that the array would take if no lane or column were ever idle: ⌈images·MACs·passes / (K·N)⌉.
    pub ideal_steps: u64,
    /// Steps of one run that it takes.
    pub steps: u64,
    /// Multiply-accumulates of one run.
    pub macs: u64,
    /// Multiply-accumulates of one run, each digit pass counted.
    pub products: u64,
    /// Bytes of its packed weights, as the device reads them.
    pub weight_bytes: u64,
}

/// A network, compiled for one configuration and batch size. It runs once per batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The device it is for.
    pub config: Config,
    /// Images of one run.
    pub batch: usize,
    /// The bytes of segment 0: the program at offset 0, then its prologue, then weights and parameters.
    pub image: Vec<u8>,
    /// Runs once before all jobs, as a job of its own: loads the weights and parameters that stay in the buffers. Empty
    /// if they do not fit; each run then loads them.
    pub prologue: Vec<(Operation, usize)>,
    /// The instructions in the image, END included, with the layer each belongs to.
    pub instructions: Vec<(Operation, usize)>,
    /// The layers.
    pub layers: Vec<CompiledLayer>,
    /// Where the input of the first run lies.
    pub input: TensorLayout,
    /// Bytes of each segment that one run needs.
    pub segment_bytes: [u64; SEGMENTS],
    /// Bytes from run to run, for the command entry.
    pub strides: [u32; SEGMENTS],
}

impl Program {
    /// What the command entry says for `repeat` runs.
    #[must_use]
    pub const fn job(&self, repeat: usize) -> Job {
        let program_length = self.instructions.len();
        Job { program_offset: 0, program_length, repeat, strides: self.strides }
    }

    /// What the command entry says for the prologue, if there is one.
    #[must_use]
    pub const fn prologue_job(&self) -> Option<Job> {
        if self.prologue.is_empty() {
            return None;
        }
        let program_offset = (self.instructions.len() * INSTRUCTION_BYTES) as u64;
        Some(Job { program_offset, program_length: self.prologue.len(), repeat: 1, strides: [0; SEGMENTS] })
    }

    /// Memory for `repeat` runs: segment 0 is the image, the others are 0.
    #[must_use]
    pub fn memory(&self, repeat: usize) -> Segments {
        let mut segments: Segments = core::array::from_fn(|s| {
            let runs = repeat.saturating_sub(1) as u64 * u64::from(self.strides[s]);
            vec![0; (runs + self.segment_bytes[s]) as usize]
        });
        segments[segment::PROGRAM].clone_from(&self.image);
        segments
    }

    /// Where the network's output of the first run lies.
    #[must_use]
    pub fn output(&self) -> &TensorLayout {
        // A network has at least one layer.
        self.layers.last().map_or(&self.input, |layer| &layer.output)
    }
}
