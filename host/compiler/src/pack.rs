//! Weights and parameters as LOAD reads them.

use cbp_isa::Config;
use cbp_isa::parameters::encode_parameter;
use cbp_isa::weight_code::encode_word;
use cbp_numerics::Requant;

use crate::lower::{Stage, Tile};

/// What the lanes of a stage's tiles stand for.
struct Lanes {
    /// Lanes of a word.
    width: usize,
    /// The input channel at each byte of the input's span.
    map: Vec<Option<usize>>,
    /// Bytes of a packed kernel row and of a pixel in it.
    packed: Option<[usize; 2]>,
}

impl Lanes {
    fn new(config: &Config, stage: &Stage) -> Self {
        let pixel = stage.input.pixel_bytes;
        let packed = stage.packed.then_some([stage.window.kernel[1] * pixel, pixel]);
        Self { width: config.lanes, map: stage.input.channel_map(), packed }
    }

    /// Kernel element and input channel of a lane in a word of `element`; packed words have no element of their own.
    fn input(&self, element: [usize; 2], word: usize, lane: usize) -> Option<([usize; 2], usize)> {
        let byte = word * self.width + lane;
        match self.packed {
            None => Some((element, (*self.map.get(byte)?)?)),
            Some([piece, pixel]) => {
                let (row, column) = (byte / piece, byte % piece / pixel);
                Some(([row, column], (*self.map.get(byte % piece % pixel)?)?))
            }
        }
    }
}

/// Kernel elements in the order of the steps.
fn elements(stage: &Stage) -> Vec<[usize; 2]> {
    let [rows, columns] = if stage.packed { [1, 1] } else { stage.window.kernel };
    (0..rows).flat_map(|r| (0..columns).map(move |c| [r, c])).collect()
}

/// Whether any lane that counts is connected to no weight, in a column that stands for an output channel.
pub(crate) fn has_gaps(config: &Config, stage: &Stage) -> bool {
    let lanes = Lanes::new(config, stage);
    let Some(products) = stage.products else { return false };
    let elements = elements(stage);
    stage.tiles.iter().any(|tile| {
        let counting = |word: usize| {
            let last = word + 1 == tile.words.end;
            if last { tile.lanes[0]..tile.lanes[0] + tile.lanes[1] } else { 0..config.lanes }
        };
        tile.words.clone().any(|word| {
            counting(word).any(|lane| {
                elements.iter().any(|&element| {
                    let Some((element, input)) = lanes.input(element, word, lane) else { return true };
                    tile.outputs.clone().any(|output| products.weight(output, element, input).is_none())
                })
            })
        })
    })
}

/// The weights of a tile: for each step of each stored pass K·N weights, column-major, as bit planes of codes or,
/// int8, as bytes (then only of one pass; the device makes the digits).
pub(crate) fn weights(config: &Config, stage: &Stage, tile: &Tile) -> Vec<u8> {
    let (k, n, set) = (config.lanes, config.columns, config.weight_set);
    let Some(products) = stage.products else { return Vec::new() };
    let lanes = Lanes::new(config, stage);
    let (beat, planes) = (config.beat_bytes(), set.code_bits() as usize);
    let mut packed = Vec::new();
    let (mut column, mut codes) = (vec![0i8; k], vec![0u8; k]);
    // Two passes of a binary array: what is not connected is +1 in the first and −1 in the second.
    let absent: &[i8] = match (set, stage.int8) {
        (cbp_isa::WeightSet::Binary, false) if stage.sparse => &[1, -1],
        (cbp_isa::WeightSet::Binary, false) => &[1],
        _ => &[0],
    };
    for &absent in absent {
        for element in elements(stage) {
            for word in tile.words.clone() {
                let inputs: Vec<_> = (0..k).map(|lane| lanes.input(element, word, lane)).collect();
                let start = packed.len();
                if !stage.int8 {
                    packed.resize(start + config.weight_beats() * beat, 0);
                }
                for c in 0..n {
                    let output = tile.outputs.start + c;
                    for (weight, input) in column.iter_mut().zip(&inputs) {
                        let there = input.filter(|_| output < tile.outputs.end);
                        let found = there.and_then(|(element, i)| products.weight(output, element, i));
                        *weight = found.unwrap_or(absent);
                    }
                    if stage.int8 {
                        packed.extend(column.iter().map(|w| w.cast_unsigned()));
                        continue;
                    }
                    encode_word(set, &column, &mut codes);
                    for (lane, code) in codes.iter().enumerate() {
                        let i = c * k + lane;
                        let group = start + i / config.axi_bits * planes * beat;
                        let i = i % config.axi_bits;
                        for plane in 0..planes {
                            packed[group + plane * beat + i / 8] |= (code >> plane & 1) << (i % 8);
                        }
                    }
                }
            }
        }
    }
    packed
}

/// The parameter records of a tile; channels with nothing behind them give the zero point.
pub(crate) fn parameters(config: &Config, stage: &Stage, tile: &Tile) -> Vec<u8> {
    let channels = tile.outputs.start..tile.outputs.start + tile.groups * config.ppu_lanes;
    let records = channels.map(|c| stage.requant.get(c).copied().unwrap_or(Requant::ZERO));
    records.flat_map(|r| encode_parameter(r.multiplier, r.bias, r.shift, r.residual_factor())).collect()
}
