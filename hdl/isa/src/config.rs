//! Configurations: everything that is chosen when a device is built.

use core::fmt;

use crate::WeightSet;
use crate::parameters::PARAMETER_BYTES;

/// One build of the accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Lanes K of a dot-product column: activations per step.
    pub lanes: usize,
    /// Columns N: output channels per step.
    pub columns: usize,
    /// Post-processing lanes P: outputs requantised per cycle.
    pub ppu_lanes: usize,
    /// The weight set the array is built for; it runs every smaller one too.
    pub weight_set: WeightSet,
    /// Bits of an activation.
    pub activation_bits: usize,
    /// Bits of an accumulator.
    pub accumulator_bits: usize,
    /// Accumulators per column.
    pub accumulator_depth: usize,
    /// Activation buffer, words of K bytes.
    pub activation_depth: usize,
    /// Weight buffer, words of K·N codes.
    pub weight_depth: usize,
    /// Parameter buffer, words of P records.
    pub parameter_depth: usize,
    /// Output buffer, granules of P bytes.
    pub output_depth: usize,
    /// Residual buffer, granules of P bytes.
    pub residual_depth: usize,
    /// Line buffer of the packer, beats.
    pub line_depth: usize,
    /// Data bits of the AXI master.
    pub axi_bits: usize,
    /// Reads in flight.
    pub read_tags: usize,
}

/// Why a configuration cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadConfig(pub &'static str);

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this configuration cannot be built: {}", self.0)
    }
}

impl core::error::Error for BadConfig {}

/// A named configuration; `weight_set` is chosen beside it.
#[derive(Debug)]
pub struct Preset {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    config: Config,
}

impl Preset {
    /// The configuration, built for `weight_set`.
    #[must_use]
    pub fn config(&self, weight_set: WeightSet) -> Config {
        Config { weight_set, ..self.config.clone() }
    }

    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|p| p.name == name)
    }
}

const fn preset(
    name: &'static str,
    doc: &'static str,
    array: [usize; 3],
    depths: [usize; 6],
    axi_bits: usize,
) -> Preset {
    Preset {
        name,
        doc,
        config: Config {
            lanes: array[0],
            columns: array[1],
            ppu_lanes: array[2],
            weight_set: WeightSet::TwoBitShift,
            activation_bits: 8,
            accumulator_bits: 32,
            accumulator_depth: 1,
            activation_depth: depths[0],
            weight_depth: depths[1],
            parameter_depth: depths[2],
            output_depth: depths[3],
            residual_depth: depths[4],
            line_depth: depths[5],
            axi_bits,
            read_tags: 16,
        },
    }
}

/// All presets. Depths: activation, weight, parameter words; output and residual granules; line beats.
pub const PRESETS: &[Preset] = &[
    preset(
        "tiny",
        "tests: 64 lanes, every corner reached quickly",
        [8, 8, 4],
        [1024, 1024, 64, 2048, 512, 256],
        64,
    ),
    preset("small", "demonstration: 1,024 lanes", [32, 32, 16], [4096, 512, 64, 4096, 4096, 1024], 128),
    preset("versa", "Lattice ECP5-5G Versa", [16, 32, 8], [2048, 512, 64, 2048, 1024, 512], 128),
    preset(
        "axau15",
        "Alinx AXAU15 (Artix UltraScale+)",
        [32, 64, 16],
        [4096, 512, 64, 4096, 4096, 1024],
        128,
    ),
    preset(
        "acorn",
        "SQRL Acorn CLE-215+ (Artix-7 200T)",
        [64, 64, 16],
        [4096, 512, 64, 8192, 4096, 1024],
        128,
    ),
];

impl Config {
    /// Bytes of one AXI beat.
    #[must_use]
    pub const fn beat_bytes(&self) -> usize {
        self.axi_bits / 8
    }

    /// Beats of one activation word.
    #[must_use]
    pub const fn activation_beats(&self) -> usize {
        self.lanes / self.beat_bytes()
    }

