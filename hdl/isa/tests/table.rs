//! The table is consistent with itself.

use cbp_isa::instruction::{Instruction, Opcode, compute, load, store};
use cbp_isa::weight_code::{decode_word, encode_digits, encode_word, int8_digits, int8_shift};
use cbp_isa::{Field, PRESETS, WeightSet, registers, ring};

#[test]
fn fields_fit_their_words() {
    let end = |fields: &[Field]| fields.last().map_or(0, |f| f.lsb + f.width);
    for fields in [load::FIELDS, compute::FIELDS, store::FIELDS] {
        assert!(end(fields) <= 512, "{}", end(fields));
    }
    assert_eq!(end(ring::command::FIELDS), 8 * ring::COMMAND_BYTES);
    assert_eq!(end(ring::completion::FIELDS), 8 * ring::COMPLETION_BYTES);
}

#[test]
fn registers_are_aligned_and_distinct() {
    let offsets: Vec<u32> = registers::REGISTERS.iter().map(|r| r.offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b));
    assert!(offsets.iter().all(|o| o % 4 == 0 && *o < registers::WINDOW_BYTES));
}

#[test]
fn a_field_reads_back_what_was_written_and_disturbs_no_other() {
    for field in compute::FIELDS {
        let mut instruction = Instruction::new(Opcode::End);
        instruction.set(*field, field.max()).unwrap();
        for other in compute::FIELDS {
            let expected = if other == field { field.max() } else { 0 };
            assert_eq!(instruction.get(*other), expected, "{} after {}", other.name, field.name);
        }
        assert!(instruction.set(*field, field.max() + 1).is_err());
    }
}

/// Codes of a word read as weights that the set has, and those weights written and read again are the same.
fn round_trip(set: WeightSet, codes: &[u8]) {
    let mut weights = [0; 128];
    let weights = &mut weights[..codes.len()];
    decode_word(set, codes, weights);
    assert!(weights.iter().all(|&w| w == 0 || set.contains(w)), "{set}: {codes:?} are {weights:?}");
    let (mut again, mut read) = ([0; 128], [99; 128]);
    encode_word(set, weights, &mut again[..codes.len()]);
    assert!(again[..codes.len()].iter().all(|&code| u32::from(code) < 1 << set.code_bits()));
    decode_word(set, &again[..codes.len()], &mut read[..codes.len()]);
    assert_eq!(read[..codes.len()], *weights, "{set}: {codes:?}");
}

/// All words of 8 lanes but for shift sets, whose lanes 4 to 7 mirror lanes 0 to 3 in the code; there all
/// words of 6 lanes.
#[test]
fn words_decode_to_what_was_encoded() {
    for set in WeightSet::ALL {
        let bits = set.code_bits();
        let lanes = if bits == 3 { 6 } else { 8 };
        for word in 0..1u32 << (bits * lanes) {
            let mut codes = [0; 8];
            for (k, code) in codes[..lanes as usize].iter_mut().enumerate() {
                *code = (word >> (bits as usize * k) & ((1 << bits) - 1)) as u8;
            }
            round_trip(set, &codes[..lanes as usize]);
        }
    }
}

/// Every pair of lanes of the longest word with every pair of codes, among random others.
#[test]
fn long_words_decode_to_what_was_encoded() {
    let mut state = 1u64;
    for set in WeightSet::ALL {
        let codes = 1u8 << set.code_bits();
        for (a, b) in (0..128).flat_map(|a| (0..a).map(move |b| (a, b))) {
            for pair in 0..codes * codes {
                let mut word = [0; 128];
                for code in &mut word {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *code = (state >> 60) as u8 % codes;
                }
                (word[a], word[b]) = (pair % codes, pair / codes);
                round_trip(set, &word);
            }
        }
    }
}

/// Every level in every lane; what is no level reads as 0.
#[test]
fn levels_survive_in_every_lane() {
    for set in WeightSet::ALL {
        let others: Vec<i8> = (0..128).map(|k| set.levels()[k * 7 % set.levels().len()]).collect();
        for lane in 0..128 {
            for w in i8::MIN..=i8::MAX {
                let (mut weights, mut codes, mut read) = (others.clone(), [0; 128], [0; 128]);
                weights[lane] = w;
                encode_word(set, &weights, &mut codes);
                decode_word(set, &codes, &mut read);
                if !set.contains(w) {
                    weights[lane] = i8::from(set == WeightSet::Binary);
                }
                assert_eq!(read[..], weights, "{set}: {w} in lane {lane}");
            }
        }
    }
}

#[test]
fn codes_of_digits_decode_to_digits_in_every_lane() {
    for set in WeightSet::ALL {
        for pass in 0..PRESETS[0].config(set).int8_passes() {
            for first in 0..=u8::MAX {
                // Every weight stands in every lane once, beside others.
                let weights: [i8; 128] =
                    std::array::from_fn(|k| first.wrapping_add((37 * k) as u8).cast_signed());
                let (mut codes, mut read) = ([0; 128], [0; 128]);
                encode_digits(set, &weights, pass, &mut codes);
                decode_word(set, &codes, &mut read);
                assert_eq!(read, weights.map(|w| int8_digits(set, w)[pass]), "{set}: pass {pass}");
            }
        }
    }
}

#[test]
fn digits_recombine_to_every_int8_weight() {
    for set in WeightSet::ALL {
        let config = PRESETS[0].config(set);
        for w in i8::MIN..=i8::MAX {
            let digits = int8_digits(set, w);
            let mut acc = 0i32;
            for (pass, &digit) in digits.iter().enumerate().take(config.int8_passes()) {
                assert!(set.contains(digit), "{set}: {digit}");
                acc = (acc << int8_shift(set, pass)) + i32::from(digit);
            }
            let factor = if set == WeightSet::Binary { 2 } else { 1 };
            assert_eq!(acc, factor * i32::from(w), "{set}");
        }
    }
}

#[test]
fn presets_can_be_built_and_read_back_from_their_registers() {
    for preset in PRESETS {
        for set in WeightSet::ALL {
            let config = preset.config(set);
            config.check().unwrap_or_else(|e| panic!("{} {set}: {e}", preset.name));
            assert_eq!(cbp_isa::Config::from_registers(config.to_registers()), Ok(config));
        }
    }
}
