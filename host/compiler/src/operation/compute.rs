//! COMPUTE: array and post-processing.

use cbp_isa::instruction::{Instruction, Opcode, OutputMode, compute};
use cbp_isa::{Field, FieldOverflow};

use super::{DecodeError, check_reserved, encode, signed, signed16};

/// Where results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// To the output buffer.
    pub outputs: bool,
    /// To the activation buffer: first granule, and granules from position to position.
    pub keep: Option<[usize; 2]>,
}

/// Where the steps of a COMPUTE lie along one direction of their tensor; outside 0…`size` − 1 they read padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// Of the first step.
    pub first: i64,
    /// From kernel element to kernel element.
    pub kernel_step: usize,
    /// From output to output.
    pub output_step: usize,
    /// Columns or rows of the tensor.
    pub size: usize,
}

impl Coordinates {
    /// Everything is inside.
    pub const INSIDE: Self = Self { first: 0, kernel_step: 0, output_step: 0, size: 1 };

    /// Whether a step is inside.
    #[must_use]
    pub const fn contain(&self, kernel: usize, output: usize) -> bool {
        let at = self.first + (kernel * self.kernel_step + output * self.output_step) as i64;
        0 <= at && at < self.size as i64
    }
}

/// COMPUTE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compute {
    /// Tokens to take from LOAD.
    pub wait_load: u8,
    /// Tokens to take from STORE.
    pub wait_store: u8,
    /// Tokens to give to LOAD.
    pub signal_load: u8,
    /// Tokens to give to STORE.
    pub signal_store: u8,
    /// What is written.
    pub mode: OutputMode,
    /// Whether sign masks are written too.
    pub mask: bool,
    /// Maximum of the steps instead of a sum of products.
    pub maximum: bool,
    /// Residual operand: first granule, and granules from position to position.
    pub residual: Option<[usize; 2]>,
    /// Where results go.
    pub target: Target,
    /// Accumulator shift before each pass; one entry per pass.
    pub shifts: Vec<u8>,
    /// Lanes of the last word of each i0 run that count: first and number.
    pub lanes: [usize; 2],
    /// Groups of P columns that are written.
    pub groups: usize,
    /// Activation word of the first step, modulo 2^16.
    pub act_base: usize,
    /// Weight word of the first step.
    pub weight_base: usize,
    /// Parameter word of the first group.
    pub parameter_base: usize,
    /// i0…i4.
    pub count: [usize; 5],
    /// Activation words per step of i1…i4.
    pub act_step: [usize; 4],
    /// Columns: i1 and i3.
    pub x: Coordinates,
    /// Rows: i2 and i4.
    pub y: Coordinates,
    /// What padding reads.
    pub fill: i8,
    /// First output granule.
    pub out_base: usize,
    /// Output granules per step of i3, i4.
    pub out_step: [usize; 2],
    /// First granule of the packed sign masks.
    pub mask_base: usize,
    /// Clamp.
    pub low: i8,
    /// Clamp.
    pub high: i8,
    /// Output zero point.
    pub zero_point: i8,
}

