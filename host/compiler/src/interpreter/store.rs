//! STORE.

use cbp_isa::ring::SEGMENTS;

use super::load::check_rows;
use super::{Fault, Machine, Segments};
use crate::operation::Store;

impl Machine {
    pub(super) fn store(
        &self,
        op: &Store,
        bases: [u64; SEGMENTS],
        memory: &mut Segments,
    ) -> Result<(), Fault> {
        let beat = self.config.beat_bytes();
        check_rows(&op.rows, beat)?;
        let segment = op.rows.segment;
        let bytes = op.rows.length * beat;
        for (offset, position) in op.rows.iter() {
            let end = bases[segment] + offset + bytes as u64;
            let row = memory[segment].get_mut(end as usize - bytes..end as usize);
            let row = row.ok_or(Fault::Segment { segment, end })?;
            for (beats, target) in (position..).zip(row.chunks_exact_mut(beat)) {
                let start = beats * beat % self.outputs.len();
                target.copy_from_slice(&self.outputs[start..start + beat]);
            }
        }
        Ok(())
    }
}
