//! PACK.

use super::{Fault, Machine};
use crate::operation::Pack;

impl Machine {
    pub(super) fn pack(&mut self, op: &Pack) -> Result<(), Fault> {
        for (what, value) in
            [("COUNT0", op.count[0]), ("COUNT1", op.count[1]), ("PIECE", op.piece), ("PIECES", op.pieces)]
        {
            if value == 0 {
                return Err(Fault::Range { what, value: 0 });
            }
        }
        let lanes = self.config.lanes;
        let words = op.words(lanes);
        let length = self.activations.len();
        let mut window = Vec::with_capacity(op.piece * op.pieces);
        for y in 0..op.count[1] {
            for x in 0..op.count[0] {
                window.clear();
                for r in 0..op.pieces {
                    let line = op.line + (y * op.line_step + r * op.piece_step) as i64;
                    let first = op.column + (x * op.column_step) as i64;
                    window.extend((first..first + op.piece as i64).map(|at| self.line_byte(op, line, at)));
                }
                let start = (op.base + (y * op.count[0] + x) * words) * lanes;
                for (i, &byte) in window.iter().enumerate() {
                    self.activations[(start + i) % length] = byte;
                }
            }
        }
        Ok(())
    }

    fn line_byte(&self, op: &Pack, line: i64, at: i64) -> u8 {
        let inside = (0..op.lines as i64).contains(&line) && (0..op.line_bytes as i64).contains(&at);
        if !inside {
            return op.fill.cast_unsigned();
        }
        let beat = self.config.beat_bytes();
        let start = (op.line_base + line as usize * op.line_pitch) * beat + at as usize;
        self.lines[start % self.lines.len()]
    }
}
