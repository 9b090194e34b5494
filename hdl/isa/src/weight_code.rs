//! Packed weight codes: what a lane reads, and how a word of them travels.
//!
//! A code is a few bits per weight: sign on top, magnitude below (binary: sign alone). A weight word holds
//! K·N codes, column-major (weight of lane k, column n at n·K + k), cut into groups of `axi_bits` weights;
//! a group travels as one beat per code bit, lowest bit first: bit i of the beat belongs to weight i.

use crate::WeightSet;

/// The code of integer weight k, or `None` if k is not in the set.
#[must_use]
pub const fn encode_weight(set: WeightSet, k: i8) -> Option<u8> {
    let magnitude = match (set, k.unsigned_abs()) {
        (WeightSet::Binary, 1) => return Some((k < 0) as u8),
        (WeightSet::Ternary | WeightSet::OneBitShift | WeightSet::TwoBitShift, m @ (0 | 1)) => m,
        (WeightSet::OneBitShift | WeightSet::TwoBitShift, 2) => 2,
        (WeightSet::TwoBitShift, 4) => 3,
        _ => return None,
    };
    Some(magnitude | ((k < 0) as u8) << (set.code_bits() - 1))
}

/// The integer weight of a code. Reserved codes and a negative zero read as 0.
#[must_use]
pub const fn decode_weight(set: WeightSet, code: u8) -> i8 {
    let sign_bit = 1 << (set.code_bits() - 1);
    let magnitude = match (set, code & (sign_bit - 1)) {
        (WeightSet::Binary, _) | (_, 1) => 1,
        (WeightSet::OneBitShift | WeightSet::TwoBitShift, 2) => 2,
        (WeightSet::TwoBitShift, 3) => 4,
        _ => 0,
    };
    if code & sign_bit == 0 { magnitude } else { -magnitude }
}

/// Digits of an 8-bit weight in pass order (most significant first) for an array of `set`:
/// Horner's rule with [`int8_shift`] between passes gives the weight, on a binary array twice the weight.
///
/// Four radix-4 digits (Booth) on shift arrays, eight signed bits on ternary ones, eight ±1 digits of the odd
/// number 2w + 1 and a ninth of −1 on binary ones. Unused entries are 0.
#[must_use]
pub const fn int8_digits(set: WeightSet, w: i8) -> [i8; 9] {
    let bits = w.cast_unsigned();
    let mut digits = [0; 9];
    match set {
        WeightSet::OneBitShift | WeightSet::TwoBitShift => {
            let mut pass = 0;
            while pass < 4 {
                let low = 6 - 2 * pass;
                digits[pass as usize] = bit_at(bits, low - 1) + bit_at(bits, low) - 2 * bit_at(bits, low + 1);
                pass += 1;
            }
        }
        WeightSet::Ternary => {
            // w = −b7·2^7 + Σ b_i·2^i, so the top digit is −b7 and the others are the bits.
            let mut pass = 0;
            while pass < 8 {
                let b = bit_at(bits, 7 - pass);
                digits[pass as usize] = if pass == 0 { -b } else { b };
                pass += 1;
            }
        }
        WeightSet::Binary => {
            // 2w + 1 = Σ d_j·2^j with d_j = ±1: bit j of (w + 128), 0 meaning −1 … see the test.
            let mut pass = 0;
            while pass < 8 {
                let b = bit_at(bits ^ 0x80, 7 - pass);
                digits[pass as usize] = 2 * b - 1;
                pass += 1;
            }
            digits[8] = -1;
        }
    }
    digits
}

const fn bit_at(bits: u8, i: i32) -> i8 {
    if i < 0 { 0 } else { (bits >> i & 1) as i8 }
}

/// Accumulator shift before pass `pass` of an int8 layer on an array of `set`.
#[must_use]
pub const fn int8_shift(set: WeightSet, pass: usize) -> u8 {
    match (set, pass) {
        (_, 0) | (WeightSet::Binary, 8) => 0,
        (WeightSet::OneBitShift | WeightSet::TwoBitShift, _) => 2,
        _ => 1,
    }
}

/// The codes of one column's word: `weights` holds K levels, `codes` takes K codes.
pub fn encode_word(set: WeightSet, weights: &[i8], codes: &mut [u8]) {
    for (code, &k) in codes.iter_mut().zip(weights) {
        *code = match encode_weight(set, k) {
            Some(code) => code,
            None => 0,
        };
    }
}

/// The weights of one column's word; the inverse of [`encode_word`].
pub fn decode_word(set: WeightSet, codes: &[u8], weights: &mut [i8]) {
    for (k, &code) in weights.iter_mut().zip(codes) {
        *k = decode_weight(set, code);
    }
}
