//! The table is consistent with itself.

use cbp_isa::instruction::{Instruction, Opcode, compute, load, store};
use cbp_isa::weight_code::{decode_weight, encode_weight, int8_digits, int8_shift};
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

#[test]
fn weights_decode_to_what_was_encoded() {
    for set in WeightSet::ALL {
        for &k in set.levels() {
            assert_eq!(decode_weight(set, encode_weight(set, k).unwrap()), k);
        }
        assert_eq!(encode_weight(set, 3), None);
        for code in 0..1 << set.code_bits() {
            assert!(decode_weight(set, code) == 0 || set.contains(decode_weight(set, code)));
        }
    }
    assert_eq!(decode_weight(WeightSet::TwoBitShift, 0b100), 0);
    assert_eq!(decode_weight(WeightSet::OneBitShift, 0b011), 0);
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
