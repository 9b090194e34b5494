//! Packed weight codes: what the array reads, and how a word of them travels.
//!
//! The array adds lanes in chains of [`chain_lanes`], and the chains in a tree. An adder either adds its second
//! operand or subtracts it, and never touches its first, so a lane's code holds its sign *relative* to another
//! lane, [`sign_reference`]: the first lane of the operand that its adder takes as first. Where that is lane 0,
//! it is the weight's own sign. Below the sign stands what the lane's multiplexers and register resets take as
//! it is:
//!
//! | set | bits, highest first | 0 | ±1 | ±2 | ±4 |
//! |---|---|---|---|---|---|
//! | binary | sign | | `s` | | |
//! | ternary | sign, zero | `s1` | `s0` | | |
//! | one-bit shift | sign, shift, zero | `sx1` | `s00` | `s10` | |
//! | two-bit shift | sign, magnitude | `s11` | `s00` | `s10` | `s01` |
//!
//! A weight of 0 has a sign too: [`encode_word`] writes the relative sign of a positive number with `x` = 1, any
//! other is read the same way, and lanes that refer to this one count from it. The digits of 8-bit weights are written
//! by the device itself ([`encode_digits`]), which gives a 0 the sign that is at hand.
//!
//! A weight word holds K·N codes, column-major (weight of lane k, column n at n·K + k), cut into groups of
//! `axi_bits` weights; a group travels as one beat per code bit, lowest bit first: bit i of the beat belongs to
//! weight i.

use crate::WeightSet;

/// Lanes that one chain of adders of an array of `set` adds up; the chains are summed by a tree.
#[must_use]
pub const fn chain_lanes(set: WeightSet) -> usize {
    match set {
        WeightSet::Binary => 8,
        WeightSet::Ternary => 2,
        WeightSet::OneBitShift | WeightSet::TwoBitShift => 4,
    }
}

/// The lane to whose sign the sign in `lane`'s code is relative; `None` if the sign is the weight's own.
#[must_use]
pub const fn sign_reference(set: WeightSet, lane: usize) -> Option<usize> {
    let chain = chain_lanes(set);
    let first = match (set, lane % chain) {
        // The tree adds the chains that start at `lane` to those before them.
        (_, 0) => lane & lane.saturating_sub(1),
        // Binary lanes come in pairs, whose sum or difference the chain takes.
        (WeightSet::Binary, place) if place % 2 == 1 => return Some(lane - 1),
        (_, place) => lane - place,
    };
    // Nothing that begins with lane 0 is ever negated as a whole.
    if first == 0 { None } else { Some(first) }
}

/// Codes of the weights of one column of a word: as many as there are lanes, a multiple of [`chain_lanes`], at
/// most 128.
///
/// What is not a level of the set is written as 0, on a binary array as +1.
pub const fn encode_word(set: WeightSet, weights: &[i8], codes: &mut [u8]) {
    let mut lane = 0;
    while lane < weights.len() && lane < codes.len() {
        let weight = level(set, weights[lane]);
        let reference = match sign_reference(set, lane) {
            Some(other) => level(set, weights[other]) < 0,
            None => false,
        };
        codes[lane] = code(set, weight, (weight < 0) != reference);
        lane += 1;
    }
}

/// Codes of one digit of the 8-bit weights of one column of a word, in every bit as LOAD writes them: a LOAD of codes
/// may overwrite some of them and read others again.
pub const fn encode_digits(set: WeightSet, weights: &[i8], pass: usize, codes: &mut [u8]) {
    let mut lane = 0;
    while lane < weights.len() && lane < codes.len() {
        let digit = int8_digits(set, weights[lane])[pass];
        let reference = match sign_reference(set, lane) {
            Some(other) => digit_is_negative(set, weights[other], pass),
            None => false,
        };
        codes[lane] = code(set, digit, digit_is_negative(set, weights[lane], pass) != reference);
        lane += 1;
    }
}

/// The code of a level with this relative sign.
const fn code(set: WeightSet, level: i8, negative: bool) -> u8 {
    let magnitude = match (set, level.unsigned_abs()) {
        (WeightSet::Binary, _) | (_, 1) => 0,
        (WeightSet::Ternary, 0) => 1,
        (_, 0) => 3,
        (_, 2) => 2,
        _ => 1,
    };
    magnitude | (negative as u8) << (set.code_bits() - 1)
}

/// The weight itself if the set has it, else 0.
const fn level(set: WeightSet, weight: i8) -> i8 {
    match (set, weight.unsigned_abs()) {
        (_, 1) | (WeightSet::OneBitShift | WeightSet::TwoBitShift, 2) | (WeightSet::TwoBitShift, 4) => weight,
        _ => 0,
    }
}

/// The weights that [`encode_word`] wrote; a 0 with any sign and codes without a meaning read as 0.
pub const fn decode_word(set: WeightSet, codes: &[u8], weights: &mut [i8]) {
    let sign_bit = set.code_bits() - 1;
    // Signs of the lanes so far, those of zeros too.
    let mut negative = 0u128;
    let mut lane = 0;
    while lane < codes.len() && lane < weights.len() {
        let reference = match sign_reference(set, lane) {
            Some(other) => negative >> other & 1,
            None => 0,
        };
        let sign = (codes[lane] >> sign_bit & 1) as u128 ^ reference;
        negative |= sign << lane;
        let magnitude = match (set, codes[lane] & ((1 << sign_bit) - 1)) {
            (_, 0) => 1,
            (WeightSet::OneBitShift | WeightSet::TwoBitShift, 2) => 2,
            (WeightSet::TwoBitShift, 1) => 4,
            _ => 0,
        };
        weights[lane] = if sign == 0 { magnitude } else { -magnitude };
        lane += 1;
    }
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

/// The sign of a digit. That of a 0 is what the device's recoder has at hand: the highest of the three bits that make a
/// radix-4 digit; on ternary arrays all digits of a pass have one sign.
const fn digit_is_negative(set: WeightSet, w: i8, pass: usize) -> bool {
    match set {
        WeightSet::OneBitShift | WeightSet::TwoBitShift => w.cast_unsigned() << (2 * pass) & 0x80 != 0,
        WeightSet::Ternary => pass == 0,
        WeightSet::Binary => int8_digits(set, w)[pass] < 0,
    }
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
