//! Weights and parameters as LOAD reads them.

use cbp_isa::Config;
use cbp_isa::parameters::encode_parameter;
use cbp_isa::weight_code::encode_word;
use cbp_numerics::{FullyConnected, Requant, Weights};

/// The weights of column tile `tile`: for each word along the input K·N weights, column-major, as bit planes of codes
/// or, int8, as bytes. Lanes and columns with nothing behind them get weight 0, on binary arrays +1.
pub(crate) fn weights(config: &Config, fc: &FullyConnected, tile: usize) -> Vec<u8> {
    let (k, n) = (config.lanes, config.columns);
    let weight = |word: usize, i: usize| {
        let (channel, input) = (tile * n + i / k, word * k + i % k);
        if input < fc.inputs { fc.row(channel).get(input).copied() } else { None }
    };
    let words = 0..fc.inputs.div_ceil(k);
    if matches!(fc.weights, Weights::Int8 { .. }) {
        let bytes = |word| (0..k * n).map(move |i| weight(word, i).unwrap_or(0).cast_unsigned());
        return words.flat_map(bytes).collect();
    }
    let (beat, set) = (config.beat_bytes(), config.weight_set);
    let planes = set.code_bits() as usize;
    let mut packed = vec![0u8; words.len() * config.weight_beats() * beat];
    for (g, group) in packed.chunks_exact_mut(planes * beat).enumerate() {
        let (word, first) = (g / config.weight_groups(), g % config.weight_groups() * config.axi_bits);
        let mut codes = vec![0; config.axi_bits];
        let weights: Vec<i8> = (0..config.axi_bits).map(|i| weight(word, first + i).unwrap_or(0)).collect();
        for (weights, codes) in weights.chunks(k).zip(codes.chunks_mut(k)) {
            encode_word(set, weights, codes);
        }
        for (i, code) in codes.iter().enumerate() {
            for plane in 0..planes {
                group[plane * beat + i / 8] |= (code >> plane & 1) << (i % 8);
            }
        }
    }
    packed
}

/// The parameter records of `groups` PPU groups from `first` on; channels with nothing behind them give the zero point.
pub(crate) fn parameters(config: &Config, requant: &[Requant], first: usize, groups: usize) -> Vec<u8> {
    let channels = first..first + groups * config.ppu_lanes;
    let records = channels.map(|c| requant.get(c).copied().unwrap_or(Requant::ZERO));
    records.flat_map(|r| encode_parameter(r.multiplier, r.bias, r.shift)).collect()
}