impl Compute {
    /// Output positions.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.count[3] * self.count[4]
    }

    /// Steps of one position, all passes.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.count[0] * self.count[1] * self.count[2] * self.shifts.len()
    }

    /// Steps of the array that count as multiply-accumulates: none with [`Compute::maximum`].
    #[must_use]
    pub fn mac_steps(&self) -> u64 {
        if self.maximum { 0 } else { (self.steps() * self.positions()) as u64 }
    }

    pub(super) fn encode(&self) -> Result<Instruction, FieldOverflow> {
        let shifts = self.shifts.iter().rev().fold(0, |all, &shift| all << 2 | u64::from(shift & 3));
        let keep = self.target.keep.unwrap_or([0; 2]);
        let residual = self.residual.unwrap_or([0; 2]);
        let target = u64::from(self.target.outputs) | u64::from(self.target.keep.is_some()) << 1;
        encode(
            Opcode::Compute,
            &[
                (compute::WAIT_LOAD, u64::from(self.wait_load)),
                (compute::WAIT_STORE, u64::from(self.wait_store)),
                (compute::SIGNAL_LOAD, u64::from(self.signal_load)),
                (compute::SIGNAL_STORE, u64::from(self.signal_store)),
                (compute::MODE, self.mode as u64),
                (compute::MASK, u64::from(self.mask)),
                (compute::RESIDUAL, u64::from(self.residual.is_some())),
                (compute::MAXIMUM, u64::from(self.maximum)),
                (compute::TARGET, target),
                (compute::PASSES, self.shifts.len() as u64),
                (compute::DIGIT_SHIFTS, shifts),
                (compute::LANE_FIRST, self.lanes[0] as u64),
                (compute::LANE_COUNT, self.lanes[1] as u64),
                (compute::GROUPS, self.groups as u64),
                (compute::ACT_BASE, self.act_base as u64),
                (compute::WEIGHT_BASE, self.weight_base as u64),
                (compute::PARAMETER_BASE, self.parameter_base as u64),
                (compute::COUNT0, self.count[0] as u64),
                (compute::COUNT1, self.count[1] as u64),
                (compute::ACT_STEP1, self.act_step[0] as u64),
                (compute::COUNT2, self.count[2] as u64),
                (compute::ACT_STEP2, self.act_step[1] as u64),
                (compute::COUNT3, self.count[3] as u64),
                (compute::ACT_STEP3, self.act_step[2] as u64),
                (compute::COUNT4, self.count[4] as u64),
                (compute::ACT_STEP4, self.act_step[3] as u64),
                (compute::OUT_BASE, self.out_base as u64),
                (compute::OUT_STEP3, self.out_step[0] as u64),
                (compute::OUT_STEP4, self.out_step[1] as u64),
                (compute::MASK_BASE, self.mask_base as u64),
                (compute::LO, signed(self.low)),
                (compute::HI, signed(self.high)),
                (compute::Z_OUT, signed(self.zero_point)),
                (compute::FILL, signed(self.fill)),
                (compute::X, signed16(compute::X, self.x.first)?),
                (compute::X_STEP1, self.x.kernel_step as u64),
                (compute::X_STEP3, self.x.output_step as u64),
                (compute::WIDTH, self.x.size as u64),
                (compute::Y, signed16(compute::Y, self.y.first)?),
                (compute::Y_STEP2, self.y.kernel_step as u64),
                (compute::Y_STEP4, self.y.output_step as u64),
                (compute::HEIGHT, self.y.size as u64),
                (compute::KEEP_BASE, keep[0] as u64),
                (compute::KEEP_STEP, keep[1] as u64),
                (compute::RESIDUAL_BASE, residual[0] as u64),
                (compute::RESIDUAL_STEP, residual[1] as u64),
            ],
        )
    }

    pub(super) fn decode(word: &Instruction) -> Result<Self, DecodeError> {
        check_reserved(word, compute::FIELDS)?;
        let get = |field| word.get(field) as usize;
        let byte = |field| (word.get(field) as u8).cast_signed();
        let signed = |field| i64::from((word.get(field) as u16).cast_signed());
        let unknown = |field: Field| DecodeError::Value { field: field.name, value: word.get(field) };
        let mode = if word.get(compute::MODE) == 0 { OutputMode::Requantised } else { OutputMode::Raw };
        let passes = get(compute::PASSES);
        if !(1..=9).contains(&passes) {
            return Err(unknown(compute::PASSES));
        }
        let target = get(compute::TARGET);
        if target == 0 || (target & 2 != 0 && mode == OutputMode::Raw) {
            return Err(unknown(compute::TARGET));
        }
        let pair = |there: bool, base, step| there.then(|| [get(base), get(step)]);
        let shifts = word.get(compute::DIGIT_SHIFTS);
        let coordinates = |[first, kernel, output, size]: [Field; 4]| Coordinates {
            first: signed(first),
            kernel_step: get(kernel),
            output_step: get(output),
            size: get(size),
        };
        Ok(Self {
            wait_load: word.get(compute::WAIT_LOAD) as u8,
            wait_store: word.get(compute::WAIT_STORE) as u8,
            signal_load: word.get(compute::SIGNAL_LOAD) as u8,
            signal_store: word.get(compute::SIGNAL_STORE) as u8,
            mode,
            mask: word.get(compute::MASK) != 0,
            maximum: word.get(compute::MAXIMUM) != 0,
            residual: pair(word.get(compute::RESIDUAL) != 0, compute::RESIDUAL_BASE, compute::RESIDUAL_STEP),
            target: Target {
                outputs: target & 1 != 0,
                keep: pair(target & 2 != 0, compute::KEEP_BASE, compute::KEEP_STEP),
            },
            shifts: (0..passes).map(|pass| (shifts >> (2 * pass) & 3) as u8).collect(),
            lanes: [get(compute::LANE_FIRST), get(compute::LANE_COUNT)],
            groups: get(compute::GROUPS),
            act_base: get(compute::ACT_BASE),
            weight_base: get(compute::WEIGHT_BASE),
            parameter_base: get(compute::PARAMETER_BASE),
            count: [compute::COUNT0, compute::COUNT1, compute::COUNT2, compute::COUNT3, compute::COUNT4]
                .map(get),
            act_step: [compute::ACT_STEP1, compute::ACT_STEP2, compute::ACT_STEP3, compute::ACT_STEP4]
                .map(get),
            x: coordinates([compute::X, compute::X_STEP1, compute::X_STEP3, compute::WIDTH]),
            y: coordinates([compute::Y, compute::Y_STEP2, compute::Y_STEP4, compute::HEIGHT]),
            fill: byte(compute::FILL),
            out_base: get(compute::OUT_BASE),
            out_step: [compute::OUT_STEP3, compute::OUT_STEP4].map(get),
            mask_base: get(compute::MASK_BASE),
            low: byte(compute::LO),
            high: byte(compute::HI),
            zero_point: byte(compute::Z_OUT),
        })
    }
}
