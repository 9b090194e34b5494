//! LOAD.

use cbp_isa::instruction::Destination;
use cbp_isa::ring::SEGMENTS;
use cbp_isa::weight_code::encode_digits;

use super::{Fault, Machine, Segments};
use crate::operation::{Load, Rows};

/// Checks what the device demands of rows: at least one, aligned to beats.
pub(super) fn check_rows(rows: &Rows, beat: usize) -> Result<(), Fault> {
    for (what, value) in [("LENGTH", rows.length), ("COUNT0", rows.count[0]), ("COUNT1", rows.count[1])] {
        if value == 0 {
            return Err(Fault::Range { what, value: 0 });
        }
    }
    for (what, value) in [("OFFSET", rows.offset), ("STRIDE0", rows.stride[0]), ("STRIDE1", rows.stride[1])] {
        if value % beat as u64 != 0 {
            return Err(Fault::Unaligned { what, value, to: beat });
        }
    }
    if rows.segment >= SEGMENTS {
        return Err(Fault::Range { what: "SEGMENT", value: rows.segment as u64 });
    }
    Ok(())
}

impl Machine {
    pub(super) fn load(&mut self, op: &Load, bases: [u64; SEGMENTS], memory: &Segments) -> Result<(), Fault> {
        let beat = self.config.beat_bytes();
        check_rows(&op.rows, beat)?;
        let segment = op.rows.segment;
        let bytes = op.rows.length * beat;
        for (offset, word) in op.rows.iter() {
            let end = bases[segment] + offset + bytes as u64;
            let row = memory[segment].get(end as usize - bytes..end as usize);
            let row = row.ok_or(Fault::Segment { segment, end })?;
            if op.destination == Destination::WeightsInt8 {
                self.load_int8(row, word, op.digit_step)?;
            } else {
                self.load_row(op.destination, row, word);
            }
        }
        Ok(())
    }

    /// Writes a row beat by beat from its word on; words wrap at the buffer's depth.
    fn load_row(&mut self, destination: Destination, row: &[u8], word: usize) {
        let beat = self.config.beat_bytes();
        let (buffer, word_bytes) = match destination {
            Destination::Activations => (&mut self.activations, self.config.lanes),
            Destination::Parameters => (&mut self.parameters, self.config.parameter_beats() * beat),
            Destination::Residuals => (&mut self.residuals, self.config.residual_word_bytes()),
            Destination::Lines => (&mut self.lines, beat),
            Destination::Weights | Destination::WeightsInt8 => {
                (&mut self.weights, self.config.weight_beats() * beat)
            }
        };
        let length = buffer.len();
        for (i, bytes) in row.chunks_exact(beat).enumerate() {
            let start = (word * word_bytes + i * beat) % length;
            buffer[start..start + beat].copy_from_slice(bytes);
        }
    }

    /// Eight beats of int8 weights are one group of `axi_bits` weights; every digit of it becomes one beat per code bit.
    fn load_int8(&mut self, row: &[u8], word: usize, digit_step: usize) -> Result<(), Fault> {
        let config = &self.config;
        let (beat, set, lanes) = (config.beat_bytes(), config.weight_set, config.lanes);
        let (groups, planes) = (config.weight_groups(), set.code_bits() as usize);
        if !row.len().is_multiple_of(config.axi_bits) {
            return Err(Fault::Unaligned { what: "LENGTH", value: (row.len() / beat) as u64, to: 8 });
        }
        let mut codes = vec![0; lanes];
        let length = self.weights.len();
        let weights: Vec<i8> = row.iter().map(|w| w.cast_signed()).collect();
        for (g, weights) in weights.chunks_exact(config.axi_bits).enumerate() {
            let (word, group) = (word + g / groups, g % groups);
            for pass in 0..config.int8_passes() {
                let word = word + pass * digit_step;
                let start = (word * groups + group) * planes * beat % length;
                let target = &mut self.weights[start..start + planes * beat];
                target.fill(0);
                for (column, weights) in weights.chunks_exact(lanes).enumerate() {
                    encode_digits(set, weights, pass, &mut codes);
                    for (i, code) in codes.iter().enumerate().map(|(k, code)| (column * lanes + k, code)) {
                        for plane in 0..planes {
                            target[plane * beat + i / 8] |= (code >> plane & 1) << (i % 8);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