    /// Groups of `axi_bits` weights in one weight word; each group travels as one beat per code bit.
    #[must_use]
    pub const fn weight_groups(&self) -> usize {
        self.lanes * self.columns / self.axi_bits
    }

    /// Beats of one packed weight word.
    #[must_use]
    pub const fn weight_beats(&self) -> usize {
        self.weight_groups() * self.weight_set.code_bits() as usize
    }

    /// Beats of one parameter word: one record per PPU lane.
    #[must_use]
    pub const fn parameter_beats(&self) -> usize {
        self.ppu_lanes * PARAMETER_BYTES / self.beat_bytes()
    }

    /// Beats of one output-buffer word: 4 granules, one raw result per PPU lane.
    #[must_use]
    pub const fn output_beats(&self) -> usize {
        4 * self.ppu_lanes / self.beat_bytes()
    }

    /// Bytes of one residual-buffer word: whole beats and whole granules.
    #[must_use]
    pub const fn residual_word_bytes(&self) -> usize {
        if self.ppu_lanes > self.beat_bytes() { self.ppu_lanes } else { self.beat_bytes() }
    }

    /// Granules of P bytes in one activation word.
    #[must_use]
    pub const fn activation_granules(&self) -> usize {
        self.lanes / self.ppu_lanes
    }

    /// Groups of P columns.
    #[must_use]
    pub const fn ppu_groups(&self) -> usize {
        self.columns / self.ppu_lanes
    }

    /// Passes that an int8 layer takes on this array, and the accumulator shift between them.
    #[must_use]
    pub const fn int8_passes(&self) -> usize {
        match self.weight_set {
            WeightSet::Binary => 9,
            WeightSet::Ternary => 8,
            WeightSet::OneBitShift | WeightSet::TwoBitShift => 4,
        }
    }

    /// Checks that the parts fit each other.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BadConfig> {
        let rule = |holds: bool, text| if holds { Ok(()) } else { Err(BadConfig(text)) };
        let power = |n: usize| n.is_power_of_two();
        rule(matches!(self.axi_bits, 64 | 128 | 256), "AXI data width must be 64, 128 or 256")?;
        rule(power(self.lanes) && (8..=128).contains(&self.lanes), "lanes must be a power of two, 8…128")?;
        rule(
            power(self.columns) && (8..=128).contains(&self.columns),
            "columns must be a power of two, 8…128",
        )?;
        rule(self.lanes >= self.beat_bytes(), "lanes must fill an AXI beat")?;
        rule(self.lanes * self.columns >= self.axi_bits, "lanes × columns must fill an AXI beat of weights")?;
        rule(
            power(self.ppu_lanes) && self.ppu_lanes <= self.columns && self.ppu_lanes <= self.lanes,
            "PPU lanes must be a power of two, at most the columns and at most the lanes",
        )?;
        rule(4 * self.ppu_lanes >= self.beat_bytes(), "four PPU lanes' bytes must fill an AXI beat")?;
        rule(
            self.columns <= 8 * self.ppu_lanes,
            "a granule must hold one sign mask: columns ≤ 8 × PPU lanes",
        )?;
        rule(
            self.ppu_lanes * PARAMETER_BYTES >= self.beat_bytes(),
            "a parameter word must fill an AXI beat",
        )?;
        rule((2..=8).contains(&self.activation_bits), "activation bits must be 2…8")?;
        rule(self.accumulator_bits == 32, "accumulator bits must be 32")?;
        rule(self.accumulator_depth == 1, "accumulator depth must be 1")?;
        rule(power(self.read_tags) && (16..=64).contains(&self.read_tags), "read tags must be 16, 32 or 64")?;
        rule(self.lanes <= self.axi_bits, "a beat of weight bits must hold whole columns: lanes ≤ AXI bits")?;
        for depth in [
            self.activation_depth,
            self.weight_depth,
            self.parameter_depth,
            self.output_depth,
            self.residual_depth,
            self.line_depth,
        ] {
            rule(power(depth) && (16..=65536).contains(&depth), "depths must be powers of two, 16…65536")?;
        }
        Ok(())
    }
}
